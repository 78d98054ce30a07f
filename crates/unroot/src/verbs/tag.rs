//! `unroot tag`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::call::Call;

pub static VERB: Verb = Verb { name: "tag", about: "Give an image further names", args: Options::augment_args, run };

// `unroot tag IMAGE NAME...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot tag 0e3bbc2 web:latest
  unroot tag web:latest registry.example/team/web:1")]
struct Options {
    /// The image's name or id
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The new names; without a host, names of this machine
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let image = call.words.operands_from(0, vec![options.image]).remove(0);
    call.engine()?.tag(&image, &call.words.operands_from(1, options.names))?;
    Ok(0)
}
