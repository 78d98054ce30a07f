//! `unroot stop`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb { name: "stop", about: "Stop running containers", args: Options::augment_args, run };

// `unroot stop [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
struct Options {
    /// Kill a container that has not ended after so many seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = 10)]
    time: u32,
    /// Names or ids
    #[arg(value_name = "CONTAINER", required = true)]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.viewer()?;
    let names = call.words.operands_from(0, options.containers);
    Ok(call.for_each(names, |name| engine.stop(name, options.time).map(|()| console::line(&name.value))))
}
