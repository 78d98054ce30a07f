//! What this machine and this process can do. It is asked when it is needed, by trying; versions are never compared.

use std::{cell::OnceCell, collections::BTreeSet};

use diag::{Error, Result, codes};
use idmap::{Extents, Kind};
use rustix::{
    process::{getegid, geteuid},
    thread::{CapabilitySet, capabilities},
};

use crate::{
    cgroup::CgroupHost,
    state::{read_proc, read_word},
};

/// The environment variable that takes abilities away, so that the other way of doing it can be tried.
pub const WITHOUT: &str = "UNROOT_WITHOUT";

/// The abilities that can be taken away by [`WITHOUT`].
pub const ABILITIES: [&str; 7] =
    ["open-tree-attr", "detached-layers", "overlay-fds", "metadata-layers", "memory-layers", "cgroup", "statmount"];

/// This machine, as far as it has been asked.
#[derive(Debug, Default)]
pub struct Host {
    without: BTreeSet<String>,
    cgroups: OnceCell<CgroupHost>,
}

impl Host {
    /// Takes the value of [`WITHOUT`]: names of [`ABILITIES`], separated by commas.
    pub fn new(without: Option<&str>) -> Result<Host> {
        let words = without.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty());
        let without: BTreeSet<String> = words.map(str::to_owned).collect();
        if let Some(unknown) = without.iter().find(|word| !ABILITIES.contains(&word.as_str())) {
            return Err(Error::new(codes::UR0610, format!("`{unknown}` is no ability that can be taken away"))
                .at(diag::Origin::Env {
                    name: WITHOUT.to_owned(),
                    value: without.iter().cloned().collect::<Vec<_>>().join(","),
                })
                .fact(format!("there are {}", ABILITIES.join(", "))));
        }
        Ok(Host { without, cgroups: OnceCell::new() })
    }

    /// Whether an ability may be used.
    pub fn may_use(&self, ability: &str) -> bool {
        !self.without.contains(ability)
    }

    /// The hierarchies of control groups.
    pub fn cgroups(&self) -> Result<CgroupHost> {
        if !self.may_use("cgroup") {
            return Ok(CgroupHost::default());
        }
        if let Some(known) = self.cgroups.get() {
            return Ok(known.clone());
        }
        let read = CgroupHost::read()?;
        Ok(self.cgroups.get_or_init(|| read).clone())
    }

    /// The number of the last capability that the kernel knows.
    pub fn last_capability(&self) -> u8 {
        let text = read_word("/proc/sys/kernel/cap_last_cap").unwrap_or_default();
        text.trim_end().parse().unwrap_or(40)
    }

    /// Whether this process may write any map that its own user namespace allows.
    pub fn may_set_ids(&self) -> bool {
        capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETUID | CapabilitySet::SETGID))
    }

    /// Whether processes of this user namespace and of those below it may call `setgroups`: a user who mapped nothing but their
    /// own id had to give that up for good (`user_namespaces(7)`).
    pub fn may_set_groups(&self) -> bool {
        read_word("/proc/self/setgroups").is_ok_and(|text| text.trim_end() == "allow")
    }

    /// Whether this process is in the user namespace that the machine was booted with.
    pub fn is_initial_user_namespace(&self) -> bool {
        let map = read_proc("/proc/self/uid_map").unwrap_or_default();
        map.split_ascii_whitespace().eq(["0", "0", "4294967295"])
    }

    /// A map, with its extents split where those of this process's own map meet; `None` if it goes beyond that.
    pub fn split(&self, kind: Kind, extents: &Extents) -> Option<Extents> {
        let file = match kind {
            Kind::Uid => "/proc/self/uid_map",
            Kind::Gid => "/proc/self/gid_map",
        };
        let above = Extents::from_kernel(read_proc(file).ok()?).ok()?;
        extents.split_at_parents(&above).ok()
    }

    /// This process's uid and gid.
    pub fn ids(&self) -> (u32, u32) {
        (geteuid().as_raw(), getegid().as_raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abilities_can_be_taken_away() {
        let host = Host::new(Some("overlay-fds, cgroup")).unwrap();
        assert!(!host.may_use("cgroup") && host.may_use("detached-layers"));
        assert!(Host::new(None).unwrap().may_use("cgroup"));
        assert_eq!(Host::new(Some("legs")).unwrap_err().code(), codes::UR0610);
    }
}
