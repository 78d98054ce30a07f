//! What the choice of a map has to know of this host, looked up once.

use std::{fs, sync::Arc};

use diag::{Error, Result, codes};
use idmap::{Caller, Extents, IdMap, IdSet, Kind, Outside, SubidFile};

use crate::{
    claims::{Claims, HostFiles},
    containers_conf::Places,
    scope::own_map,
};

/// The host's ids: who asks, what is delegated, what is taken.
#[derive(Clone, Debug)]
pub struct Host {
    /// Who asks.
    pub caller: Caller,
    /// `/etc/subuid`.
    pub subuid: SubidFile,
    /// `/etc/subgid`.
    pub subgid: SubidFile,
    /// Ids of the host that no container of root's may get: whatever anybody else claims.
    pub taken: IdSet,
    /// Who claims them. Nobody, for an ordinary user: the ids delegated to them are theirs alone.
    pub claims: Arc<Claims>,
    /// This process's own maps.
    pub current: IdMap,
    /// Whether these are not the host's.
    pub nested: bool,
    /// `/etc/passwd`, for names.
    pub passwd: Vec<u8>,
    /// `/etc/group`, for names.
    pub group: Vec<u8>,
    /// Where the configuration files are.
    pub places: Places,
}

impl Host {
    /// Looks. To be called after a user has entered their own namespace. `rootless` says that they did so.
    pub fn look(rootless: bool) -> Result<Host> {
        let current = IdMap { uid: own_map("uid_map")?, gid: own_map("gid_map")? };
        let read = |path: &str| SubidFile::parse(path, &fs::read(path).unwrap_or_default());
        let (users, groups) = (read("/etc/subuid"), read("/etc/subgid"));
        let nested = current != IdMap::identity();
        let caller = if rootless { user(&current)? } else { Caller::Root { current: current.clone() } };
        let claims = Arc::new(if rootless { Claims::default() } else { Claims::look(&HostFiles::here()) });
        let taken = claims.taken();
        let text = |path: &str| fs::read(path).unwrap_or_default();
        let (passwd, group) = (text("/etc/passwd"), text("/etc/group"));
        Ok(Host {
            caller,
            subuid: users,
            subgid: groups,
            taken,
            claims,
            current,
            nested,
            passwd,
            group,
            places: Places::look(rootless),
        })
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
