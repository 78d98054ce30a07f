//! `unroot ps`.

use clap::Args;
use diag::Result;
use engine::ps::{Filter, Row, State};
use serde_json::{Map, Value as Json, json};

use super::Verb;
use crate::{
    call::Call,
    console,
    format::{self, Listing},
    times,
};

pub static VERB: Verb = Verb { name: "ps", about: "List containers", args: Options::augment_args, run };

// `unroot ps [OPTIONS]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot ps -a
  unroot ps -a --format '{{.ID}}  {{.Names}}  {{.UserNS}}'
  unroot ps -q --filter status=exited")]
struct Options {
    /// Show the containers that do not run, too
    #[arg(short, long)]
    all: bool,
    /// Show ids only
    #[arg(short, long)]
    quiet: bool,
    /// Shorten nothing
    #[arg(long)]
    no_trunc: bool,
    /// Print as json, as table, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Show only what fits KEY=VALUE: id, name, status, exited or ancestor; may be repeated
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
}

const COLUMNS: &[(&str, &str)] = &[
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Command", "COMMAND"),
    ("RunningFor", "CREATED"),
    ("Status", "STATUS"),
    ("Ports", "PORTS"),
    ("Names", "NAMES"),
];

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let filters: Vec<Filter> =
        call.words.each("filter", options.filter).iter().map(Filter::parse).collect::<Result<_>>()?;
    // A filter for a state other than running asks for containers that do not run.
    let all = options.all || filters.iter().any(Filter::is_about_state);
    let rows = call.viewer()?.containers(all, &filters)?;
    if options.quiet {
        for row in &rows {
            console::line(shown_id(row, options.no_trunc));
        }
        return Ok(0);
    }
    let listing = Listing {
        columns: COLUMNS,
        rows: rows.iter().map(|row| fields(row, options.no_trunc)).collect(),
        json: rows.iter().map(as_json).collect(),
    };
    let format = options.format.map(|format| call.words.one("format", format));
    console::page(&format::show(&listing, format.as_ref())?);
    Ok(0)
}

fn shown_id(row: &Row, whole: bool) -> String {
    if whole { row.id.clone() } else { row.id.chars().take(12).collect() }
}

fn shown_command(row: &Row, whole: bool) -> String {
    let command = row.command.join(" ");
    if whole || command.chars().count() <= 20 {
        return command;
    }
    command.chars().take(17).chain("...".chars()).collect()
}

/// `Up 5 minutes`, `Exited (0) 2 hours ago`, `Created`.
fn status(row: &Row) -> String {
    match row.state {
        State::Created => "Created".to_owned(),
        State::Running { .. } => {
            let up = format!("Up {}", times::span(times::now().saturating_sub(row.started.unwrap_or_default())));
            if row.health.is_empty() { up } else { format!("{up} ({})", row.health) }
        }
        State::Paused { .. } => {
            format!("Up {} (Paused)", times::span(times::now().saturating_sub(row.started.unwrap_or_default())))
        }
        State::Restarting { code } => format!("Restarting ({code})"),
        State::Exited { code, at } => format!("Exited ({code}) {}", times::ago(at)),
        State::Lost => "Exited (monitor killed)".to_owned(),
    }
}

fn fields(row: &Row, whole: bool) -> Map<String, Json> {
    let pid = if let State::Running { pid } = row.state { pid } else { 0 };
    let (exit_code, exited_at) = if let State::Exited { code, at } = row.state { (code, at) } else { (0, 0) };
    let pairs = [
        ("ID", json!(shown_id(row, whole))),
        ("Image", json!(row.image)),
        ("ImageID", json!(row.image_id)),
        ("Command", json!(shown_command(row, whole))),
        ("Created", json!(times::ago(row.created))),
        ("RunningFor", json!(times::ago(row.created))),
        ("Status", json!(status(row))),
        ("State", json!(row.state.word())),
        ("Ports", json!("")),
        ("Names", json!(row.name)),
        ("Pid", json!(pid)),
        ("ExitCode", json!(exit_code)),
        ("ExitedAt", json!(exited_at)),
        ("StartedAt", json!(row.started.unwrap_or_default())),
        ("AutoRemove", json!(row.remove)),
        ("UserNS", json!(row.uid_map)),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Podman's members, and `UIDMap`.
fn as_json(row: &Row) -> Json {
    let pid = if let State::Running { pid } = row.state { pid } else { 0 };
    let (exit_code, exited_at) = if let State::Exited { code, at } = row.state { (code, at) } else { (0, 0) };
    json!({
        "AutoRemove": row.remove,
        "Command": row.command,
        "Created": row.created,
        "CreatedAt": times::ago(row.created),
        "ExitCode": exit_code,
        "Exited": matches!(row.state, State::Exited { .. }),
        "ExitedAt": exited_at,
        "Id": row.id,
        "Image": row.image,
        "ImageID": row.image_id,
        "Labels": null,
        "Mounts": [],
        "Names": [row.name],
        "Networks": [],
        "Pid": pid,
        "Ports": null,
        "StartedAt": row.started.unwrap_or_default(),
        "State": row.state.word(),
        "Status": status(row),
        "UIDMap": row.uid_map,
    })
}
