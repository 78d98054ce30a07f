//! Content by its digest.
//!
//! # On disk
//! `blobs/sha256/<hex>`: a file whose SHA-256 is its name; never changed, only removed.
//!
//! # Locks
//! None for reading and writing. Who removes one holds the store's lock exclusively, who relies on one holds it shared.
//!
//! # After a crash
//! A blob is written to the disk before it gets its name ([`StagedBlob::publish`]) or together with everything that belongs to
//! it ([`Store::publish`]), so a name never leads to less than the whole content.

use std::{
    fs::File,
    io::{self as stdio, Write},
};

use diag::{Error, Result, codes};
use sha2::{Digest as _, Sha256};
use sys::{
    Failed,
    rustix::{
        fs::{Mode, OFlags, fdatasync, fstat},
        io::Errno,
    },
};

use crate::{Digest, Store, draft::Draft, io};

/// A blob that is being written. Dropped before [`BlobWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    draft: Draft,
    file: File,
    hash: Sha256,
    size: u64,
}

/// A blob that is complete and verified and has no name yet.
#[derive(Debug)]
pub struct StagedBlob {
    draft: Draft,
    file: File,
    digest: Digest,
    size: u64,
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> stdio::Result<usize> {
        if sys::interruption::came().is_some() {
            return Err(stdio::Error::other("interrupted"));
        }
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> stdio::Result<()> {
        Ok(())
    }
}

impl BlobWriter {
    /// How many bytes were written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the writing. What differs from the expected size or digest is refused (UR0703).
    pub fn finish(self, digest: Option<&Digest>, size: Option<u64>) -> Result<StagedBlob> {
        if let Some(size) = size.filter(|size| *size != self.size) {
            return Err(Error::new(
                codes::UR0703,
                format!("the content has {} bytes, and {size} were promised", self.size),
            )
            .help("fetch it again; if it stays so, its source is damaged"));
        }
        let found = digest_of(self.hash);
        if let Some(digest) = digest.filter(|digest| **digest != found) {
            return Err(mismatch(digest, &found));
        }
        Ok(StagedBlob { draft: self.draft, file: self.file, digest: found, size: self.size })
    }
}

impl StagedBlob {
    /// What it is called.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its content, open for reading and writing; the position is wherever it was left.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives it its name, after its content has reached the disk. That it is there already is fine.
    pub fn publish(self, store: &Store) -> Result<Digest> {
        fdatasync(&self.file).map_err(|errno| {
            io("content cannot be written to the disk")(Failed::new("fdatasync", store.blobs.path(), errno))
        })?;
        self.reveal(store)
    }

    /// Gives it its name; the caller has seen to it that the content is on the disk.
    pub(crate) fn reveal(self, store: &Store) -> Result<Digest> {
        self.draft
            .publish(&store.blobs, &self.digest.hex())
            .map_err(|failed| io(format!("{} cannot be published", self.digest))(failed))?;
        Ok(self.digest)
    }
}

impl Store {
    /// Begins a blob.
    pub fn write_blob(&self) -> Result<BlobWriter> {
        let (draft, file) = Draft::file(self)?;
        Ok(BlobWriter { draft, file: file.into(), hash: Sha256::new(), size: 0 })
    }

    /// Keeps a small document.
    pub fn put_blob(&self, contents: &[u8]) -> Result<Digest> {
        let mut writer = self.write_blob()?;
        writer.write_all(contents).map_err(|error| self.not_written(&error))?;
        writer.finish(None, None)?.publish(self)
    }

    /// Opens a blob for reading; `None` if it is not there.
    pub fn blob(&self, digest: &Digest) -> Result<Option<File>> {
        match self.blobs.open_at(digest.hex(), OFlags::RDONLY, Mode::empty()) {
            Err(failed) if failed.errno == Errno::NOENT => Ok(None),
            opened => opened.map(|fd| Some(fd.into())).map_err(io(format!("{digest} cannot be opened"))),
        }
    }

    /// Reads a small blob, up to `limit` bytes, and verifies its digest (UR0703); `None` if it is not there.
    pub fn read_blob(&self, digest: &Digest, limit: usize) -> Result<Option<Vec<u8>>> {
        let contents = match self.blobs.read(digest.hex(), limit) {
            Err(failed) if failed.errno == Errno::NOENT => return Ok(None),
            read => read.map_err(io(format!("{digest} cannot be read")))?,
        };
        let found = Digest::of(&contents);
        if found == *digest { Ok(Some(contents)) } else { Err(mismatch(digest, &found)) }
    }

    /// The size of a blob in bytes; `None` if it is not there.
    pub fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        let Some(file) = self.blob(digest)? else { return Ok(None) };
        let stat = fstat(&file).map_err(|errno| {
            io("a blob cannot be seen")(Failed::new("fstat", &self.blobs.path().join(digest.hex()), errno))
        })?;
        Ok(Some(u64::try_from(stat.st_size).unwrap_or(0)))
    }

    /// The digests of all blobs.
    pub fn blob_digests(&self) -> Result<Vec<Digest>> {
        Ok(digests(&self.blobs.names().map_err(io("the blobs cannot be listed"))?))
    }

    /// Removes a blob; that it is gone already is fine. The caller holds the store exclusively.
    pub fn remove_blob(&self, digest: &Digest) -> Result<()> {
        self.blobs.remove_file(digest.hex()).map_err(io(format!("{digest} cannot be removed")))
    }

    /// A failed write to a file of the store, as a diagnostic.
    pub fn not_written(&self, error: &stdio::Error) -> Error {
        let what = "content cannot be written";
        match error.raw_os_error() {
            Some(errno) => io(what)(Failed::new("write", self.tmp.path(), Errno::from_raw_os_error(errno))),
            None => Error::new(codes::UR0707, what).words(error),
        }
    }
}

/// The names of a directory of digests; other names are nobody's business.
pub(crate) fn digests(names: &[std::ffi::OsString]) -> Vec<Digest> {
    names.iter().filter_map(|name| Digest::from_hex(name.to_str()?)).collect()
}

/// The digest that a finished hash is.
pub(crate) fn digest_of(hash: Sha256) -> Digest {
    Digest::from_raw(hash.finalize().into())
}

/// The diagnostic for content that is not what it should be.
pub(crate) fn mismatch(expected: &Digest, found: &Digest) -> Error {
    Error::new(codes::UR0703, format!("the content should have the digest {expected}"))
        .fact(format!("it has {found}"))
        .help("fetch it again; if it stays so, its source is damaged or was tampered with")
}

#[cfg(test)]
#[path = "blob_tests.rs"]
mod tests;
