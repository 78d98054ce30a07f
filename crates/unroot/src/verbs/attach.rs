//! `unroot attach`.

use clap::{ArgAction, Args};
use diag::Result;
use engine::client::{Wiring, keys::DetachKeys};

use super::Verb;
use crate::{call::Call, selection::Chosen};

pub static VERB: Verb =
    Verb { name: "attach", about: "Connect to a running container", args: Options::augment_args, run };

// `unroot attach [OPTIONS] CONTAINER`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot attach work
  unroot attach --no-stdin --sig-proxy=false web")]
struct Options {
    /// Part from the container when these keys are typed; empty: never
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q", overrides_with = "detach_keys")]
    detach_keys: String,
    /// Connect to the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// Connect output only
    #[arg(long)]
    no_stdin: bool,
    /// Pass signals on to the container
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true)]
    sig_proxy: bool,
    /// Its name or id
    #[arg(value_name = "CONTAINER")]
    container: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let keys = call.words.one("detach_keys", options.detach_keys);
    let detach_keys = DetachKeys::parse(&keys.value).map_err(|error| keys.blame(error))?;
    let containers = options.container.into_iter().collect();
    let selection = Chosen { containers, latest: options.latest, ..Chosen::default() }.read(call.words)?;
    let engine = call.viewer()?;
    let wiring = Wiring { stdin: !options.no_stdin, tty: false, sig_proxy: options.sig_proxy, detach_keys };
    let names = engine.select(&selection, |_| true)?;
    names.first().map_or(Ok(0), |name| engine.attach_to(name, wiring))
}
