//! Layers: archives unpacked once, read by many containers at a time, and never changed.
//!
//! # On disk
//! `layers/<hex of the diff id>/`: `fs/` has the files with the ids that a container sees, `meta.json` what is known about them,
//! `implied` the names of directories that the archive did not mention ([`implied`]).
//! Whiteouts are stored as overlayfs has them: character devices 0:0, and both `trusted.overlay.opaque` and
//! `user.overlay.opaque` on directories, since which of the two counts depends on who mounts.
//!
//! # Locks
//! None for reading. Who removes a layer holds the store's lock exclusively, who relies on one holds it shared.
//!
//! # After a crash
//! A layer is unpacked in `tmp/`, written to the disk and renamed: it is there as a whole or not at all.

mod claim;
pub(crate) mod implied;
mod meta;

use std::path::PathBuf;

use diag::{Error, Result, codes};
use sys::{Dir, rustix::io::Errno};

pub(crate) use claim::{Claim, Claimed};
pub use implied::Upper;
pub use meta::{Meta, Owners};

use crate::{Digest, StagedBlob, Store, blob::digests, draft::Draft, io};

/// The longest `meta.json` that is read: 16 MiB, room for half a million ids.
pub(crate) const META_LIMIT: usize = 16 << 20;

/// How owners are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// As the archive has them. An id that the caller's user namespace lacks is an error (UR0107).
    Canonical,
    /// Only one id is available: every file belongs to it, the true owners are noted in [`Meta`].
    Single,
}

/// What an archive may cost. The defaults suit images; all of them can be set for tests and for the cautious.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the uncompressed archive, and of any one file.
    pub bytes: u64,
    /// How many times larger than its compressed form an archive may be.
    pub ratio: u64,
    /// Bytes up to which the ratio does not matter.
    pub ratio_from: u64,
    /// Entries of the archive.
    pub entries: u64,
}

impl Default for Limits {
    /// 1 TiB, 1000 times from 4 GiB on, 16 million entries. Zeros compress 1030 times (gzip) or 30000 times (zstd): an image may hold
    /// a swap file of them and be none the worse.
    fn default() -> Self {
        Limits { bytes: 1 << 40, ratio: 1000, ratio_from: 4 << 30, entries: 16 << 20 }
    }
}

/// How a layer is unpacked.
#[derive(Clone, Copy, Debug)]
pub struct Unpack<'a> {
    /// What the uncompressed archive's digest has to be, if that is known.
    pub diff_id: Option<&'a Digest>,
    /// How owners are kept.
    pub ownership: Ownership,
    /// What it may cost.
    pub limits: Limits,
}

/// Whether what is published has to survive a power failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything reaches the disk before anything gets its name: one `syncfs`.
    Synced,
    /// The kernel writes it when it likes: for tests and for content that can be had again.
    Volatile,
}

/// A layer that is complete and verified and has no name yet.
#[derive(Debug)]
pub struct StagedLayer {
    draft: Draft,
    digest: Digest,
    meta: Meta,
    warnings: Vec<Error>,
}

impl StagedLayer {
    pub(crate) fn new(draft: Draft, digest: Digest, meta: Meta, warnings: Vec<Error>) -> StagedLayer {
        StagedLayer { draft, digest, meta, warnings }
    }

    /// Its diff id.
    pub fn diff_id(&self) -> &Digest {
        &self.digest
    }

    /// What is known about it.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Its files, before anybody else sees them.
    pub(crate) fn files(&self) -> Result<Dir, sys::Failed> {
        self.draft.open()?.dir("fs")
    }

    /// What the user should know: flattened owners, things that could not be stored.
    pub fn take_warnings(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.warnings)
    }

    /// Gives it its name; the caller has seen to it that the files are on the disk.
    fn reveal(self, store: &Store) -> Result<Layer> {
        self.draft
            .publish(&store.layers, &self.digest.hex())
            .map_err(io(format!("layer {} cannot be published", self.digest)))?;
        store.layer(&self.digest)?.ok_or_else(|| {
            Error::new(codes::UR0707, format!("layer {} was removed while it was being published", self.digest))
        })
    }
}

/// A layer of the store.
#[derive(Debug)]
pub struct Layer {
    digest: Digest,
    dir: Dir,
}

impl Layer {
    /// Its diff id.
    pub fn diff_id(&self) -> &Digest {
        &self.digest
    }

    /// The path of its files.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("fs")
    }

    /// Its files.
    pub fn files(&self) -> Result<Dir> {
        self.dir.dir("fs").map_err(io(format!("the files of layer {} cannot be opened", self.digest)))
    }

    /// What is known about it.
    pub fn meta(&self) -> Result<Meta> {
        let what = || format!("what is known about layer {} cannot be read", self.digest);
        let text = self.dir.read("meta.json", META_LIMIT).map_err(io(what()))?;
        serde_json::from_slice(&text).map_err(|error| Error::new(codes::UR0707, what()).words(error))
    }
}

impl Store {
    /// Finds a layer by its diff id; `None` if it is not there.
    pub fn layer(&self, digest: &Digest) -> Result<Option<Layer>> {
        match self.layers.dir(digest.hex()) {
            Err(failed) if failed.errno == Errno::NOENT => Ok(None),
            dir => {
                Ok(Some(Layer { digest: *digest, dir: dir.map_err(io(format!("layer {digest} cannot be opened")))? }))
            }
        }
    }

    /// The diff ids of all layers.
    pub fn layer_digests(&self) -> Result<Vec<Digest>> {
        Ok(digests(&self.layers.names().map_err(io("the layers cannot be listed"))?))
    }

    /// Removes a layer; that it is gone already is fine. The caller holds the store exclusively, and no container uses it.
    pub fn remove_layer(&self, digest: &Digest) -> Result<()> {
        match Draft::withdraw(self, &self.layers, &digest.hex()) {
            Err(failed) if failed.errno == Errno::NOENT => Ok(()),
            gone => gone.and_then(Draft::remove).map_err(io(format!("layer {digest} cannot be removed"))),
        }
    }

    /// Publishes what a pull or an import has brought, in the order given, after one sync for all of it.
    /// What is there already stays as it is.
    pub fn publish(&self, blobs: Vec<StagedBlob>, layers: Vec<StagedLayer>, how: Durability) -> Result<Vec<Layer>> {
        if how == Durability::Synced {
            self.sync()?;
        }
        for blob in blobs {
            blob.reveal(self)?;
        }
        layers.into_iter().map(|layer| layer.reveal(self)).collect()
    }
}
