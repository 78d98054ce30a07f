//! The functions that Podman adds to Go's: `join`, `json`, `lower`, `pad`, `split`, `title`, `truncate`, `upper`.
//!
//! Source: containers/common, `report.DefaultFuncs`; their arguments stand in the same order.

use gotmpl::{Result, Template, TemplateError, Value};
use serde_json::Value as Json;

/// No text is padded with more blanks on one side.
const PADDING: i64 = 4096;

/// Makes the functions known to a template that is about to be parsed.
pub(super) fn add(template: Template) -> Template {
    template
        .func("json", |args| one("json", args).map(|value| text(json_value(value).to_string())))
        .func("upper", |args| word("upper", args).map(|word| text(word.to_uppercase())))
        .func("lower", |args| word("lower", args).map(|word| text(word.to_lowercase())))
        .func("title", |args| word("title", args).map(|word| text(title(&word))))
        .func("split", split)
        .func("join", join)
        .func("pad", pad)
        .func("truncate", truncate)
}

fn text(text: String) -> Value {
    Value::String(text.into())
}

fn wrong(name: &str, expected: usize, got: usize) -> TemplateError {
    TemplateError::ArgCount { name: name.to_owned(), expected, got }
}

fn one<'a>(name: &str, args: &'a [Value]) -> Result<&'a Value> {
    match args {
        [value] => Ok(value),
        other => Err(wrong(name, 1, other.len())),
    }
}

fn string(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.to_string()),
        other => Err(TemplateError::TypeMismatch { expected: "string", got: other.type_name() }),
    }
}

fn number(value: &Value) -> Result<i64> {
    let mismatch = || TemplateError::TypeMismatch { expected: "int", got: value.type_name() };
    match value {
        Value::Int(number) => Ok(*number),
        Value::Uint(number) => i64::try_from(*number).map_err(|_| mismatch()),
        _ => Err(mismatch()),
    }
}

/// The only argument, which is text or a number.
fn word(name: &str, args: &[Value]) -> Result<String> {
    match one(name, args)? {
        list @ (Value::List(_) | Value::Map(_)) => string(list),
        other => Ok(other.to_string()),
    }
}

/// The first letter of each word in upper case.
fn title(words: &str) -> String {
    let mut before = ' ';
    words
        .chars()
        .flat_map(|letter| {
            let begins = !before.is_alphanumeric() && before != '_' && before != '\'';
            before = letter;
            if begins { letter.to_uppercase().collect::<Vec<_>>() } else { vec![letter] }
        })
        .collect()
}

/// `split TEXT SEPARATOR`; without a separator, its letters.
fn split(args: &[Value]) -> Result<Value> {
    let [whole, separator] = args else { return Err(wrong("split", 2, args.len())) };
    let (whole, separator) = (string(whole)?, string(separator)?);
    let parts: Vec<Value> = if separator.is_empty() {
        whole.chars().map(|letter| text(letter.to_string())).collect()
    } else {
        whole.split(separator.as_str()).map(|part| text(part.to_owned())).collect()
    };
    Ok(Value::List(parts.into()))
}

/// `join LIST SEPARATOR`.
fn join(args: &[Value]) -> Result<Value> {
    let [list, separator] = args else { return Err(wrong("join", 2, args.len())) };
    let parts: Vec<String> = match list {
        Value::List(items) => items.iter().map(string).collect::<Result<_>>()?,
        // What Go writes as an empty list.
        Value::Nil => Vec::new(),
        other => return Err(TemplateError::TypeMismatch { expected: "list", got: other.type_name() }),
    };
    Ok(text(parts.join(&string(separator)?)))
}

/// `pad TEXT BEFORE AFTER`: so many blanks; an empty text stays empty.
fn pad(args: &[Value]) -> Result<Value> {
    let [whole, before, after] = args else { return Err(wrong("pad", 3, args.len())) };
    let whole = string(whole)?;
    let blanks = |count: &Value| -> Result<String> {
        let count = number(count)?.clamp(0, PADDING);
        Ok(" ".repeat(usize::try_from(count).unwrap_or(0)))
    };
    let (before, after) = (blanks(before)?, blanks(after)?);
    Ok(text(if whole.is_empty() { whole } else { before + &whole + &after }))
}

/// `truncate TEXT LENGTH`: its first letters.
fn truncate(args: &[Value]) -> Result<Value> {
    let [whole, length] = args else { return Err(wrong("truncate", 2, args.len())) };
    let (whole, length) = (string(whole)?, usize::try_from(number(length)?.max(0)).unwrap_or(usize::MAX));
    Ok(text(whole.chars().take(length).collect()))
}

/// A template's value as JSON.
pub(super) fn json_value(value: &Value) -> Json {
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
