//! One line of a map.

use std::{fmt, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use crate::{Inside, LAST_ID, Outside, number::width};

/// `len` consecutive ids inside, and the `len` consecutive ids outside that they are.
///
/// An extent by itself may be wrong (`len` 0, or beyond the last id): it is what somebody wrote.
/// The extents in an [`crate::Extents`] are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(u32, u32, u32)", into = "(u32, u32, u32)")]
pub struct Extent {
    /// The first id inside.
    pub inside: Inside,
    /// The first id outside.
    pub outside: Outside,
    /// How many ids: at least 1.
    pub len: u32,
}

impl Extent {
    /// Puts the three numbers together, unchecked.
    pub const fn new(inside: u32, outside: u32, len: u32) -> Self {
        Extent { inside: Inside(inside), outside: Outside(outside), len }
    }

    /// The ids inside. Of a wrong extent, those that exist.
    pub fn inside_range(&self) -> RangeInclusive<u32> {
        span(self.inside.0, self.len)
    }

    /// The ids outside. Of a wrong extent, those that exist.
    pub fn outside_range(&self) -> RangeInclusive<u32> {
        span(self.outside.0, self.len)
    }

    /// Whether `next` continues this extent in both columns.
    pub fn continued_by(&self, next: &Extent) -> bool {
        end(self.inside.0, self.len) == u64::from(next.inside.0)
            && end(self.outside.0, self.len) == u64::from(next.outside.0)
    }

    /// The same extent seen from the other side.
    #[must_use]
    pub const fn inverted(&self) -> Self {
        Extent::new(self.outside.0, self.inside.0, self.len)
    }

    /// The part that begins `skip` ids later and has `len` ids. Both must lie within the extent.
    pub(crate) const fn part(&self, skip: u32, len: u32) -> Self {
        Extent::new(self.inside.0 + skip, self.outside.0 + skip, len)
    }

    /// How many bytes its line in `uid_map` takes, the newline included.
    pub(crate) const fn text_len(&self) -> usize {
        width(self.inside.0) + width(self.outside.0) + width(self.len) + 3
    }
}

/// One past the last id: may be beyond `u32`.
pub(crate) fn end(start: u32, len: u32) -> u64 {
    u64::from(start) + u64::from(len)
}

/// `len` ids from `start`, cut at the last id.
pub(crate) fn span(start: u32, len: u32) -> RangeInclusive<u32> {
    match len.checked_sub(1) {
        Some(more) => start..=start.saturating_add(more).min(LAST_ID),
        #[expect(clippy::reversed_empty_ranges, reason = "an empty range is what is meant")]
        None => 1..=0,
    }
}

/// As `--uidmap` has it: `0:100000:65536`.
impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.inside, self.outside, self.len)
    }
}

impl From<(u32, u32, u32)> for Extent {
    fn from((inside, outside, len): (u32, u32, u32)) -> Self {
        Extent::new(inside, outside, len)
    }
}

impl From<Extent> for (u32, u32, u32) {
    fn from(extent: Extent) -> Self {
        (extent.inside.0, extent.outside.0, extent.len)
    }
}
