//! Root's slots: 28 664 ranges of 65536 host ids, one for each container.
//!
//! They are the ids that systemd sets aside for containers (524288 to 1879048191; `systemd.io/UIDS-GIDS`), so no
//! distribution gives them to people. A container tries them in an order that follows from its name alone, so that it
//! gets the same one again as long as nobody else has it.

use std::{fmt, ops::RangeInclusive};

use crate::IdSet;

/// How many ids a slot has.
pub const SLOT_SIZE: u32 = 65536;

/// The first id of the first slot.
pub const FIRST_SLOT: u32 = 524_288;

/// How many slots there are.
pub const SLOTS: u32 = (1_879_048_191 - FIRST_SLOT + 1) / SLOT_SIZE;

/// From one try to the next. Prime and no divisor of the number of slots, so that all are tried.
const STRIDE: u32 = 10_007;

/// One slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// The slot of this number, from 0 to [`SLOTS`]` - 1`.
    pub const fn at(number: u32) -> Option<Slot> {
        if number < SLOTS { Some(Slot(number)) } else { None }
    }

    /// Its number, from 0: what its lease is called after.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Its first id.
    pub const fn base(self) -> u32 {
        FIRST_SLOT + self.0 * SLOT_SIZE
    }

    /// Its ids.
    pub const fn ids(self) -> RangeInclusive<u32> {
        self.base()..=self.base() + (SLOT_SIZE - 1)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All slots, in the order in which a container of this name tries them. The order is part of the interface: it stays
/// the same in every version.
pub fn slots(name: &str) -> impl Iterator<Item = Slot> + use<> {
    // The remainder is below SLOTS, so nothing is cut off.
    let start = u32::try_from(fnv1a(name.as_bytes()) % u64::from(SLOTS)).unwrap_or_default();
    (0..SLOTS).map(move |i| Slot((start + i * STRIDE) % SLOTS))
}

/// Those slots of which no id is taken.
pub fn free_slots<'a>(name: &str, taken: &'a IdSet) -> impl Iterator<Item = Slot> + use<'a> {
    slots(name).filter(|slot| !taken.meets(&slot.ids()))
}

/// 64-bit FNV-1a (`draft-eastlake-fnv`), written out because std's hashes may change.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn published_values_of_the_hash() {
        for (text, hash) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(fnv1a(text.as_bytes()), hash, "{text}");
        }
    }

    #[test]
    fn every_slot_once() {
        let seen: BTreeSet<u32> = slots("web").map(Slot::number).collect();
        assert_eq!(seen.len(), 28_664);
        assert_eq!((seen.first(), seen.last()), (Some(&0), Some(&28_663)));
        assert_eq!(Slot::at(28_663).unwrap().ids(), 1_878_982_656..=1_879_048_191);
        assert_eq!(Slot::at(28_664), None);
    }

    #[test]
    fn the_order_never_changes() {
        let first = |name| slots(name).take(3).map(Slot::number).collect::<Vec<_>>();
        assert_eq!(first("web"), [2529, 12_536, 22_543]);
    }

    #[test]
    fn taken_slots_are_skipped() {
        let first = slots("web").next().unwrap();
        let taken = IdSet::from_iter([first.base() + 65_535..=first.base() + 65_535]);
        assert_eq!(free_slots("web", &taken).next(), slots("web").nth(1));
        assert_eq!(free_slots("web", &IdSet::from_iter([0..=u32::MAX])).next(), None);
    }
}
