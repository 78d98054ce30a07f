//! Where the ids of an automatic map come from, and how they are kept from others.
//!
//! Root on a host has slots: ranges of 65536 ids each, more than there will ever be containers. Everybody else (an ordinary
//! user; root in a container) has few ids, and each container gets as many as it needs, found by [`idmap::windows`]. Both are leased for
//! as long as the container lives, and both are found from the container's name, so that it gets the same ids again
//! when they are free. Leases are one store's; what other stores' containers and other engines run with is seen in the maps of running
//! processes. A container that shares its caller's whole namespace, as an ordinary user's does by default, holds nothing.

use std::{ops::RangeInclusive, path::Path};

use diag::{Error, Result, codes};
use idmap::{Caller, Extent, IdMap, IdSet, Kind, LAST_ID, Needs, Pool, Slot, slots::free_slots, windows};
use store::{HeldIds, IdsLock, Lease, Store};

use super::Host;
use crate::claims::{Claims, HostFiles};

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

    /// What running processes have of a user's ids, whoever started them.
    fn in_use(&self, _host: &Host) -> Vec<HeldIds> {
        Vec::new()
    }

    /// What the place of a container's ids follows from.
    fn seed(&self, name: &str) -> String {
        name.to_owned()
    }
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

    fn in_use(&self, host: &Host) -> Vec<HeldIds> {
        in_use(host, Claims::running(&HostFiles::here()))
    }

    /// Two containers of one name in two stores are not to meet at the same ids, even if they start in the same instant.
    fn seed(&self, name: &str) -> String {
        let run_root = self.store.run_root().path();
        if run_root == Path::new("/run/unroot") { name.to_owned() } else { format!("{} {name}", run_root.display()) }
    }
}

/// What processes have of the ids that are delegated to a user. Who has all of them, as containers do that get the user's whole
/// namespace, shares them with the others.
fn in_use(host: &Host, running: Claims) -> Vec<HeldIds> {
    let mut held: Vec<HeldIds> = Vec::new();
    for claim in running.all {
        let ids = host.current.get(claim.kind).iter().filter_map(|extent| seen_outside(extent, &claim.ids)).collect();
        let at = held.iter().position(|held| held.holder == claim.source).unwrap_or_else(|| {
            let (uids, gids) = (IdSet::new(), IdSet::new());
            held.push(HeldIds { holder: claim.source, name: claim.owner, since: 0, uids, gids });
            held.len() - 1
        });
        match claim.kind {
            Kind::Uid => held[at].uids = held[at].uids.union(&ids),
            Kind::Gid => held[at].gids = held[at].gids.union(&ids),
        }
    }
    let all = |kind| own(host, kind).into_iter().collect::<IdSet>();
    let (uids, gids) = (all(Kind::Uid), all(Kind::Gid));
    held.retain(|held| {
        let shares = uids.difference(&held.uids).is_empty() || gids.difference(&held.gids).is_empty();
        let touches = |all: &IdSet, held: &IdSet| !all.intersection(held).is_empty();
        !shares && (touches(&uids, &held.uids) || touches(&gids, &held.gids))
    });
    held
}

/// The ids inside one extent of this namespace, in the ids around it.
fn seen_outside(extent: &Extent, ids: &RangeInclusive<u32>) -> Option<RangeInclusive<u32>> {
    let inside = extent.inside_range();
    let (first, last) = (*ids.start().max(inside.start()), *ids.end().min(inside.end()));
    let outside = |id: u32| extent.outside.0 + (id - inside.start());
    (first <= last).then(|| outside(first)..=outside(last))
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
        let mut held = self.leases.held()?;
        if matches!(self.host.caller, Caller::User { .. }) {
            held.extend(self.leases.in_use(self.host));
        }
        let mut free = [IdSet::new(), IdSet::new()];
        let mut pools = [Pool::default(), Pool::default()];
        for (i, (kind, needs)) in [(Kind::Uid, uids), (Kind::Gid, gids)].into_iter().enumerate() {
            let own = own(self.host, kind);
            let held = held.iter().fold(IdSet::new(), |all, one| all.union(one.get(kind)));
            pools[i] = windows(&self.leases.seed(self.name), &own, &held, needs.count());
            free[i] = own.into_iter().collect::<IdSet>().difference(&held);
        }
        self.free = Some(free);
        Ok(pools)
    }

    fn slot(&mut self) -> Result<Slot> {
        for slot in free_slots(&self.leases.seed(self.name), &self.host.taken) {
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

#[cfg(test)]
mod tests {
    use idmap::{Extents, Outside};

    use super::*;
    use crate::claims::{Claim, ClaimKind};

    fn user() -> Host {
        let map = |own| Extents::new([Extent::new(0, own, 1), Extent::new(1, 100_000, 1000)]).unwrap();
        let current = IdMap { uid: map(1000), gid: map(1001) };
        let caller = Caller::User { uid: Outside(1000), gid: Outside(1001), intermediate: current.clone() };
        Host { caller, current, nested: true, ..crate::map::tests::root() }
    }

    /// In the ids of the user's own namespace.
    fn process(pid: u32, ids: RangeInclusive<u32>) -> Claims {
        let source = format!("pid {pid}");
        let claim = |kind| Claim {
            kind,
            ids: ids.clone(),
            owner: "process sleep".into(),
            what: ClaimKind::Process,
            source: source.clone(),
        };
        Claims { all: Kind::BOTH.map(claim).to_vec(), ..Claims::default() }
    }

    #[test]
    fn what_others_run_with_is_not_free() {
        let held = in_use(&user(), process(7, 11..=20));
        assert_eq!(
            (held.len(), held[0].uids.to_string(), held[0].gids.to_string()),
            (1, "100010-100019".into(), "100010-100019".into())
        );
    }

    #[test]
    fn who_has_everything_shares_it() {
        assert_eq!(in_use(&user(), process(7, 0..=1000)), []);
        assert_eq!(in_use(&user(), process(7, 1..=1000)), []);
        assert_eq!(in_use(&user(), process(7, 0..=0)), [], "the user's own id");
        assert_eq!(in_use(&user(), process(7, 5000..=6000)), [], "no id of the user's");
    }
}
