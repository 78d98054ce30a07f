//! `unroot load`.

use std::path::PathBuf;

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb =
    Verb { name: "load", about: "Load images from an archive or a directory", args: Options::augment_args, run };

// `unroot load [OPTIONS]`.
#[derive(Debug, Args)]
struct Options {
    /// An oci-archive, a docker-archive, an oci-dir or a docker-dir; without it, an archive on standard input
    #[arg(short, long, value_name = "PATH")]
    input: Option<PathBuf>,
    /// Show no progress: none is shown without it either
    #[arg(short, long)]
    quiet: bool,
    /// Let this policy.json decide which images may come in
    #[arg(long, value_name = "PATH")]
    signature_policy: Option<PathBuf>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let input = options.input.map(|path| call.words.one("input", path));
    let policy = options.signature_policy.map(|path| call.words.one("signature_policy", path));
    for name in call.engine()?.load(input.as_ref(), policy.as_ref())? {
        console::line(format!("Loaded image: {name}"));
    }
    Ok(0)
}
