use clap::Args;
use diag::Result;
use engine::volumes::Row;
use serde_json::{Value as Json, json};

use super::{Verb, names_or_all};
use crate::{call::Call, console, format, times};

pub static VERB: Verb = Verb { name: "inspect", about: "Show all about volumes", args: Options::augment_args, run };

// `unroot volume inspect [OPTIONS] VOLUME...`.
#[derive(Debug, Args)]
struct Options {
    /// Look at all volumes
    #[arg(short, long)]
    all: bool,
    /// Print as json, or through a Go template
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Names, or the beginnings of some
    #[arg(value_name = "VOLUME")]
    names: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    names_or_all(&options.names, options.all)?;
    let engine = call.viewer()?;
    let mut found = Vec::new();
    let mut status = 0;
    if options.all {
        found.extend(engine.volumes(&[])?.iter().map(as_json));
    } else {
        status = call.for_each(call.words.operands_from(0, options.names), |name| {
            found.push(as_json(&engine.volume(name)?));
            Ok(())
        });
    }
    let format = options.format.map(|format| call.words.one("format", format));
    console::page(&format::each(found, format.as_ref())?);
    Ok(status)
}

/// Podman's members.
pub(super) fn as_json(row: &Row) -> Json {
    let record = &row.record;
    let mut value = json!({
        "Name": record.name,
        "Driver": row.driver,
        "Mountpoint": row.mountpoint,
        "CreatedAt": times::rfc3339(record.created),
        "Labels": record.labels,
        "Scope": "local",
        "Options": record.options,
        "MountCount": row.mounted,
        "NeedsCopyUp": !record.filled,
        "NeedsChown": !record.filled,
        "LockNumber": 0,
    });
    for (name, id) in [("UID", record.uid), ("GID", record.gid)] {
        if let Some(id) = id {
            value[name] = json!(id);
        }
    }
    if record.anonymous {
        value["Anonymous"] = json!(true);
    }
    value
}
