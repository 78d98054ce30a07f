//! Giving host ids to the ids that a container needs.

use std::ops::RangeInclusive;

use diag::{Error, codes};

use crate::{Extent, Extents, Fault, IdSet, Inside, Kind, MAX_EXTENTS, Needs, Slot, breaking::zip, grouped};

/// Host ids that a container may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// Free host ids, in the order of their use. An extent never goes from one range into the next, because
    /// `newuidmap` allows each only within one line of `/etc/subuid`.
    ranges: Vec<RangeInclusive<u32>>,
    /// Container id `k` is preferably host id `base + k`.
    base: Option<u32>,
}

impl Pool {
    /// Ranges to be used from the first to the last.
    pub fn ranges(ranges: Vec<RangeInclusive<u32>>) -> Self {
        Pool { ranges, base: None }
    }

    /// A slot of root's: container id `k` is host id `base + k` wherever that is possible.
    pub fn slot(slot: Slot) -> Self {
        Pool { ranges: vec![slot.ids()], base: Some(*slot.ids().start()) }
    }

    /// How many ids it has.
    pub fn count(&self) -> u64 {
        self.ranges.iter().cloned().collect::<IdSet>().count()
    }

    /// The same pool without ids that somebody has already.
    #[must_use]
    pub fn except(&self, taken: &IdSet) -> Self {
        Pool { ranges: self.without(taken), base: self.base }
    }

    /// The ranges without these ids, and without what an earlier range has already.
    fn without(&self, ids: &IdSet) -> Vec<RangeInclusive<u32>> {
        let mut gone = ids.clone();
        let mut free = Vec::new();
        for range in &self.ranges {
            free.extend(IdSet::from_iter([range.clone()]).difference(&gone).ranges());
            gone.insert_range(range.clone());
        }
        free
    }
}

/// Why no map came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Short {
    /// More ids are needed than are free.
    Pool {
        /// How many are needed, without the wishes.
        needed: u64,
        /// How many are free.
        free: u64,
    },
    /// The kernel's limits, even at the coarsest.
    Fault(Fault),
}

impl Short {
    /// The diagnostic: UR0205 or UR0104.
    pub fn into_error(self, kind: Kind) -> Error {
        match self {
            Short::Pool { needed, free } => {
                let what =
                    format!("the container needs {} {kind}s, but only {} are free", grouped(needed), grouped(free));
                Error::new(codes::UR0205, what)
                    .help("stop a container that holds ids, or ask for fewer with `--userns=auto:size=N`")
                    .help(format!("root can delegate more ids in `{}`", kind.subid_file()))
            }
            Short::Fault(fault) => fault.into_error(kind),
        }
    }
}

/// Makes the map: the wishes as they are, everything else from the pool. Ids inside that are wished for are not taken
/// from the pool; ids outside that are wished for are not used a second time. If the map had more extents or text than the
/// kernel takes, gaps between needed ids are mapped too.
///
/// Errors: [`Short`].
pub fn assign(plan: &Needs, wishes: &Extents, pool: &Pool) -> Result<Extents, Short> {
    let runs = plan.ids().ranges().len();
    let mut last = Short::Fault(Fault::TooMany { index: 0, count: runs });
    for most in [MAX_EXTENTS, 250, 180, 120, 60, 20, 5, 1] {
        if most < MAX_EXTENTS && most >= runs {
            continue;
        }
        match once(&plan.coarser(most).ids(), wishes, pool) {
            Err(Short::Fault(fault)) => last = Short::Fault(fault),
            // Fewer runs need more ids: it does not get better.
            done => return done,
        }
    }
    Err(last)
}

fn once(needed: &IdSet, wishes: &Extents, pool: &Pool) -> Result<Extents, Short> {
    let wanted = wishes.missing(needed);
    let mut free = pool.without(&wishes.outside_ids());
    let available: u64 = free.iter().cloned().collect::<IdSet>().count();
    if wanted.count() > available {
        return Err(Short::Pool { needed: wanted.count(), free: available });
    }
    let mut list: Vec<Extent> = wishes.iter().copied().collect();
    let mut rest = wanted;
    if let Some(base) = pool.base {
        let aligned = aligned(&rest, &free, base);
        rest = aligned.iter().fold(rest, |mut rest, extent| {
            rest.remove_range(extent.inside_range());
            rest
        });
        let used: IdSet = aligned.iter().map(Extent::outside_range).collect();
        free = Pool::ranges(free).without(&used);
        list.extend(aligned);
    }
    list.extend(zip(&rest, free));
    Extents::new(list).map_err(Short::Fault)
}

/// The ids whose host id at the same distance from the base is free.
fn aligned(wanted: &IdSet, free: &[RangeInclusive<u32>], base: u32) -> Vec<Extent> {
    let mut list = Vec::new();
    for range in free.iter().filter(|range| *range.start() >= base) {
        let same = IdSet::from_iter([range.start() - base..=range.end() - base]).intersection(wanted);
        list.extend(same.ranges().map(|ids| {
            let Inside(first) = Inside(*ids.start());
            Extent::new(first, base + first, ids.end() - first + 1)
        }));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageIds, Outside};

    fn wishes(list: &[(u32, u32, u32)]) -> Extents {
        Extents::new(list.iter().copied().map(Extent::from)).unwrap()
    }

    #[test]
    fn the_pages_example() {
        let slot = Slot::at(3).unwrap();
        let plan = Needs::of_image(&ImageIds::default());
        let map = assign(&plan, &wishes(&[(101, 996, 1)]), &Pool::slot(slot)).unwrap();
        assert_eq!(map.to_kernel(), "0 720896 101\n101 996 1\n102 720998 922\n65534 786430 1\n");
    }

    #[test]
    fn a_wish_for_an_id_of_the_slot_itself() {
        let slot = Slot::at(0).unwrap();
        let map = assign(&Needs::window(4), &wishes(&[(1, 524_290, 1)]), &Pool::slot(slot)).unwrap();
        // 2 would be 524290, which is taken: it gets the first that is left.
        assert_eq!(map.to_kernel(), "0 524288 1\n1 524290 1\n2 524289 1\n3 524291 1\n");
    }

    #[test]
    fn outliers_live_in_the_slot_too() {
        let far = ImageIds { files: "205001,1000650000".parse().unwrap(), ..ImageIds::default() };
        let map = assign(&Needs::of_image(&far), &Extents::default(), &Pool::slot(Slot::at(0).unwrap())).unwrap();
        assert_eq!(map.to_kernel(), "0 524288 1024\n65534 589822 1\n205001 525312 1\n1000650000 525313 1\n");
    }

    #[test]
    fn packed_and_never_across_two_lines() {
        let pool = Pool::ranges(vec![100..=109, 110..=119, 105..=125]);
        let map = assign(&Needs::window(22), &Extents::default(), &pool).unwrap();
        assert_eq!(map.to_kernel(), "0 100 10\n10 110 10\n20 120 2\n");
        let rest = pool.except(&IdSet::from_iter([0..=104, 112..=112]));
        let map = assign(&Needs::window(14), &Extents::default(), &rest).unwrap();
        assert_eq!(map.to_kernel(), "0 105 5\n5 110 2\n7 113 7\n");
        let short = assign(&Needs::window(27), &Extents::default(), &pool).unwrap_err();
        assert_eq!(short, Short::Pool { needed: 27, free: 26 });
        assert_eq!(short.into_error(Kind::Uid).code(), codes::UR0205);
    }

    #[test]
    fn too_many_outliers_become_runs() {
        let files: IdSet = (0..2000).map(|i| 10_000 + 3 * i).collect();
        let plan = Needs::of_image(&ImageIds { files: files.clone(), accounts: IdSet::new(), ..ImageIds::default() });
        let map = assign(&plan, &Extents::default(), &Pool::slot(Slot::at(5).unwrap())).unwrap();
        assert!(map.len() <= MAX_EXTENTS && map.to_kernel().len() <= crate::MAX_BYTES);
        assert!(map.missing(&plan.ids()).is_empty());
        assert_eq!(map.to_inside(Outside(524_288 + 5 * 65_536)), Some(Inside(0)));
    }
}
