//! `unroot exec`.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use diag::{Error, Result, codes};
use engine::{
    Engine,
    exec::{ExecRequest, Outcome},
    request::Given,
};

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb =
    Verb { name: "exec", about: "Run a further command in a running container", args: Options::augment_args, run };

/// The exit status of an `exec` that failed itself, as Podman has it.
const FAILED: u8 = 255;

// `unroot exec [OPTIONS] CONTAINER COMMAND [ARG...]`.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot exec web nginx -t
  unroot exec -it -u postgres db psql
  unroot exec -d -e DEBUG=1 -w /srv web ./rebuild.sh

Exits with the command's exit status; 127 if it is not there, 126 if it cannot be executed, 255 if it could not be run at all.")]
struct Options {
    /// Run the command in the background and print the id of its session
    #[arg(short, long)]
    detach: bool,
    /// Set an environment variable: NAME=VALUE, or NAME to pass the caller's on; may be repeated
    #[arg(short, long, value_name = "ENV")]
    env: Vec<String>,
    /// Set the environment variables of a file, one a line
    #[arg(long, value_name = "FILE")]
    env_file: Vec<String>,
    /// Keep standard input open
    #[arg(short, long)]
    interactive: bool,
    /// Give the command a terminal
    #[arg(short, long)]
    tty: bool,
    /// Give the command all capabilities
    #[arg(long)]
    privileged: bool,
    /// Run as this user of the container: NAME or UID, and GROUP or GID behind a colon
    #[arg(short, long, value_name = "USER", overrides_with = "user")]
    user: Option<String>,
    /// Begin in this directory of the container
    #[arg(short, long, value_name = "DIR", overrides_with = "workdir")]
    workdir: Option<String>,
    /// Hand the descriptors 3 to 2 + N to the command
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    preserve_fds: u32,
    /// The keys that leave the terminal while the command goes on; none if empty
    #[arg(long, value_name = "KEYS", overrides_with = "detach_keys")]
    detach_keys: Option<String>,
    /// In the container that was made last
    #[arg(short, long, conflicts_with = "cidfile")]
    latest: bool,
    /// In the container whose id is in this file
    #[arg(long, value_name = "FILE", action = ArgAction::Set)]
    cidfile: Option<PathBuf>,
    /// The container (unless --latest or --cidfile), the command and its arguments
    #[arg(value_name = "CONTAINER COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.engine()?;
    let mut words = call.words.operands_from(0, options.words.clone()).into_iter();
    let container = match named(&engine, &options)? {
        Some(container) => container,
        None => words.next().ok_or_else(|| {
            Error::new(codes::UR0806, "`unroot exec` needs a container and a command")
                .help_run("all options are listed by", "unroot exec --help")
        })?,
    };
    let one = |id: &str, value: Option<String>| value.map(|value| call.words.one(id, value));
    let request = ExecRequest {
        container,
        command: words.collect(),
        detach: options.detach,
        interactive: options.interactive,
        tty: options.tty,
        privileged: options.privileged,
        user: one("user", options.user),
        workdir: one("workdir", options.workdir),
        env: call.words.each("env", options.env),
        env_file: call.words.each("env_file", options.env_file),
        preserve_fds: options.preserve_fds,
        detach_keys: one("detach_keys", options.detach_keys),
    };
    match engine.exec(call.alone, &request) {
        Ok(Outcome::Exited(code)) => Ok(code),
        Ok(Outcome::Left) => Ok(0),
        Ok(Outcome::Detached(id)) => {
            console::line(id);
            Ok(0)
        }
        Err(error) => Ok(fail(call, &error)),
    }
}

/// The container that an option names.
fn named(engine: &Engine, options: &Options) -> Result<Option<Given<String>>> {
    if options.latest {
        return engine.latest().map(|id| Some(Given::unwritten(id)));
    }
    let Some(file) = &options.cidfile else { return Ok(None) };
    let text = std::fs::read_to_string(file).map_err(|error| {
        Error::new(codes::UR0806, format!("the file `{}` with a container's id cannot be read", file.display()))
            .words(error)
    })?;
    Ok(Some(Given::unwritten(text.trim().to_owned())))
}

/// Podman's statuses: what a command's failure means is told from one of the engine's, which is 255, unless there is no such container.
fn fail(call: &Call, error: &Error) -> u8 {
    call.console.report(error.report());
    match error.code().class().exit_status() {
        125 if ![codes::UR0802, codes::UR0809].contains(&error.code()) => FAILED,
        status => status,
    }
}
