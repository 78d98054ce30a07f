//! `unroot who`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console, format};

pub static VERB: Verb = Verb {
    name: "who",
    about: "Find out whose an id of the host, a file or a process is",
    args: Options::augment_args,
    run,
};

// `unroot who [OPTIONS] UID|PATH|PID`.
#[derive(Debug, Args)]
#[command(after_help = "\
A plain number is a uid of the host. The answer names the container, what the id is inside, the image
or the delegated range, and the processes. The exit status is 1 if nobody has it.

Examples:
  unroot who 720997         the owner that `ls -l` shows for a container's file
  unroot who gid:720998
  unroot who pid:4242       the container and the user of a process
  unroot who /var/lib/unroot/layers/…/fs/etc/shadow
  unroot who redis          a user of the host, by name")]
struct Options {
    /// Print as json, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// An id (N, uid:N or gid:N), a path, a process (pid:N), or the name of a user of the host
    #[arg(value_name = "UID|PATH|PID")]
    subject: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let word = call.words.operands_from(0, vec![options.subject]).pop().unwrap_or_default();
    let answer = call.viewer()?.who(&word)?;
    match options.format {
        Some(format) => console::page(&format::one(&answer.to_json(), &call.words.one("format", format))?),
        None => console::page(&answer.to_text()),
    }
    Ok(u8::from(!answer.is_found()))
}
