//! From an archive to files.
//!
//! Theory of operation: every name is made clean first ([`name`]); its parent directory is opened beneath the layer's own
//! ([`tree`]; links of the layer are followed by ourselves, [`walk`]); then one call makes the entry by its last component ([`entry`]) and others give it its owner,
//! attributes, mode and times, in this order ([`attributes`]). Directories get theirs at the very end, the deepest first: until
//! then they are ours, without set-gid bits and default ACLs that what is made below would inherit.
//!
//! Must: leave nothing outside the layer's directory changed, whatever the archive says; name the entry in every error.
//! Must not: have the kernel follow a symbolic link, trust a length, or drop something without noting it ([`tally`]).

mod acl;
mod attributes;
mod entry;
mod name;
mod tally;
mod tree;
mod walk;

use std::{collections::BTreeSet, io::Read};

use diag::{Error, Result, codes};
use sys::Dir;

use crate::{
    Owners, Ownership, StagedLayer, Store, Unpack,
    archive::{End, Entries, Stream, with_stream},
    blob::mismatch,
    draft::Draft,
    io,
    layer::{META_LIMIT, implied},
};
use attributes::Caller;
use tally::Tally;
use tree::Tree;

impl Store {
    /// Unpacks an archive (tar as it is, or compressed with gzip or zstd) and verifies it. Nothing is seen before it is published,
    /// and nothing is left of what fails.
    ///
    /// Errors: UR0704 for the archive, UR0705 for an entry, UR0703 for another digest than the expected one, UR0107 for
    /// an owner that is not available here, UR0714 for its compression, UR0707 and UR0711 for the disk.
    pub fn unpack(&self, archive: impl Read + Send, how: &Unpack<'_>) -> Result<StagedLayer> {
        let (draft, dir) = Draft::dir(self)?;
        let files = dir.make_dir("fs", 0o700).map_err(io("a layer's directory cannot be made"))?;
        let ((mut tally, implied), sum) = with_stream(archive, how.limits, |stream| extract(stream, files, how))?;
        if let Some(expected) = how.diff_id.filter(|expected| **expected != sum.digest) {
            return Err(mismatch(expected, &sum.digest));
        }
        let warnings = tally.warnings(how.ownership);
        let owners = match how.ownership {
            Ownership::Canonical => Owners::Canonical,
            Ownership::Single => Owners::Flattened,
        };
        let meta = tally.into_meta(&sum, owners);
        let text = serde_json::to_vec(&meta)
            .map_err(|error| Error::new(codes::UR0707, "what is known about a layer cannot be written").words(error))?;
        if text.len() > META_LIMIT {
            return Err(Error::new(codes::UR0705, "the layer's files belong to too many different ids"));
        }
        implied::write(&dir, &implied)?;
        dir.write("meta.json", &text, 0o600).map_err(io("what is known about a layer cannot be written"))?;
        Ok(StagedLayer::new(draft, sum.digest, meta, warnings))
    }
}

/// Unpacks all entries below `files`; what was counted, and the directories that no entry is about.
fn extract(stream: &mut Stream, files: Dir, how: &Unpack<'_>) -> Result<(Tally, BTreeSet<Vec<u8>>)> {
    let caller = Caller::settle(&files, how.ownership)?;
    let mut tree = Tree::new(files);
    let mut tally = Tally::default();
    let mut entries = Entries::new(stream, how.limits);
    while let Some(entry) = entries.next()? {
        entry::unpack(&mut tree, &mut entries, entry, caller, &mut tally)?;
    }
    if entries.end() == End::Unmarked && (how.diff_id.is_none() || entries.count() == 0) {
        return Err(Error::new(codes::UR0704, "the archive ends without the mark of its end")
            .help("fetch or make it again: it was probably cut off"));
    }
    let implied = tree.finish(caller, &mut tally)?;
    Ok((tally, implied))
}

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod tests;
