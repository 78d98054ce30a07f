//! `unroot images`.

use clap::Args;
use diag::Result;
use engine::images::Row;
use serde_json::{Map, Value as Json, json};

use super::Verb;
use crate::{
    call::Call,
    console,
    format::{self, Listing},
    times,
};

pub static VERB: Verb = Verb { name: "images", about: "List images", args: Options::augment_args, run };

// `unroot images [OPTIONS]`.
#[derive(Debug, Args)]
struct Options {
    /// Show ids only
    #[arg(short, long)]
    quiet: bool,
    /// Print as json, as table, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Show the images of this name only
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
}

const COLUMNS: &[(&str, &str)] =
    &[("Repository", "REPOSITORY"), ("Tag", "TAG"), ("ID", "IMAGE ID"), ("CreatedSince", "CREATED"), ("Size", "SIZE")];

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let image = call.words.operands_from(0, options.image.into_iter().collect()).pop();
    let rows = call.viewer()?.images(image.as_ref())?;
    if options.quiet {
        let mut shown: Vec<&str> = rows.iter().map(|row| short(&row.id)).collect();
        shown.dedup();
        shown.into_iter().for_each(console::line);
        return Ok(0);
    }
    let json = rows.iter().map(as_json).collect();
    let listing = Listing { columns: COLUMNS, rows: rows.iter().map(fields).collect(), json };
    let format = options.format.map(|format| call.words.one("format", format));
    console::page(&format::show(&listing, format.as_ref())?);
    Ok(0)
}

fn short(id: &str) -> &str {
    let hex = id.rsplit(':').next().unwrap_or(id);
    hex.get(..12).unwrap_or(hex)
}

fn fields(row: &Row) -> Map<String, Json> {
    let none = || "<none>".to_owned();
    let pairs = [
        ("Repository", json!(row.repository.clone().unwrap_or_else(none))),
        ("Tag", json!(row.tag.clone().unwrap_or_else(none))),
        ("ID", json!(short(&row.id))),
        ("Digest", json!(row.digest)),
        ("CreatedSince", json!(since(row))),
        ("Created", json!(since(row))),
        ("Size", json!(times::size(row.size))),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// An image need not say when it was made; the built-in one is of no time at all, so that it is always the same.
fn since(row: &Row) -> String {
    match row.created {
        0 if row.built_in => "Built in".to_owned(),
        0 => "Unknown".to_owned(),
        time => times::ago(time),
    }
}

fn as_json(row: &Row) -> Json {
    let name = match (&row.repository, &row.tag) {
        (Some(repository), Some(tag)) => json!([format!("{repository}:{tag}")]),
        _ => json!([]),
    };
    json!({
        "Id": row.id.rsplit(':').next(),
        "Names": name,
        "Digest": row.digest,
        "Created": row.created,
        "Size": row.size,
    })
}
