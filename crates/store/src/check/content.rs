//! Blobs: whether they are what their names say, and whether anything leads to them.

use std::{
    io::Read,
    time::{Duration, SystemTime},
};

use diag::{Error, Result, codes};
use oci::Digest;
use sha2::{Digest as _, Sha256};
use sys::{Dir, rustix::io::Errno};

use super::{Cure, Look};
use crate::blob::digest_of;

impl Look<'_> {
    pub(super) fn contents(&mut self, present: &[Digest]) -> Result<()> {
        if !self.asked.quick {
            for blob in present {
                if let Some(found) = self.hash(blob)?.filter(|found| found != blob) {
                    self.damaged(blob, &found);
                }
            }
        }
        let missing: Vec<Digest> =
            self.archives.iter().flat_map(|(diff_id, known)| self.lacking(diff_id, known, present)).collect();
        for archive in missing {
            let what = self.blobs.get(&archive).cloned().unwrap_or_default();
            let error = Error::warning(codes::UR0720, format!("{what} is missing"))
                .fact(format!("it is {archive}"))
                .fact("the image can be run; it cannot be pushed or saved with the digests that it has")
                .help("remove the image and pull or load it again, if that matters");
            self.find(error, Cure::None);
        }
        Ok(())
    }

    /// Archives that are missing, of layers that are here.
    fn lacking(&self, diff_id: &Digest, known: &[crate::image::Archived], present: &[Digest]) -> Vec<Digest> {
        let is_here = |archive: &Digest| present.binary_search(archive).is_ok();
        if !self.store.layers.has(diff_id.hex()) {
            return Vec::new();
        }
        known.iter().filter(|one| !one.may_lack_archive && !is_here(&one.archive)).map(|one| one.archive).collect()
    }

    fn damaged(&mut self, blob: &Digest, found: &Digest) {
        let what = self.blobs.get(blob).map_or_else(|| "a blob that nothing leads to".to_owned(), Clone::clone);
        let error = Error::new(codes::UR0720, format!("{what} is damaged"))
            .fact(format!("`blobs/sha256/{}` has the digest {found}", blob.hex()))
            .fact("the image can be run; it can neither be pushed nor saved, and its layer not be made again")
            .help_run("remove the file, so that nobody takes it for what it is not", "unroot system check --repair");
        self.find(error, Cure::Blob(*blob));
    }

    /// The digest of a blob; `None` if it is gone.
    fn hash(&self, blob: &Digest) -> Result<Option<Digest>> {
        let Some(mut file) = self.store.blob(blob)? else { return Ok(None) };
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 256 * 1024]);
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(Some(digest_of(hash))),
                Ok(read) => hash.update(&buffer[..read]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.store.not_written(&error)),
            }
        }
    }

    /// What nothing leads to: the remains of a command that was killed between publishing and recording.
    pub(super) fn garbage(&mut self, blobs: &[Digest], layers: &[Digest]) {
        let age = self.asked.age;
        let mut left = Vec::new();
        for blob in blobs.iter().filter(|blob| !self.blobs.contains_key(blob)) {
            if is_older(&self.store.blobs, &blob.hex(), age) {
                left.push(format!("blobs/sha256/{}", blob.hex()));
            }
        }
        for layer in layers.iter().filter(|layer| !self.needed.contains_key(layer)) {
            if is_older(&self.store.layers, &layer.hex(), age) {
                left.push(format!("layers/{}", layer.hex()));
            }
        }
        if left.is_empty() {
            return;
        }
        let error = Error::warning(codes::UR0725, format!("{} blobs and layers belong to no image", left.len()));
        let error = left.iter().take(5).fold(error, |error, path| error.fact(format!("`{path}`")));
        let error = error.help_run("remove them", "unroot system prune");
        self.find(error, Cure::Collect);
    }
}

/// Whether an entry got its name so long ago.
fn is_older(dir: &Dir, name: &str, age: Duration) -> bool {
    let Ok(stat) = dir.stat(name) else { return false };
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_ctime).unwrap_or(0));
    age.is_zero() || SystemTime::now().duration_since(changed).is_ok_and(|since| since >= age)
}

/// The kernel's word for something that is not there.
pub(super) fn is_missing(failed: &sys::Failed) -> bool {
    matches!(failed.errno, Errno::NOENT | Errno::NOTDIR)
}
