//! `unroot save`.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use clap::Args;
use diag::{Error, Result, codes};
use engine::save::SaveRequest;

use super::Verb;
use crate::call::Call;

pub static VERB: Verb =
    Verb { name: "save", about: "Save images to an archive or a directory", args: Options::augment_args, run };

// `unroot save [OPTIONS] IMAGE [NAME...]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot save -o web.tar web
  unroot save --format oci-archive web | zstd > web.tar.zst
  unroot save -m -o all.tar web db:13

oci-archive and oci-dir keep all digests of an image.")]
struct Options {
    /// Compress the layers of a docker-dir that are not compressed
    #[arg(long)]
    compress: bool,
    /// Write an oci-archive, an oci-dir, a docker-archive or a docker-dir [default: docker-archive]
    #[arg(long, value_name = "FORM")]
    format: Option<String>,
    /// Save several images into one docker-archive: all names are images
    #[arg(short, long)]
    multi_image_archive: bool,
    /// Write to this file or directory; without it, to standard output
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Show no progress: none is shown without it either
    #[arg(short, long)]
    quiet: bool,
    /// The image's name or id
    #[arg(value_name = "IMAGE", required = true)]
    image: String,
    /// Further names that it is to have in the archive, or with -m further images
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let is_stdout = options.output.as_ref().is_none_or(|path| path.as_os_str() == "-" || path.as_os_str().is_empty());
    if is_stdout && io::stdout().is_terminal() {
        let error = Error::new(codes::UR0806, "an image is nothing for a terminal to show");
        return Err(error.help("redirect standard output, or name a file with `--output`"));
    }
    let words = std::iter::once(options.image).chain(options.names).collect();
    let request = SaveRequest {
        images: call.words.operands_from(0, words),
        format: options.format.map(|format| call.words.one("format", format)),
        output: options.output.filter(|_| !is_stdout).map(|path| call.words.one("output", path)),
        several: options.multi_image_archive,
        compress: options.compress.then(|| call.words.one("compress", ())),
    };
    // An ordinary user's store is read in their own namespace.
    call.viewer()?.save(&request)?;
    Ok(0)
}
