use proptest::prelude::*;

use super::*;
use crate::Inside;

struct Accounts;

impl LevelNames for Accounts {
    fn name(&self, column: usize, kind: Kind, id: u32) -> Option<String> {
        let name = match (column, kind, id) {
            (0, _, 0) => "root",
            (0, Kind::Gid, 101) => "ssl-cert",
            (0, _, 33) => "www-data",
            (0, _, 65_534) => "nobody",
            (1 | 2, _, 1000) => "alice",
            (0, Kind::Uid, 101) | (1, _, 996) => "redis",
            _ => return None,
        };
        Some(name.to_owned())
    }
}

fn map(list: &[(u32, u32, u32)]) -> Extents {
    Extents::new(list.iter().copied().map(Extent::from)).unwrap()
}

fn both(list: &[(u32, u32, u32)]) -> IdMap {
    IdMap { uid: map(list), gid: map(list) }
}

/// A rootless container.
fn rootless() -> Levels {
    Levels {
        columns: vec![
            Level::new("container web", "debian:trixie"),
            Level::new("namespace of alice", "pid 2214"),
            Level::new("host", ""),
        ],
        maps: vec![both(&[(0, 0, 65_536)]), both(&[(0, 1000, 1), (1, 100_000, 65_536)])],
        marks: vec![(Kind::Uid, 101), (Kind::Gid, 33)],
    }
}

/// A container of root's with a user of its own mapped to the host's.
fn redis() -> Levels {
    let uid = map(&[(0, 720_896, 101), (101, 996, 1), (102, 720_998, 922), (65_534, 786_430, 1)]);
    let gid = map(&[(0, 720_896, 102), (102, 996, 1)]);
    let columns = vec![Level::new("container redis", "redis:7, running"), Level::new("host", "")];
    Levels { columns, maps: vec![IdMap { uid, gid }], marks: vec![] }
}

fn drawn(levels: &Levels, glyphs: &'static Glyphs, width: usize) -> String {
    text(levels, &Accounts, Style { width, glyphs, color: false })
}

#[test]
fn strands_go_as_far_as_they_can() {
    let (inner, outer) = (map(&[(0, 0, 1), (1, 5, 10)]), map(&[(0, 1000, 1), (1, 100_000, 7), (20, 9, 1)]));
    let found = strands(&[&inner, &outer]);
    let strand = |starts: [Option<u32>; 3], len| Strand { starts: starts.to_vec(), len };
    let expected = [
        strand([Some(0), Some(0), Some(1000)], 1),
        strand([Some(1), Some(5), Some(100_004)], 3),
        strand([Some(4), Some(8), None], 7),
        strand([None, Some(1), Some(100_000)], 4),
        strand([None, Some(20), Some(9)], 1),
    ];
    assert_eq!(found, expected);
    assert_eq!(strands(&[]), [Strand { starts: vec![Some(0)], len: u32::MAX }]);
}

#[test]
fn what_the_parent_splits_is_one_strand_again() {
    let (inner, outer) = (map(&[(0, 0, 1), (1, 1, 6), (7, 7, 3)]), map(&[(0, 9, 1), (1, 100, 6), (7, 106, 3)]));
    assert_eq!(strands(&[&inner, &outer]).len(), 2);
}

#[test]
fn the_container_of_a_user() {
    insta::assert_snapshot!(drawn(&rootless(), &Glyphs::BOXES, 80));
}

#[test]
fn the_container_of_a_user_in_ascii() {
    insta::assert_snapshot!(drawn(&rootless(), &Glyphs::ASCII, 60));
}

#[test]
fn uids_and_gids_that_differ() {
    insta::assert_snapshot!(drawn(&redis(), &Glyphs::BOXES, 80));
}

#[test]
fn what_is_lost_on_the_way() {
    let maps = vec![both(&[(0, 0, 1), (1, 5, 10)]), both(&[(0, 1000, 1), (1, 100_000, 7), (20, 9, 1)])];
    let levels = Levels { maps, ..rootless() };
    insta::assert_snapshot!(drawn(&levels, &Glyphs::BOXES, 100));
}

#[test]
fn a_long_map_gets_a_line_an_extent() {
    let list: Vec<_> = (0..300).map(|i| (i * 3, 1000 + 2 * i, 2)).collect();
    let levels = Levels { maps: vec![both(&list)], ..redis() };
    let picture = drawn(&levels, &Glyphs::BOXES, 80);
    assert!(picture.contains("more lines") && picture.lines().count() < 30, "{picture}");
    insta::assert_snapshot!(picture);
}

#[test]
fn nothing_and_everything() {
    let columns = vec![Level::new("pid 1", "systemd"), Level::new("host", "")];
    let levels = |maps, columns| Levels { columns, maps, marks: vec![] };
    let nothing = drawn(&levels(vec![IdMap::default()], columns), &Glyphs::BOXES, 80);
    let everything = drawn(&levels(vec![], vec![Level::new("host", "pid 1")]), &Glyphs::BOXES, 80);
    insta::assert_snapshot!(format!("{nothing}\n{everything}"));
}

#[test]
fn never_wider_than_allowed() {
    for levels in [rootless(), redis()] {
        for width in 0..120 {
            for glyphs in [&Glyphs::BOXES, &Glyphs::ASCII] {
                let picture = drawn(&levels, glyphs, width);
                assert!(picture.lines().all(|line| line.chars().count() <= width), "{width}:\n{picture}");
            }
        }
    }
    assert!(drawn(&redis(), &Glyphs::ASCII, 80).is_ascii());
}

#[test]
fn colour_changes_no_letter() {
    let style = Style { width: 80, glyphs: &Glyphs::BOXES, color: true };
    let colored = text(&rootless(), &Accounts, style);
    assert!(colored.contains("\u{1b}[36m"));
    let mut bare = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        bare.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    bare.push_str(rest);
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&bare), trimmed(&drawn(&rootless(), &Glyphs::BOXES, 80)));
}

#[test]
fn a_strangers_title_is_harmless() {
    let columns = vec![Level::new("evil\u{1b}[31m", "\u{7}"), Level::new("host", "")];
    let picture = drawn(&Levels { columns, ..redis() }, &Glyphs::BOXES, 80);
    assert!(!picture.contains(|letter: char| letter.is_control() && letter != '\n'), "{picture}");
}

#[test]
fn gaps_are_what_no_strand_has() {
    let views = redis().views();
    assert_eq!(views.len(), 2);
    let gaps: Vec<_> = views[0].gaps().ranges().collect();
    assert_eq!(gaps, [1024..=65_533, 65_535..=LAST_ID]);
    assert!(views[0].strands.iter().all(|strand| map(&[(0, 0, 65_535)]).contains(Inside(strand.starts[0].unwrap()))));
}

/// A map of short extents, some of which are next to each other.
fn any_map() -> impl Strategy<Value = Extents> {
    proptest::collection::vec((0..4u32, 0..4u32, 1..6u32), 0..12).prop_map(|steps| {
        let (mut inside, mut outside) = (0, 0);
        let extents = steps.into_iter().map(|(skip, gap, len)| {
            let extent = Extent::new(inside + skip, outside + gap, len);
            (inside, outside) = (inside + skip + len, outside + gap + len);
            extent
        });
        Extents::new(extents.collect::<Vec<_>>()).unwrap()
    })
}

proptest! {
    /// Every id is in exactly one strand of each column, and goes where the maps lead.
    #[test]
    fn strands_are_the_maps(inner in any_map(), outer in any_map()) {
        let found = strands(&[&inner, &outer]);
        let holding = |column: usize, id: u32| -> Vec<&Strand> {
            found.iter().filter(|strand| strand.ids(column).is_some_and(|(a, b)| (a..=b).contains(&id))).collect()
        };
        for id in inner.inside_ids().iter() {
            let [strand] = holding(0, id)[..] else { panic!("{id} is not in one strand: {found:?}") };
            let skip = id - strand.starts[0].unwrap();
            let trace = crate::trace(&[inner.clone(), outer.clone()], id, crate::Way::Outwards);
            let led: Vec<u32> = strand.starts.iter().flatten().map(|start| start + skip).collect();
            prop_assert_eq!(led, trace.ids);
        }
        for id in outer.outside_ids().iter() {
            prop_assert_eq!(holding(2, id).len(), 1);
        }
    }

    #[test]
    fn any_map_can_be_drawn(inner in any_map(), outer in any_map(), width in 0..100usize) {
        let maps = [inner, outer].map(|map| IdMap { uid: map.clone(), gid: map }).to_vec();
        let levels = Levels { maps, ..rootless() };
        for glyphs in [&Glyphs::BOXES, &Glyphs::ASCII] {
            prop_assert!(drawn(&levels, glyphs, width).lines().all(|line| line.chars().count() <= width));
        }
        prop_assert!(crate::svg::draw(&levels, &Accounts).ends_with("</svg>\n"));
    }
}
