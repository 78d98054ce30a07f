//! `unroot rm`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb { name: "rm", about: "Remove containers", args: Options::augment_args, run };

// `unroot rm [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
struct Options {
    /// Kill a container that runs; one that does not exist is no failure
    #[arg(short, long)]
    force: bool,
    /// Names or ids
    #[arg(value_name = "CONTAINER", required = true)]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.engine()?;
    let names = call.words.operands_from(0, options.containers);
    Ok(call.for_each(names, |name| {
        if engine.remove(name, options.force)? {
            console::line(&name.value);
        }
        Ok(())
    }))
}
