//! Maps by hand: how triples give way to later ones, and how gaps are filled. Podman's rules.

use crate::{Extent, Extents, Fault, IdSet, LAST_ID, extent::end};

/// A growing list of extents, each with the number of the triple that it came from.
#[derive(Default)]
pub(crate) struct Pieces {
    list: Vec<(Extent, Option<usize>)>,
}

impl Pieces {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Appends; what overlaps stays and is refused later, as the kernel would.
    pub(crate) fn append(&mut self, extent: Extent, from: usize) {
        self.list.push((extent, Some(from)));
    }

    /// `+`: takes the ids of the new extent out of what is there, in both columns, and appends.
    pub(crate) fn extend(&mut self, extent: Extent, from: usize) {
        let mut kept = Vec::with_capacity(self.list.len() + 2);
        for (piece, origin) in &self.list {
            let mut offsets: IdSet = IdSet::from_iter([0..=piece.len - 1]);
            for (ours, theirs) in [(piece.inside.0, extent.inside.0), (piece.outside.0, extent.outside.0)] {
                take(&mut offsets, *piece, ours, theirs, extent.len);
            }
            kept.extend(
                offsets.ranges().map(|part| (piece.part(*part.start(), part.end() - part.start() + 1), *origin)),
            );
        }
        kept.push((extent, Some(from)));
        self.list = kept;
    }

    /// Gives the container ids that are still free, from 0, the ids of `available` that are still free, in rising
    /// order, until one of both is used up.
    pub(crate) fn fill(&mut self, available: &IdSet) {
        let used: IdSet = self.list.iter().map(|(extent, _)| extent.outside_range()).collect();
        let taken: IdSet = self.list.iter().map(|(extent, _)| extent.inside_range()).collect();
        let gaps = IdSet::from_iter([0..=LAST_ID]).difference(&taken);
        let filled = zip(&gaps, available.difference(&used).ranges());
        self.list.extend(filled.into_iter().map(|extent| (extent, None)));
    }

    /// Gives those of the ids inside that have none now those of the ids outside that nobody has now, in rising order.
    pub(crate) fn refill(&mut self, inside: &IdSet, outside: &IdSet) {
        let used: IdSet = self.list.iter().map(|(extent, _)| extent.outside_range()).collect();
        let taken: IdSet = self.list.iter().map(|(extent, _)| extent.inside_range()).collect();
        let filled = zip(&inside.difference(&taken), outside.difference(&used).ranges());
        self.list.extend(filled.into_iter().map(|extent| (extent, None)));
    }

    /// The map; or the fault and the triple that it comes from.
    pub(crate) fn finish(&self) -> Result<Extents, (Fault, Option<usize>)> {
        Extents::merged(self.list.iter().map(|(extent, _)| *extent)).map_err(|fault| {
            let from = self.list.get(fault.index()).and_then(|(_, from)| *from);
            (fault, from)
        })
    }
}

/// Removes from a piece's offsets those that the new extent covers in one column.
fn take(offsets: &mut IdSet, piece: Extent, ours: u32, theirs: u32, len: u32) {
    let low = ours.max(theirs);
    let high = end(ours, piece.len).min(end(theirs, len));
    if u64::from(low) < high
        && let Ok(last) = u32::try_from(high - 1)
    {
        offsets.remove_range(low - ours..=last - ours);
    }
}

/// Pairs the ids inside with those outside in their orders, as far as both go.
pub(crate) fn zip(inside: &IdSet, outside: impl IntoIterator<Item = std::ops::RangeInclusive<u32>>) -> Vec<Extent> {
    let mut pairs = Vec::new();
    let mut wanted = inside.ranges();
    let mut want = wanted.next();
    for range in outside {
        let (mut free, last) = range.into_inner();
        while let Some(ids) = &want {
            let len = (ids.end() - ids.start()).min(last - free);
            pairs.push((*ids.start(), free, len));
            // `len` is one less than the number of ids, so that it cannot overflow.
            let rest =
                (ids.start() + len).checked_add(1).filter(|next| next <= ids.end()).map(|next| next..=*ids.end());
            want = rest.or_else(|| wanted.next());
            match (free + len).checked_add(1).filter(|next| *next <= last) {
                Some(next) => free = next,
                None => break,
            }
        }
    }
    pairs.into_iter().map(|(inside, outside, more)| Extent::new(inside, outside, more.saturating_add(1))).collect()
}
