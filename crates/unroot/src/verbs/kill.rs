//! `unroot kill`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console, selection::Chosen};

pub static VERB: Verb =
    Verb { name: "kill", about: "Send a signal to running containers", args: Options::augment_args, run };

// `unroot kill [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot kill web
  unroot kill --signal HUP web")]
struct Options {
    /// Signal all containers that run
    #[arg(short, long)]
    all: bool,
    /// Signal the container whose id is in this file; may be repeated
    #[arg(long, value_name = "FILE")]
    cidfile: Vec<String>,
    /// Signal the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// The signal, by name or number
    #[arg(short, long, value_name = "SIGNAL", default_value = "KILL", overrides_with = "signal")]
    signal: String,
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let Options { all, cidfile, latest, signal, containers } = call.args()?;
    let signal = call.words.one("signal", signal);
    let number = engine::Signal::parse(&signal.value).map_err(|error| signal.blame(error))?;
    let selection = Chosen { containers, all, latest, cidfile, ..Chosen::default() }.read(call.words)?;
    let engine = call.viewer()?;
    let names = engine.select(&selection, engine::ps::Row::is_up)?;
    Ok(call.for_each(names, |name| engine.kill(name, number).map(|()| console::line(&name.value))))
}
