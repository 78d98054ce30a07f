//! Go's template language on JSON values.
//!
//! A field that a document does not have is an error, as for Podman, whose documents are structures: a name that is written wrongly is told.
//! Labels and annotations are free words; one that is not there prints as `<no value>`.

use gotmpl::{MissingKey, Template, TemplateError, Value};
use serde_json::Value as Json;

use super::functions;

/// How often the bodies of a template's loops may be gone through: more than any list that is printed has.
const ITERATIONS: u64 = 1_000_000;

/// The members whose own members anybody may name.
const FREE: [&str; 3] = ["Labels", "Annotations", "Options"];

/// A template that was understood.
pub(super) struct Compiled {
    strict: Template,
    text: String,
}

impl Compiled {
    pub(super) fn of(text: &str) -> gotmpl::Result<Compiled> {
        Ok(Compiled { strict: parse(text, MissingKey::Error)?, text: text.to_owned() })
    }

    /// The template's text for a document.
    pub(super) fn render(&self, document: &Json) -> gotmpl::Result<String> {
        let value = go_value(document);
        match self.strict.execute_to_string(&value) {
            Err(TemplateError::MissingKey { key }) if self.is_free(&key) => {
                parse(&self.text, MissingKey::Invalid)?.execute_to_string(&value)
            }
            rendered => rendered,
        }
    }

    fn is_free(&self, key: &str) -> bool {
        FREE.iter().any(|member| self.text.contains(&format!(".{member}.{key}")))
    }
}

fn parse(text: &str, missing: MissingKey) -> gotmpl::Result<Template> {
    functions::add(Template::new("format").missing_key(missing).max_range_iters(ITERATIONS)).parse(text)
}

fn go_value(value: &Json) -> Value {
    gotmpl::to_value(value).unwrap_or(Value::Nil)
}
