//! What is known about a layer without looking at its files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The contents of `meta.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The number of this format: 1.
    pub format: u32,
    /// The digest of the uncompressed archive, `sha256:<hex>`.
    pub diff_id: String,
    /// Files, directories, links and other inodes; hard links and whiteouts do not count.
    pub files: u64,
    /// Bytes in regular files, as they are read: holes count.
    pub bytes: u64,
    /// Bytes of the uncompressed archive.
    pub archive_bytes: u64,
    /// How many inodes each uid owns, as the image has it, even where it was not kept.
    /// An inode that the archive replaces later counts too.
    pub uids: BTreeMap<u32, u64>,
    /// How many inodes belong to each gid; as `uids`.
    pub gids: BTreeMap<u32, u64>,
    /// How many access control lists name each uid. Layers that were unpacked before this was counted have none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acl_uids: BTreeMap<u32, u64>,
    /// How many access control lists name each gid; as `acl_uids`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acl_gids: BTreeMap<u32, u64>,
    /// How many files have capabilities that count under this root: 0, but for capabilities that were given in a user
    /// namespace inside (revision 3, `rootid`). As `acl_uids`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub capability_roots: BTreeMap<u32, u64>,
    /// Files that are setuid, setgid or carry capabilities.
    pub setuid: u64,
    /// Names that this layer hides in the layers below, and directories that hide everything below.
    pub whiteouts: u64,
    /// Whose the files are on disk.
    pub ownership: Owners,
    /// What could not be stored here: a kind (`device`, `xattr user.comment`), and how often.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<String, u64>,
}

/// Whose a layer's files are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owners {
    /// The ids of the image: what a container sees.
    Canonical,
    /// The one id that was available, whatever the image says.
    Flattened,
}
