//! Ids, one type for each column of a map.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The highest id that can be mapped. `4294967295` is `(uid_t) -1`, "no change" to `setresuid(2)` and `chown(2)`:
/// the kernel never maps it.
pub const LAST_ID: u32 = u32::MAX - 1;

/// What the kernel shows for an id that the map of the reader leaves out (`/proc/sys/kernel/overflowuid`), and the
/// id of the user `nobody`.
pub const NOBODY: u32 = 65534;

/// An id as the container sees it: the left column of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Inside(pub u32);

/// An id of the namespace around the container, usually the host's: the right column of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outside(pub u32);

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Users or groups: a namespace has one map for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// User ids.
    Uid,
    /// Group ids.
    Gid,
}

impl Kind {
    /// Both, users first.
    pub const BOTH: [Kind; 2] = [Kind::Uid, Kind::Gid];

    /// `uid` or `gid`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Uid => "uid",
            Kind::Gid => "gid",
        }
    }

    /// The option that writes such a map by hand: `--uidmap` or `--gidmap`.
    pub const fn option(self) -> &'static str {
        match self {
            Kind::Uid => "--uidmap",
            Kind::Gid => "--gidmap",
        }
    }

    /// The file that delegates such ids: `/etc/subuid` or `/etc/subgid`.
    pub const fn subid_file(self) -> &'static str {
        match self {
            Kind::Uid => "/etc/subuid",
            Kind::Gid => "/etc/subgid",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
