//! `--format`: `json`, `table`, `table TEMPLATE`, or a Go template for each row.

use diag::{Error, Result, codes};
use engine::request::Given;
use gotmpl::{MissingKey, Template, Value};
use serde_json::{Map, Value as Json};

use crate::table;

/// What is printed: rows of named fields.
pub struct Listing {
    /// The names of the columns that are shown when nothing else is asked for, with their headings.
    pub columns: &'static [(&'static str, &'static str)],
    /// Each row's fields as people read them.
    pub rows: Vec<Map<String, Json>>,
    /// The same rows as programs read them.
    pub json: Json,
}

/// The listing as text, as `format` wants it.
pub fn show(listing: &Listing, format: Option<&Given<String>>) -> Result<String> {
    match format.map(|format| format.value.as_str()) {
        None | Some("table") => Ok(columns(listing)),
        Some("json") => Ok(json(&listing.json)),
        Some(text) => {
            let text = text.replace("\\t", "\t").replace("\\n", "\n");
            let result = match text.strip_prefix("table ") {
                Some(template) => table_of(listing, template),
                None => lines(listing, &text),
            };
            result.map_err(|error| refused(listing, error, format))
        }
    }
}

/// One value through a template, or as JSON.
pub fn one(value: &Json, format: &Given<String>) -> Result<String> {
    if format.value == "json" {
        return Ok(json(value));
    }
    let rendered = parse(&format.value).and_then(|template| template.execute_to_string(&go_value(value)));
    let refused = |error| format.blame(Error::new(codes::UR0806, "the template of `--format` fails").words(error));
    rendered.map(|line| line + "\n").map_err(refused)
}

fn json(value: &Json) -> String {
    // A value that was made from strings and numbers has no way to fail.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn columns(listing: &Listing) -> String {
    let cell = |row: &Map<String, Json>, name: &str| row.get(name).map_or_else(String::new, plain);
    let heading = listing.columns.iter().map(|(_, heading)| (*heading).to_owned()).collect();
    let rows = listing.rows.iter().map(|row| listing.columns.iter().map(|(name, _)| cell(row, name)).collect());
    table::lay_out(&std::iter::once(heading).chain(rows).collect::<Vec<_>>())
}

fn lines(listing: &Listing, text: &str) -> gotmpl::Result<String> {
    let template = parse(text)?;
    let mut all = String::new();
    for row in &listing.rows {
        all.push_str(&template.execute_to_string(&go_row(row))?);
        all.push('\n');
    }
    Ok(all)
}

fn table_of(listing: &Listing, text: &str) -> gotmpl::Result<String> {
    let template = parse(text)?;
    let cells = |line: String| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    // With blanks between the fields Podman makes columns of them too.
    let template = if text.contains('\t') { template } else { parse(&text.replace("}} {{", "}}\t{{"))? };
    let mut rows = vec![cells(template.execute_to_string(&headings(listing))?)];
    for row in &listing.rows {
        rows.push(cells(template.execute_to_string(&go_row(row))?));
    }
    Ok(table::lay_out(&rows))
}

/// A row whose fields hold their own headings.
fn headings(listing: &Listing) -> Value {
    let names = listing.rows.iter().flat_map(|row| row.keys().map(String::as_str));
    let of_fields = names.map(|name| (name.to_owned(), Json::from(spaced(name))));
    let of_columns = listing.columns.iter().map(|(name, heading)| ((*name).to_owned(), Json::from(*heading)));
    go_row(&of_fields.chain(of_columns).collect())
}

/// `RunningFor` as `RUNNING FOR`.
fn spaced(name: &str) -> String {
    let mut heading = String::new();
    let mut before = None::<char>;
    for letter in name.chars() {
        if letter.is_uppercase() && before.is_some_and(char::is_lowercase) {
            heading.push(' ');
        }
        heading.extend(letter.to_uppercase());
        before = Some(letter);
    }
    heading
}

fn go_row(row: &Map<String, Json>) -> Value {
    go_value(&Json::Object(row.clone()))
}

fn go_value(value: &Json) -> Value {
    gotmpl::to_value(value).unwrap_or(Value::Nil)
}

/// The way back, for the function `json`.
fn json_value(value: &Value) -> Json {
    match value {
        Value::Bool(truth) => Json::from(*truth),
        Value::Int(number) => Json::from(*number),
        Value::Uint(number) => Json::from(*number),
        Value::Float(number) => Json::from(*number),
        Value::String(text) => Json::from(&**text),
        Value::List(items) => items.iter().map(json_value).collect(),
        Value::Map(members) => members.iter().map(|(name, value)| (name.to_string(), json_value(value))).collect(),
        Value::Nil | Value::Function(_) => Json::Null,
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// Go's template language with the functions that Podman adds.
fn parse(text: &str) -> gotmpl::Result<Template> {
    let word = |args: &[Value]| args.first().map(ToString::to_string).unwrap_or_default();
    Template::new("format")
        .missing_key(MissingKey::Error)
        .func("json", |args| {
            let value = args.first().unwrap_or(&Value::Nil);
            Ok(Value::String(json_value(value).to_string().into()))
        })
        .func("upper", move |args| Ok(Value::String(word(args).to_uppercase().into())))
        .func("lower", move |args| Ok(Value::String(word(args).to_lowercase().into())))
        .parse(text)
}

fn refused(listing: &Listing, error: gotmpl::TemplateError, format: Option<&Given<String>>) -> Error {
    let ours = Error::new(codes::UR0806, "the template of `--format` fails").words(error);
    let ours = match listing.rows.first() {
        Some(row) => ours.fact(format!("fields: {}", row.keys().cloned().collect::<Vec<_>>().join(" "))),
        None => ours,
    };
    match format {
        Some(format) => format.blame(ours),
        None => ours,
    }
}
