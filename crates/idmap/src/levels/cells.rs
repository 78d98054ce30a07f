//! What stands in the boxes: ids with their names.

use super::{LevelNames, Strand};
use crate::{Kind, names::printable};

/// So many marked ids are named within one strand.
const MARKS: usize = 3;

/// An id and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The id.
    pub id: u32,
    /// `root`, or `user:group` where the two differ.
    pub name: Option<String>,
}

impl Label {
    /// Looks an id up in a column. Of uids and gids in one picture both names are shown if they differ.
    pub fn of(names: &dyn LevelNames, kinds: &[Kind], column: usize, id: u32) -> Label {
        let name = |kind: Kind| if kinds.contains(&kind) { printable(names.name(column, kind, id)) } else { None };
        let name = match (name(Kind::Uid), name(Kind::Gid)) {
            (Some(user), Some(group)) if user != group => Some(format!("{user}:{group}")),
            (None, Some(group)) if kinds.contains(&Kind::Uid) => Some(format!(":{group}")),
            (user, group) => user.or(group),
        };
        Label { id, name }
    }

    /// `101 redis`.
    pub fn text(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.id),
            None => self.id.to_string(),
        }
    }
}

/// One line of a strand's boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// An id, counted from the strand's first.
    Id(u32),
    /// A marked id between the first and the last.
    Mark(u32),
    /// The ids between.
    Between,
}

/// The lines of a strand: its first id, marked ones, its last.
pub(crate) fn lines(strand: &Strand, marks: &[u32]) -> Vec<Line> {
    let last = strand.len - 1;
    match last {
        0 => return vec![Line::Id(0)],
        1 => return vec![Line::Id(0), Line::Id(1)],
        _ => {}
    }
    let mut lines = vec![Line::Id(0)];
    let marked = marked(strand, marks);
    if marked.is_empty() {
        lines.push(Line::Between);
    }
    lines.extend(marked.into_iter().map(Line::Mark));
    lines.push(Line::Id(last));
    lines
}

/// The marked ids strictly within a strand, as distances from its first, in their order.
pub(crate) fn marked(strand: &Strand, marks: &[u32]) -> Vec<u32> {
    let Some((first, last)) = strand.ids(0) else { return Vec::new() };
    let within = marks.iter().filter(|id| (first + 1..last).contains(id)).take(MARKS);
    let mut within: Vec<u32> = within.map(|id| id - first).collect();
    within.sort_unstable();
    within
}
