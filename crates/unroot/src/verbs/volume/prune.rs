use clap::{ArgAction, Args};
use diag::{Error, Result, codes};

use super::{Verb, filters};
use crate::{call::Call, console, prompt};

pub static VERB: Verb =
    Verb { name: "prune", about: "Remove the volumes that no container uses", args: Options::augment_args, run };

// `unroot volume prune [OPTIONS]`.
#[derive(Debug, Args)]
struct Options {
    /// Remove those with names, too: the default; --all=false removes only what was made for one container
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    all: bool,
    /// Remove only what fits KEY=VALUE: label, label!, anonymous, until or since; may be repeated
    #[arg(long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Ask nothing
    #[arg(short, long)]
    force: bool,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    if !options.force && !agreed()? {
        return Ok(0);
    }
    let engine = call.engine()?;
    let filters = filters(call, &engine, options.filter)?;
    engine.prune_volumes(options.all, &filters)?.iter().for_each(console::line);
    Ok(0)
}

fn agreed() -> Result<bool> {
    if !prompt::somebody() {
        return Err(Error::new(
            codes::UR0806,
            "nobody is there to be asked whether volumes may be removed with their files",
        )
        .help("say --force if they may"));
    }
    let answer = prompt::line("This removes all volumes that no container uses, with their files. Go on? [y/N] ")?;
    Ok(answer.to_lowercase().starts_with('y'))
}
