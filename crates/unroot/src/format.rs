//! `--format`: `json`, `table`, `table TEMPLATE`, or a Go template.
//!
//! What verbs print is either a [`Listing`], rows of which a template sees one at a time ([`show`]), or whole documents
//! ([`one`], [`each`]), as `inspect` has them. The templates' language is Go's, with the functions that Podman adds ([`template`]).

mod functions;
mod template;
#[cfg(test)]
mod tests;

use diag::{Error, Result, codes};
use engine::request::Given;
use gotmpl::TemplateError;
use serde_json::{Map, Value as Json};

use crate::table;
use template::Compiled;

/// What is printed: rows of named fields.
pub struct Listing {
    /// The names of the columns that are shown when nothing else is asked for, with their headings.
    pub columns: &'static [(&'static str, &'static str)],
    /// Each row's fields as people read them.
    pub rows: Vec<Map<String, Json>>,
    /// The same rows as programs read them.
    pub json: Json,
}

/// Whether columns have headings (`--noheading`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headings {
    /// They have.
    Shown,
    /// They have none.
    Hidden,
}

/// The listing as text, as `format` wants it, columns with their headings. UR0806 for a template that fails.
pub fn show(listing: &Listing, format: Option<&Given<String>>) -> Result<String> {
    show_with(listing, format, Headings::Shown)
}

/// As [`show`], with or without headings. As in Podman, a template that is no `table` has none in any case.
pub fn show_with(listing: &Listing, format: Option<&Given<String>>, headings: Headings) -> Result<String> {
    let Some(given) = format.filter(|format| format.value.trim() != "table") else {
        return Ok(columns(listing, headings));
    };
    if is_json(&given.value) {
        return Ok(json(&listing.json));
    }
    let text = unescaped(&given.value);
    let result = match text.strip_prefix("table ") {
        Some(template) => table_of(listing, template, headings),
        None => lines(listing, &text),
    };
    result.map_err(|error| {
        let fields = listing.rows.first().map(|row| row.keys().cloned().collect());
        given.blame(refused(error, fields))
    })
}

/// One document through a template, or as JSON. UR0806 for a template that fails.
pub fn one(value: &Json, format: &Given<String>) -> Result<String> {
    if is_json(&format.value) {
        return Ok(json(value));
    }
    let fields = || value.as_object().map(|members| members.keys().cloned().collect());
    let rendered = Compiled::of(&unescaped(&format.value)).and_then(|template| template.render(value));
    rendered.map(ended).map_err(|error| format.blame(refused(error, fields())))
}

/// Documents: all of them as one JSON list, or each through a template, as `inspect` prints them.
pub fn each(values: Vec<Json>, format: Option<&Given<String>>) -> Result<String> {
    match format.filter(|format| !is_json(&format.value)) {
        None => Ok(json(&Json::Array(values))),
        Some(format) => values.iter().map(|value| one(value, format)).collect(),
    }
}

/// `json`, and what Podman takes for the same: a template that is nothing but `{{json .}}`.
pub fn is_json(format: &str) -> bool {
    let bare: String = format.chars().filter(|letter| !letter.is_whitespace()).collect();
    matches!(bare.as_str(), "json" | "{{json.}}" | "{{json}}")
}

/// Tabs and line ends may be written `\t` and `\n`.
fn unescaped(text: &str) -> String {
    text.replace("\\t", "\t").replace("\\n", "\n")
}

fn ended(text: String) -> String {
    if text.ends_with('\n') { text } else { text + "\n" }
}

fn json(value: &Json) -> String {
    let mut bytes = Vec::new();
    // As Podman indents it.
    let format = serde_json::ser::PrettyFormatter::with_indent(b"     ");
    let mut writer = serde_json::Serializer::with_formatter(&mut bytes, format);
    // A value that was made from strings and numbers has no way to fail.
    let _ = serde::Serialize::serialize(value, &mut writer);
    String::from_utf8_lossy(&bytes).into_owned() + "\n"
}

fn columns(listing: &Listing, headings: Headings) -> String {
    let cell = |row: &Map<String, Json>, name: &str| row.get(name).map_or_else(String::new, plain);
    let heading = listing.columns.iter().map(|(_, heading)| (*heading).to_owned()).collect();
    let rows = listing.rows.iter().map(|row| listing.columns.iter().map(|(name, _)| cell(row, name)).collect());
    let heading = (headings == Headings::Shown).then_some(heading);
    table::lay_out(&heading.into_iter().chain(rows).collect::<Vec<_>>())
}

/// A line for each row. A template that goes through the rows itself (`{{range .}}`) sees all of them at once.
fn lines(listing: &Listing, text: &str) -> gotmpl::Result<String> {
    let template = Compiled::of(text)?;
    if goes_through_rows(text) {
        let all = listing.rows.iter().cloned().map(Json::Object).collect();
        return template.render(&Json::Array(all)).map(ended);
    }
    listing.rows.iter().map(|row| template.render(&Json::Object(row.clone())).map(ended)).collect()
}

fn goes_through_rows(text: &str) -> bool {
    let bare: String = text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
    bare.starts_with("{{range.}}")
}

fn table_of(listing: &Listing, text: &str, headings: Headings) -> gotmpl::Result<String> {
    // With blanks between the fields Podman makes columns of them too.
    let text = if text.contains('\t') { text.to_owned() } else { text.replace("}} {{", "}}\t{{") };
    let template = Compiled::of(&text)?;
    let cells = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let mut rows = Vec::new();
    if headings == Headings::Shown {
        // A field of a field has no heading.
        rows.extend(template.render(&heading(listing)).ok().map(|line| cells(&line)));
    }
    for row in &listing.rows {
        let text = template.render(&Json::Object(row.clone()))?;
        rows.extend(text.trim_end_matches('\n').lines().map(cells));
    }
    Ok(table::lay_out(&rows))
}

/// A row whose fields hold their own headings.
fn heading(listing: &Listing) -> Json {
    let names = listing.rows.iter().flat_map(|row| row.keys().map(String::as_str));
    let of_fields = names.map(|name| (name.to_owned(), Json::from(spaced(name))));
    let of_columns = listing.columns.iter().map(|(name, heading)| ((*name).to_owned(), Json::from(*heading)));
    Json::Object(of_fields.chain(of_columns).collect())
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

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

fn refused(error: TemplateError, fields: Option<Vec<String>>) -> Error {
    let ours = Error::new(codes::UR0806, "the template of `--format` fails").words(error);
    match fields {
        Some(fields) => ours.fact(format!("fields: {}", fields.join(" "))),
        None => ours,
    }
}
