//! `unroot rmi`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb { name: "rmi", about: "Remove images", args: Options::augment_args, run };

// `unroot rmi [OPTIONS] IMAGE...`.
#[derive(Debug, Args)]
struct Options {
    /// Remove an image with all its names and the containers that were made of it
    #[arg(short, long)]
    force: bool,
    /// Names or ids
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.engine()?;
    let names = call.words.operands_from(0, options.images);
    Ok(call.for_each(names, |name| {
        let removed = engine.remove_image(name, options.force)?;
        removed.untagged.iter().for_each(|name| console::line(format!("Untagged: {name}")));
        removed.deleted.iter().for_each(|id| console::line(format!("Deleted: {id}")));
        Ok(())
    }))
}
