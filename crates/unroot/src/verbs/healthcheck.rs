//! `unroot healthcheck run`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb { name: "run", about: "Check a container's health now", args: Options::augment_args, run };

// `unroot healthcheck run CONTAINER`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot healthcheck run web

Exit status: 0 if the container is well, 1 if its check has failed, 125 after any other failure.")]
struct Options {
    /// Its name or id
    #[arg(value_name = "CONTAINER")]
    container: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let container = call.words.operands_from(0, vec![options.container]).pop().unwrap_or_default();
    let finding = call.viewer()?.check_health(&container)?;
    if finding.exit_code != 0 {
        console::line("unhealthy");
    }
    Ok(u8::from(finding.exit_code != 0))
}
