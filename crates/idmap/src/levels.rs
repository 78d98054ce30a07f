//! Nested user namespaces, side by side: what a picture of maps shows.
//!
//! A column is a namespace, the innermost first. Between two neighbours lies the inner one's map. Ids that stay together
//! through all columns are a [`Strand`]: a row of boxes in the terminal ([`text()`]), a band in an SVG picture ([`crate::svg`]).

mod boxes;
mod cells;
mod fit;
mod paint;
mod text;

use crate::{Extent, Extents, IdMap, IdSet, Kind, LAST_ID};

pub use boxes::Glyphs;
pub use cells::Label;
pub(crate) use cells::{Line, lines};
pub use text::{Style, text};

/// A column: one user namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// What it is: `container web`, `host`.
    pub title: String,
    /// What else is to be said about it, in a few words; may be empty.
    pub detail: String,
}

impl Level {
    /// A column with a title and a detail.
    pub fn new(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Level { title: title.into(), detail: detail.into() }
    }
}

/// Namespaces and the maps between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// The namespaces, the innermost first; at least one.
    pub columns: Vec<Level>,
    /// The maps between neighbours: one less than columns.
    pub maps: Vec<IdMap>,
    /// Ids of the innermost namespace that are of interest, the most interesting first.
    pub marks: Vec<(Kind, u32)>,
}

/// Looks the names up that ids have in a column.
pub trait LevelNames {
    /// The name of an id in the namespace of a column, counted from the innermost.
    fn name(&self, column: usize, kind: Kind, id: u32) -> Option<String>;
}

/// Ids that stay together through all columns that they reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strand {
    /// The first id in each column; nothing where the ids do not exist.
    pub starts: Vec<Option<u32>>,
    /// How many ids.
    pub len: u32,
}

impl Strand {
    /// The first and the last id in a column.
    pub fn ids(&self, column: usize) -> Option<(u32, u32)> {
        let first = (*self.starts.get(column)?)?;
        // A strand is a part of an extent, which ends with an id.
        Some((first, first.saturating_add(self.len - 1)))
    }

    /// Whether `next` goes on where this ends, in every column.
    fn continued_by(&self, next: &Strand) -> bool {
        self.starts.iter().zip(&next.starts).all(|pair| match pair {
            (Some(here), Some(there)) => u64::from(*here) + u64::from(self.len) == u64::from(*there),
            (None, None) => true,
            _ => false,
        })
    }

    /// The part that begins `skip` ids later, in all columns.
    fn part(&self, skip: u32, len: u32) -> Strand {
        Strand { starts: self.starts.iter().map(|start| start.map(|start| start + skip)).collect(), len }
    }

    /// Where it begins: the column, and the id there.
    fn key(&self) -> (usize, u32) {
        let found = self.starts.iter().enumerate().find_map(|(column, start)| start.map(|start| (column, start)));
        found.unwrap_or_default()
    }
}

/// One picture: uids and gids together if their maps are the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Which kinds of ids it shows.
    pub kinds: &'static [Kind],
    /// The strands, by rising ids of the innermost column; then those that the innermost namespace does not have.
    pub strands: Vec<Strand>,
    /// Marked ids of the innermost namespace, the most interesting first.
    pub marks: Vec<u32>,
}

impl View {
    /// `id`, `uid` or `gid`.
    pub fn word(&self) -> &'static str {
        match self.kinds {
            [only] => only.name(),
            _ => "id",
        }
    }

    /// The ids of the innermost namespace that no strand has.
    pub fn gaps(&self) -> IdSet {
        let mapped: IdSet = self.strands.iter().filter_map(|strand| strand.ids(0)).map(|(a, b)| a..=b).collect();
        IdSet::from_iter([0..=LAST_ID]).difference(&mapped)
    }
}

impl Levels {
    /// The pictures that are needed: one, or one for each kind of ids.
    pub fn views(&self) -> Vec<View> {
        let same = self.maps.iter().all(|map| map.uid.normalized() == map.gid.normalized());
        let views: &[&'static [Kind]] = if same { &[&Kind::BOTH] } else { &[&[Kind::Uid], &[Kind::Gid]] };
        views.iter().map(|kinds| self.view(kinds)).collect()
    }

    fn view(&self, kinds: &'static [Kind]) -> View {
        let first = kinds.first().copied().unwrap_or(Kind::Uid);
        let maps: Vec<&Extents> = self.maps.iter().map(|map| map.get(first)).collect();
        let mut marks: Vec<u32> = Vec::new();
        for (kind, id) in &self.marks {
            if kinds.contains(kind) && !marks.contains(id) {
                marks.push(*id);
            }
        }
        View { kinds, strands: strands(&maps), marks }
    }
}

/// Takes maps apart into strands. Without a map there is one: all ids.
pub fn strands(maps: &[&Extents]) -> Vec<Strand> {
    let columns = maps.len() + 1;
    let Some((first, outer)) = maps.split_first() else {
        return vec![Strand { starts: vec![Some(0)], len: LAST_ID + 1 }];
    };
    let mut found: Vec<Strand> = first.iter().map(|extent| begun(0, extent)).collect();
    for (index, map) in outer.iter().enumerate() {
        found = led_on(found, index + 1, map);
    }
    for strand in &mut found {
        strand.starts.resize(columns, None);
    }
    found.sort_by_key(Strand::key);
    merged(found)
}

/// A strand that an extent begins: `column` is the inside of its map.
fn begun(column: usize, extent: &Extent) -> Strand {
    let mut starts = vec![None; column];
    starts.extend([Some(extent.inside.0), Some(extent.outside.0)]);
    Strand { starts, len: extent.len }
}

/// Leads strands that have reached `column` through the next map, and begins those that only that namespace has.
fn led_on(found: Vec<Strand>, column: usize, map: &Extents) -> Vec<Strand> {
    let mut led = Vec::new();
    let mut reached = IdSet::new();
    for strand in found {
        let Some((first, last)) = strand.ids(column) else {
            led.push(strand);
            continue;
        };
        reached = reached.union(&IdSet::from_iter([first..=last]));
        led.extend(split(&strand, first, last, map));
    }
    for extent in map {
        for ids in IdSet::from_iter([extent.inside_range()]).difference(&reached).ranges() {
            let skip = ids.start() - extent.inside.0;
            led.push(begun(column, &extent.part(skip, ids.end() - ids.start() + 1)));
        }
    }
    led
}

/// The parts of a strand that lie within one extent each, led through it; and those that lie in none, which end here.
fn split(strand: &Strand, first: u32, last: u32, map: &Extents) -> Vec<Strand> {
    let mut parts = Vec::new();
    for extent in map {
        let (start, end) = extent.inside_range().into_inner();
        let (low, high) = (first.max(start), last.min(end));
        if low <= high {
            let mut part = strand.part(low - first, high - low + 1);
            part.starts.push(Some(extent.outside.0 + (low - start)));
            parts.push(part);
        }
    }
    for ids in IdSet::from_iter([first..=last]).difference(&map.inside_ids()).ranges() {
        let mut part = strand.part(ids.start() - first, ids.end() - ids.start() + 1);
        part.starts.push(None);
        parts.push(part);
    }
    parts
}

fn merged(sorted: Vec<Strand>) -> Vec<Strand> {
    let mut merged = Vec::<Strand>::new();
    for strand in sorted {
        match merged.last_mut() {
            Some(previous) if previous.continued_by(&strand) => previous.len += strand.len,
            _ => merged.push(strand),
        }
    }
    merged
}

#[cfg(test)]
#[path = "levels/tests.rs"]
mod tests;
