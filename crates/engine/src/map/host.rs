//! What the choice of a map has to know of this host, looked up once.

use std::fs;

use diag::{Error, Result, codes};
use idmap::{Caller, Extents, IdMap, IdSet, Kind, Outside, SubidFile, slots::taken_by};

use crate::scope::own_map;

/// The host's ids: who asks, what is delegated, what is taken.
#[derive(Clone, Debug)]
pub struct Host {
    /// Who asks.
    pub caller: Caller,
    /// `/etc/subuid`.
    pub subuid: SubidFile,
    /// `/etc/subgid`.
    pub subgid: SubidFile,
    /// Ids of the host that no slot may touch: those delegated to users, and those of running processes.
    pub taken: IdSet,
    /// This process's own maps.
    pub current: IdMap,
    /// Whether these are not the host's.
    pub nested: bool,
    /// `/etc/passwd`, for names.
    pub passwd: Vec<u8>,
    /// `/etc/group`, for names.
    pub group: Vec<u8>,
}

impl Host {
    /// Looks. To be called after a user has entered their own namespace. `rootless` says that they did so.
    pub fn look(rootless: bool) -> Result<Host> {
        let current = IdMap { uid: own_map("uid_map")?, gid: own_map("gid_map")? };
        let read = |path: &str| SubidFile::parse(path, &fs::read(path).unwrap_or_default());
        let (users, groups) = (read("/etc/subuid"), read("/etc/subgid"));
        let nested = current != IdMap::identity();
        let caller = if rootless { user(&current)? } else { Caller::Root { current: current.clone() } };
        let maps = running_maps();
        let taken = taken_by(&maps).union(&users.all()).union(&groups.all());
        let text = |path: &str| fs::read(path).unwrap_or_default();
        let (passwd, group) = (text("/etc/passwd"), text("/etc/group"));
        Ok(Host { caller, subuid: users, subgid: groups, taken, current, nested, passwd, group })
    }

    /// A map as [`idmap::resolve`] gives it (in the host's ids for an ordinary user), in the ids of this process's namespace.
    pub fn as_seen_here(&self, map: IdMap) -> Result<IdMap> {
        if matches!(self.caller, Caller::Root { .. }) {
            return Ok(map);
        }
        IdMap::try_from_fn(|kind| {
            let own = self.current.get(kind);
            // The kernel wants each extent within one extent of the namespace around it.
            map.get(kind)
                .compose(&own.invert())
                .map_err(|fault| fault.into_error(kind))?
                .split_at_parents(own)
                .map_err(|straddle| straddle.into_error(kind))
        })
    }

    /// Every id of this namespace as it is.
    pub fn whole(&self) -> IdMap {
        let same = |kind| {
            let ids = self.current.get(kind);
            Extents::new(ids.iter().map(|extent| idmap::Extent::new(extent.inside.0, extent.inside.0, extent.len)))
        };
        // Extents with the same two columns overlap no more than those that they were made of.
        IdMap { uid: same(Kind::Uid).unwrap_or_default(), gid: same(Kind::Gid).unwrap_or_default() }
    }
}

/// The user whose namespace this is: id 0 of it.
fn user(current: &IdMap) -> Result<Caller> {
    let own = |kind| {
        current.get(kind).to_outside(idmap::Inside(0)).ok_or_else(|| {
            Error::new(codes::UR0699, "the user's own namespace has no id 0")
                .fact(format!("its {kind} map is {:?}", current.get(kind).to_kernel()))
        })
    };
    let (uid, gid): (Outside, Outside) = (own(Kind::Uid)?, own(Kind::Gid)?);
    Ok(Caller::User { uid, gid, intermediate: current.clone() })
}

/// The maps of all processes that can be seen. Processes come and go; what cannot be read is none of this host's business.
fn running_maps() -> Vec<Extents> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut maps = Vec::new();
    for entry in entries.flatten() {
        if !entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        for name in ["uid_map", "gid_map"] {
            let map = fs::read(entry.path().join(name)).ok().and_then(|text| Extents::from_kernel(&text).ok());
            maps.extend(map.filter(|map| !maps.contains(map)));
        }
    }
    maps
}
