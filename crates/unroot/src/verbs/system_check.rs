//! `unroot system check`.

use clap::Args;
use diag::{Error, Result, codes};
use engine::system::{CheckRequest, Checked, Outcome};

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb =
    Verb { name: "check", about: "Find what is damaged in the store, and mend it", args: Options::augment_args, run };

// `unroot system check [OPTIONS]`.
#[derive(Debug, Args)]
#[command(after_help = "\
The exit status is 125 if something is found that a command would stumble over, and was not mended.

Examples:
  unroot system check --quick
  unroot system check --repair")]
struct Options {
    /// Remove images that cannot be made whole, and containers that cannot be used; with this, --repair is meant, too
    #[arg(short, long)]
    force: bool,
    /// Consider what belongs to no image as left over from this age on; without it, at once
    #[arg(short, long, value_name = "DURATION")]
    max: Option<String>,
    /// Leave out what takes time: the contents of files
    #[arg(short, long)]
    quick: bool,
    /// Mend what is found: layers are made again from their archives
    #[arg(short, long)]
    repair: bool,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let request = CheckRequest {
        quick: options.quick,
        repair: options.repair,
        force: options.force,
        max: options.max.map(|max| call.words.one("max", max)),
    };
    let checked = call.engine()?.check(&request, |finding, outcome| {
        call.console.report(finding.report());
        match outcome {
            Outcome::Found => {}
            Outcome::Mended(what) => console::line(format!("{}: mended: {what}", finding.code().id())),
            Outcome::Left(why) => console::line(format!("{}: not mended: {why}", finding.code().id())),
        }
    })?;
    console::line(summary(&checked));
    if checked.defects == 0 {
        return Ok(0);
    }
    let what = format!("{} of the findings are in the way of other commands", checked.defects);
    let error = Error::new(codes::UR0726, what);
    Err(match (options.repair, options.force) {
        (false, false) => error.help_run("mend what can be mended", "unroot system check --repair"),
        (_, false) => error.help_run("remove what cannot be mended, too", "unroot system check --repair --force"),
        (_, true) => error,
    })
}

fn summary(checked: &Checked) -> String {
    let Checked { images, layers, blobs, containers, found, .. } = checked;
    let found = if *found == 0 { "nothing".to_owned() } else { format!("{found} findings") };
    format!("{images} names of images, {layers} layers, {blobs} blobs, {containers} containers: {found}")
}
