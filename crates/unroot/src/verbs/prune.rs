//! `unroot image prune` and `unroot container prune`, and what all pruning has in common.

use clap::Args;
use diag::Result;
use engine::system::{PruneRequest, Pruned};

use super::Verb;
use crate::{call::Call, console, prompt};

pub static IMAGES: Verb =
    Verb { name: "prune", about: "Remove images that nobody needs", args: ImageOptions::augment_args, run: images };

pub static CONTAINERS: Verb = Verb {
    name: "prune",
    about: "Remove containers that do not run",
    args: ContainerOptions::augment_args,
    run: containers,
};

// `unroot image prune [OPTIONS]`.
#[derive(Debug, Args)]
struct ImageOptions {
    /// Remove images with a name, too, if no container was made of them
    #[arg(short, long)]
    all: bool,
    /// Only those that fit: `until=MOMENT`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`, `dangling=true`
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
}

// `unroot container prune [OPTIONS]`.
#[derive(Debug, Args)]
struct ContainerOptions {
    /// Only those that fit: `until=MOMENT`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`
    #[arg(long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
}

fn images(call: &Call) -> Result<u8> {
    let options: ImageOptions = call.args()?;
    let what = if options.all {
        "WARNING! This command removes all images without at least one container associated with them."
    } else {
        "WARNING! This command removes all dangling images."
    };
    if !options.force && !prompt::agreed(&format!("{what}\n"))? {
        return Ok(0);
    }
    let filters = call.words.each("filter", options.filter);
    let request = PruneRequest { all: options.all, filters, ..PruneRequest::default() };
    let pruned = call.engine()?.prune_images(&request)?;
    pruned.images.iter().for_each(console::line);
    Ok(0)
}

fn containers(call: &Call) -> Result<u8> {
    let options: ContainerOptions = call.args()?;
    if !options.force && !prompt::agreed("WARNING! This will remove all non running containers.\n")? {
        return Ok(0);
    }
    let request = PruneRequest { filters: call.words.each("filter", options.filter), ..PruneRequest::default() };
    let pruned = call.engine()?.prune_containers(&request)?;
    pruned.containers.iter().for_each(console::line);
    Ok(0)
}

/// What is gone, as `system prune` prints it.
pub fn shown(pruned: &Pruned) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for (heading, names) in
        [("Containers", &pruned.containers), ("Volumes", &pruned.volumes), ("Images", &pruned.images)]
    {
        if !names.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "Deleted {heading}\n{}", names.join("\n"));
        }
    }
    let _ = writeln!(text, "Total reclaimed space: {}", crate::times::human(pruned.reclaimed));
    text
}
