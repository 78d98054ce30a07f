//! Why a list of extents is no map.

use std::fmt;

use diag::{Error, codes};

use crate::{Extent, Kind, LAST_ID, MAX_BYTES, MAX_EXTENTS, grouped};

/// One of the two columns of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The ids that the container sees.
    Inside,
    /// The ids of the namespace around it.
    Outside,
}

impl Column {
    /// An extent's first id in this column.
    pub fn start(self, extent: &Extent) -> u32 {
        match self {
            Column::Inside => extent.inside.0,
            Column::Outside => extent.outside.0,
        }
    }
}

/// `container` or `host`, as messages name the columns.
impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Column::Inside => "container",
            Column::Outside => "host",
        })
    }
}

/// Two extents with their indexes in the list that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one with the lower index.
    pub earlier: (usize, Extent),
    /// The one with the higher index.
    pub later: (usize, Extent),
}

/// Why a list of extents is no map. Indexes count the extents as they were given, from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An extent of length 0.
    Zero {
        /// Which.
        index: usize,
        /// The extent.
        extent: Extent,
    },
    /// An extent that goes beyond id 4294967294.
    Overflow {
        /// Which.
        index: usize,
        /// In which column; the inner one is looked at first.
        column: Column,
        /// The extent.
        extent: Extent,
    },
    /// Two extents share ids in one column.
    Overlap {
        /// In which column.
        column: Column,
        /// The two.
        pair: Pair,
    },
    /// More than [`MAX_EXTENTS`].
    TooMany {
        /// The first that is too many, by rising ids inside.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// More than [`MAX_BYTES`] of text.
    TooLong {
        /// The first that does not fit, by rising ids inside.
        index: usize,
        /// How long the whole text is, in bytes.
        bytes: usize,
    },
}

impl Fault {
    /// The guilty extent, as an index into the list that was given. Of two that overlap, the later one.
    pub fn index(&self) -> usize {
        match self {
            Fault::Zero { index, .. }
            | Fault::Overflow { index, .. }
            | Fault::TooMany { index, .. }
            | Fault::TooLong { index, .. } => *index,
            Fault::Overlap { pair, .. } => pair.later.0,
        }
    }

    /// The diagnostic: UR0102, UR0103 or UR0104. The caller adds the origin, with the help of [`Fault::index`].
    pub fn into_error(self, kind: Kind) -> Error {
        let what = self.sentence(kind);
        match self {
            Fault::Zero { .. } => {
                Error::new(codes::UR0102, what).help("give the number of consecutive ids, at least 1")
            }
            Fault::Overflow { .. } => Error::new(codes::UR0102, what)
                .help(format!("id {LAST_ID} is the last that can be mapped: {} means \"no id\"", u32::MAX)),
            Fault::Overlap { column, pair } => overlap_facts(Error::new(codes::UR0103, what), column, &pair),
            Fault::TooMany { .. } | Fault::TooLong { .. } => Error::new(codes::UR0104, what)
                .fact(format!("the kernel takes at most {MAX_EXTENTS} extents, and at most {MAX_BYTES} bytes of text"))
                .help("map fewer and longer ranges"),
        }
    }

    fn sentence(&self, kind: Kind) -> String {
        match self {
            Fault::Zero { extent, .. } => format!("the {kind} map has an extent of length 0: `{extent}`"),
            Fault::Overflow { column, extent, .. } => {
                format!("the {kind} map's extent `{extent}` goes beyond the last {column} id")
            }
            Fault::Overlap { column, pair } => {
                let Pair { earlier, later } = pair;
                format!("the {kind} map's extents `{}` and `{}` share {column} ids", earlier.1, later.1)
            }
            Fault::TooMany { count, .. } => format!("the {kind} map has {count} extents"),
            Fault::TooLong { bytes, .. } => format!("the {kind} map is {} bytes long as text", grouped(*bytes as u64)),
        }
    }
}

fn overlap_facts(error: Error, column: Column, pair: &Pair) -> Error {
    let Pair { earlier: (_, a), later: (_, b) } = pair;
    let first = column.start(a).max(column.start(b));
    let last = (column.start(a) + (a.len - 1)).min(column.start(b) + (b.len - 1));
    let ids = if first == last { first.to_string() } else { format!("{first}-{last}") };
    let fact = match column {
        Column::Inside => format!("each gives container id {ids} another host id"),
        Column::Outside => format!("both give host id {ids} to the container, under two ids"),
    };
    error.fact(fact).help("let the later one replace the earlier one's part by a `+` before it, or shorten one of them")
}

/// For logs and for libraries that want words; people get [`Fault::into_error`].
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Zero { extent, .. } => write!(f, "extent {extent} has length 0"),
            Fault::Overflow { column, extent, .. } => write!(f, "extent {extent} goes beyond the last {column} id"),
            Fault::Overlap { column, pair } => {
                write!(f, "extents {} and {} share {column} ids", pair.earlier.1, pair.later.1)
            }
            Fault::TooMany { count, .. } => write!(f, "{count} extents, more than {MAX_EXTENTS}"),
            Fault::TooLong { bytes, .. } => write!(f, "{bytes} bytes of text, more than {MAX_BYTES}"),
        }
    }
}

impl std::error::Error for Fault {}
