//! `unroot stop`.

use clap::Args;
use diag::{Result, codes};

use super::Verb;
use crate::{call::Call, console, selection::Chosen};

pub static VERB: Verb = Verb { name: "stop", about: "Stop running containers", args: Options::augment_args, run };

// `unroot stop [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot stop web
  unroot stop --time 2 --ignore web db
  unroot stop --all")]
struct Options {
    /// Stop all containers that run
    #[arg(short, long)]
    all: bool,
    /// Stop the container whose id is in this file; may be repeated
    #[arg(long, value_name = "FILE")]
    cidfile: Vec<String>,
    /// Stop those that fit KEY=VALUE, as in `ps`; may be repeated
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// A container that does not exist is no failure
    #[arg(short, long)]
    ignore: bool,
    /// Stop the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// Kill a container that has not ended after so many seconds, instead of its own --stop-timeout
    #[arg(short, long, value_name = "SECONDS", overrides_with = "time")]
    time: Option<u32>,
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let Options { all, cidfile, filter, ignore, latest, time, containers } = call.args()?;
    let selection = Chosen { containers, all, latest, cidfile, filter, ignore }.read(call.words)?;
    let engine = call.viewer()?;
    let names = engine.select(&selection, engine::ps::Row::is_up)?;
    Ok(call.for_each(names, |name| match engine.stop(name, time) {
        Err(error) if ignore && error.code() == codes::UR0802 => Ok(()),
        stopped => stopped.map(|()| console::line(&name.value)),
    }))
}
