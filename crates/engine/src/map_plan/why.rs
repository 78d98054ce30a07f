//! What an image has of the ids of a plan, in words.

use std::{collections::BTreeMap, ops::RangeInclusive};

use idmap::{Extents, IdSet, Kind, Needs, Part, Reason, grouped, printable};
use oci::accounts::{group_name, user_name};

use super::PlannedIds;
use crate::map::coverage::Image;

/// How many ranges of a window's ids are told.
const BRIEF: usize = 8;

/// How many names are told.
const NAMES: usize = 3;

/// The parts of a plan, each with its words. What only the map has that was made of the plan are gaps, which are mapped because
/// there would be too many extents without them.
pub(super) fn parts(kind: Kind, needs: &Needs, made: Option<&Extents>, image: &Image) -> Vec<PlannedIds> {
    let mut parts = needs.parts().to_vec();
    let between = made.map(|map| map.inside_ids().difference(&needs.ids())).unwrap_or_default();
    parts.extend(between.ranges().map(|ids| Part { ids, reason: Reason::Between }));
    parts.sort_by_key(|part| *part.ids.start());
    parts
        .into_iter()
        .map(|Part { ids, reason }| PlannedIds { why: why(kind, &ids, reason, image), ids, reason })
        .collect()
}

fn why(kind: Kind, ids: &RangeInclusive<u32>, reason: Reason, image: &Image) -> Vec<String> {
    match reason {
        Reason::Window | Reason::Size | Reason::Least | Reason::Systemd => used(kind, ids, image).into_iter().collect(),
        Reason::Room | Reason::Between => Vec::new(),
        _ => uses(kind, ids, image),
    }
}

/// Which ids of many the image uses.
fn used(kind: Kind, ids: &RangeInclusive<u32>, image: &Image) -> Option<String> {
    let known = image.ids(kind);
    let sets = [&known.files, &known.acls, &known.capabilities, &known.accounts, &known.process];
    let all = sets.into_iter().fold(IdSet::new(), |all, ids| all.union(ids));
    let used = all.intersection(&IdSet::from_iter([ids.clone()]));
    (!used.is_empty()).then(|| format!("the image uses {} of them: {}", grouped(used.count()), used.brief(BRIEF)))
}

/// Everything for which the image uses a few ids.
fn uses(kind: Kind, ids: &RangeInclusive<u32>, image: &Image) -> Vec<String> {
    let mut uses = Vec::new();
    let (process, word) = match kind {
        Kind::Uid => (vec![image.process.uid], "user"),
        Kind::Gid => ([vec![image.process.gid], image.process.groups.clone()].concat(), "group"),
    };
    if process.iter().any(|id| ids.contains(id)) {
        uses.push(format!("{word} of the process"));
    }
    let owner = |(uid, gid): &(u32, u32)| if kind == Kind::Uid { *uid } else { *gid };
    let volumes = image.volumes.iter().filter(|(_, owners)| ids.contains(&owner(owners)));
    uses.extend(volumes.map(|(path, _)| format!("{} of the volume {}", owning(kind), path.escape_debug())));
    let counted = |counts: &BTreeMap<u32, u64>| -> u64 { counts.range(ids.clone()).map(|(_, count)| *count).sum() };
    let mut count = |counts, words: &str| match counted(counts) {
        0 => {}
        1 => uses.push(format!("{words} 1 file")),
        many => uses.push(format!("{words} {} files", grouped(many))),
    };
    count(image.files(kind), &format!("{} of", owning(kind)));
    count(image.acls(kind), "in an access control list of");
    if kind == Kind::Uid {
        count(&image.capability_roots, "root of file capabilities of");
    }
    uses.extend(accounts(kind, ids, image));
    uses
}

const fn owning(kind: Kind) -> &'static str {
    match kind {
        Kind::Uid => "owner",
        Kind::Gid => "group",
    }
}

/// `redis in /etc/passwd`.
fn accounts(kind: Kind, ids: &RangeInclusive<u32>, image: &Image) -> Option<String> {
    let known = image.ids(kind).accounts.intersection(&IdSet::from_iter([ids.clone()]));
    if known.is_empty() {
        return None;
    }
    let (file, name): (_, fn(u32, &Image) -> Option<String>) = match kind {
        Kind::Uid => ("/etc/passwd", |id, image| user_name(id, &image.passwd)),
        Kind::Gid => ("/etc/group", |id, image| group_name(id, &image.group)),
    };
    let names: Vec<String> = known.iter().take(NAMES).filter_map(|id| printable(name(id, image))).collect();
    let more = if known.count() > NAMES as u64 { ", …" } else { "" };
    Some(match names.as_slice() {
        // A group that only /etc/passwd names, or a name that is none.
        [] => "in /etc/passwd or /etc/group".to_owned(),
        names => format!("{}{more} in {file}", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::User;

    fn image() -> Image {
        Image {
            uid_files: [(0, 400), (101, 3), (65_534, 1), (205_001, 2), (205_002, 3), (1_000_650_000, 1)].into(),
            gid_files: [(0, 400), (1_000_650_000, 1)].into(),
            acl_uids: [(7000, 2)].into(),
            capability_roots: [(0, 1), (8000, 1)].into(),
            volumes: [("/data".to_owned(), (205_001, 0)), ("/\u{1b}[31m".to_owned(), (205_002, 0))].into(),
            passwd: b"root:x:0:0::/:\nopenshift:x:1000650000:1000650001::/:\nev il:x:9000:0::/:\n".to_vec(),
            group: b"far:x:1000650000:\n".to_vec(),
            process: User { uid: 1_000_650_000, gid: 0, groups: vec![7777] },
            ..Image::default()
        }
    }

    fn told(kind: Kind) -> Vec<(String, &'static str, String)> {
        let image = image();
        let needs = Needs::of_image(&image.ids(kind));
        let parts = parts(kind, &needs, None, &image);
        parts
            .into_iter()
            .map(|part| (IdSet::from_iter([part.ids]).to_string(), part.reason.word(), part.why.join("; ")))
            .collect()
    }

    #[test]
    fn every_use_has_its_words() {
        let expected = [
            ("0-1023", "window", "the image uses 2 of them: 0,101"),
            ("7000", "acl", "in an access control list of 2 files"),
            ("8000", "capability", "root of file capabilities of 1 file"),
            ("9000", "accounts", "in /etc/passwd or /etc/group"),
            ("65534", "nobody", "owner of 1 file"),
            (
                "205001-205002",
                "volume",
                r"owner of the volume /\u{1b}[31m; owner of the volume /data; owner of 5 files",
            ),
            ("1000650000", "process", "user of the process; owner of 1 file; openshift in /etc/passwd"),
        ];
        assert_eq!(told(Kind::Uid), expected.map(|(ids, reason, why)| (ids.to_owned(), reason, why.to_owned())));
        let expected = [
            ("0-1023", "window", "the image uses 1 of them: 0"),
            ("7777", "process", "group of the process"),
            ("65534", "nobody", ""),
            ("1000650000", "files", "group of 1 file; far in /etc/group"),
            ("1000650001", "accounts", "in /etc/passwd or /etc/group"),
        ];
        assert_eq!(told(Kind::Gid), expected.map(|(ids, reason, why)| (ids.to_owned(), reason, why.to_owned())));
    }

    #[test]
    fn gaps_of_a_map_that_is_coarser() {
        let image = Image { uid_files: (0..400).map(|i| (10_000 + 3 * i, 1)).collect(), ..Image::default() };
        let needs = Needs::of_image(&image.ids(Kind::Uid));
        let map =
            Extents::new([idmap::Extent::new(0, 600_000, 1024), idmap::Extent::new(10_000, 700_000, 55_535)]).unwrap();
        let parts = parts(Kind::Uid, &needs, Some(&map), &image);
        let between: u64 = parts.iter().filter(|part| part.reason == Reason::Between).map(PlannedIds::count).sum();
        assert_eq!(between, 55_535 - 400 - 1);
    }
}
