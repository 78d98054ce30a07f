//! `unroot run`.

use clap::Args as _;
use diag::Result;
use engine::run::Outcome;

use super::Verb;
use crate::{call::Call, console, run_options::RunOptions};

pub static VERB: Verb =
    Verb { name: "run", about: "Run a command in a new container", args: RunOptions::augment_args, run };

fn run(call: &Call) -> Result<u8> {
    let options = call.args::<RunOptions>()?;
    let explain = options.explain_map;
    let image = options.container.image_options.clone();
    let mut request = options.into_request(call.words);
    let engine = call.engine()?;
    image.obtain(call, &engine, &mut request)?;
    if explain {
        console::page(&engine.explain_map(&request)?);
        return Ok(0);
    }
    match engine.run(&request)? {
        Outcome::Exited(code) => Ok(code),
        Outcome::Detached(id) => {
            console::line(id);
            Ok(0)
        }
    }
}
