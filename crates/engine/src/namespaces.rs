//! The user namespaces around a process, as far as this one may look.
//!
//! The kernel tells which namespace is around another (`NS_GET_PARENT`), but maps are files of processes: a namespace without
//! a process of its own keeps its map to itself. So all processes are looked through once for one in each.

use std::{
    collections::HashMap,
    fs::{self, File},
    os::{fd::AsFd, unix::fs::MetadataExt},
};

use diag::{Error, Result, codes};
use idmap::{Extents, IdMap};
use rustix::{fs::fstat, io::Errno};
use sys::{namespace_owner, parent_namespace};

/// Which namespace: the device and the inode of its file.
pub type Identity = (u64, u64);

/// One user namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    /// Which it is.
    pub identity: Identity,
    /// Who made it, in the ids of this process's namespace.
    pub owner: Option<u32>,
    /// A process in it; `None` if none can be seen.
    pub pid: Option<i32>,
    /// Its maps, in the ids of this process's namespace; `None` if there is no process to ask.
    pub map: Option<IdMap>,
}

/// The namespaces from a process's own outwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The process's own first; without the namespace of this process. Empty if that is the process's own.
    pub spaces: Vec<Space>,
    /// Whether they lead to the namespace of this process.
    pub leads_here: bool,
}

/// One process of every user namespace: the one with the lowest pid.
#[derive(Debug, Default)]
pub struct Seen(HashMap<Identity, i32>);

impl Seen {
    /// Looks at all processes.
    pub fn look() -> Seen {
        let mut seen = HashMap::new();
        for pid in pids() {
            if let Some(identity) = identity_of(pid) {
                let first = seen.entry(identity).or_insert(pid);
                *first = pid.min(*first);
            }
        }
        Seen(seen)
    }

    /// The namespaces, each with a process.
    pub fn each(&self) -> impl Iterator<Item = (Identity, i32)> + '_ {
        self.0.iter().map(|(identity, pid)| (*identity, *pid))
    }
}

/// All processes that can be seen.
pub fn pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The user namespace of a process, if this one may look at it.
pub fn identity_of(pid: i32) -> Option<Identity> {
    fs::metadata(format!("/proc/{pid}/ns/user")).ok().map(|found| (found.dev(), found.ino()))
}

/// The user namespace of this process.
pub fn own_identity() -> Option<Identity> {
    i32::try_from(std::process::id()).ok().and_then(identity_of)
}

/// The maps of a process's user namespace, as this process sees them. They are empty before they are written.
pub fn maps_of(pid: i32) -> Option<IdMap> {
    let read = |name: &str| Extents::from_kernel(fs::read(format!("/proc/{pid}/{name}")).ok()?).ok();
    Some(IdMap { uid: read("uid_map")?, gid: read("gid_map")? })
}

/// The effective uid and gid of a process, in the ids of this process's namespace.
pub fn ids_of(pid: i32) -> Option<(u32, u32)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let effective = |name: &str| -> Option<u32> {
        status.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().nth(1)?.parse().ok()
    };
    Some((effective("Uid:")?, effective("Gid:")?))
}

/// What anybody may see of a process that may not be looked at closely: its map to this namespace as a whole.
pub fn from_afar(pid: i32) -> Option<Chain> {
    let map = maps_of(pid)?;
    let own = maps_of(i32::try_from(std::process::id()).ok()?);
    let space = Space { identity: (0, 0), owner: None, pid: Some(pid), map: Some(map.clone()) };
    // Another namespace may have the same map; the difference is none to its ids.
    Some(Chain { spaces: if Some(map) == own { Vec::new() } else { vec![space] }, leads_here: true })
}

/// Follows the namespaces of a process outwards.
///
/// Errors: UR0812 if there is no such process, or if this one may not look at it.
pub fn chain(pid: i32) -> Result<Chain> {
    let path = format!("/proc/{pid}/ns/user");
    let mut fd = File::open(&path).map(std::os::fd::OwnedFd::from).map_err(|error| unseen(pid, &path, &error))?;
    let own = own_identity();
    let seen = Seen::look();
    let mut spaces = Vec::new();
    loop {
        let Some(identity) = identity(&fd) else { return Ok(Chain { spaces, leads_here: false }) };
        if Some(identity) == own {
            return Ok(Chain { spaces, leads_here: true });
        }
        let inhabitant = if spaces.is_empty() { Some(pid) } else { seen.0.get(&identity).copied() };
        spaces.push(Space {
            identity,
            owner: namespace_owner(&fd).ok(),
            pid: inhabitant,
            map: inhabitant.and_then(maps_of),
        });
        match parent_namespace(&fd) {
            Ok(parent) => fd = parent,
            Err(_) => return Ok(Chain { spaces, leads_here: false }),
        }
    }
}

fn identity(fd: impl AsFd) -> Option<Identity> {
    fstat(fd).ok().map(|found| (found.st_dev, found.st_ino))
}

fn unseen(pid: i32, path: &str, error: &std::io::Error) -> Error {
    let missing = [Errno::NOENT, Errno::SRCH].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()));
    if missing {
        return Error::new(codes::UR0812, format!("there is no process {pid}"));
    }
    Error::new(codes::UR0812, format!("process {pid} may not be looked at"))
        .os(format!("open({path})"), error.raw_os_error().unwrap_or_default())
        .fact("who may trace a process may see its namespaces: its user, if it is theirs in all respects, and root")
        .help("ask as root, or as the user whose process it is")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_at_home() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(chain(own).unwrap(), Chain { spaces: Vec::new(), leads_here: true });
        assert!(Seen::look().each().any(|(identity, _)| Some(identity) == own_identity()));
    }

    #[test]
    fn the_first_process_is_seen_from_afar() {
        let chain = from_afar(1).unwrap();
        assert!(chain.leads_here && chain.spaces.len() <= 1);
    }

    #[test]
    fn nobody_is_not_there() {
        let error = chain(i32::MAX).unwrap_err();
        assert_eq!(error.code(), codes::UR0812);
        assert_eq!(from_afar(i32::MAX), None);
    }
}
