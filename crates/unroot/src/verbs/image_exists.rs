//! `unroot image exists`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::call::Call;

pub static VERB: Verb = Verb {
    name: "exists",
    about: "Tell by the exit status whether an image is here",
    args: Options::augment_args,
    run,
};

// `unroot image exists IMAGE`.
#[derive(Debug, Args)]
#[command(after_help = "Exit status: 0 if it is here, 1 if it is not.")]
struct Options {
    /// The image's name or id
    #[arg(value_name = "IMAGE")]
    image: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let image = call.words.operands_from(0, vec![options.image]).remove(0);
    Ok(u8::from(!call.viewer()?.image_exists(&image)?))
}
