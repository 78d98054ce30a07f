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
    /// Ids that its process will have: `USER`, `--user`, `--group-add`.
    pub process: IdSet,
    /// Whether it runs systemd.
    pub systemd: bool,
}

/// Why ids are mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The window from 0: what images use, up to the highest of their ordinary ids.
    Window,
    /// The user asked for this size.
    Size,
    /// The image runs systemd.
    Systemd,
    /// The user nobody.
    Nobody,
    /// The process runs with them.
    Process,
    /// They own files of the image.
    Files,
    /// They are in the image's `/etc/passwd` or `/etc/group`.
    Accounts,
    /// The container's slot has room for them.
    Room,
    /// They lie between needed ids, which would take too many extents one by one.
    Between,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Window => "the usual window, up to the image's highest ordinary id",
            Reason::Size => "the size that was asked for",
            Reason::Systemd => "the image runs systemd, which makes users of its own",
            Reason::Nobody => "the user nobody",
            Reason::Process => "the container's process has this id",
            Reason::Files => "owns files of the image",
            Reason::Accounts => "is in the image's /etc/passwd or /etc/group",
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

    /// What an image needs: a window from 0 over its ordinary ids, and far ones each by itself.
    pub fn of_image(image: &ImageIds) -> Self {
        let sources =
            [(&image.process, Reason::Process), (&image.files, Reason::Files), (&image.accounts, Reason::Accounts)];
        let all = sources.iter().fold(IdSet::new(), |all, (ids, _)| all.union(ids));
        let window = window(&all, image.systemd);
        let reason = if image.systemd { Reason::Systemd } else { Reason::Window };
        let mut parts = vec![Part { ids: 0..=window, reason }];
        let mut mapped = IdSet::from_iter([0..=window]);
        // Beyond the last id nothing can be mapped.
        mapped.insert_range(LAST_ID + 1..=LAST_ID + 1);
        let nobody: IdSet = [NOBODY].into_iter().collect();
        for (ids, reason) in std::iter::once((&nobody, Reason::Nobody)).chain(sources) {
            let fresh = ids.difference(&mapped);
            parts.extend(fresh.ranges().map(|ids| Part { ids, reason }));
            mapped = mapped.union(&fresh);
        }
        parts.sort_by_key(|part| *part.ids.start());
        Needs { parts }
    }

    /// The same plan with all ids below `size`: for a pool that nobody else uses anyway, so that programs may take
    /// ids that the image does not mention.
    #[must_use]
    pub fn widened(&self, size: u32) -> Needs {
        let mut parts = self.parts.clone();
        let more = IdSet::from_iter([crate::extent::span(0, size)]).difference(&self.ids());
        parts.extend(more.ranges().map(|ids| Part { ids, reason: Reason::Room }));
        parts.sort_by_key(|part| *part.ids.start());
        Needs { parts }
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
        let mut parts = self.parts.clone();
        parts.extend(gaps.into_iter().take(too_many).map(|ids| Part { ids, reason: Reason::Between }));
        parts.sort_by_key(|part| *part.ids.start());
        Needs { parts }
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
fn window(all: &IdSet, systemd: bool) -> u32 {
    let mut last = if systemd { FULL - 1 } else { WINDOW - 1 };
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
        ImageIds { files: set(files), accounts: set(accounts), process: set(process), systemd: false }
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
    fn coarser_maps_the_smallest_gaps() {
        let plan = Needs::of_image(&image("0,3000,3002,3010,9000", "", ""));
        assert_eq!(plan.ids().to_string(), "0-1023,3000,3002,3010,9000,65534");
        assert_eq!(plan.coarser(5).ids().to_string(), "0-1023,3000-3002,3010,9000,65534");
        assert_eq!(plan.coarser(3).ids().to_string(), "0-3010,9000,65534");
        assert_eq!(plan.coarser(0).ids().to_string(), "0-65534");
        assert_eq!(plan.coarser(100), plan);
    }
}
