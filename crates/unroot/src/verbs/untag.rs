//! `unroot untag`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::call::Call;

pub static VERB: Verb = Verb { name: "untag", about: "Take names from an image", args: Options::augment_args, run };

// `unroot untag IMAGE [NAME...]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot untag 0e3bbc2
  unroot untag web:latest registry.example/team/web:1

An image that has lost its last name stays until it is removed.")]
struct Options {
    /// The image's name or id
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The names to take away; without them, all
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let image = call.words.operands_from(0, vec![options.image]).remove(0);
    call.engine()?.untag(&image, &call.words.operands_from(1, options.names))?;
    Ok(0)
}
