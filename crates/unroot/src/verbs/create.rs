//! `unroot create`.

use clap::Args as _;
use diag::Result;

use super::Verb;
use crate::{call::Call, console, run_options::ContainerOptions};

pub static VERB: Verb =
    Verb { name: "create", about: "Make a container without starting it", args: ContainerOptions::augment_args, run };

fn run(call: &Call) -> Result<u8> {
    let options = call.args::<ContainerOptions>()?;
    let image = options.image_options.clone();
    let mut request = options.into_request(call.words);
    let engine = call.engine()?;
    image.obtain(call, &engine, &mut request)?;
    console::line(engine.create(&request)?);
    Ok(0)
}
