//! `unroot system reset`.

use clap::Args;
use diag::Result;

use super::Verb;
use crate::{call::Call, prompt};

pub static VERB: Verb = Verb {
    name: "reset",
    about: "Remove all containers, images and volumes, and the store itself",
    args: Options::augment_args,
    run,
};

// `unroot system reset [OPTIONS]`.
#[derive(Debug, Args)]
struct Options {
    /// Do not ask, and stop containers that run
    #[arg(short, long)]
    force: bool,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.engine()?;
    let (root, run_root) = (engine.scope().root.display(), engine.scope().run_root.display());
    let question = format!(
        "WARNING! This will remove:\n        - all containers\n        - all images\n        - all volumes\n        \
         - the graphRoot directory: \"{root}\"\n        - the runRoot directory: \"{run_root}\"\n"
    );
    if options.force || prompt::agreed(&question)? {
        engine.reset(options.force)?;
    }
    Ok(0)
}
