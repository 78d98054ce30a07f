//! `unroot restart`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, console, selection::Chosen};

pub static VERB: Verb =
    Verb { name: "restart", about: "Stop containers and start them again", args: Options::augment_args, run };

// `unroot restart [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot restart web
  unroot restart --running --time 2")]
struct Options {
    /// Restart all containers, whether they run or not
    #[arg(short, long, conflicts_with = "running")]
    all: bool,
    /// Restart the container whose id is in this file; may be repeated
    #[arg(long, value_name = "FILE")]
    cidfile: Vec<String>,
    /// Restart those that fit KEY=VALUE, as in `ps`; may be repeated
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Restart the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// Restart all containers that run
    #[arg(long)]
    running: bool,
    /// Kill a container that has not ended after so many seconds, instead of its own --stop-timeout
    #[arg(short, long, value_name = "SECONDS", overrides_with = "time")]
    time: Option<u32>,
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let Options { all, cidfile, filter, latest, running, time, containers } = call.args()?;
    let chosen = Chosen { containers, all: all || running, latest, cidfile, filter, ..Chosen::default() };
    let selection = chosen.read(call.words)?;
    let engine = call.engine()?;
    let names = engine.select(&selection, |row| !running || row.is_up())?;
    Ok(call.for_each(names, |name| engine.restart(name, time).map(|()| console::line(&name.value))))
}
