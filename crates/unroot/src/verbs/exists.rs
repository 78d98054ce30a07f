//! `unroot container exists`.

use clap::Args;
use diag::{Result, codes};
use engine::request::Given;

use super::Verb;
use crate::call::Call;

pub static VERB: Verb =
    Verb { name: "exists", about: "Exit with 0 if a container exists, else with 1", args: Options::augment_args, run };

// `unroot container exists CONTAINER`.
#[derive(Debug, Args)]
struct Options {
    /// Other engines' containers count, too; there are none
    #[arg(short, long)]
    external: bool,
    /// Its name or id
    #[arg(value_name = "CONTAINER")]
    container: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    match call.viewer()?.exists(&Given::unwritten(options.container)) {
        Ok(()) => Ok(0),
        Err(error) if error.code() == codes::UR0802 => Ok(1),
        Err(error) => Err(error),
    }
}
