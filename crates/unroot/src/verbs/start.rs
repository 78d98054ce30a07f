//! `unroot start`.

use clap::{ArgAction, Args};
use diag::Result;
use engine::client::{Wiring, keys::DetachKeys};

use super::Verb;
use crate::{call::Call, console, selection::Chosen};

pub static VERB: Verb =
    Verb { name: "start", about: "Start containers that do not run", args: Options::augment_args, run };

// `unroot start [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot start web
  unroot start --attach --interactive work
  unroot start --all --filter restart-policy=always")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
struct Options {
    /// Start all containers that do not run
    #[arg(long)]
    all: bool,
    /// Show the container's output and exit with its status
    #[arg(short, long)]
    attach: bool,
    /// Part from the container when these keys are typed; empty: never
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q", overrides_with = "detach_keys")]
    detach_keys: String,
    /// Start those that fit KEY=VALUE, as in `ps`; may be repeated
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Connect standard input, too
    #[arg(short, long)]
    interactive: bool,
    /// Start the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// Pass signals on to the container that is attached to
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true)]
    sig_proxy: bool,
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let Options { all, attach, detach_keys, filter, interactive, latest, sig_proxy, containers } = call.args()?;
    let keys = call.words.one("detach_keys", detach_keys);
    let detach_keys = DetachKeys::parse(&keys.value).map_err(|error| keys.blame(error))?;
    let selection = Chosen { containers, all, latest, filter, ..Chosen::default() }.read(call.words)?;
    let engine = call.engine()?;
    let names = engine.select(&selection, |row| !row.is_up())?;
    if attach || interactive {
        return engine.start_attached(&names, Wiring { stdin: interactive, tty: false, sig_proxy, detach_keys });
    }
    Ok(call.for_each(names, |name| engine.start(name).map(|()| console::line(&name.value))))
}
