//! Sets of ids.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::number::decimal_u32;

/// A set of ids, as sorted ranges: compact for what images and maps contain.
///
/// As text, and in JSON: `0-102,65534`; the empty set is the empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdSet {
    /// First and last id of each range: rising, disjoint, not adjacent.
    ranges: Vec<(u32, u32)>,
}

impl IdSet {
    /// The empty set.
    pub const fn new() -> Self {
        IdSet { ranges: Vec::new() }
    }

    /// Adds one id.
    pub fn insert(&mut self, id: u32) {
        self.insert_range(id..=id);
    }

    /// Adds all ids of a range; an empty one adds nothing.
    pub fn insert_range(&mut self, range: RangeInclusive<u32>) {
        let (mut first, mut last) = range.into_inner();
        if first > last {
            return;
        }
        // All ranges that touch or overlap the new one melt into it.
        let from = self.ranges.partition_point(|&(_, end)| end.saturating_add(1) < first);
        let to = self.ranges.partition_point(|&(start, _)| start <= last.saturating_add(1));
        if let Some(touched) = self.ranges.get(from..to)
            && let (Some(low), Some(high)) = (touched.first(), touched.last())
        {
            first = first.min(low.0);
            last = last.max(high.1);
        }
        self.ranges.splice(from..to.max(from), [(first, last)]);
    }

    /// Takes all ids of a range out; an empty one takes nothing.
    pub fn remove_range(&mut self, range: RangeInclusive<u32>) {
        let (first, last) = range.into_inner();
        if first > last {
            return;
        }
        let from = self.ranges.partition_point(|&(_, end)| end < first);
        let to = self.ranges.partition_point(|&(start, _)| start <= last).max(from);
        let mut rest = Vec::with_capacity(2);
        for &(start, end) in self.ranges.get(from..to).unwrap_or_default() {
            if start < first {
                rest.push((start, first - 1));
            }
            if end > last {
                rest.push((last + 1, end));
            }
        }
        self.ranges.splice(from..to, rest);
    }

    /// Whether the id is in it.
    pub fn contains(&self, id: u32) -> bool {
        let at = self.ranges.partition_point(|&(_, end)| end < id);
        self.ranges.get(at).is_some_and(|&(start, _)| start <= id)
    }

    /// The ranges: rising, disjoint, not adjacent.
    pub fn ranges(&self) -> impl DoubleEndedIterator<Item = RangeInclusive<u32>> + ExactSizeIterator + '_ {
        self.ranges.iter().map(|&(first, last)| first..=last)
    }

    /// Each id, rising. Mind that there may be four thousand million.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges().flatten()
    }

    /// How many ids.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|&(first, last)| u64::from(last - first) + 1).sum()
    }

    /// Whether it has no id.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest id.
    pub fn first(&self) -> Option<u32> {
        self.ranges.first().map(|&(first, _)| first)
    }

    /// The highest id.
    pub fn last(&self) -> Option<u32> {
        self.ranges.last().map(|&(_, last)| last)
    }

    /// The ids that are in either.
    #[must_use]
    pub fn union(&self, other: &IdSet) -> IdSet {
        self.ranges().chain(other.ranges()).collect()
    }

    /// The ids of this set that are not in the other.
    #[must_use]
    pub fn difference(&self, other: &IdSet) -> IdSet {
        let mut rest = self.clone();
        for range in other.ranges() {
            rest.remove_range(range);
        }
        rest
    }

    /// The ids that are in both.
    #[must_use]
    pub fn intersection(&self, other: &IdSet) -> IdSet {
        self.difference(&self.difference(other))
    }

    /// Whether any id of the range is in it.
    pub fn meets(&self, range: &RangeInclusive<u32>) -> bool {
        let at = self.ranges.partition_point(|&(_, end)| end < *range.start());
        !range.is_empty() && self.ranges.get(at).is_some_and(|&(start, _)| start <= *range.end())
    }

    /// As text with at most `most` ranges, and how many more there are: for messages.
    pub fn brief(&self, most: usize) -> String {
        if self.ranges.len() <= most {
            return self.to_string();
        }
        let shown = IdSet { ranges: self.ranges.iter().take(most).copied().collect() };
        format!("{shown} and {} more ranges", self.ranges.len() - most)
    }
}

impl FromIterator<RangeInclusive<u32>> for IdSet {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<u32>>>(ranges: I) -> Self {
        let mut set = IdSet::new();
        set.extend(ranges);
        set
    }
}

impl FromIterator<u32> for IdSet {
    fn from_iter<I: IntoIterator<Item = u32>>(ids: I) -> Self {
        ids.into_iter().map(|id| id..=id).collect()
    }
}

impl Extend<RangeInclusive<u32>> for IdSet {
    fn extend<I: IntoIterator<Item = RangeInclusive<u32>>>(&mut self, ranges: I) {
        for range in ranges {
            self.insert_range(range);
        }
    }
}

impl fmt::Display for IdSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, &(first, last)) in self.ranges.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if first == last {
                write!(f, "{comma}{first}")?;
            } else {
                write!(f, "{comma}{first}-{last}")?;
            }
        }
        Ok(())
    }
}

/// A text that is no set of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadIdSet(String);

impl fmt::Display for BadIdSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no id and no range of ids", self.0)
    }
}

impl std::error::Error for BadIdSet {}

/// Ranges in any order; they may overlap.
impl FromStr for IdSet {
    type Err = BadIdSet;

    fn from_str(text: &str) -> Result<Self, BadIdSet> {
        if text.is_empty() {
            return Ok(IdSet::new());
        }
        text.split(',').map(|part| range(part).ok_or_else(|| BadIdSet(part.to_owned()))).collect()
    }
}

fn range(text: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = decimal_u32(first)?..=decimal_u32(last)?;
    (!range.is_empty()).then_some(range)
}

impl TryFrom<String> for IdSet {
    type Error = BadIdSet;

    fn try_from(text: String) -> Result<Self, BadIdSet> {
        text.parse()
    }
}

impl From<IdSet> for String {
    fn from(set: IdSet) -> Self {
        set.to_string()
    }
}
