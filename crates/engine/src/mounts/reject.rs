//! Diagnoses that point at a part of an option's value.

use std::ops::Range;

use diag::{Error, Origin, codes};

use crate::request::Given;

/// Where a part of a text lies in the whole; all of it, if the part is from elsewhere.
pub(super) fn place(whole: &str, part: &str) -> Range<usize> {
    let (begin, at) = (whole.as_ptr() as usize, part.as_ptr() as usize);
    match at.checked_sub(begin) {
        Some(start) if start + part.len() <= whole.len() => start..start + part.len(),
        _ => 0..whole.len(),
    }
}

/// The place of a part of an option's value on the command line.
pub(super) fn origin(given: &Given<String>, part: &str) -> Option<Origin> {
    let bytes = place(&given.value, part);
    match given.at.clone()? {
        Origin::Arg { argv, index, range } => {
            let start = range.map_or(0, |range| range.start);
            Some(Origin::Arg { argv, index, range: Some(start + bytes.start..start + bytes.end) })
        }
        other => Some(other),
    }
}

/// Lets an error point at a part of an option's value.
pub(super) fn blame(given: &Given<String>, part: &str, error: Error) -> Error {
    match origin(given, part) {
        Some(origin) => error.at(origin),
        None => error,
    }
}

/// UR0843 at a part of an option's value.
pub(super) fn wrong(given: &Given<String>, part: &str, what: impl Into<String>) -> Error {
    blame(given, part, Error::new(codes::UR0843, what.into()))
}

/// UR0808 at a part of an option's value.
pub(super) fn unsupported(given: &Given<String>, part: &str, what: impl Into<String>) -> Error {
    blame(given, part, Error::new(codes::UR0808, what.into()))
}
