//! Which ids does a container need? Read off what its image contains.

use std::{fmt, ops::RangeInclusive};

use crate::{IdSet, LAST_ID, NOBODY, grouped};

/// The usual window: system accounts, and the first ordinary ones.
pub const WINDOW: u32 = 1024;

/// What `systemd` wants: it makes users up to 65519 (`DynamicUser=`) by itself.
pub const FULL: u32 = 65536;

/// An id at most this far above the window widens it; what is farther away is mapped by itself.
const REACH: u32 = 1024;

/// What is known about one kind of ids in an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageIds {
    /// Owners of its files.
    pub files: IdSet,
    /// Ids in its `/etc/passwd` and `/etc/group`.
    pub accounts: IdSet,
    /// Owners of the directories that it declares as volumes; they are among those of its files.
    pub volumes: IdSet,
    /// Ids that access control lists of its files name.
    pub acls: IdSet,
    /// Root of the user namespaces in which capabilities of its files count (`rootid` of `struct vfs_ns_cap_data`).
    pub capabilities: IdSet,
    /// Ids that its process will have: `USER`, `--user`, `--group-add`.
    pub process: IdSet,
    /// Whether it runs systemd.
    pub systemd: bool,
}

impl ImageIds {
    /// What widens the window, or is mapped by itself: by falling weight of the reason.
    fn sources(&self) -> [(&IdSet, Reason); 6] {
        [
            (&self.process, Reason::Process),
            (&self.volumes, Reason::Volume),
            (&self.files, Reason::Files),
            (&self.acls, Reason::Acl),
            (&self.capabilities, Reason::Capability),
            (&self.accounts, Reason::Accounts),
        ]
    }
}

/// Why ids are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The window from 0: what images use, up to the highest of their ordinary ids.
    Window,
    /// The user asked for this size.
    Size,
    /// storage.conf asks for this size at least.
    Least,
    /// The image runs systemd.
    Systemd,
    /// The user nobody.
    Nobody,
    /// The process runs with them.
    Process,
    /// They own a volume of the image.
    Volume,
    /// They own files of the image.
    Files,
    /// Access control lists of the image's files name them.
    Acl,
    /// They are root of the user namespaces in which capabilities of the image's files count.
    Capability,
    /// They are in the image's `/etc/passwd` or `/etc/group`.
    Accounts,
    /// The person has chosen host ids for them.
    Wish,
    /// The container's slot has room for them.
    Room,
    /// They lie between needed ids, which would take too many extents one by one.
    Between,
}

impl Reason {
    /// One word for machines; it stays the same.
    pub const fn word(self) -> &'static str {
        match self {
            Reason::Window => "window",
            Reason::Size => "size",
            Reason::Least => "least",
            Reason::Systemd => "systemd",
            Reason::Nobody => "nobody",
            Reason::Process => "process",
            Reason::Volume => "volume",
            Reason::Files => "files",
            Reason::Acl => "acl",
            Reason::Capability => "capability",
            Reason::Accounts => "accounts",
            Reason::Wish => "wish",
            Reason::Room => "room",
            Reason::Between => "between",
        }
    }
}

impl Reason {
    /// Whether nothing in the image needs just these ids.
    const fn is_for_choice(self) -> bool {
        matches!(self, Reason::Systemd | Reason::Least | Reason::Room)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Window => "the usual window, up to the image's highest ordinary id",
            Reason::Size => "the size that was asked for",
            Reason::Least => "the least size of an automatic map, from storage.conf",
            Reason::Systemd => "the image runs systemd, which makes users of its own",
            Reason::Nobody => "the user nobody",
            Reason::Process => "the container's process has this id",
            Reason::Volume => "owns a volume of the image",
            Reason::Files => "owns files of the image",
            Reason::Acl => "is in access control lists of the image's files",
            Reason::Capability => "is the root that capabilities of the image's files are for",
            Reason::Accounts => "is in the image's /etc/passwd or /etc/group",
            Reason::Wish => "you have chosen its host id",
            Reason::Room => "the container's slot has room for them",
            Reason::Between => "lies between needed ids: one by one they would take too many extents",
        })
    }
}

/// Consecutive ids and why they are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The ids inside.
    pub ids: RangeInclusive<u32>,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.ids.start(), self.ids.end());
        if first == last { write!(f, "{first}: {}", self.reason) } else { write!(f, "{first}-{last}: {}", self.reason) }
    }
}

/// Which ids to map for a container, by rising ids, each with its reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    parts: Vec<Part>,
}

impl Needs {
    /// The ids 0 to `size - 1`.
    pub fn window(size: u32) -> Self {
        let ids = crate::extent::span(0, size);
        Needs { parts: if ids.is_empty() { Vec::new() } else { vec![Part { ids, reason: Reason::Size }] } }
    }

    /// What an image needs: a window from 0 over its ordinary ids, and far ones each by itself. An id that is needed
    /// for several reasons has the first of them, in the order of [`Reason`].
    pub fn of_image(image: &ImageIds) -> Self {
        let sources = image.sources();
        let all = sources.iter().fold(IdSet::new(), |all, (ids, _)| all.union(ids));
        let window = window(&all);
        let mut parts = vec![Part { ids: 0..=window, reason: Reason::Window }];
        let mut mapped = IdSet::from_iter([0..=window]);
        // Beyond the last id nothing can be mapped.
        mapped.insert_range(LAST_ID + 1..=LAST_ID + 1);
        let nobody: IdSet = [NOBODY].into_iter().collect();
        for (ids, reason) in std::iter::once((&nobody, Reason::Nobody)).chain(sources) {
            let fresh = ids.difference(&mapped);
            parts.extend(fresh.ranges().map(|ids| Part { ids, reason }));
            mapped = mapped.union(&fresh);
        }
        let size = if image.systemd { FULL } else { 0 };
        Needs { parts }.with_all_below(size, Reason::Systemd)
    }

    /// The same plan with all ids below `size`: for a pool that nobody else uses anyway, so that programs may take
    /// ids that the image does not mention.
    #[must_use]
    pub fn widened(&self, size: u32) -> Needs {
        self.with_all_below(size, Reason::Room)
    }

    /// The same plan with all ids below `size`, because a map is to have so many at least.
    #[must_use]
    pub fn at_least(&self, size: u32) -> Needs {
        self.with_all_below(size, Reason::Least)
    }

    fn with_all_below(&self, size: u32, reason: Reason) -> Needs {
        let more = IdSet::from_iter([crate::extent::span(0, size)]).difference(&self.ids());
        let more = more.ranges().map(|ids| Part { ids, reason });
        Needs { parts: self.parts.iter().cloned().chain(more).collect() }.sorted()
    }

    /// The same plan with `most` ids at most, if that is possible without what the image itself needs: the highest of the ids that are
    /// there for programs to choose from give way.
    #[must_use]
    pub fn within(&self, most: u64) -> Needs {
        let mut excess = self.count().saturating_sub(most);
        let mut parts = Vec::new();
        for part in self.parts.iter().rev() {
            let (first, last) = (*part.ids.start(), *part.ids.end());
            let len = u64::from(last - first) + 1;
            let gone = if part.reason.is_for_choice() { excess.min(len) } else { 0 };
            excess -= gone;
            // No more than the part's length, which is less than 2^32 but for all ids there are.
            if let Some(more) = u32::try_from(len - gone).ok().and_then(|left| left.checked_sub(1)) {
                parts.push(Part { ids: first..=first + more, reason: part.reason });
            }
        }
        Needs { parts }.sorted()
    }

    /// With ids for which the person has chosen host ids: they are mapped whatever the image needs.
    #[must_use]
    pub fn wishing(&self, wishes: &IdSet) -> Needs {
        let more = wishes.difference(&self.ids());
        let more = more.ranges().map(|ids| Part { ids, reason: Reason::Wish });
        Needs { parts: self.parts.iter().cloned().chain(more).collect() }.sorted()
    }

    fn sorted(mut self) -> Needs {
        self.parts.sort_by_key(|part| *part.ids.start());
        self
    }

    /// The parts, by rising ids.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// All ids.
    pub fn ids(&self) -> IdSet {
        self.parts.iter().map(|part| part.ids.clone()).collect()
    }

    /// How many ids.
    pub fn count(&self) -> u64 {
        self.ids().count()
    }

    /// The same plan in at most `most` runs of ids: the smallest gaps are mapped too.
    #[must_use]
    pub fn coarser(&self, most: usize) -> Needs {
        let ids = self.ids();
        let runs: Vec<_> = ids.ranges().collect();
        let mut gaps: Vec<RangeInclusive<u32>> =
            runs.windows(2).map(|pair| pair[0].end() + 1..=pair[1].start() - 1).collect();
        gaps.sort_by_key(|gap| gap.end() - gap.start());
        let too_many = runs.len().saturating_sub(most.max(1));
        let filled = gaps.into_iter().take(too_many).map(|ids| Part { ids, reason: Reason::Between });
        Needs { parts: self.parts.iter().cloned().chain(filled).collect() }.sorted()
    }
}

/// A line a part, then the number of ids.
impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            writeln!(f, "{part}")?;
        }
        write!(f, "{} ids", grouped(self.count()))
    }
}

/// The last id of the window.
fn window(all: &IdSet) -> u32 {
    let mut last = WINDOW - 1;
    // nobody is in every image and says nothing about how far its ids go.
    let nobody = [NOBODY].into_iter().collect();
    for range in all.difference(&nobody).ranges() {
        if *range.start() > last.saturating_add(REACH) {
            break;
        }
        last = last.max((*range.end()).min(LAST_ID));
    }
    last
}

#[cfg(test)]
mod tests;
