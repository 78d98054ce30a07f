//! Maps of maps.

use diag::{Error, codes};

use crate::{Extent, Extents, Fault, IdSet, Kind};

/// Why a map cannot be written in a namespace whose own map is the parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Straddle {
    /// The parent does not map these ids: EPERM.
    Beyond {
        /// The extent, as an index into the map.
        index: usize,
        /// The ids that the parent does not have.
        ids: IdSet,
    },
    /// Split at the parent's boundaries, it is no map any more: too many extents, or too much text.
    Fault(Fault),
}

impl Straddle {
    /// The diagnostic: UR0107, or what the fault says. The caller adds the origin.
    pub fn into_error(self, kind: Kind) -> Error {
        match self {
            Straddle::Beyond { ids, .. } => Error::new(
                codes::UR0107,
                format!("the {kind} map uses host ids that do not exist here: {}", ids.brief(8)),
            )
            .fact("this process is in a user namespace itself, which leaves them out")
            .help(format!("see `/proc/self/{kind}_map` for the ids that may be used (its first and third column)")),
            Straddle::Fault(fault) => fault.into_error(kind),
        }
    }
}

impl Extents {
    /// This map behind another: the ids outside this one are the ids inside `outer` (container → intermediate → host).
    ///
    /// The result is split where `outer` is, even if the pieces continue each other, because the kernel and `newuidmap`
    /// want it so. Ids that `outer` does not map are left out; [`Extents::split_at_parents`] refuses them instead.
    pub fn compose(&self, outer: &Extents) -> Result<Extents, Fault> {
        Extents::new(self.pieces(outer).map(|(piece, through)| {
            let skip = piece.outside.0 - through.inside.0;
            Extent::new(piece.inside.0, through.outside.0 + skip, piece.len)
        }))
    }

    /// The same map, as the kernel wants it in a namespace whose own map is `parent`: each extent within one
    /// extent of the parent. (Straddling two is EPERM, even if they continue each other.)
    pub fn split_at_parents(&self, parent: &Extents) -> Result<Extents, Straddle> {
        let known = parent.inside_ids();
        for (index, extent) in self.iter().enumerate() {
            let ids: IdSet = IdSet::from_iter([extent.outside_range()]).difference(&known);
            if !ids.is_empty() {
                return Err(Straddle::Beyond { index, ids });
            }
        }
        Extents::new(self.pieces(parent).map(|(piece, _)| piece)).map_err(Straddle::Fault)
    }

    /// The parts of this map's extents that lie within one extent of `outer` each, with that extent.
    fn pieces<'a>(&'a self, outer: &'a Extents) -> impl Iterator<Item = (Extent, Extent)> + 'a {
        self.iter().flat_map(move |extent| {
            outer.iter().filter_map(move |through| {
                let (first, last) = extent.outside_range().into_inner();
                let (start, end) = through.inside_range().into_inner();
                let (low, high) = (first.max(start), last.min(end));
                (low <= high).then(|| (extent.part(low - first, high - low + 1), *through))
            })
        })
    }

    /// The map seen from outside: what was outside is inside.
    #[must_use]
    pub fn invert(&self) -> Extents {
        // Neither disjointness nor the length of the text depends on which column comes first.
        Extents::new(self.iter().map(Extent::inverted)).unwrap_or_default()
    }

    /// The ids among `needed` (ids inside) that the map leaves out.
    #[must_use]
    pub fn missing(&self, needed: &IdSet) -> IdSet {
        needed.difference(&self.inside_ids())
    }

    /// The same map with as few extents as possible.
    #[must_use]
    pub fn normalized(&self) -> Extents {
        // Merging makes fewer extents and less text of what was within the limits.
        Extents::merged(self.iter().copied()).unwrap_or_default()
    }
}
