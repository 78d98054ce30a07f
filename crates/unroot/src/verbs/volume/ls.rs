use clap::Args;
use diag::Result;
use engine::volumes::Row;
use serde_json::{Map, Value as Json};

use super::{Verb, filters, inspect::as_json};
use crate::{
    call::Call,
    console,
    format::{self, Headings, Listing},
};

pub static VERB: Verb = Verb { name: "ls", about: "List volumes", args: Options::augment_args, run };

// `unroot volume ls [OPTIONS]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot volume ls --filter dangling=true
  unroot volume ls --format '{{.Name}} {{.Mountpoint}}'")]
struct Options {
    /// Show only what fits KEY=VALUE: name, label, label!, dangling, anonymous, driver, opt, scope, until or since; may be repeated
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Print as json, as table, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Leave the headings out
    #[arg(short, long)]
    noheading: bool,
    /// Show names only
    #[arg(short, long)]
    quiet: bool,
}

const COLUMNS: &[(&str, &str)] = &[("Driver", "DRIVER"), ("Name", "VOLUME NAME")];

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let engine = call.viewer()?;
    let rows = engine.volumes(&filters(call, &engine, options.filter)?)?;
    if options.quiet {
        for row in &rows {
            console::line(&row.record.name);
        }
        return Ok(0);
    }
    let json: Vec<Json> = rows.iter().map(as_json).collect();
    let listing = Listing { columns: COLUMNS, rows: rows.iter().map(fields).collect(), json: json.into() };
    let format = options.format.map(|format| call.words.one("format", format));
    // Podman prints nothing at all where there is nothing.
    let headings = if options.noheading || rows.is_empty() { Headings::Hidden } else { Headings::Shown };
    console::page(&format::show_with(&listing, format.as_ref(), headings)?);
    Ok(0)
}

fn fields(row: &Row) -> Map<String, Json> {
    match as_json(row) {
        Json::Object(fields) => fields,
        _ => Map::new(),
    }
}
