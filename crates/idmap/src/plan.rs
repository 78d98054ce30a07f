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
mod tests {
    use super::*;

    fn image(files: &str, accounts: &str, process: &str) -> ImageIds {
        let set = |text: &str| text.parse().unwrap();
        ImageIds { files: set(files), accounts: set(accounts), process: set(process), ..ImageIds::default() }
    }

    #[test]
    fn windows_and_outliers() {
        let cases = [
            (image("0", "0-100,65534", "0"), "0-1023,65534"),
            (image("0,1000", "0-100,1500", ""), "0-1500,65534"),
            (image("0", "0,2047", "3000"), "0-3000,65534"),
            (image("0", "0,2048", ""), "0-1023,2048,65534"),
            (image("0,205001", "0-42,65534", "1000650000"), "0-1023,65534,205001,1000650000"),
            (image("65534", "65534", "65534"), "0-1023,65534"),
            (image("65532", "0,65532,65534", "65532"), "0-1023,65532,65534"),
            (image("", "4294967295", "4294967294"), "0-1023,65534,4294967294"),
            (ImageIds { systemd: true, ..image("0,70000", "", "") }, "0-65535,70000"),
            (image("0-70000", "", ""), "0-70000"),
        ];
        for (image, expected) in cases {
            let plan = Needs::of_image(&image);
            assert_eq!(plan.ids().to_string(), expected, "{image:?}");
        }
    }

    #[test]
    fn each_part_has_its_reason() {
        let plan = Needs::of_image(&image("0,9000,9001", "9002,20000", "9000"));
        let said: Vec<_> = plan.parts().iter().map(|part| (part.ids.clone(), part.reason)).collect();
        let expected = [
            (0..=1023, Reason::Window),
            (9000..=9000, Reason::Process),
            (9001..=9001, Reason::Files),
            (9002..=9002, Reason::Accounts),
            (20_000..=20_000, Reason::Accounts),
            (65_534..=65_534, Reason::Nobody),
        ];
        assert_eq!(said, expected);
        assert_eq!(plan.parts()[1].to_string(), "9000: the container's process has this id");
        assert_eq!(plan.widened(65_536).ids().to_string(), "0-65535");
        assert_eq!(plan.widened(10), plan);
        assert!(plan.to_string().ends_with("\n1029 ids"), "{plan}");
    }

    #[test]
    fn rarer_reasons() {
        let set = |text: &str| text.parse().unwrap();
        let plan = Needs::of_image(&ImageIds {
            volumes: set("7000"),
            acls: set("7000,8000"),
            capabilities: set("8000,9000"),
            ..image("0,7000", "0", "0")
        })
        .wishing(&set("5,1500,9000,10000"));
        let said: Vec<_> = plan.parts().iter().skip(1).map(|part| (*part.ids.start(), part.reason.word())).collect();
        let expected = [
            (1500, "wish"),
            (7000, "volume"),
            (8000, "acl"),
            (9000, "capability"),
            (10_000, "wish"),
            (65_534, "nobody"),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn a_least_size() {
        let plan = Needs::of_image(&image("0,1500", "", "")).at_least(4096);
        assert_eq!(plan.ids().to_string(), "0-4095,65534");
        assert_eq!(plan.parts()[1], Part { ids: 1501..=4095, reason: Reason::Least });
        assert_eq!(plan.at_least(10), plan);
    }

    #[test]
    fn what_is_for_choice_gives_way() {
        let image = ImageIds { systemd: true, ..image("0,40000,70000-70009,1000650000", "", "") };
        let plan = Needs::of_image(&image);
        assert_eq!((plan.count(), plan.ids().to_string().as_str()), (65_547, "0-65535,70000-70009,1000650000"));
        let fitting = plan.within(65_536);
        assert_eq!(fitting.ids().to_string(), "0-65523,65534,70000-70009,1000650000");
        assert_eq!(fitting.count(), 65_536);
        let least = Needs::of_image(&ImageIds { systemd: false, ..image });
        assert_eq!(plan.within(0), least);
        assert_eq!(least.widened(2000).within(1100).ids().to_string(), "0-1086,40000,65534,70000-70009,1000650000");
        assert_eq!(least.within(u64::MAX), least);
        assert_eq!(Needs::window(50).within(3), Needs::window(50));
    }

    #[test]
    fn coarser_maps_the_smallest_gaps() {
        let plan = Needs::of_image(&image("0,3000,3002,3010,9000", "", ""));
        assert_eq!(plan.ids().to_string(), "0-1023,3000,3002,3010,9000,65534");
        assert_eq!(plan.coarser(5).ids().to_string(), "0-1023,3000-3002,3010,9000,65534");
        assert_eq!(plan.coarser(3).ids().to_string(), "0-3010,9000,65534");
        assert_eq!(plan.coarser(0).ids().to_string(), "0-65534");
        assert_eq!(plan.coarser(100), plan);
    }
}
