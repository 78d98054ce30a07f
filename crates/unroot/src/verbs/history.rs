//! `unroot history`.

use clap::{ArgAction, Args};
use diag::Result;
use engine::history::Step;
use serde_json::{Map, Value as Json, json};

use super::Verb;
use crate::{
    call::Call,
    console,
    format::{self, Listing},
    times,
};

pub static VERB: Verb =
    Verb { name: "history", about: "Show how an image came about", args: Options::augment_args, run };

/// A command is cut to so many letters, as in Podman.
const COMMAND: usize = 45;

// `unroot history [OPTIONS] IMAGE`.
#[derive(Debug, Args)]
struct Options {
    /// Print as json, as table, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Show sizes and times as people say them; with `false` as bytes and dates
    #[arg(short = 'H', long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    human: bool,
    /// Shorten nothing
    #[arg(long)]
    no_trunc: bool,
    /// Show ids only
    #[arg(short, long)]
    quiet: bool,
    /// The image's name or id
    #[arg(value_name = "IMAGE")]
    image: String,
}

const COLUMNS: &[(&str, &str)] =
    &[("ID", "ID"), ("Created", "CREATED"), ("CreatedBy", "CREATED BY"), ("Size", "SIZE"), ("Comment", "COMMENT")];

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let image = call.words.operands_from(0, vec![options.image.clone()]).remove(0);
    let steps = call.viewer()?.history(&image)?;
    if options.quiet && options.format.is_none() {
        for step in &steps {
            console::line(shown_id(step, &options));
        }
        return Ok(0);
    }
    let listing = Listing {
        columns: COLUMNS,
        rows: steps.iter().map(|step| fields(step, &options)).collect(),
        json: steps.iter().map(as_json).collect(),
    };
    let format = options.format.map(|format| call.words.one("format", format));
    console::page(&format::show(&listing, format.as_ref())?);
    Ok(0)
}

fn shown_id(step: &Step, options: &Options) -> String {
    match &step.id {
        None => "<missing>".to_owned(),
        Some(id) if options.no_trunc => id.clone(),
        Some(id) => super::images::short(id).to_owned(),
    }
}

fn fields(step: &Step, options: &Options) -> Map<String, Json> {
    let cut = !options.no_trunc && step.created_by.chars().count() > COMMAND;
    let command: String = if cut {
        step.created_by.chars().take(COMMAND - 3).chain("...".chars()).collect()
    } else {
        step.created_by.clone()
    };
    let since = step.created.as_ref().map_or(String::new(), |(seconds, _)| times::ago(*seconds));
    let at = step.created.as_ref().map_or(String::new(), |(seconds, _)| times::rfc3339(*seconds));
    let pairs = [
        ("ID", json!(shown_id(step, options))),
        ("Created", json!(if options.human { &since } else { &at })),
        ("CreatedSince", json!(since)),
        ("CreatedAt", json!(at)),
        ("CreatedBy", json!(command)),
        ("Size", if options.human { json!(times::size(step.size)) } else { json!(step.size.to_string()) }),
        ("Comment", json!(step.comment)),
        ("Tags", json!(step.tags)),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn as_json(step: &Step) -> Json {
    json!({
        "id": step.id.as_deref().unwrap_or("<missing>"),
        "created": step.created.as_ref().map(|(_, text)| text),
        "CreatedBy": step.created_by,
        "size": step.size,
        "comment": step.comment,
        "tags": step.tags,
    })
}
