//! What maps of 32-bit ids are as functions: composition, inversion, text; and what automatic maps promise at their limits.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;

use idmap::{
    Extent, Extents, IdSet, ImageIds, Inside, Kind, LAST_ID, MAX_BYTES, MAX_EXTENTS, MapOption, Needs, Outside, Pool,
    Triple, assign,
};
use proptest::prelude::*;

/// Maps over all of the 32 bits, with ids in common often enough for compositions to have something left.
fn any_map() -> impl Strategy<Value = Extents> {
    let bound = prop_oneof![4 => 0..5000u32, 1 => any::<u32>(), 1 => LAST_ID - 50..=LAST_ID];
    let column = || prop::collection::btree_set(bound.clone(), 0..12);
    (column(), column(), prop::collection::vec((any::<usize>(), 1..2000u32), 12)).prop_map(
        |(inside, outside, picks)| {
            let (inside, mut outside) = (runs(&inside), runs(&outside));
            let mut list = Vec::new();
            for ((first, room), (pick, len)) in inside.into_iter().zip(picks) {
                if outside.is_empty() {
                    break;
                }
                let (other, other_room) = outside.swap_remove(pick % outside.len());
                list.push(Extent::new(first, other, len.min(room).min(other_room)));
            }
            Extents::new(list).unwrap()
        },
    )
}

/// Each start with the room up to the next.
fn runs(starts: &BTreeSet<u32>) -> Vec<(u32, u32)> {
    let starts: Vec<u32> = starts.iter().copied().filter(|start| *start <= LAST_ID).collect();
    let ends = starts.iter().copied().skip(1).chain([u32::MAX]);
    starts.iter().copied().zip(ends).map(|(start, end)| (start, end - start)).collect()
}

/// The ids at which something begins or ends, in any of the maps.
fn edges(maps: &[&Extents]) -> Vec<u32> {
    let columns = |extent: &Extent| [extent.inside_range(), extent.outside_range()];
    let ends =
        maps.iter().flat_map(|map| map.iter()).flat_map(columns).flat_map(|range| [*range.start(), *range.end()]);
    ends.flat_map(|id| [id.saturating_sub(1), id, id.saturating_add(1)]).chain([0, LAST_ID, u32::MAX]).collect()
}

fn same(map: &Extents) -> Extents {
    Extents::new(map.iter().map(|extent| Extent::new(extent.inside.0, extent.inside.0, extent.len))).unwrap()
}

fn any_triple() -> impl Strategy<Value = (String, Triple)> {
    let numbers = (0..=LAST_ID, 0..=LAST_ID, 1..=u32::MAX)
        .prop_map(|(inside, from, len)| (inside, from, len.min(u32::MAX - inside).min(u32::MAX - from)));
    let only = prop_oneof![Just(None), Just(Some(Kind::Uid)), Just(Some(Kind::Gid))];
    (any::<bool>(), only, any::<bool>(), numbers).prop_map(|(extends, only, host, (inside, from, len))| {
        let plus = if extends { "+" } else { "" };
        let flag = only.map_or("", |kind| &kind.name()[..1]);
        let at = if host { "@" } else { "" };
        let amount = if len == 1 { String::new() } else { format!(":{len}") };
        let text = format!("{plus}{flag}{inside}:{at}{from}{amount}");
        let place = idmap::Place::new(MapOption::Uidmap, 0, 0..text.len());
        (text, Triple { extends, only, inside: Inside(inside), from, host, len, place })
    })
}

proptest! {
    #[test]
    fn composition_is_associative(a in any_map(), b in any_map(), c in any_map()) {
        let left = a.compose(&b).unwrap().compose(&c).unwrap();
        let right = a.compose(&b.compose(&c).unwrap()).unwrap();
        prop_assert_eq!(left, right);
    }

    #[test]
    fn composition_is_one_map_after_the_other(a in any_map(), b in any_map()) {
        let both = a.compose(&b).unwrap();
        for id in edges(&[&a, &b, &both]) {
            let out = a.to_outside(Inside(id)).and_then(|middle| b.to_outside(Inside(middle.0)));
            prop_assert_eq!(both.to_outside(Inside(id)), out);
            let back = b.to_inside(Outside(id)).and_then(|middle| a.to_inside(Outside(middle.0)));
            prop_assert_eq!(both.to_inside(Outside(id)), back);
        }
    }

    #[test]
    fn inversion(a in any_map(), b in any_map()) {
        prop_assert_eq!(&a.invert().invert(), &a);
        prop_assert_eq!(a.compose(&a.invert()).unwrap(), same(&a));
        prop_assert_eq!(a.invert().compose(&a).unwrap(), same(&a.invert()));
        let (one, other) = (a.compose(&b).unwrap().invert(), b.invert().compose(&a.invert()).unwrap());
        prop_assert_eq!(one.normalized(), other.normalized());
        for id in edges(&[&a]) {
            prop_assert_eq!(a.invert().to_inside(Outside(id)).map(|id| id.0), a.to_outside(Inside(id)).map(|id| id.0));
        }
    }

    #[test]
    fn the_identity_changes_nothing(a in any_map()) {
        let host = Extents::identity();
        prop_assert_eq!(a.compose(&host).unwrap(), a.clone());
        prop_assert_eq!(host.compose(&a).unwrap(), a.clone());
        prop_assert_eq!(a.split_at_parents(&host).unwrap(), a);
    }

    #[test]
    fn splitting_keeps_the_meaning(a in any_map(), parent in any_map()) {
        // Only what the parent has can be split: all of `a` that reaches through it, as it is without the parent.
        let known = a.compose(&same(&parent)).unwrap();
        let split = known.split_at_parents(&parent).unwrap();
        prop_assert_eq!(split.normalized(), known.normalized());
        prop_assert_eq!(known.compose(&parent).unwrap().ids(), known.ids());
        let left_out = a.outside_ids().difference(&parent.inside_ids());
        prop_assert_eq!(a.split_at_parents(&parent).is_ok(), left_out.is_empty());
    }

    #[test]
    fn text_comes_back(a in any_map()) {
        prop_assert_eq!(Extents::from_kernel(a.to_kernel()).unwrap(), a.clone());
        prop_assert_eq!(a.is_empty() || Extents::written(Kind::Uid, &a.to_kernel()).unwrap() == a, true);
        let listed = a.iter().map(Extent::to_string).collect::<Vec<_>>().join(",");
        prop_assert_eq!(a.is_empty() || Extents::written(Kind::Uid, &listed).unwrap() == a, true);
    }

    #[test]
    fn triples_come_back((text, triple) in any_triple()) {
        prop_assert_eq!(Triple::parse_all(MapOption::Uidmap, &[text]).unwrap(), [triple]);
    }

    #[test]
    fn sets_up_to_the_last_id(steps in prop::collection::vec((any::<bool>(), 0..40u32, 0..9u32), 0..30)) {
        // The model's ids 0..40 stand for the last forty.
        let base = u32::MAX - 39;
        let (mut set, mut model) = (IdSet::new(), BTreeSet::new());
        for (insert, first, more) in steps {
            let last = (first + more).min(39);
            if insert {
                set.insert_range(base + first..=base + last);
                model.extend(first..=last);
            } else {
                set.remove_range(base + first..=base + last);
                model.retain(|id| !(first..=last).contains(id));
            }
        }
        prop_assert!(set.iter().eq(model.iter().map(|id| base + id)));
        prop_assert_eq!(set.count(), model.len() as u64);
        prop_assert_eq!(set.intersection(&set.clone()), set.clone());
        prop_assert!((0..40).all(|id| set.contains(base + id) == model.contains(&id)));
        prop_assert_eq!(set.to_string().parse::<IdSet>().unwrap(), set);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn automatic_maps_at_the_limits(
        step in 2..40u32,
        many in 1..900u32,
        first in 2000..100_000u32,
        lines in prop::collection::vec(1..400u32, 1..300),
        wish in prop::option::of((0..3000u32, 0..1_000_000u32, 1..50u32)),
    ) {
        // Outliers in regular distances, and delegated ranges in pieces.
        let files: IdSet = (0..many).map(|i| first + i * step).collect();
        let needs = Needs::of_image(&ImageIds { files: files.clone(), ..ImageIds::default() });
        let mut next = 2_000_000;
        let pool: Vec<_> = lines
            .iter()
            .map(|len| {
                next += len + 1;
                next - len..=next - 1
            })
            .collect();
        let wishes = Extents::new(wish.map(Extent::from)).unwrap();
        let Ok(map) = assign(&needs, &wishes, &Pool::ranges(pool.clone())) else { return Ok(()) };
        prop_assert!(map.len() <= MAX_EXTENTS && map.to_kernel().len() <= MAX_BYTES);
        prop_assert!(map.missing(&files).is_empty());
        let own = map.compose(&same_outside(&wishes)).unwrap();
        prop_assert_eq!(own.outside_ids(), wishes.outside_ids());
        for extent in map.iter().filter(|extent| !wishes.contains(extent.inside)) {
            let within = |range: &std::ops::RangeInclusive<u32>| {
                range.contains(extent.outside_range().start()) && range.contains(extent.outside_range().end())
            };
            prop_assert!(pool.iter().any(within), "{} is in no line", extent);
        }
    }
}

/// The identity on the ids outside.
fn same_outside(map: &Extents) -> Extents {
    same(&map.invert())
}
