//! Maps and sets against a brute-force model: tables of single ids in a small universe.

#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};

use idmap::{Extent, Extents, IdSet, Inside, MAX_EXTENTS, Outside};
use proptest::prelude::*;

/// Ids of the universe: 0..SIZE.
const SIZE: u32 = 48;

type Table = BTreeMap<u32, u32>;

fn table(list: &[Extent]) -> Option<Table> {
    let mut table = Table::new();
    let mut outside = BTreeSet::new();
    for extent in list {
        if extent.len == 0 {
            return None;
        }
        for i in 0..extent.len {
            if table.insert(extent.inside.0 + i, extent.outside.0 + i).is_some()
                || !outside.insert(extent.outside.0 + i)
            {
                return None;
            }
        }
    }
    Some(table)
}

fn table_of(map: &Extents) -> Table {
    table(map.as_slice()).expect("a map is a table")
}

fn any_list() -> impl Strategy<Value = Vec<Extent>> {
    let extent = (0..SIZE, 0..SIZE, 0..6u32).prop_map(|(inside, outside, len)| Extent::new(inside, outside, len));
    prop::collection::vec(extent, 0..5)
}

/// Maps that are right by construction: cuts of both columns, the outer pieces shuffled.
fn any_map() -> impl Strategy<Value = Extents> {
    let pieces = prop::collection::vec((0..4u32, 0..4u32, 1..6u32, any::<u32>()), 0..9);
    pieces.prop_map(|pieces| {
        let mut inside = 0;
        let mut list = Vec::new();
        for (gap, _, len, _) in &pieces {
            inside += gap;
            list.push(Extent::new(inside, 0, *len));
            inside += len;
        }
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        order.sort_by_key(|&i| pieces[i].3);
        let mut outside = 0;
        for i in order {
            outside += pieces[i].1;
            list[i].outside = Outside(outside);
            outside += list[i].len;
        }
        Extents::new(list).expect("disjoint by construction")
    })
}

fn any_ids() -> impl Strategy<Value = BTreeSet<u32>> {
    prop::collection::btree_set(0..SIZE * 2, 0..30)
}

fn set(ids: &BTreeSet<u32>) -> IdSet {
    ids.iter().copied().collect()
}

proptest! {
    #[test]
    fn accepted_exactly_when_it_is_a_table(list in any_list()) {
        let expected = table(&list);
        match Extents::new(list.iter().copied()) {
            Ok(map) => {
                prop_assert_eq!(Some(table_of(&map)), expected);
                prop_assert!(map.as_slice().is_sorted());
            }
            Err(fault) => {
                prop_assert!(expected.is_none(), "{} for {:?}", fault, list);
                prop_assert!(fault.index() < list.len());
            }
        }
    }

    #[test]
    fn looks_up_both_ways(map in any_map()) {
        let table = table_of(&map);
        for id in 0..SIZE * 2 {
            prop_assert_eq!(map.to_outside(Inside(id)).map(|id| id.0), table.get(&id).copied());
            prop_assert_eq!(map.contains(Inside(id)), table.contains_key(&id));
            let back = table.iter().find(|(_, outside)| **outside == id).map(|(inside, _)| *inside);
            prop_assert_eq!(map.to_inside(Outside(id)).map(|id| id.0), back);
        }
        prop_assert_eq!(map.ids(), table.len() as u64);
        prop_assert_eq!(map.inside_ids(), table.keys().copied().collect::<IdSet>());
        prop_assert_eq!(map.outside_ids(), table.values().copied().collect::<IdSet>());
    }

    #[test]
    fn composes(inner in any_map(), outer in any_map()) {
        let through = table_of(&outer);
        let expected: Table =
            table_of(&inner).into_iter().filter_map(|(inside, mid)| Some((inside, *through.get(&mid)?))).collect();
        let composed = inner.compose(&outer).unwrap();
        prop_assert_eq!(table_of(&composed), expected);
        // Each piece stays within one extent of the outer map.
        for piece in &composed {
            let within = |line: &&Extent| line.outside_range().contains(piece.outside_range().start());
            let line = outer.iter().find(within).expect("a piece comes from a line");
            prop_assert!(line.outside_range().contains(piece.outside_range().end()));
        }
    }

    #[test]
    fn inverts(map in any_map()) {
        let expected: Table = table_of(&map).into_iter().map(|(inside, outside)| (outside, inside)).collect();
        prop_assert_eq!(table_of(&map.invert()), expected);
        prop_assert_eq!(map.invert().invert(), map);
    }

    #[test]
    fn splits_at_parents(map in any_map(), parent in any_map()) {
        let known = parent.inside_ids();
        match map.split_at_parents(&parent) {
            Ok(split) => {
                prop_assert_eq!(table_of(&split), table_of(&map));
                for piece in &split {
                    let line = parent.extent_of(Inside(piece.outside.0)).expect("known to the parent");
                    prop_assert!(line.inside_range().contains(piece.outside_range().end()));
                }
            }
            Err(idmap::Straddle::Beyond { index, ids }) => {
                let extent = map.as_slice()[index];
                prop_assert!(ids.iter().all(|id| extent.outside_range().contains(&id) && !known.contains(id)));
                prop_assert!(!ids.is_empty());
            }
            Err(idmap::Straddle::Fault(fault)) => prop_assert!(false, "{}", fault),
        }
    }

    #[test]
    fn merges_what_continues(map in any_map()) {
        let merged = map.normalized();
        prop_assert_eq!(table_of(&merged), table_of(&map));
        prop_assert!(!merged.as_slice().windows(2).any(|pair| pair[0].continued_by(&pair[1])));
        // Cut to single ids and put together again.
        let single = map.iter().flat_map(|extent| {
            let extent = *extent;
            (0..extent.len).map(move |i| Extent::new(extent.inside.0 + i, extent.outside.0 + i, 1))
        });
        prop_assert_eq!(Extents::merged(single).unwrap(), merged);
    }

    #[test]
    fn kernel_text_and_json_come_back(map in any_map()) {
        prop_assert_eq!(Extents::from_kernel(map.to_kernel()).unwrap(), map.clone());
        let json = serde_json::to_string(&map).unwrap();
        prop_assert_eq!(serde_json::from_str::<Extents>(&json).unwrap(), map);
    }

    #[test]
    fn finds_what_is_missing(map in any_map(), ids in any_ids()) {
        let table = table_of(&map);
        let expected: IdSet = ids.iter().copied().filter(|id| !table.contains_key(id)).collect();
        prop_assert_eq!(map.missing(&set(&ids)), expected);
    }

    #[test]
    fn sets_are_sets(a in any_ids(), b in any_ids(), low in 0..SIZE * 2, high in 0..SIZE * 2) {
        let (x, y) = (set(&a), set(&b));
        prop_assert_eq!(x.union(&y), set(&(&a | &b)));
        prop_assert_eq!(x.difference(&y), set(&(&a - &b)));
        prop_assert_eq!(x.intersection(&y), set(&(&a & &b)));
        prop_assert_eq!(x.count(), a.len() as u64);
        prop_assert!(x.iter().eq(a.iter().copied()));
        prop_assert_eq!((x.first(), x.last()), (a.first().copied(), a.last().copied()));
        prop_assert_eq!(x.to_string().parse::<IdSet>().unwrap(), x.clone());
        prop_assert_eq!(x.meets(&(low..=high)), (low..=high).any(|id| a.contains(&id)));
        let mut more = x.clone();
        more.insert_range(low..=high);
        prop_assert_eq!(&more, &set(&a.iter().copied().chain(low..=high).collect()));
        more.remove_range(low..=high);
        prop_assert_eq!(more, set(&a.iter().copied().filter(|id| !(low..=high).contains(id)).collect()));
        for id in 0..SIZE * 2 {
            prop_assert_eq!(x.contains(id), a.contains(&id));
        }
        let spans: Vec<_> = x.ranges().collect();
        prop_assert!(spans.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
    }

    #[test]
    fn no_text_makes_it_panic(text in "[-0-9 ,a\n\t:]{0,40}") {
        let _ = Extents::from_kernel(&text);
        let _ = text.parse::<IdSet>();
        let _ = idmap::SubidFile::parse("f", text.as_bytes());
    }
}

#[test]
fn the_number_of_extents() {
    let list =
        |count: usize| (0..count).map(|i| Extent::new(u32::try_from(i).unwrap() * 2, u32::try_from(i).unwrap() * 2, 1));
    assert!(Extents::new(list(MAX_EXTENTS)).is_ok());
    assert_eq!(Extents::new(list(341)), Err(idmap::Fault::TooMany { index: 340, count: 341 }));
    // The kernel counts lines, so what continues itself counts, unless it is merged.
    let row = (0..400).map(|i| Extent::new(i, i, 1));
    assert!(Extents::new(row.clone()).is_err());
    assert_eq!(Extents::merged(row).unwrap().len(), 1);
}

/// A map whose text is exactly `total` bytes long: 200 lines of 20 bytes, and one line for the rest.
fn text_of(total: usize) -> Vec<Extent> {
    let line = |i: u32| Extent::new(100_000 + 2 * i, 1_000_000_000 + 2 * i, 1);
    let mut list: Vec<Extent> = (0..200).map(line).collect();
    for extra in
        [Extent::new(0, 2_000_000_000, 1), Extent::new(10, 2_000_000_010, 1), Extent::new(100, 2_000_000_100, 1)]
    {
        list.push(extra);
    }
    // 4000 + 15 + 16 + 17 bytes so far; the last two lines bring it to the total.
    list.push(Extent::new(200, 2_000_000_200, 1));
    let rest = total - 4065;
    let filler = match rest {
        30 => Extent::new(1_000_000_000, 3_000_000_000, 1_000_000),
        31 => Extent::new(1_000_000_000, 3_000_000_000, 10_000_000),
        _ => panic!("no line of {rest} bytes"),
    };
    list.push(filler);
    list
}

#[test]
fn the_length_of_the_text() {
    let fits = Extents::new(text_of(4095)).unwrap();
    assert_eq!(fits.to_kernel().len(), 4095);
    assert_eq!(Extents::new(text_of(4096)), Err(idmap::Fault::TooLong { index: 204, bytes: 4096 }));
}

#[test]
fn the_last_id_is_never_mapped() {
    assert!(Extents::new([Extent::new(0, 0, u32::MAX)]).is_ok());
    assert_eq!(Extents::identity().to_kernel(), "0 0 4294967295\n");
    for bad in [Extent::new(1, 0, u32::MAX), Extent::new(0, 1, u32::MAX), Extent::new(u32::MAX, 0, 1)] {
        assert!(matches!(Extents::new([bad]), Err(idmap::Fault::Overflow { index: 0, .. })), "{bad}");
    }
}
