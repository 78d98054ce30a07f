//! Reading the files of a host that may be an invented one.

use std::{
    fs,
    io::{ErrorKind, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use diag::{Error, Origin, codes};
use rustix::fs::OFlags;

use super::Claims;

/// The longest file that is read: a list of accounts may be long.
const LIMIT: u64 = 16 << 20;

/// A host, by its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFiles {
    /// What is `/` there.
    pub root: PathBuf,
}

impl HostFiles {
    /// This host.
    pub fn here() -> HostFiles {
        HostFiles { root: PathBuf::from("/") }
    }

    /// Whether it is the host that this process runs on, whose programs can be asked.
    pub(super) fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where a file of the host's is.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Whether the host has it.
    pub(super) fn has(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    /// A file's contents; `None` if there is none, and, with a warning, if it cannot be read.
    pub(super) fn read(&self, path: &str, claims: &mut Claims) -> Option<Vec<u8>> {
        match read(&self.path(path)) {
            Ok(bytes) => Some(bytes),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => None,
            Err(error) => {
                let what = format!("`{path}` cannot be read, so the ids that it may claim are not known");
                claims.warnings.push(Error::warning(codes::UR0209, what).words(error));
                None
            }
        }
    }

    /// As [`HostFiles::read`], for a file that must be UTF-8.
    pub(super) fn text(&self, path: &str, claims: &mut Claims) -> Option<String> {
        let bytes = self.read(path, claims)?;
        match String::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let bytes = error.into_bytes();
                let line = line_of(&bytes, valid);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                claims.warnings.push(misunderstood(path, &text, line, "it is not UTF-8"));
                None
            }
        }
    }

    /// The names in a directory that end so, sorted.
    pub(super) fn names(&self, path: &str, end: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(path)) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(end)).collect();
        names.sort();
        names
    }
}

/// Regular files only: a fifo would hang, a device might do anything.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(std::io::Error::other("it is longer than 16 MiB"));
    }
    Ok(bytes)
}

/// The number, from 1, of the line that has this byte.
pub(super) fn line_of(text: &[u8], at: usize) -> usize {
    text.iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// A warning that names a line of a file.
pub(super) fn misunderstood(file: &str, text: &str, line: usize, why: &str) -> Error {
    let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned();
    Error::warning(codes::UR0209, format!("`{file}` is not understood, so the ids that it may claim are not known"))
        .words(why.trim())
        .at(Origin::Line { file: file.to_owned(), line, text: shown })
}

/// The first line that sets a key, for a message; 1 if none is found.
pub(super) fn line_with(text: &str, key: &str) -> usize {
    let sets = |line: &str| line.trim_start().trim_start_matches(['"', '\'']).starts_with(key);
    text.lines().position(sets).map_or(1, |at| at + 1)
}
