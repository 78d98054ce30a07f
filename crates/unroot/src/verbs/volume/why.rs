use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console, format};

pub static VERB: Verb = Verb {
    name: "why",
    about: "Say whether a user of a container can read, write and create there, and if not, why",
    args: Options::augment_args,
    run,
};

// `unroot volume why [OPTIONS] CONTAINER PATH`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 if it can be read and written, 1 if not.

Example:
  unroot volume why db /var/lib/data --as postgres")]
struct Options {
    /// Ask for this user of the container: NAME|UID[:GROUP|GID]; else for the one that it began as
    #[arg(long = "as", value_name = "USER", overrides_with = "user")]
    user: Option<String>,
    /// Print as json, or through a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// The container, which must run
    #[arg(value_name = "CONTAINER")]
    container: String,
    /// An absolute path of the container
    #[arg(value_name = "PATH")]
    path: String,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let mut operands = call.words.operands_from(0, vec![options.container, options.path]).into_iter();
    let (container, path) = (operands.next().unwrap_or_default(), operands.next().unwrap_or_default());
    let user = options.user.map(|user| call.words.one("user", user));
    let why = call.engine()?.why(&container, &path, user.as_ref())?;
    match options.format {
        Some(format) => console::page(&format::one(&why.to_json(), &call.words.one("format", format))?),
        None => console::page(&why.to_text()),
    }
    Ok(u8::from(!why.is_open()))
}
