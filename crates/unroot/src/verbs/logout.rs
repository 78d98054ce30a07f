//! `unroot logout`.

use std::path::PathBuf;

use clap::Args;
use diag::Result;
use engine::{
    login::{Logins, Reach},
    registries::Places,
};

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb { name: "logout", about: "Log out of a registry", args: Options::augment_args, run };

// `unroot logout [OPTIONS] [REGISTRY]`.
#[derive(Debug, Args)]
struct Options {
    /// Forget the logins of all registries
    #[arg(short, long, conflicts_with = "registry")]
    all: bool,
    /// Forget what is kept in this file
    #[arg(long, value_name = "PATH")]
    authfile: Option<PathBuf>,
    /// The registry, or the part of it, as it was given to `login`
    #[arg(value_name = "REGISTRY")]
    registry: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let reach = Reach { authfile: options.authfile, ..Reach::default() };
    let logins = Logins::open(Places::of_caller(), reach, false)?;
    if options.all {
        logins.forget_all()?;
        console::line("Removed login credentials for all registries");
        return Ok(0);
    }
    let written = call.words.operands_from(0, options.registry.into_iter().collect()).pop();
    let server = logins.server(written.as_ref())?;
    logins.forget(&server)?;
    console::line(format!("Removed login credentials for {}", server.key));
    Ok(0)
}
