use clap::Args;
use diag::Result;

use super::Verb;
use crate::call::Call;

pub static VERB: Verb = Verb {
    name: "exists",
    about: "Say by the exit status whether a volume exists: 0 or 1",
    args: Options::augment_args,
    run,
};

// `unroot volume exists NAME`.
#[derive(Debug, Args)]
struct Options {
    /// The whole name
    #[arg(value_name = "VOLUME")]
    name: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    Ok(u8::from(!call.viewer()?.has_volume(&options.name)?))
}
