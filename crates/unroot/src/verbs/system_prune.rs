//! `unroot system prune`.

use clap::Args;
use diag::Result;
use engine::system::PruneRequest;

use super::{Verb, prune::shown};
use crate::{call::Call, console, prompt};

pub static VERB: Verb = Verb { name: "prune", about: "Remove all that nobody needs", args: Options::augment_args, run };

// `unroot system prune [OPTIONS]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot system prune
  unroot system prune --all --force --filter until=24h")]
struct Options {
    /// Remove images with a name, too, if no container is left that was made of them
    #[arg(short, long)]
    all: bool,
    /// Only what fits: `until=MOMENT`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Remove volumes that no container uses, too, with their files
    #[arg(long)]
    volumes: bool,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    if !options.force && !prompt::agreed(&warning(&options))? {
        return Ok(0);
    }
    let filters = call.words.each("filter", options.filter);
    let request = PruneRequest { all: options.all, volumes: options.volumes, filters };
    console::page(&shown(&call.engine()?.prune_all(&request)?));
    Ok(0)
}

fn warning(options: &Options) -> String {
    let images =
        if options.all { "images without at least one container associated with them" } else { "dangling images" };
    let volumes = if options.volumes { "\t- all volumes not used by at least one container\n" } else { "" };
    format!("WARNING! This command removes:\n\t- all stopped containers\n{volumes}\t- all {images}\n\n")
}
