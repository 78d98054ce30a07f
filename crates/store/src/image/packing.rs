//! Layers in another form than they are kept in: compressed for registries, as tar for Docker's archives.
//!
//! Theory of operation: the archive is read as it was before compression, and hashed on the way: it must be the layer's (UR0703). What is
//! packed lies in `tmp/` for as long as it is needed. The same layer packed in the same way has the same bytes: gzip's header has no time.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    os::unix::fs::FileExt,
    sync::Arc,
};

use diag::{Error, Result, codes};
use flate2::{Compression as Level, write::GzEncoder};
use oci::{
    Digest,
    image::{Descriptor, media_type},
};
use sha2::{Digest as _, Sha256};

use super::tree::Section;
use crate::{
    StagedBlob, Store,
    blob::{digest_of, mismatch},
    compression::{self, Compression, MAGIC, Refusal},
};

/// How much is packed at a time.
const STEP: usize = 256 * 1024;

/// How layers are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// With which program's method.
    pub method: Method,
    /// How hard it tries: 1 to 9 for gzip, 1 to 22 for zstd; 6 and 3 otherwise.
    pub level: Option<u8>,
}

/// A method of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Method {
    /// The media type of a layer that is compressed so.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Method::Gzip => media_type::LAYER_GZIP,
            Method::Zstd => media_type::LAYER_ZSTD,
        }
    }
}

/// How a layer's archive is compressed; `None` if it is not.
pub(super) fn method_of(archive: &File) -> Option<Method> {
    let mut start = [0; MAGIC];
    let read = archive.read_at(&mut start, 0).unwrap_or(0);
    match Compression::of(&start[..read]) {
        Compression::Gzip => Some(Method::Gzip),
        Compression::Zstd => Some(Method::Zstd),
        Compression::Plain | Compression::Other(_) => None,
    }
}

/// The layer's tar file, whatever its archive is compressed with; `verify` it when all is read.
pub(super) fn unpacked(archive: &File, diff_id: &Digest) -> Result<Verified<Box<dyn Read + Send>>> {
    let broken = |error: io::Error| {
        Error::new(codes::UR0707, format!("the archive of layer {diff_id} cannot be read")).words(error)
    };
    let size = archive.metadata().map_err(broken)?.len();
    let whole = Section::new(Arc::new(archive.try_clone().map_err(broken)?), 0, size);
    let (reader, _) = compression::undo(whole).map_err(|refusal| match refusal {
        Refusal::Unreadable(error) => broken(error),
        Refusal::Unsupported(program) => broken(io::Error::other(format!("it is compressed with {program}"))),
    })?;
    Ok(Verified::new(reader))
}

/// Compresses a layer's archive. Errors: UR0703 if it is not the layer's, UR0707, UR0711.
pub(super) fn pack(store: &Store, archive: &File, diff_id: &Digest, how: Packing) -> Result<(StagedBlob, Descriptor)> {
    let mut source = unpacked(archive, diff_id)?;
    let copy = BufWriter::with_capacity(STEP, store.write_blob()?);
    let unwritten = |error: &io::Error| store.not_written(error);
    let written = match how.method {
        Method::Gzip => {
            let level = how.level.map_or(Level::default(), |level| Level::new(u32::from(level.clamp(1, 9))));
            let mut encoder = GzEncoder::new(copy, level);
            transfer(&mut source, &mut encoder, diff_id, &unwritten)?;
            encoder.finish()
        }
        Method::Zstd => {
            let level = how.level.map_or(0, |level| i32::from(level.clamp(1, 22)));
            let mut encoder = zstd::Encoder::new(copy, level).map_err(|error| unwritten(&error))?;
            transfer(&mut source, &mut encoder, diff_id, &unwritten)?;
            encoder.finish()
        }
    };
    source.verify(diff_id)?;
    let copy = written.map_err(|error| unwritten(&error))?.into_inner();
    let blob = copy.map_err(|error| unwritten(error.error()))?.finish(None, None)?;
    let described = Descriptor {
        media_type: how.method.media_type().into(),
        digest: *blob.digest(),
        size: blob.size(),
        platform: None,
        annotations: std::collections::BTreeMap::new(),
    };
    Ok((blob, described))
}

fn transfer(
    source: &mut impl Read,
    to: &mut impl Write,
    diff_id: &Digest,
    unwritten: &dyn Fn(&io::Error) -> Error,
) -> Result<()> {
    let mut buffer = vec![0; STEP];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => to.write_all(&buffer[..read]).map_err(|error| unwritten(&error))?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let what = format!("the archive of layer {diff_id} cannot be read");
                return Err(Error::new(codes::UR0707, what).words(error));
            }
        }
    }
}

/// A stream that is hashed and counted as it is read.
pub(super) struct Verified<R> {
    source: R,
    hash: Sha256,
    size: u64,
}

impl<R: Read> Verified<R> {
    pub(super) fn new(source: R) -> Verified<R> {
        Verified { source, hash: Sha256::new(), size: 0 }
    }

    /// How many bytes were read.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether what was read is what it should be. Error: UR0703.
    pub(super) fn verify(self, expected: &Digest) -> Result<()> {
        let found = digest_of(self.hash);
        if found == *expected { Ok(()) } else { Err(mismatch(expected, &found)) }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if sys::interruption::came().is_some() {
            return Err(io::Error::other("interrupted"));
        }
        let read = self.source.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.size += read as u64;
        Ok(read)
    }
}
