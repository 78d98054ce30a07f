//! `unroot load`.

use std::path::PathBuf;

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb {
    name: "load",
    about: "Load images from an archive or an OCI layout directory",
    args: Options::augment_args,
    run,
};

// `unroot load [OPTIONS]`.
#[derive(Debug, Args)]
struct Options {
    /// An oci-archive, a docker-archive or an OCI layout directory; without it, an archive on standard input
    #[arg(short, long, value_name = "PATH")]
    input: Option<PathBuf>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let input = options.input.map(|path| call.words.one("input", path));
    for name in call.engine()?.load(input.as_ref())? {
        console::line(format!("Loaded image: {name}"));
    }
    Ok(0)
}
