//! `unroot rename`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::call::Call;

pub static VERB: Verb =
    Verb { name: "rename", about: "Give a container another name", args: Options::augment_args, run };

// `unroot rename CONTAINER NAME`.
#[derive(Debug, Args)]
struct Options {
    /// Its name or id
    #[arg(value_name = "CONTAINER")]
    container: String,
    /// Its new name
    #[arg(value_name = "NAME")]
    name: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let container = call.words.operands_from(0, vec![options.container]).pop().unwrap_or_default();
    let name = call.words.operands_from(1, vec![options.name]).pop().unwrap_or_default();
    call.engine()?.rename(&container, &name).map(|()| 0)
}
