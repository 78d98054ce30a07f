//! Which words of the user a refusal is about.

use std::ops::Range;

use diag::{Code, Error, Origin};

/// The options that choose a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MapOption {
    /// `--userns`.
    Userns,
    /// `--uidmap`.
    Uidmap,
    /// `--gidmap`.
    Gidmap,
    /// `--subuidname`.
    Subuidname,
    /// `--subgidname`.
    Subgidname,
    /// `--map`.
    Map,
    /// `--me-as`.
    MeAs,
}

impl MapOption {
    /// The option with its dashes.
    pub const fn name(self) -> &'static str {
        match self {
            MapOption::Userns => "--userns",
            MapOption::Uidmap => "--uidmap",
            MapOption::Gidmap => "--gidmap",
            MapOption::Subuidname => "--subuidname",
            MapOption::Subgidname => "--subgidname",
            MapOption::Map => "--map",
            MapOption::MeAs => "--me-as",
        }
    }
}

/// A part of an option's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The option.
    pub option: MapOption,
    /// Which of its values, as it may be given several times: from 0.
    pub value: usize,
    /// Bytes of that value.
    pub bytes: Range<usize>,
}

impl Place {
    /// A part of an option's `value`-th value.
    pub const fn new(option: MapOption, value: usize, bytes: Range<usize>) -> Self {
        Place { option, value, bytes }
    }
}

/// A refusal, and the words that it is about.
#[derive(Debug)]
pub struct Refused {
    /// What is wrong, as yet without an origin.
    pub error: Error,
    /// Where it is, if it is in one place.
    pub place: Option<Place>,
}

impl Refused {
    pub(crate) fn new(place: Place, code: Code, what: impl Into<String>) -> Self {
        Refused { error: Error::new(code, what.into()), place: Some(place) }
    }

    pub(crate) fn nowhere(error: Error) -> Self {
        Refused { error, place: None }
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.error = self.error.help(text);
        self
    }

    pub(crate) fn fact(mut self, text: impl Into<String>) -> Self {
        self.error = self.error.fact(text);
        self
    }

    /// The diagnostic with its origin, which only the reader of the command line can tell.
    pub fn into_error(self, origin: impl FnOnce(&Place) -> Option<Origin>) -> Error {
        match self.place.as_ref().and_then(origin) {
            Some(origin) => self.error.at(origin),
            None => self.error,
        }
    }
}
