//! The maps of running processes: ids that are in use, whatever any file says.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use idmap::{Extents, Kind};

use super::{ClaimKind, Claims, HostFiles};
use crate::foreign::Foreign;

/// A map, one process that has it, and how many have.
struct Found {
    maps: [Extents; 2],
    pid: u32,
    processes: usize,
}

/// Processes come and go; one that cannot be read has gone, or is none of the caller's business.
pub(super) fn look(host: &HostFiles, claims: &mut Claims) {
    for found in found(&host.path("/proc")) {
        let comm = fs::read_to_string(host.path(&format!("/proc/{}/comm", found.pid))).unwrap_or_default();
        let more = match found.processes {
            1 => String::new(),
            many => format!(" and {} more", many - 1),
        };
        let container = i32::try_from(found.pid).ok().filter(|_| host.is_here()).and_then(Foreign::of);
        let owner = match container {
            Some(container) => container.text(),
            None => format!("process {}{more}", comm.trim()),
        };
        for (kind, map) in Kind::BOTH.into_iter().zip(&found.maps) {
            // Ids that a map leaves as they are are the host's own, and shared on purpose.
            for extent in map.iter().filter(|extent| extent.inside.0 != extent.outside.0) {
                claims.add(kind, extent.outside_range(), &owner, ClaimKind::Process, &format!("pid {}", found.pid));
            }
        }
    }
}

/// All maps but this process's own.
fn found(proc: &Path) -> Vec<Found> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let own = namespace(&proc.join("self"));
    let mut pids: Vec<u32> = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    let mut known: HashMap<PathBuf, Option<usize>> = HashMap::new();
    let mut list: Vec<Found> = Vec::new();
    for pid in pids {
        let dir = proc.join(pid.to_string());
        // One look at the namespace saves reading two maps: hundreds of processes have the host's.
        let namespace = namespace(&dir);
        if namespace.is_some() && namespace == own {
            continue;
        }
        let seen = namespace.as_ref().and_then(|namespace| known.get(namespace).copied());
        let at = seen.unwrap_or_else(|| {
            let at = maps(&dir).map(|maps| place(&mut list, maps, pid));
            namespace.map(|namespace| known.insert(namespace, at));
            at
        });
        if let Some(found) = at.and_then(|at| list.get_mut(at)) {
            found.processes += 1;
        }
    }
    list
}

/// Where the map is in the list; at its end if it is new.
fn place(list: &mut Vec<Found>, maps: [Extents; 2], pid: u32) -> usize {
    list.iter().position(|found| found.maps == maps).unwrap_or_else(|| {
        list.push(Found { maps, pid, processes: 0 });
        list.len() - 1
    })
}

/// A process's user namespace, as its link reads: `user:[4026531837]`. Only who may trace the process is told.
fn namespace(process: &Path) -> Option<PathBuf> {
    fs::read_link(process.join("ns/user")).ok()
}

/// Both maps, unless they are the host's own or are empty.
fn maps(process: &Path) -> Option<[Extents; 2]> {
    let read = |name: &str| Extents::from_kernel(fs::read(process.join(name)).ok()?).ok();
    let maps = [read("uid_map")?, read("gid_map")?];
    let identity = Extents::identity();
    maps.iter().any(|map| *map != identity && !map.is_empty()).then_some(maps)
}
