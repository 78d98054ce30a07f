//! Windows out of a user's few ids: where there are no slots for all, each container takes as many as it needs.

use std::{cmp::Reverse, ops::RangeInclusive};

use crate::{IdSet, Pool, line::count, slots::fnv1a};

/// The most places that are tried for a window in one piece.
const TRIES: u64 = 65_536;

/// The ids that a container of this name may have, in the order of their use: those of `ranges` that nobody holds. First, if there
/// is one, a window of `needed` ids in one piece; the place where it is looked for follows from the name, so that the same name
/// gets the same ids again as long as they are free. Then the largest hole, and so on, so that a map in pieces has few of them.
pub fn windows(name: &str, ranges: &[RangeInclusive<u32>], held: &IdSet, needed: u64) -> Pool {
    let mut holes = free(ranges, held);
    let window = window(name, ranges, held, needed);
    if let Some(window) = &window {
        let taken: IdSet = [window.clone()].into_iter().collect();
        holes = holes
            .into_iter()
            .flat_map(|hole| IdSet::from_iter([hole]).difference(&taken).ranges().collect::<Vec<_>>())
            .collect();
    }
    holes.sort_by_key(|hole| Reverse(count(hole)));
    Pool::ranges(window.into_iter().chain(holes).collect())
}

/// How many ids the largest piece has that nobody holds.
pub fn largest_hole(ranges: &[RangeInclusive<u32>], held: &IdSet) -> u64 {
    free(ranges, held).iter().map(count).max().unwrap_or(0)
}

/// What nobody holds. An extent never goes from one range into the next, so adjacent ranges stay two.
fn free(ranges: &[RangeInclusive<u32>], held: &IdSet) -> Vec<RangeInclusive<u32>> {
    let mut gone = held.clone();
    let mut holes = Vec::new();
    for range in ranges {
        holes.extend(IdSet::from_iter([range.clone()]).difference(&gone).ranges());
        gone.insert_range(range.clone());
    }
    holes
}

/// The ranges one after the other are cut into places of `needed` ids. Those of one image's containers then fit side by side.
fn window(name: &str, ranges: &[RangeInclusive<u32>], held: &IdSet, needed: u64) -> Option<RangeInclusive<u32>> {
    let all: u64 = ranges.iter().map(count).sum();
    let places = all.checked_div(needed).filter(|places| *places > 0)?;
    let start = fnv1a(name.as_bytes()) % places;
    (0..places.min(TRIES)).find_map(|i| {
        let window = at(ranges, (start + i) % places * needed, needed)?;
        (!held.meets(&window)).then_some(window)
    })
}

/// `needed` ids after the first `skip`, if they lie in one range.
fn at(ranges: &[RangeInclusive<u32>], mut skip: u64, needed: u64) -> Option<RangeInclusive<u32>> {
    for range in ranges {
        let has = count(range);
        if skip >= has {
            skip -= has;
            continue;
        }
        if skip + needed > has {
            return None;
        }
        let first = range.start() + u32::try_from(skip).ok()?;
        return Some(first..=first + u32::try_from(needed - 1).ok()?);
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Extents, ImageIds, Needs, assign};

    fn held(list: &[Extents]) -> IdSet {
        list.iter().flat_map(|map| map.iter().map(crate::Extent::outside_range)).collect()
    }

    fn taken(name: &str, needs: &Needs, ranges: &[RangeInclusive<u32>], held: &IdSet) -> Option<Extents> {
        assign(needs, &Extents::default(), &windows(name, ranges, held, needs.count())).ok()
    }

    #[test]
    fn sixty_three_ordinary_containers_in_65536_ids() {
        let ranges = [100_000..=165_535];
        let needs = Needs::of_image(&ImageIds::default());
        let mut maps: Vec<Extents> = Vec::new();
        for i in 0..100 {
            maps.extend(taken(&format!("c{i}"), &needs, &ranges, &held(&maps)));
        }
        let ids: u64 = maps.iter().map(Extents::ids).sum();
        assert_eq!((maps.len(), held(&maps).count()), (63, ids));
        assert!(maps.iter().all(|map| map.len() == 2), "each in one piece: a window and one for 65534");
    }

    #[test]
    fn the_same_name_again() {
        let ranges = [100_000..=165_535];
        let needs = Needs::window(1000);
        let first = taken("web", &needs, &ranges, &IdSet::new()).unwrap();
        assert_eq!(taken("web", &needs, &ranges, &"100000,165535".parse().unwrap()), Some(first.clone()));
        assert_ne!(taken("web", &needs, &ranges, &held(&[first])), None);
        assert_ne!(taken("web", &needs, &ranges, &IdSet::new()), taken("db", &needs, &ranges, &IdSet::new()));
    }

    #[test]
    fn pieces_when_no_window_is_left() {
        let ranges = [0..=9, 10..=19];
        let held = "2-3,15".parse().unwrap();
        let map = taken("x", &Needs::window(17), &ranges, &held).unwrap();
        // Adjacent, but of two lines.
        assert_eq!(map.to_kernel(), "0 4 6\n6 10 5\n11 16 4\n15 0 2\n");
        assert_eq!(taken("x", &Needs::window(18), &ranges, &held), None);
        assert_eq!(largest_hole(&ranges, &held), 6);
    }

    #[test]
    fn nothing_at_all() {
        for ranges in [&[][..], &[5..=5]] {
            assert_eq!(windows("x", ranges, &IdSet::new(), 0).count(), u64::from(!ranges.is_empty()));
        }
        assert_eq!(windows("x", &[0..=u32::MAX - 1], &IdSet::new(), 1).count(), u64::from(u32::MAX));
    }

    proptest! {
        /// Whatever is asked for, nobody gets what somebody has, and all that is free can be had.
        #[test]
        fn disjoint_and_complete(
            sizes in prop::collection::vec(1_u32..400, 1..40),
            ranges in prop::collection::vec((0_u32..5000, 1_u32..900), 1..5),
        ) {
            let ranges: Vec<_> = ranges.into_iter().map(|(first, len)| first..=first + len - 1).collect();
            let all: IdSet = ranges.iter().cloned().collect();
            let mut maps: Vec<Extents> = Vec::new();
            for (i, size) in sizes.iter().enumerate() {
                let free = all.count() - held(&maps).count();
                let map = taken(&i.to_string(), &Needs::window(*size), &ranges, &held(&maps));
                prop_assert_eq!(map.is_some(), u64::from(*size) <= free);
                maps.extend(map);
                let ids: u64 = maps.iter().map(Extents::ids).sum();
                prop_assert_eq!(ids, held(&maps).count());
                prop_assert!(held(&maps).difference(&all).is_empty());
            }
        }
    }
}
