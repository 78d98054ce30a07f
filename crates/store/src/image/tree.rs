//! The files that an image comes in: a directory, or the members of an archive.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    sync::Arc,
};

use diag::{Error, Result, codes};
use oci::{Digest, Source};
use sys::{
    Dir,
    rustix::{
        fs::{FileType, Mode, OFlags, fstat},
        io::Errno,
    },
};

use super::{
    Input,
    archive::Archive,
    input::{self, Opened},
};
use crate::{
    Limits, Store,
    compression::{self, Compression, MAGIC, Refusal},
    draft::Draft,
};

/// Where an image's files are.
#[derive(Debug)]
pub(super) struct Tree {
    /// What the user calls it.
    pub(super) name: String,
    files: Files,
    /// Blobs lie beside the manifest and not in `blobs/sha256`, as in skopeo's `dir`.
    pub(super) flat: bool,
    /// Only to be held: the archive's copy in `tmp/`, if one was needed.
    _spool: Option<Draft>,
}

#[derive(Debug)]
enum Files {
    Dir(Dir),
    Archive(Archive),
}

/// A part of a file, read without moving anybody's position.
#[derive(Clone, Debug)]
pub(super) struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Tree {
    /// Opens what the user has named. An archive that is compressed or comes from a pipe is copied into `tmp/`.
    pub(super) fn open(store: &Store, input: Input<'_>, limits: &Limits) -> Result<Tree> {
        let (stream, name): (Box<dyn Read + Send + '_>, _) = match input {
            Input::Stream(stream, name) => (stream, name.to_owned()),
            Input::Path(path) => {
                let name = path.display().to_string();
                match input::open(path)? {
                    Opened::Dir(dir) => return Ok(Tree { name, files: Files::Dir(dir), flat: false, _spool: None }),
                    Opened::File(file) if is_plain(&file) => {
                        let files = Files::Archive(Archive::index(file, &name)?);
                        return Ok(Tree { name, files, flat: false, _spool: None });
                    }
                    Opened::File(file) => (Box::new(file), name),
                }
            }
        };
        let (draft, file) = spool(store, stream, &name, limits)?;
        let files = Files::Archive(Archive::index(file, &name)?);
        Ok(Tree { name, files, flat: false, _spool: Some(draft) })
    }

    /// A file's bytes; `None` if there is none of this name.
    pub(super) fn section(&self, name: &str) -> Result<Option<Section>> {
        match &self.files {
            Files::Archive(archive) => Ok(archive.open(name)),
            Files::Dir(dir) => section_of(dir, name),
        }
    }

    /// Reads a document; `None` if there is none of this name. Error: UR0706 if it is longer than `limit` bytes.
    pub(super) fn read(&self, name: &str, limit: usize) -> Result<Option<Vec<u8>>> {
        let Some(mut section) = self.section(name)? else { return Ok(None) };
        if section.size() > limit as u64 {
            let what = format!("`{name}` in `{}` has {} bytes, more than {limit}", self.name, section.size());
            return Err(Error::new(codes::UR0706, what));
        }
        let mut bytes = Vec::new();
        section.read_to_end(&mut bytes).map_err(|error| {
            Error::new(codes::UR0704, format!("`{name}` in `{}` cannot be read", self.name)).words(error)
        })?;
        Ok(Some(bytes))
    }

    /// Reads a document of text; `None` if there is none of this name.
    pub(super) fn document(&self, name: &str) -> Result<Option<Source>> {
        let bytes = self.read(name, oci::image::DOCUMENT_LIMIT)?;
        bytes.map(|bytes| Source::from_bytes(name, bytes, codes::UR0706)).transpose()
    }

    /// Whether it is a directory and not an archive.
    pub(super) fn is_dir(&self) -> bool {
        matches!(self.files, Files::Dir(_))
    }

    /// The name of a blob's file.
    pub(super) fn blob_path(&self, digest: &Digest) -> String {
        if self.flat { digest.hex() } else { format!("blobs/sha256/{}", digest.hex()) }
    }

    /// Whether there is a file or a directory of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        match &self.files {
            Files::Archive(archive) => archive.open(name).is_some(),
            Files::Dir(dir) => dir.has(name),
        }
    }
}

fn section_of(dir: &Dir, name: &str) -> Result<Option<Section>> {
    let unreadable = |failed: sys::Failed| {
        let what = format!("`{}` cannot be opened", failed.path.display());
        failed.into_error(codes::UR0704, what)
    };
    // Without waiting for a writer, should it be a pipe.
    let fd = match dir.open_at(name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()) {
        Err(failed) if matches!(failed.errno, Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    let stat = fstat(&fd).map_err(|errno| unreadable(sys::Failed::new("fstat", &dir.path().join(name), errno)))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        let what = format!("`{}` is not a file", dir.path().join(name).display());
        return Err(Error::new(codes::UR0704, what));
    }
    Ok(Some(Section::new(Arc::new(fd.into()), 0, stat.st_size.unsigned_abs())))
}

/// Whether a file can be read at any place as it is.
fn is_plain(file: &File) -> bool {
    let mut magic = [0; MAGIC];
    let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    regular && file.read_at(&mut magic, 0).is_ok_and(|read| Compression::of(&magic[..read]) == Compression::Plain)
}

/// The archive as it was before compression. (Layers are looked at where they are unpacked.) Errors: UR0704, UR0714.
fn decompress<'a>(stream: impl Read + Send + 'a, name: &str) -> Result<Box<dyn Read + Send + 'a>> {
    let undone = compression::undo(stream).map_err(|refusal| match refusal {
        Refusal::Unreadable(error) => unreadable(name, error),
        Refusal::Unsupported(program) => {
            let what = format!("`{name}` is compressed with {program}, which is not supported");
            Error::new(codes::UR0714, what)
                .help(format!("decompress it first with `{program} -d`, and give the result"))
        }
    })?;
    Ok(undone.0)
}

fn unreadable(name: &str, error: io::Error) -> Error {
    Error::new(codes::UR0704, format!("`{name}` cannot be read")).words(error)
}

/// Copies a stream into `tmp/`, decompressed.
fn spool(store: &Store, stream: impl Read + Send, name: &str, limits: &Limits) -> Result<(Draft, File)> {
    let mut stream = decompress(stream, name)?;
    let (draft, fd) = Draft::file(store)?;
    let mut file = File::from(fd);
    let mut buffer = vec![0; 256 * 1024];
    let mut total = 0;
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return Ok((draft, file)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(name, error)),
        };
        total += read as u64;
        if total > limits.bytes {
            return Err(Error::new(codes::UR0704, format!("`{name}` is longer than {} bytes", limits.bytes)));
        }
        file.write_all(&buffer[..read]).map_err(|error| store.not_written(&error))?;
    }
}

impl Section {
    pub(super) fn new(file: Arc<File>, at: u64, size: u64) -> Section {
        Section { file, at, end: at.saturating_add(size) }
    }

    /// How many bytes are left.
    pub(super) fn size(&self) -> u64 {
        self.end - self.at
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = usize::try_from(self.size()).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..length], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
