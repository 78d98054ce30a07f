//! The claims as they are drawn: a lane for each owner, and a scale on which each of them can be seen.

use std::{collections::BTreeSet, ops::RangeInclusive};

use super::{Claim, ClaimKind, Overlap};
use crate::IdSet;

/// So many owners get a lane of their own.
const LANES: usize = 20;

/// Accounts that are so close together are one piece on the scale.
const CLOSE: u64 = 1024;

/// One owner's ids.
pub(super) struct Lane {
    pub label: String,
    pub what: ClaimKind,
    pub ids: IdSet,
    /// Those that somebody else claims, too.
    pub disputed: IdSet,
}

/// The lanes, by their first ids; agreements last.
pub(super) fn lanes(claims: &[Claim], overlaps: &[Overlap<'_>]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for claim in claims {
        let label = label(claim);
        if let Some(lane) = lanes.iter_mut().find(|lane| lane.label == label) {
            lane.ids.insert_range(claim.ids.clone());
        } else {
            let ids = [claim.ids.clone()].into_iter().collect();
            lanes.push(Lane { label, what: claim.what, ids, disputed: IdSet::new() });
        }
    }
    for overlap in overlaps {
        for claim in [overlap.first, overlap.second] {
            let label = self::label(claim);
            lanes
                .iter_mut()
                .filter(|lane| lane.label == label)
                .for_each(|lane| lane.disputed.insert_range(overlap.ids.clone()));
        }
    }
    lanes.sort_by_key(|lane| (lane.what == ClaimKind::Pool, lane.ids.first()));
    summed_up(lanes)
}

/// Accounts, reserved ids and processes are many, and each of little interest.
fn label(claim: &Claim) -> String {
    match claim.what {
        ClaimKind::Account => "accounts".to_owned(),
        ClaimKind::Reserved => "kernel and systemd".to_owned(),
        ClaimKind::Process => "running processes".to_owned(),
        _ => claim.owner.clone(),
    }
}

/// Of too many lanes, the last undisputed ones become one.
fn summed_up(mut lanes: Vec<Lane>) -> Vec<Lane> {
    let mut rest: Vec<Lane> = Vec::new();
    while lanes.len() + usize::from(!rest.is_empty()) > LANES {
        let plain = |lane: &Lane| {
            lane.disputed.is_empty()
                && matches!(lane.what, ClaimKind::Delegated | ClaimKind::Tool | ClaimKind::Container)
        };
        let Some(at) = lanes.iter().rposition(plain) else { break };
        rest.push(lanes.remove(at));
    }
    if !rest.is_empty() {
        let ids = rest.iter().fold(IdSet::new(), |all, lane| all.union(&lane.ids));
        let label = format!("{} more owners", rest.len());
        lanes.push(Lane { label, what: ClaimKind::Delegated, ids, disputed: IdSet::new() });
    }
    lanes
}

/// Where each id is: columns from left to right. Every boundary of a claim is the edge of a column as long as there are enough of them;
/// how wide a piece between two boundaries is follows from the logarithm of the number of its ids.
pub(super) struct Scale {
    /// The first id of each column, and at last the number of all ids.
    edges: Vec<u64>,
    /// The columns at which a piece begins, those first at which somebody's ids begin.
    pub marks: Vec<usize>,
}

impl Scale {
    pub(super) fn new(lanes: &[Lane], columns: usize) -> Scale {
        let columns = columns.max(2);
        let mut pieces: Vec<u64> = boundaries(lanes).into_iter().collect();
        while pieces.len() > columns / 2 + 1 {
            merge_smallest(&mut pieces);
        }
        let lens: Vec<u64> = pieces.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let widths = widths(&lens, columns);
        let (mut edges, mut marks) = (Vec::with_capacity(columns + 1), Vec::new());
        for ((start, len), width) in pieces.iter().zip(&lens).zip(widths) {
            marks.push(edges.len());
            edges.extend((0..width).map(|i| start + len * i / width.max(1)));
        }
        edges.extend(pieces.last());
        let begins = |id: u64| lanes.iter().any(|lane| lane.ids.ranges().any(|ids| u64::from(*ids.start()) == id));
        marks.sort_by_key(|mark| (!edges.get(*mark).is_some_and(|id| *id == 0 || begins(*id)), *mark));
        Scale { edges, marks }
    }

    /// How many columns.
    pub(super) fn columns(&self) -> usize {
        self.edges.len() - 1
    }

    /// The marks with their numbers, as far as these fit one beside the other, from left to right. `wide` is the room that a number takes.
    pub(super) fn numbers(&self, wide: impl Fn(&str) -> usize) -> Vec<(usize, String)> {
        let mut placed: Vec<(usize, usize, String)> = Vec::new();
        for &mark in &self.marks {
            let number = self.ids(mark).start().to_string();
            let end = mark + wide(&number);
            if end <= self.columns() && placed.iter().all(|(from, to, _)| end <= *from || *to <= mark) {
                placed.push((mark, end, number));
            }
        }
        placed.sort();
        placed.into_iter().map(|(mark, _, number)| (mark, number)).collect()
    }

    /// The ids of a column.
    pub(super) fn ids(&self, column: usize) -> RangeInclusive<u32> {
        let id = |edge: u64| u32::try_from(edge).unwrap_or(u32::MAX);
        match self.edges.get(column..column + 2) {
            Some([first, end]) => id(*first)..=id(end.saturating_sub(1)),
            _ => u32::MAX..=u32::MAX,
        }
    }
}

/// Where something begins or ends.
fn boundaries(lanes: &[Lane]) -> BTreeSet<u64> {
    let mut edges = BTreeSet::from([0, u64::from(u32::MAX) + 1]);
    for lane in lanes {
        let mut last: Option<u64> = None;
        for range in lane.ids.ranges() {
            let (first, end) = (u64::from(*range.start()), u64::from(*range.end()) + 1);
            match last.filter(|last| lane.what == ClaimKind::Account && first < last + CLOSE) {
                Some(last) => edges.remove(&last),
                None => edges.insert(first),
            };
            edges.insert(end);
            last = Some(end);
        }
        for range in lane.disputed.ranges() {
            edges.extend([u64::from(*range.start()), u64::from(*range.end()) + 1]);
        }
    }
    edges
}

/// Takes the boundary away that parts the two smallest neighbours.
fn merge_smallest(pieces: &mut Vec<u64>) {
    let smallest = (1..pieces.len().saturating_sub(1)).min_by_key(|i| pieces[i + 1] - pieces[i - 1]);
    match smallest {
        Some(at) => drop(pieces.remove(at)),
        None => pieces.truncate(2),
    }
}

/// How many columns each piece gets: at least one, at most one an id.
fn widths(lens: &[u64], columns: usize) -> Vec<u64> {
    let mut widths = vec![1_u64; lens.len()];
    for _ in lens.len()..columns {
        // The piece whose columns hold most, on the logarithmic scale.
        let load = |i: &usize| u64::from(lens[*i].ilog2() + 1) * 1000 / widths[*i];
        let Some(widest) = (0..lens.len()).filter(|i| widths[*i] < lens[*i]).max_by_key(load) else { break };
        widths[widest] += 1;
    }
    widths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::line::{overlaps, tests::usual};

    #[test]
    fn lanes_of_a_usual_host() {
        let claims = usual();
        let lanes = lanes(&claims, &overlaps(&claims));
        let labels: Vec<&str> = lanes.iter().map(|lane| lane.label.as_str()).collect();
        let expected = [
            "accounts",
            "kernel and systemd",
            "kubelet",
            "alice",
            "Docker (dockremap)",
            "Podman (containers)",
            "unroot and systemd-nspawn",
        ];
        assert_eq!(labels, expected);
        assert_eq!(lanes[2].disputed.to_string(), "100000-231071");
    }

    #[test]
    fn many_owners_are_summed_up() {
        let many: Vec<Claim> = (0..100)
            .map(|i| crate::line::tests::claim(ClaimKind::Delegated, &format!("u{i}"), i * 10..=i * 10 + 9))
            .collect();
        let lanes = lanes(&many, &[]);
        assert_eq!((lanes.len(), lanes.last().map(|lane| lane.label.as_str())), (20, Some("81 more owners")));
    }

    proptest! {
        /// Columns follow each other without a gap, from the first id to the last.
        #[test]
        fn every_id_has_one_column(list in prop::collection::vec((any::<u32>(), 0_u32..100_000), 0..40), columns in 0_usize..120) {
            let claims: Vec<Claim> = list
                .iter()
                .map(|(first, more)| crate::line::tests::claim(ClaimKind::Tool, "x", *first..=first.saturating_add(*more)))
                .collect();
            let scale = Scale::new(&lanes(&claims, &[]), columns);
            prop_assert!(scale.columns() <= columns.max(2));
            let mut next = 0;
            for column in 0..scale.columns() {
                let ids = scale.ids(column);
                prop_assert_eq!(u64::from(*ids.start()), next);
                prop_assert!(!ids.is_empty());
                next = u64::from(*ids.end()) + 1;
            }
            prop_assert_eq!(next, u64::from(u32::MAX) + 1);
        }
    }
}
