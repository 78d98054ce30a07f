//! Reading tar archives that nobody vouches for.
//!
//! Theory of operation: one thread reads, decompresses and hashes ([`stream`]); the caller's thread takes the uncompressed
//! stream apart ([`Entries`]) and writes files. The two share a few buffers and end together.
//!
//! The reader is our own, for three reasons: the values of extended headers are binary (capabilities hold newlines), all
//! lengths of foreign bytes are bounded before they are believed, and whatever two tar programs would read differently
//! (sizes that disagree, links with contents, doubled headers) is refused rather than guessed.
//!
//! Must: name the entry in every error. Must not: allocate by a length that was only promised; touch any file.
//!
//! Sources: POSIX.1-2024 `pax`, the GNU tar manual ("Basic Tar Format", "Storing Sparse Files").

mod compression;
mod entries;
mod header;
mod pax;
mod sparse;
mod stream;

use diag::{Error, codes};

pub(crate) use entries::{End, Entries, Entry, Kind};
pub(crate) use sparse::Segment;
pub(crate) use stream::{Stream, Sum, with_stream};

/// The size of a header, and what everything in an archive is padded to.
const BLOCK: usize = 512;

/// A moment as `utimensat` takes it: seconds since the epoch, nanoseconds after that second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Time {
    pub seconds: i64,
    pub nanoseconds: u32,
}

/// The archive itself is broken (UR0704).
fn broken(what: impl Into<String>) -> Error {
    Error::new(codes::UR0704, what.into())
}

/// An entry is not acceptable (UR0705): its name and why.
pub(crate) fn refused(name: &[u8], why: impl std::fmt::Display) -> Error {
    Error::new(codes::UR0705, format!("the archive's entry `{}` {why}", shown(name)))
}

/// A name from an archive, fit for a terminal: control characters escaped, and not longer than a line or two.
pub(crate) fn shown(name: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(&name[..name.len().min(LONGEST)]);
    let rest = if name.len() > LONGEST { "…" } else { "" };
    format!("{}{rest}", text.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\""))
}
