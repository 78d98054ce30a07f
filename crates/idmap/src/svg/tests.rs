use super::*;
use crate::{
    Extent, Extents, IdMap, Kind,
    levels::{Level, Levels},
};

struct Root;

impl LevelNames for Root {
    fn name(&self, column: usize, _: Kind, id: u32) -> Option<String> {
        match (column, id) {
            (0, 0) => Some("root".to_owned()),
            (0, 33) => Some("www-data".to_owned()),
            (2, 1000) => Some("alice".to_owned()),
            _ => None,
        }
    }
}

fn both(list: &[(u32, u32, u32)]) -> IdMap {
    IdMap::try_from_fn(|_| Extents::new(list.iter().copied().map(Extent::from))).unwrap()
}

fn rootless() -> Levels {
    Levels {
        columns: vec![
            Level::new("container web", "debian:trixie"),
            Level::new("namespace of alice", "pid 2214"),
            Level::new("host", ""),
        ],
        maps: vec![both(&[(0, 0, 1001), (65_534, 1001, 1)]), both(&[(0, 1000, 1), (1, 100_000, 65_536)])],
        marks: vec![(Kind::Uid, 33)],
    }
}

#[test]
fn the_container_of_a_user() {
    insta::assert_snapshot!(draw(&rootless(), &Root));
}

#[test]
fn every_document_is_well_formed() {
    let mut evil = rootless();
    evil.columns[0] = Level::new("<script>&\u{1b}[31m", "\"'\u{0}");
    let mut different = rootless();
    different.maps[0].gid = Extents::default();
    let many: Vec<_> = (0..300).map(|i| (i * 3, 1_000_000 - 2 * i, 2)).collect();
    let many = Levels { columns: rootless().columns[..2].to_vec(), maps: vec![both(&many)], marks: vec![] };
    let alone = Levels { columns: vec![Level::new("host", "")], maps: vec![], marks: vec![] };
    for levels in [rootless(), evil, different, many, alone] {
        let document = draw(&levels, &Root);
        assert!(!document.contains("<script") && !document.contains("NaN") && !document.contains("inf"), "{document}");
        assert!(!document.contains(|letter: char| letter.is_control() && letter != '\n'));
        let opened = document.matches("<g").count() - document.matches("<g/>").count();
        assert_eq!(opened, document.matches("</g>").count());
    }
}

#[test]
fn bands_of_other_orders_cross() {
    let swapped = Levels {
        columns: rootless().columns[..2].to_vec(),
        maps: vec![both(&[(0, 500, 10), (10, 100, 10)])],
        marks: vec![],
    };
    let view = &swapped.views()[0];
    let layout = layout::Layout::of(&swapped, view, &Root);
    let top = |strand: usize, column: usize| layout.strands[strand].spans[column].unwrap().top;
    assert!(top(0, 0) < top(1, 0) && top(0, 1) > top(1, 1));
}
