//! `unroot wait`.

use clap::Args;
use diag::{Result, codes};
use engine::wait::Condition;

use super::Verb;
use crate::{call::Call, console, selection::Chosen};

pub static VERB: Verb = Verb {
    name: "wait",
    about: "Wait for containers to end, and print their exit status",
    args: Options::augment_args,
    run,
};

// `unroot wait [OPTIONS] CONTAINER...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot wait web
  unroot wait --condition healthy db")]
struct Options {
    /// Wait for this state instead: created, running, paused, stopped, exited, healthy, unhealthy or removing; may be repeated
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    condition: Vec<String>,
    /// A container that does not exist counts as ended, with -1
    #[arg(long)]
    ignore: bool,
    /// Look so often, where nobody tells: a duration, or a number of milliseconds
    #[arg(short, long, value_name = "DURATION", default_value = "250ms", overrides_with = "interval")]
    interval: String,
    /// Wait for the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// Names or ids
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let Options { condition, ignore, interval, latest, containers } = call.args()?;
    let conditions: Vec<Condition> =
        call.words.each("condition", condition).iter().map(Condition::parse).collect::<Result<_>>()?;
    let interval = call.words.one("interval", interval);
    let interval = engine::wait::interval(&interval.value).map_err(|error| interval.blame(error))?;
    let selection = Chosen { containers, latest, ..Chosen::default() }.read(call.words)?;
    let engine = call.viewer()?;
    let names = engine.select(&selection, |_| true)?;
    Ok(call.for_each(names, |name| match engine.wait(name, &conditions, interval) {
        Err(error) if ignore && error.code() == codes::UR0802 => {
            console::line("-1");
            Ok(())
        }
        waited => waited.map(|code| console::line(code.to_string())),
    }))
}
