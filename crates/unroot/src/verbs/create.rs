//! `unroot create`.

use clap::Args as _;
use diag::Result;

use super::Verb;
use crate::{call::Call, console, run_options::ContainerOptions};

pub static VERB: Verb =
    Verb { name: "create", about: "Make a container without starting it", args: ContainerOptions::augment_args, run };

fn run(call: &Call) -> Result<u8> {
    let request = call.args::<ContainerOptions>()?.into_request(call.words);
    console::line(call.engine()?.create(&request)?);
    Ok(0)
}
