//! One id through several maps: pure arithmetic, in both directions.

use crate::{Extents, Inside, Outside};

/// Which way an id is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the innermost namespace to the outermost.
    Outwards,
    /// From the outermost namespace to the innermost.
    Inwards,
}

/// The way of one id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What it is in each namespace that it reaches, in the direction of the way. The first is the id itself.
    pub ids: Vec<u32>,
    /// The map that leaves it out, as an index into the maps; nothing if it gets through.
    pub lost_in: Option<usize>,
}

/// Follows an id through maps; the first is the innermost, and each one's outside is the next one's inside.
pub fn trace(maps: &[Extents], id: u32, way: Way) -> Trace {
    let mut ids = vec![id];
    let mut here = id;
    let step = |index: usize, id: u32| match way {
        Way::Outwards => maps[index].to_outside(Inside(id)).map(|id| id.0),
        Way::Inwards => maps[index].to_inside(Outside(id)).map(|id| id.0),
    };
    for nth in 0..maps.len() {
        let index = if way == Way::Outwards { nth } else { maps.len() - 1 - nth };
        match step(index, here) {
            Some(next) => ids.push(next),
            None => return Trace { ids, lost_in: Some(index) },
        }
        here = ids[nth + 1];
    }
    Trace { ids, lost_in: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Extent;

    fn maps() -> [Extents; 2] {
        let inner = Extents::new([Extent::new(0, 1000, 500)]).unwrap();
        let outer = Extents::new([Extent::new(0, 100_000, 65_536)]).unwrap();
        [inner, outer]
    }

    #[test]
    fn both_ways() {
        let out = trace(&maps(), 101, Way::Outwards);
        assert_eq!(out, Trace { ids: vec![101, 1101, 101_101], lost_in: None });
        let back = trace(&maps(), 101_101, Way::Inwards);
        assert_eq!(back, Trace { ids: vec![101_101, 1101, 101], lost_in: None });
    }

    #[test]
    fn where_it_is_lost() {
        assert_eq!(trace(&maps(), 500, Way::Outwards), Trace { ids: vec![500], lost_in: Some(0) });
        assert_eq!(trace(&maps(), 100_000, Way::Inwards), Trace { ids: vec![100_000, 0], lost_in: Some(0) });
        assert_eq!(trace(&maps(), 5, Way::Inwards), Trace { ids: vec![5], lost_in: Some(1) });
        assert_eq!(trace(&[], 5, Way::Inwards), Trace { ids: vec![5], lost_in: None });
    }

    proptest! {
        #[test]
        fn there_and_back(id in 0..600u32) {
            let there = trace(&maps(), id, Way::Outwards);
            if there.lost_in.is_none() {
                let mut back = trace(&maps(), there.ids[2], Way::Inwards);
                back.ids.reverse();
                prop_assert_eq!(back, there);
            } else {
                prop_assert!(id >= 500);
            }
        }
    }
}
