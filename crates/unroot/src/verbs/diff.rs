//! `unroot diff`, and the same for containers and images alone.

use clap::Args;
use diag::{Error, Result, codes};
use engine::{
    diff::{Change, Kind},
    request::Given,
};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::Verb;
use crate::{call::Call, console};

pub static VERB: Verb = Verb {
    name: "diff",
    about: "Show what a container has changed of its image's files, or an image of those below it",
    args: Options::augment_args,
    run: |call| run(call, Kind::Any),
};

pub static OF_CONTAINER: Verb = Verb {
    name: "diff",
    about: "Show what a container has changed of its image's files",
    args: Options::augment_args,
    run: |call| run(call, Kind::Container),
};

pub static OF_IMAGE: Verb = Verb {
    name: "diff",
    about: "Show what an image's last layer has changed",
    args: Options::augment_args,
    run: |call| run(call, Kind::Image),
};

// `unroot diff [OPTIONS] NAME`.
#[derive(Debug, Args)]
struct Options {
    /// Write JSON: `json`
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Of the container that was made last
    #[arg(short, long)]
    latest: bool,
    /// A name or an id
    #[arg(value_name = "NAME", required_unless_present = "latest", conflicts_with = "latest")]
    name: Option<String>,
}

/// As Podman writes it: a member is missing if it would be empty.
#[derive(Default, Serialize)]
struct Listed {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    added: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deleted: Vec<String>,
}

fn run(call: &Call, kind: Kind) -> Result<u8> {
    let options: Options = call.args()?;
    let format = options.format.map(|format| call.words.one("format", format));
    if let Some(format) = format.as_ref().filter(|format| format.value != "json") {
        return Err(format
            .blame(Error::new(codes::UR0806, format!("`{}` is no format of `diff`: there is `json`", format.value))));
    }
    let engine = call.engine()?;
    let name = match options.name {
        Some(name) => call.words.operands_from(0, vec![name]).pop().unwrap_or_default(),
        None => Given::unwritten(engine.latest()?),
    };
    let changes = engine.diff(call.alone, &name, kind)?;
    if format.is_none() {
        let line = |(path, change): &(std::path::PathBuf, Change)| format!("{} {}\n", letter(*change), path.display());
        console::page(&changes.iter().map(line).collect::<String>());
        return Ok(0);
    }
    let mut listed = Listed::default();
    for (path, change) in &changes {
        let list = match change {
            Change::Added => &mut listed.added,
            Change::Changed => &mut listed.changed,
            Change::Deleted => &mut listed.deleted,
        };
        list.push(path.display().to_string());
    }
    let mut text = Vec::new();
    let written = listed.serialize(&mut Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"     ")));
    written.map_err(|error| Error::new(codes::UR0699, "JSON cannot be written").words(error))?;
    console::line(String::from_utf8_lossy(&text));
    Ok(0)
}

fn letter(change: Change) -> char {
    match change {
        Change::Added => 'A',
        Change::Changed => 'C',
        Change::Deleted => 'D',
    }
}
