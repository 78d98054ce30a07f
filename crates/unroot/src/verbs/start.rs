//! `unroot start`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb =
    Verb { name: "start", about: "Start containers that do not run", args: Options::augment_args, run };

// `unroot start [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
struct Options {
    /// Show the container's output and exit with its status
    #[arg(short, long)]
    attach: bool,
    /// Connect standard input, too
    #[arg(short, long)]
    interactive: bool,
    /// Names or ids
    #[arg(value_name = "CONTAINER", required = true)]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.engine()?;
    let names = call.words.operands_from(0, options.containers);
    if options.attach || options.interactive {
        return engine.start_attached(&names, options.interactive);
    }
    Ok(call.for_each(names, |name| engine.start(name).map(|()| console::line(&name.value))))
}
