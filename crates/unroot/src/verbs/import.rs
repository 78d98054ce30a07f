//! `unroot import`.

use clap::Args;
use diag::Result;
use engine::import::ImportRequest;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb {
    name: "import",
    about: "Make an image from a root filesystem's tar archive",
    args: Options::augment_args,
    run,
};

// `unroot import [OPTIONS] FILE|- [REFERENCE]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot import rootfs.tar.gz debian:trixie
  mmdebstrap --variant=minbase trixie - | unroot import - debian:trixie
  unroot import --change 'CMD [\"bash\"]' --change 'USER 1000' rootfs.tar work")]
struct Options {
    /// Apply an instruction to the image: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR
    #[arg(short, long, value_name = "INSTRUCTION")]
    change: Vec<String>,
    /// Note a message in the image's history
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Show no progress: none is shown without it either
    #[arg(short, long)]
    quiet: bool,
    /// The archive, plain or compressed; `-` is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// The image's name
    #[arg(value_name = "REFERENCE")]
    reference: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let file = call.words.operands_from(0, vec![options.file]).pop().unwrap_or_default();
    let request = ImportRequest {
        file,
        reference: call.words.operands_from(1, options.reference.into_iter().collect()).pop(),
        changes: call.words.each("change", options.change),
        message: options.message,
    };
    console::line(call.engine()?.import(&request)?);
    Ok(0)
}
