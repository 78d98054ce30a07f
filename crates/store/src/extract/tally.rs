//! What is counted while a layer is unpacked.

use std::collections::BTreeMap;

use diag::{Error, codes};

use super::acl::Named;
use crate::{Meta, Owners, Ownership, archive::Sum};

/// How many kinds of skipped things are told apart: their names come from the archive.
const KINDS: usize = 64;

/// The counts. An inode that the archive replaces later stays counted: the histogram may say too much, never too little.
#[derive(Debug, Default)]
pub(super) struct Tally {
    files: u64,
    bytes: u64,
    uids: BTreeMap<u32, u64>,
    gids: BTreeMap<u32, u64>,
    acl_uids: BTreeMap<u32, u64>,
    acl_gids: BTreeMap<u32, u64>,
    capability_roots: BTreeMap<u32, u64>,
    setuid: u64,
    whiteouts: u64,
    skipped: BTreeMap<String, u64>,
}

impl Tally {
    /// An inode with its owners.
    pub(super) fn inode(&mut self, uid: u32, gid: u32) {
        self.files += 1;
        *self.uids.entry(uid).or_default() += 1;
        *self.gids.entry(gid).or_default() += 1;
    }

    /// Bytes of a file.
    pub(super) fn bytes(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// A file that gives privileges to who executes it.
    pub(super) fn privileged(&mut self) {
        self.setuid += 1;
    }

    /// A file with capabilities, and root of the user namespaces in which they count.
    pub(super) fn capable(&mut self, root: u32) {
        self.setuid += 1;
        *self.capability_roots.entry(root).or_default() += 1;
    }

    /// An access control list.
    pub(super) fn acl(&mut self, named: impl Iterator<Item = Named>) {
        for named in named {
            let (counts, id) = match named {
                Named::User(id) => (&mut self.acl_uids, id),
                Named::Group(id) => (&mut self.acl_gids, id),
            };
            *counts.entry(id).or_default() += 1;
        }
    }

    /// Something that hides what lies below.
    pub(super) fn whiteout(&mut self) {
        self.whiteouts += 1;
    }

    /// Something that cannot be stored here.
    pub(super) fn skip(&mut self, kind: String) {
        let known = self.skipped.len() < KINDS || self.skipped.contains_key(&kind);
        *self.skipped.entry(if known { kind } else { "other".to_owned() }).or_default() += 1;
    }

    /// What the user should know.
    pub(super) fn warnings(&mut self, ownership: Ownership) -> Vec<Error> {
        let mut warnings = Vec::new();
        let foreign = self.uids.keys().chain(self.gids.keys()).any(|id| *id != 0);
        if ownership == Ownership::Single && foreign {
            warnings.push(
                Error::warning(
                    codes::UR0207,
                    "the image's files have several owners, and only one id is available here",
                )
                .fact(format!("they belong to {} uids and {} gids", self.uids.len(), self.gids.len()))
                .help("ask the administrator for subordinate ids in /etc/subuid and /etc/subgid"),
            );
        }
        if !self.skipped.is_empty() {
            let kinds: Vec<_> = self.skipped.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
            warnings.push(
                Error::warning(codes::UR0715, "parts of the layer cannot be stored here and were left out")
                    .fact(kinds.join(", ")),
            );
        }
        warnings
    }

    /// What is kept of it.
    pub(super) fn into_meta(self, sum: &Sum, ownership: Owners) -> Meta {
        Meta {
            format: 1,
            diff_id: sum.digest.to_string(),
            files: self.files,
            bytes: self.bytes,
            archive_bytes: sum.bytes,
            uids: self.uids,
            gids: self.gids,
            acl_uids: self.acl_uids,
            acl_gids: self.acl_gids,
            capability_roots: self.capability_roots,
            setuid: self.setuid,
            whiteouts: self.whiteouts,
            ownership,
            skipped: self.skipped,
        }
    }
}
