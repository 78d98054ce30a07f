//! Whose ids a container's `upper/` has: `owners.json` in its directory.

use std::collections::BTreeMap;

use diag::{Error, Result, codes};
use idmap::IdMap;
use serde::{Deserialize, Serialize};
use sys::{
    Dir, Failed,
    rustix::{fs::fsync, io::Errno},
};

use crate::io;

const NAME: &str = "owners.json";

/// The longest record that is read: 1 GiB, room for some millions of inodes.
const LIMIT: usize = 1 << 30;

/// What is known of the owners in an `upper/`. Without the file they are what the container sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owners {
    /// The map whose outer ids the inodes have; `None` for what the container sees.
    pub map: Option<IdMap>,
    /// What every inode that does not have them yet is to get, by its number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub todo: BTreeMap<u64, Inode>,
    /// The ids that the container saw of inodes for which the map has none, by the inode's number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub aside: BTreeMap<u64, Aside>,
}

/// An inode as it is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inode {
    pub uid: u32,
    pub gid: u32,
    /// Its permissions: a change of owner takes set-id bits away.
    pub mode: u32,
    /// Attributes that a change of owner takes away or that have ids in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<(String, Vec<u8>)>,
}

/// Ids that a map leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aside {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
}

/// Whether what is written must be on the disk before anything else happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Soon,
    Now,
}

impl Owners {
    /// Reads the record of a container's directory.
    pub fn read(dir: &Dir) -> Result<Owners> {
        match dir.read(NAME, LIMIT) {
            Err(failed) if failed.errno == Errno::NOENT => Ok(Owners::default()),
            text => {
                let text = text.map_err(io("whose ids the container's files have cannot be read"))?;
                serde_json::from_slice(&text).map_err(|error| {
                    Error::new(codes::UR0707, "whose ids the container's files have is not understood")
                        .words(error)
                        .fact(format!("it is in `{}`", dir.path().join(NAME).display()))
                })
            }
        }
    }

    /// Writes it; readers see the old one or the new one.
    pub fn write(&self, dir: &Dir, when: Written) -> Result<()> {
        let what = "whose ids the container's files have cannot be written";
        let text = serde_json::to_vec(self).map_err(|error| Error::new(codes::UR0707, what).words(error))?;
        match when {
            Written::Soon => dir.write(NAME, &text, 0o600).map_err(io(what)),
            Written::Now => {
                dir.write_synced(NAME, &text, 0o600).map_err(io(what))?;
                // The name, too: what is about to be changed is understood by this file alone.
                fsync(dir).map_err(|errno| io(what)(Failed::new("fsync", dir.path(), errno)))
            }
        }
    }
}
