//! Where the ids of an automatic map come from, and how they are kept from others.
//!
//! Root on a host has slots: ranges of 65536 ids each, more than there will ever be containers. Everybody else (an ordinary
//! user; root in a container) has few ids, and each container gets as many as it needs, found by [`idmap::windows`]. Both are leased for
//! as long as the container lives, and both are found from the container's name, so that it gets the same ids again
//! when they are free. A container that shares its caller's whole namespace, as an ordinary user's does by default, holds nothing.

use std::ops::RangeInclusive;

use diag::{Error, Result, codes};
use idmap::{Caller, Extent, IdMap, IdSet, Kind, LAST_ID, Needs, Pool, Slot, slots::free_slots, windows};
use store::{HeldIds, IdsLock, Lease, Store};

use super::Host;

/// Root in a container leaves the ids below to the container's own files and accounts.
const FIRST: u32 = 1024;

/// Who leases ids to one container.
pub trait Leases {
    /// What keeps them.
    type Lease;

    /// Tries to take a slot of root's.
    fn slot(&mut self, slot: Slot) -> Result<Option<Self::Lease>>;

    /// What other containers hold of ids that are not in slots. From here on nobody else takes any, until [`Leases::take`] or the end of
    /// this value.
    fn held(&mut self) -> Result<Vec<HeldIds>>;

    /// Takes ids that nobody holds.
    fn take(&mut self, uids: IdSet, gids: IdSet) -> Result<Self::Lease>;
}

/// The leases of a store.
pub struct StoreLeases<'a> {
    store: &'a Store,
    id: &'a str,
    name: &'a str,
    lock: Option<IdsLock<'a>>,
}

impl<'a> StoreLeases<'a> {
    /// For the container with this id and name.
    pub fn new(store: &'a Store, id: &'a str, name: &'a str) -> StoreLeases<'a> {
        StoreLeases { store, id, name, lock: None }
    }

    fn lock(&mut self) -> Result<&IdsLock<'a>> {
        let lock = match self.lock.take() {
            Some(lock) => lock,
            None => self.store.lock_ids()?,
        };
        Ok(self.lock.insert(lock))
    }
}

impl Leases for StoreLeases<'_> {
    type Lease = Lease;

    fn slot(&mut self, slot: Slot) -> Result<Option<Lease>> {
        self.store.try_lease(slot.number(), self.id)
    }

    fn held(&mut self) -> Result<Vec<HeldIds>> {
        let id = self.id;
        let mut held = self.lock()?.held()?;
        // What its own last life held, whose monitor may just be letting go.
        held.retain(|held| held.holder != id);
        Ok(held)
    }

    fn take(&mut self, uids: IdSet, gids: IdSet) -> Result<Lease> {
        self.lock()?;
        let wanted = HeldIds::new(self.id, self.name, uids, gids);
        match self.lock.take() {
            Some(lock) => lock.take(&wanted),
            None => self.store.lock_ids()?.take(&wanted),
        }
    }
}

/// The choice of ids for one container.
pub struct Choice<'a, L: Leases> {
    host: &'a Host,
    name: &'a str,
    leases: &'a mut L,
    lease: Option<L::Lease>,
    /// What was free of both kinds, where there are no slots.
    free: Option<[IdSet; 2]>,
}

impl<'a, L: Leases> Choice<'a, L> {
    /// Nothing is taken yet.
    pub fn new(host: &'a Host, name: &'a str, leases: &'a mut L) -> Self {
        Choice { host, name, leases, lease: None, free: None }
    }

    /// The uids and the gids that the container may have.
    ///
    /// Errors: UR0205 if no slot is free.
    pub fn pools(&mut self, uids: &Needs, gids: &Needs) -> Result<[Pool; 2]> {
        if has_slots(self.host) {
            return self.slot().map(|slot| [Pool::slot(slot), Pool::slot(slot)]);
        }
        let held = self.leases.held()?;
        let mut free = [IdSet::new(), IdSet::new()];
        let mut pools = [Pool::default(), Pool::default()];
        for (i, (kind, needs)) in [(Kind::Uid, uids), (Kind::Gid, gids)].into_iter().enumerate() {
            let own = own(self.host, kind);
            let held = held.iter().fold(IdSet::new(), |all, one| all.union(one.get(kind)));
            pools[i] = windows(self.name, &own, &held, needs.count());
            free[i] = own.into_iter().collect::<IdSet>().difference(&held);
        }
        self.free = Some(free);
        Ok(pools)
    }

    fn slot(&mut self) -> Result<Slot> {
        for slot in free_slots(self.name, &self.host.taken) {
            if let Some(lease) = self.leases.slot(slot)? {
                self.lease = Some(lease);
                return Ok(slot);
            }
        }
        Err(Error::new(codes::UR0205, "no free range of 65536 ids is left between 524288 and 1879048191")
            .help("choose the ids yourself with --uidmap and --gidmap"))
    }

    /// The lease of what this map (in the host's ids) has of the free ids; `None` if none were asked for. Ids that the map has
    /// by somebody's wish, though others hold them, are shared.
    pub fn lease(self, map: &IdMap) -> Result<Option<L::Lease>> {
        let Some([uids, gids]) = &self.free else { return Ok(self.lease) };
        let used = |kind, free: &IdSet| map.get(kind).outside_ids().intersection(free);
        self.leases.take(used(Kind::Uid, uids), used(Kind::Gid, gids)).map(Some)
    }
}

/// Whether containers get slots: the host's own root has all ids.
pub fn has_slots(host: &Host) -> bool {
    matches!(&host.caller, Caller::Root { current } if *current == IdMap::identity())
}

/// The ids that containers of this caller are given: those delegated to a user; of root in a container, those of its namespace
/// that nothing in there uses.
pub fn own(host: &Host, kind: Kind) -> Vec<RangeInclusive<u32>> {
    match &host.caller {
        // The first extent is the user.
        Caller::User { intermediate, .. } => intermediate.get(kind).iter().skip(1).map(Extent::outside_range).collect(),
        Caller::Root { current } => {
            let used = host.taken.union(&[0..=FIRST - 1, LAST_ID + 1..=LAST_ID + 1].into_iter().collect());
            let free = |extent: &Extent| IdSet::from_iter([extent.inside_range()]).difference(&used);
            current.get(kind).iter().flat_map(|extent| free(extent).ranges().collect::<Vec<_>>()).collect()
        }
    }
}
