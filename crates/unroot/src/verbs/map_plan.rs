//! `unroot map plan`.

use std::fmt::Write as _;

use clap::Args;
use diag::{Report, Result};
use engine::map_plan::{KindPlan, MapPlan};
use serde_json::{Value as Json, json};

use super::Verb;
use crate::{call::Call, console, format, run_options::RunOptions, table};

pub static VERB: Verb = Verb {
    name: "map plan",
    about: "Show which ids a container of an image needs and why, and the map that it would get",
    args: Options::augment_args,
    run,
};

// `unroot map plan [OPTIONS] IMAGE [COMMAND [ARG...]]`.
#[derive(Debug, Args)]
#[command(after_help = "\
All options of `unroot run` are understood, so that a command line can be tried as it is;
those about the user and the map matter. Where none chooses a map, it is that of
--userns=auto. Nothing is started, and no ids are kept. The exit status is 125 if nothing
would start with these options.

Examples:
  unroot map plan debian:trixie
  unroot map plan --user 1000650000 --map redis=@redis redis:7
  unroot map plan --uidmap=101:996 --gidmap=102:996 ntop/ntopng:stable
  unroot map plan --rootfs ./rootfs
  unroot map plan --format '{{.uids.count}} uids in {{.uids.extents}} extents' debian:trixie")]
struct Options {
    #[command(flatten)]
    run: RunOptions,
    /// Print as json, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
}

/// How wide the pictures are where no terminal says it.
const WIDTH: usize = 100;

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let request = options.run.into_request(call.words);
    let width = engine::client::columns().map_or(WIDTH, usize::from);
    let plan = call.engine()?.plan_map(&request, width)?;
    if let Some(format) = options.format {
        console::page(&format::one(&as_json(&plan), &call.words.one("format", format))?);
    } else {
        console::page(&text(&plan));
        plan.findings.iter().for_each(|finding| call.console.report(finding));
    }
    // A refusal is said like any other, below what was planned.
    plan.refused.map_or(Ok(0), Err)
}

fn text(plan: &MapPlan) -> String {
    let mut text = format!("{}: {} files\n", plan.image, plan.files);
    let kinds = [&plan.uids, &plan.gids];
    for plan in kinds {
        let _ = write!(text, "\n{}", parts(plan));
    }
    text.push('\n');
    for kind in kinds {
        let _ = writeln!(text, "{}", totals(kind));
    }
    if plan.refused.is_none() {
        let _ = writeln!(text, "\nA start now would get (another start may get other ids of the host)");
        for kind in kinds {
            let _ = writeln!(text, "\n{} map", kind.kind);
            kind.picture.lines().for_each(|line| {
                let _ = writeln!(text, "  {line}");
            });
        }
    }
    if !plan.notes.is_empty() {
        text.push('\n');
    }
    plan.notes.iter().for_each(|note| {
        let _ = writeln!(text, "{note}");
    });
    text
}

/// The table of one kind of ids.
fn parts(plan: &KindPlan) -> String {
    let head =
        [format!("CONTAINER {}S", plan.kind.to_string().to_uppercase()), "COUNT".to_owned(), "REASON".to_owned()];
    let rows = plan.parts.iter().map(|part| {
        let (first, last) = (part.ids.start(), part.ids.end());
        let ids = if first == last { first.to_string() } else { format!("{first}-{last}") };
        vec![ids, part.count().to_string(), part.told()]
    });
    table::lay_out(&std::iter::once(head.to_vec()).chain(rows).collect::<Vec<_>>())
}

fn totals(plan: &KindPlan) -> String {
    let KindPlan { kind, ids, .. } = plan;
    let extents = plan.extents();
    let s = if extents == 1 { "" } else { "s" };
    let mut line = format!("{ids} {kind}s in {extents} extent{s}");
    if plan.bytes() > 0 {
        let _ = write!(line, ", {} bytes", plan.bytes());
    }
    if !plan.left_out.is_empty() {
        let _ = write!(line, "; the map leaves out {}", plan.left_out.brief(6));
    }
    line
}

fn as_json(plan: &MapPlan) -> Json {
    json!({
        "image": plan.image,
        "files": plan.files,
        "uids": kind_as_json(&plan.uids),
        "gids": kind_as_json(&plan.gids),
        "notes": plan.notes,
        "findings": plan.findings.iter().map(finding).collect::<Vec<_>>(),
        "refused": plan.refused.as_ref().map(|error| finding(error.report())),
    })
}

fn kind_as_json(plan: &KindPlan) -> Json {
    let parts = plan.parts.iter().map(|part| {
        json!({
            "first": part.ids.start(),
            "last": part.ids.end(),
            "count": part.count(),
            "reason": part.reason.word(),
            "why": part.why,
        })
    });
    let map = plan
        .map
        .iter()
        .map(|extent| json!({ "containerID": extent.inside.0, "hostID": extent.outside.0, "size": extent.len }));
    let left_out = plan.left_out.ranges().map(|ids| json!({ "first": ids.start(), "last": ids.end() }));
    json!({
        "parts": parts.collect::<Vec<_>>(),
        "count": plan.ids,
        "extents": plan.extents(),
        "bytes": plan.bytes(),
        "map": map.collect::<Vec<_>>(),
        "leftOut": left_out.collect::<Vec<_>>(),
    })
}

fn finding(report: &Report) -> Json {
    let help = report.help.iter().map(|help| json!({ "text": help.text, "command": help.command }));
    json!({
        "code": report.code.to_string(),
        "severity": report.severity,
        "message": report.what,
        "facts": report.facts,
        "help": help.collect::<Vec<_>>(),
    })
}
