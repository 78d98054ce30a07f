//! Who holds ids at the moment: the containers of this scope that run, each with the map of its init.

use std::fs;

use diag::Result;
use idmap::{Extents, IdMap};

use crate::{Engine, ps::State};

/// A container that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its image's name.
    pub image: String,
    /// When it was started last: seconds since the epoch.
    pub started: Option<u64>,
    /// Its init's pid on the host; `None` while it is being started.
    pub pid: Option<i32>,
    /// Its maps, in the ids of this process's user namespace; `None` if they cannot be read (yet).
    pub map: Option<IdMap>,
}

impl Engine<'_> {
    /// The containers of this scope that run, the newest first.
    pub fn holders(&self) -> Result<Vec<Holder>> {
        let rows = self.containers(false, &[])?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let pid = match row.state {
                    State::Running { pid } if pid > 0 => Some(pid),
                    _ => None,
                };
                Holder {
                    id: row.id,
                    name: row.name,
                    image: row.image,
                    started: row.started,
                    pid,
                    map: pid.and_then(map_of),
                }
            })
            .collect())
    }
}

/// The maps of a process's user namespace, in the ids of this process's; `None` if the process is gone, has no map yet, or has
/// ids that this namespace does not.
pub fn map_of(pid: i32) -> Option<IdMap> {
    let read = |name: &str| {
        let text = fs::read(format!("/proc/{pid}/{name}")).ok()?;
        Extents::from_kernel(&text).ok().filter(|map| !map.is_empty())
    };
    Some(IdMap { uid: read("uid_map")?, gid: read("gid_map")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_maps_of_a_process() {
        let own = i32::try_from(std::process::id()).unwrap();
        let map = map_of(own).unwrap();
        assert!(map.uid.contains(idmap::Inside(rustix::process::geteuid().as_raw())));
        assert_eq!(map_of(i32::MAX), None);
    }
}
