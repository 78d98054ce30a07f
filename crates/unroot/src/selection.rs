//! The options by which verbs choose containers, in the words of the engine.

use diag::Result;
use engine::{ps::Filter, select::Selection};

use crate::words::Words;

/// What was written; a verb that lacks an option leaves it empty.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Names and ids.
    pub containers: Vec<String>,
    /// `--all`.
    pub all: bool,
    /// `--latest`.
    pub latest: bool,
    /// `--cidfile`.
    pub cidfile: Vec<String>,
    /// `--filter`.
    pub filter: Vec<String>,
    /// `--ignore`.
    pub ignore: bool,
}

impl Chosen {
    /// Reads the filters, and gives each word its place.
    pub fn read(self, words: &Words) -> Result<Selection> {
        Ok(Selection {
            names: words.operands_from(0, self.containers),
            all: self.all,
            latest: self.latest,
            cidfiles: words.each("cidfile", self.cidfile),
            filters: words.each("filter", self.filter).iter().map(Filter::parse).collect::<Result<_>>()?,
            ignore: self.ignore,
        })
    }
}
