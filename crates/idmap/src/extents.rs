//! A map that the kernel accepts.

use serde::{Deserialize, Serialize};

use crate::{Column, Extent, Fault, IdSet, Inside, Kind, LAST_ID, Outside, extent::end, fault::Pair};

/// How many extents a map may have: `UID_GID_MAP_MAX_EXTENTS`, since Linux 4.15 (5 before).
pub const MAX_EXTENTS: usize = 340;

/// How many bytes the text of a map may have: one write, shorter than a page.
pub const MAX_BYTES: usize = 4095;

/// The extents of one map: sorted by the ids inside, disjoint in both columns, at most [`MAX_EXTENTS`] of them,
/// at most [`MAX_BYTES`] as text. May be empty (the kernel refuses to be given an empty map, but a namespace has
/// one until it is given another).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Extent>", into = "Vec<Extent>")]
pub struct Extents(Vec<Extent>);

impl Extents {
    /// Takes extents in any order. They stay as they are: `newuidmap` wants each inside one line of `/etc/subuid`,
    /// so extents that continue each other are two on purpose.
    ///
    /// A [`Fault`] names the guilty extents by their indexes in `list`.
    pub fn new(list: impl IntoIterator<Item = Extent>) -> Result<Self, Fault> {
        Extents::limited(checked(list)?)
    }

    /// As [`Extents::new`], but extents that continue each other in both columns become one, before they are counted.
    pub fn merged(list: impl IntoIterator<Item = Extent>) -> Result<Self, Fault> {
        let mut merged = Vec::<(usize, Extent)>::new();
        for (index, extent) in checked(list)? {
            match merged.last_mut() {
                Some((_, previous)) if previous.continued_by(&extent) => previous.len += extent.len,
                _ => merged.push((index, extent)),
            }
        }
        Extents::limited(merged)
    }

    /// The map that changes nothing: the host's own, `0 0 4294967295`.
    pub fn identity() -> Self {
        Extents(vec![Extent::new(0, 0, LAST_ID + 1)])
    }

    fn limited(sorted: Vec<(usize, Extent)>) -> Result<Self, Fault> {
        if let Some(&(index, _)) = sorted.get(MAX_EXTENTS) {
            return Err(Fault::TooMany { index, count: sorted.len() });
        }
        let mut bytes = 0;
        let mut guilty = None;
        for (index, extent) in &sorted {
            bytes += extent.text_len();
            if bytes > MAX_BYTES && guilty.is_none() {
                guilty = Some(*index);
            }
        }
        match guilty {
            Some(index) => Err(Fault::TooLong { index, bytes }),
            None => Ok(Extents(sorted.into_iter().map(|(_, extent)| extent).collect())),
        }
    }

    /// The extents, by rising ids inside.
    pub fn iter(&self) -> std::slice::Iter<'_, Extent> {
        self.0.iter()
    }

    /// The extents, by rising ids inside.
    pub fn as_slice(&self) -> &[Extent] {
        &self.0
    }

    /// How many extents.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many ids are mapped.
    pub fn ids(&self) -> u64 {
        self.0.iter().map(|extent| u64::from(extent.len)).sum()
    }

    /// The extent that holds an id inside.
    pub fn extent_of(&self, id: Inside) -> Option<&Extent> {
        let after = self.0.partition_point(|extent| extent.inside <= id);
        let extent = self.0.get(after.checked_sub(1)?)?;
        extent.inside_range().contains(&id.0).then_some(extent)
    }

    /// What an id of the container is outside, if it is mapped.
    pub fn to_outside(&self, id: Inside) -> Option<Outside> {
        self.extent_of(id).map(|extent| Outside(extent.outside.0 + (id.0 - extent.inside.0)))
    }

    /// What an id from outside is in the container, if it is mapped.
    pub fn to_inside(&self, id: Outside) -> Option<Inside> {
        let extent = self.0.iter().find(|extent| extent.outside_range().contains(&id.0))?;
        Some(Inside(extent.inside.0 + (id.0 - extent.outside.0)))
    }

    /// Whether an id of the container is mapped.
    pub fn contains(&self, id: Inside) -> bool {
        self.extent_of(id).is_some()
    }

    /// All ids inside.
    pub fn inside_ids(&self) -> IdSet {
        self.0.iter().map(Extent::inside_range).collect()
    }

    /// All ids outside.
    pub fn outside_ids(&self) -> IdSet {
        self.0.iter().map(Extent::outside_range).collect()
    }
}

/// Sorts by the ids inside, keeps the input's indexes, and refuses what no map may have.
fn checked(list: impl IntoIterator<Item = Extent>) -> Result<Vec<(usize, Extent)>, Fault> {
    let mut sorted: Vec<(usize, Extent)> = list.into_iter().enumerate().collect();
    for &(index, extent) in &sorted {
        if extent.len == 0 {
            return Err(Fault::Zero { index, extent });
        }
        for column in [Column::Inside, Column::Outside] {
            if end(column.start(&extent), extent.len) > u64::from(LAST_ID) + 1 {
                return Err(Fault::Overflow { index, column, extent });
            }
        }
    }
    for column in [Column::Outside, Column::Inside] {
        sorted.sort_by_key(|(_, extent)| column.start(extent));
        disjoint(&sorted, column)?;
    }
    Ok(sorted)
}

/// In a list that is sorted by one column, if any two overlap there, then two neighbours do.
fn disjoint(sorted: &[(usize, Extent)], column: Column) -> Result<(), Fault> {
    for pair in sorted.windows(2) {
        let [(i, a), (j, b)] = pair else { continue };
        if end(column.start(a), a.len) > u64::from(column.start(b)) {
            let (earlier, later) = if i < j { ((*i, *a), (*j, *b)) } else { ((*j, *b), (*i, *a)) };
            return Err(Fault::Overlap { column, pair: Pair { earlier, later } });
        }
    }
    Ok(())
}

impl TryFrom<Vec<Extent>> for Extents {
    type Error = Fault;

    fn try_from(list: Vec<Extent>) -> Result<Self, Fault> {
        Extents::new(list)
    }
}

impl From<Extents> for Vec<Extent> {
    fn from(extents: Extents) -> Self {
        extents.0
    }
}

impl<'a> IntoIterator for &'a Extents {
    type Item = &'a Extent;
    type IntoIter = std::slice::Iter<'a, Extent>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Both maps of a user namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IdMap {
    /// `uid_map`.
    pub uid: Extents,
    /// `gid_map`.
    pub gid: Extents,
}

impl IdMap {
    /// The host's own maps, which change nothing.
    pub fn identity() -> Self {
        IdMap { uid: Extents::identity(), gid: Extents::identity() }
    }

    /// One of the two.
    pub fn get(&self, kind: Kind) -> &Extents {
        match kind {
            Kind::Uid => &self.uid,
            Kind::Gid => &self.gid,
        }
    }

    /// Makes each of the two in the same way.
    pub fn try_from_fn<E>(mut make: impl FnMut(Kind) -> Result<Extents, E>) -> Result<Self, E> {
        Ok(IdMap { uid: make(Kind::Uid)?, gid: make(Kind::Gid)? })
    }
}
