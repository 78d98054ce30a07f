//! `unroot events`.

use clap::{ArgAction, Args};
use diag::Result;
use engine::{
    events::{Event, EventFilter, EventRequest},
    logs::record::show_time,
};
use serde_json::{Map, Value as Json, json};

use super::Verb;
use crate::{call::Call, console, format, times};

pub static VERB: Verb =
    Verb { name: "events", about: "Show what happens to containers and images", args: Options::augment_args, run };

// `unroot events [OPTIONS]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot events --since 1h --stream=false
  unroot events --filter container=web --filter event=died
  unroot events --format json")]
struct Options {
    /// Show only what fits KEY=VALUE: container, event, image, label, type, volume; may be repeated
    #[arg(short, long, value_name = "FILTER")]
    filter: Vec<String>,
    /// Print as json, or through a Go template
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    /// Shorten nothing
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true)]
    no_trunc: bool,
    /// Show what has happened since this time: RFC 3339, seconds since the epoch, or a duration before now
    #[arg(long, value_name = "TIME", overrides_with = "since", allow_hyphen_values = true)]
    since: Option<String>,
    /// Go on with what happens; with =false: show what has happened
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true)]
    stream: bool,
    /// Show nothing that happens after this time
    #[arg(long, value_name = "TIME", overrides_with = "until", allow_hyphen_values = true)]
    until: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let time = |name: &str, text: &Option<String>| {
        text.clone().map(|text| times::moment(&call.words.one(name, text))).transpose()
    };
    let request = EventRequest {
        since: time("since", &options.since)?,
        until: time("until", &options.until)?,
        filters: call
            .words
            .each("filter", options.filter.clone())
            .iter()
            .map(EventFilter::parse)
            .collect::<Result<_>>()?,
        follow: options.stream,
    };
    let template = match &options.format {
        Some(text) if text != "json" => Some(call.words.one("format", text.clone())),
        _ => None,
    };
    let mut failed = None;
    call.viewer()?.events(&request, &mut |event| {
        let line = match &template {
            Some(template) => format::one(&Json::Object(fields(event)), template),
            None if options.format.is_some() => Ok(format!("{}\n", as_json(event))),
            None => Ok(format!("{}\n", text(event, options.no_trunc))),
        };
        match line {
            Ok(line) => console::page(&line),
            Err(error) => failed = Some(error),
        }
        failed.is_none()
    })?;
    failed.map_or(Ok(0), Err)
}

fn shown_id(event: &Event, whole: bool) -> &str {
    if whole { &event.id } else { event.id.get(..12).unwrap_or(&event.id) }
}

/// `2026-11-21 20:00:00.000012345 +0000 UTC container start 0123… (image=…, name=…)`
fn text(event: &Event, whole: bool) -> String {
    let time = show_time(event.at).replace('T', " ").replace('Z', " +0000 UTC");
    let id = shown_id(event, whole);
    if event.kind != "container" {
        return format!("{time} {} {} {id} {}", event.kind, event.status, event.name);
    }
    let mut words = vec![format!("image={}", event.image), format!("name={}", event.name)];
    words.extend(event.health.iter().map(|health| format!("health_status={health}")));
    words.extend(event.attributes.iter().map(|(name, value)| format!("{name}={value}")));
    format!("{time} {} {} {id} ({})", event.kind, event.status, words.join(", "))
}

/// Podman's members.
fn as_json(event: &Event) -> Json {
    let mut members = Map::new();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            members.insert(name.to_owned(), json!(value));
        }
    };
    add("ID", &event.id);
    add("Image", &event.image);
    add("Name", &event.name);
    add("Status", &event.status);
    add("Time", &show_time(event.at));
    add("Type", &event.kind);
    add("HealthStatus", event.health.as_deref().unwrap_or_default());
    members.insert("Attributes".to_owned(), json!(event.attributes));
    if let Some(code) = event.exit {
        members.insert("ContainerExitCode".to_owned(), json!(code));
    }
    Json::Object(members)
}

/// What templates may name.
fn fields(event: &Event) -> Map<String, Json> {
    let pairs = [
        ("ID", json!(event.id)),
        ("Image", json!(event.image)),
        ("Name", json!(event.name)),
        ("Status", json!(event.status)),
        ("Time", json!(show_time(event.at))),
        ("Type", json!(event.kind)),
        ("HealthStatus", json!(event.health.clone().unwrap_or_default())),
        ("Attributes", json!(event.attributes)),
        ("ContainerExitCode", json!(event.exit.unwrap_or_default())),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
