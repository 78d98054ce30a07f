//! `unroot rmi`.

use clap::Args;
use diag::{Code, Error, Result, codes};
use engine::{
    Engine,
    images::{ImagesRequest, Removed},
    request::Given,
};

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb { name: "rmi", about: "Remove images", args: Options::augment_args, run };

// `unroot rmi [OPTIONS] IMAGE...`.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot rmi debian:trixie
  unroot rmi --force 0e3bbc2
  unroot rmi --all

Exit status: 1 if an image does not exist, 2 if a container stands on one.")]
struct Options {
    /// Remove all images
    #[arg(short, long)]
    all: bool,
    /// Remove an image with all its names and the containers that were made of it
    #[arg(short, long)]
    force: bool,
    /// An image that does not exist is no error
    #[arg(short, long)]
    ignore: bool,
    /// Remove no other images that have no name: none is removed without it either
    #[arg(long)]
    no_prune: bool,
    /// Names or ids
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    if options.all != options.images.is_empty() {
        let what = if options.all { "`--all` and names exclude each other" } else { "the name of an image is missing" };
        return Err(Error::new(codes::UR0806, what).help("write the images to remove, or `--all` alone"));
    }
    let engine = call.engine()?;
    if options.all {
        return all(call, &engine, options.force);
    }
    let names = call.words.operands_from(0, options.images);
    Ok(each(call, names, |name: &Given<String>| match engine.remove_image(name, options.force) {
        Err(error) if options.ignore && error.code() == codes::UR0701 => Ok(Removed::default()),
        removed => removed,
    }))
}

/// Every image with all its names.
fn all(call: &Call, engine: &Engine<'_>, force: bool) -> Result<u8> {
    let rows = engine.images(&ImagesRequest::default())?;
    let mut ids: Vec<String> = rows.iter().map(|row| row.image.id.clone()).collect();
    ids.sort();
    ids.dedup();
    Ok(each(call, ids, |id| engine.remove_whole_image(id, force)))
}

/// Goes on after a failure; the worst one is the exit status, as Podman has it.
fn each<T>(call: &Call, items: Vec<T>, remove: impl Fn(&T) -> Result<Removed>) -> u8 {
    let mut status = 0;
    for item in items {
        match remove(&item) {
            Ok(removed) => {
                removed.untagged.iter().for_each(|name| console::line(format!("Untagged: {name}")));
                removed.deleted.iter().for_each(|id| console::line(format!("Deleted: {id}")));
            }
            Err(error) => {
                call.console.report(error.report());
                status = status.max(exit_status(error.code()));
            }
        }
    }
    status
}

/// Podman's.
fn exit_status(code: Code) -> u8 {
    if code == codes::UR0701 {
        1
    } else if code == codes::UR0710 {
        2
    } else {
        code.class().exit_status()
    }
}
