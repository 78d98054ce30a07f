//! Who asks, and what `/etc/subuid` and `/etc/subgid` have for them.

use std::ops::RangeInclusive;

use idmap::{Caller, IdMap, Kind, Outside, SubidFile, intermediate};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// Root on a host.
    Root,
    /// A user with 65536 ids of both kinds.
    User,
    /// A user whose ids are in several ranges, out of order in the file.
    Scattered,
    /// A user to whom nothing is delegated.
    Poor,
}

/// In this world, user and group of the caller have this id.
pub const ME: u32 = 1000;

/// The content of both files for root. `containers` is who Podman's automatic maps of root come from.
pub const ROOTS_FILE: &str = "containers:2147483648:65536\nalice:100000:10\nalice:50:5\nbob:300000:1\n77:400000:9\n";

impl World {
    pub fn named(name: &str) -> Option<World> {
        Some(match name {
            "root" => World::Root,
            "user" => World::User,
            "scattered" => World::Scattered,
            "poor" => World::Poor,
            _ => return None,
        })
    }

    /// What is delegated to the caller, in the file's order.
    pub fn delegated(self, kind: Kind) -> Vec<RangeInclusive<u32>> {
        match (self, kind) {
            (World::Root | World::Poor, _) => Vec::new(),
            (World::User, _) => vec![100_000..=165_535],
            (World::Scattered, Kind::Uid) => vec![300_000..=301_999, 200_000..=200_999],
            (World::Scattered, Kind::Gid) => vec![100_000..=165_535, 2000..=2000],
        }
    }

    pub fn caller(self) -> Caller {
        let own = |kind| intermediate(Outside(ME), &self.delegated(kind)).unwrap();
        match self {
            World::Root => Caller::Root { current: IdMap::identity() },
            _ => Caller::User {
                uid: Outside(ME),
                gid: Outside(ME),
                intermediate: IdMap { uid: own(Kind::Uid), gid: own(Kind::Gid) },
            },
        }
    }

    pub fn file(self) -> SubidFile {
        let text = if self == World::Root { ROOTS_FILE } else { "containers:2147483648:65536\n" };
        SubidFile::parse("/etc/subuid", text.as_bytes())
    }
}
