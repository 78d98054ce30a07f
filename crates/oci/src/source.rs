//! A JSON document and the text that it was read from, so that a diagnosis can point into it.

use std::sync::Arc;

use diag::{Code, Error, Origin, Pointer, Result};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::place;

/// The text of a document, and what the user would call the file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The document's name: a path for a file, a digest for a blob.
    pub file: String,
    /// The whole document.
    pub text: Arc<str>,
}

impl Source {
    /// Takes a document that is text already.
    pub fn new(file: impl Into<String>, text: impl Into<Arc<str>>) -> Source {
        Source { file: file.into(), text: text.into() }
    }

    /// Takes a document as it was read; what is not UTF-8 is refused with `code`.
    pub fn from_bytes(file: impl Into<String>, bytes: Vec<u8>, code: Code) -> Result<Source> {
        let file = file.into();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Source { file, text: text.into() }),
            Err(error) => {
                let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = good.split(|byte| *byte == b'\n').count();
                Err(Error::new(code, format!("`{file}` is not UTF-8 text")).words(error.utf8_error()).at(
                    Origin::Line {
                        file,
                        line,
                        text: String::from_utf8_lossy(good.rsplit(|byte| *byte == b'\n').next().unwrap_or(good)).into(),
                    },
                ))
            }
        }
    }

    /// The place of a member or an element of this document.
    pub fn at(&self, pointer: Pointer) -> Origin {
        Origin::Config { file: self.file.clone(), pointer, text: Arc::clone(&self.text) }
    }

    /// Reads the document as a `T`; `code` says what kind of document it is.
    /// A value of the wrong type is pointed at by its name, a fault of the syntax by its line.
    pub fn parse<T: DeserializeOwned>(&self, code: Code) -> Result<T> {
        serde_json::from_str(&self.text).map_err(|error| self.explain(code, &error))
    }

    fn explain(&self, code: Code, error: &serde_json::Error) -> Error {
        let (line, column) = (error.line(), error.column());
        let words = error.to_string();
        let words = words.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&words);
        if error.classify() == Category::Data {
            let pointer = place::find(&self.text, line, column);
            let what = match pointer.as_str() {
                "" => format!("`{}` is not what it should be", self.file),
                _ => format!("`{pointer}` is not what it should be"),
            };
            return Error::new(code, what).words(words).at(self.at(pointer));
        }
        let what = format!("`{}` is not JSON: line {line}, column {column}", self.file);
        let text = self.text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        // A document without line breaks would fill the screen.
        let text = text.chars().take(200).collect();
        Error::new(code, what).words(words).at(Origin::Line { file: self.file.clone(), line, text })
    }
}

#[cfg(test)]
mod tests {
    use diag::codes;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Doc {
        #[expect(dead_code, reason = "it is there to be parsed")]
        a: Vec<u32>,
    }

    fn refused(text: &str) -> Error {
        Source::new("doc.json", text).parse::<Doc>(codes::UR0402).unwrap_err()
    }

    #[test]
    fn a_wrong_type_is_pointed_at() {
        let error = refused("{\n \"a\": [1,\n \"x\"]}");
        let Some(Origin::Config { pointer, .. }) = &error.report().at else { panic!("{error:?}") };
        assert_eq!(pointer.as_str(), "/a/1");
        assert_eq!(error.to_string(), "`a[1]` is not what it should be: invalid type: string \"x\", expected u32");
    }

    #[test]
    fn a_missing_member_points_at_its_owner() {
        let Some(Origin::Config { pointer, .. }) = refused("{\"b\": {}}").into_report().at else { panic!() };
        assert_eq!(pointer.as_str(), "");
    }

    #[test]
    fn broken_syntax_names_the_line() {
        let Some(Origin::Line { line, text, .. }) = refused("{\n \"a\": [1,,2]\n}").into_report().at else { panic!() };
        assert_eq!((line, text.as_str()), (2, " \"a\": [1,,2]"));
    }

    #[test]
    fn what_is_not_text_names_the_line() {
        let error = Source::from_bytes("doc.json", b"{\n\"\xff\"}".to_vec(), codes::UR0402).unwrap_err();
        let Some(Origin::Line { line, .. }) = error.into_report().at else { panic!() };
        assert_eq!(line, 2);
    }
}
