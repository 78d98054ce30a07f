//! What is not as it should be, and what helps.

use diag::{Error, Severity};
use oci::Digest;

use crate::ContainerId;

/// Something that is not as it should be.
#[derive(Debug)]
pub struct Finding {
    /// What it is, whom it harms, and what can be done. An error is something that a command would stumble over; a warning is not.
    pub error: Error,
    pub(super) cure: Cure,
}

impl Finding {
    /// Whether a command would stumble over it.
    pub fn is_defect(&self) -> bool {
        self.error.report().severity == Severity::Error
    }
}

/// What is done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// Nothing can be done here; the diagnostic says what can be done elsewhere.
    None,
    /// The record of an image that cannot be used is removed.
    Record(String),
    /// A layer is unpacked again, from one of its archives.
    Layer(Digest, Vec<Digest>),
    /// A layer that cannot be made again: the records of the images that need it are removed.
    Images(Digest),
    /// A blob that is not what it should be is removed.
    Blob(Digest),
    /// What nothing leads to is collected.
    Collect,
    /// A link in `names/` is removed.
    Name(String),
    /// A container that cannot be used is removed; with this, something that it has written would be lost.
    Container(ContainerId, bool),
    /// A tree with other owners, or the links to a layer's contents, are removed: who needs them makes them again.
    Tree(String),
    /// A file that nobody will write to its end is removed.
    Draft(String),
}

/// What came of a mending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mended {
    /// It is as it should be again; what was done.
    Done(String),
    /// It was left as it is; why.
    Left(String),
}
