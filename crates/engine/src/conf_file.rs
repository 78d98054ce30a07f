//! The text of a configuration file: read, understood as TOML, and each value with the line that it stands in.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, ErrorKind, Write},
    ops::Range,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use diag::{Error, Origin, Result, codes};
use serde::Deserialize;
use toml::Spanned;

use crate::request::Given;

/// The files `*.conf` in a directory, by name.
pub(crate) fn drop_ins(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(dir, &error)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<io::Result<_>>().map_err(|error| unreadable(dir, &error))?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "conf") && !path.is_dir());
    paths.sort();
    Ok(paths)
}

/// A file's text; nothing if it may be missing and is.
pub(crate) fn read(path: &Path, needed: bool) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if !needed && is_absent(&error) => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Whether there is no such file.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// UR0811: the file is there and cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(codes::UR0811, format!("the configuration file `{}` cannot be read", path.display()))
        .at(Origin::Path { path: path.to_owned() })
        .words(error)
}

/// UR0909: the file cannot be written.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::new(codes::UR0909, format!("`{}` cannot be written", path.display()))
        .at(Origin::Path { path: path.to_owned() })
        .words(error)
}

/// Understands a file's text; `variables` are those of the environment that can name another file.
pub(crate) fn parse<T: for<'de> Deserialize<'de>>(path: &Path, text: &str, variables: &str) -> Result<T> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        misunderstood(path)
            .at(line(path, text, &error.span().unwrap_or(0..0)))
            .words(error.message())
            .help(format!("mend the line, or name another file in {variables}"))
    })
}

/// UR0811: the file says something that has no sense.
pub(crate) fn misunderstood(path: &Path) -> Error {
    Error::new(codes::UR0811, format!("the configuration file `{}` is not understood", path.display()))
}

/// A value with its line.
pub(crate) fn given<T>(path: &Path, text: &str, value: Spanned<T>) -> Given<T> {
    let at = line(path, text, &value.span());
    Given { value: value.into_inner(), at: Some(at) }
}

/// The line in which these bytes begin.
pub(crate) fn line(path: &Path, text: &str, bytes: &Range<usize>) -> Origin {
    let before = text.as_bytes().iter().take(bytes.start);
    let index = before.filter(|byte| **byte == b'\n').count();
    let words = text.lines().nth(index).unwrap_or_default().trim().to_owned();
    Origin::Line { file: path.display().to_string(), line: index + 1, text: words }
}

/// Puts a file in the place of another one: whoever reads sees the old text or the new one. Only its owner may read it.
///
/// A symbolic link stays, and what it leads to is replaced. UR0909 if it cannot be written.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let refused = |error: io::Error| unwritable(&path, &error);
    let dir = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let draft = dir.join(format!(".{name}.{}", std::process::id()));
    let written = write_new(&draft, text).and_then(|()| fs::rename(&draft, &path));
    if written.is_err() {
        // It is ours, and of no use to anybody.
        let _ = fs::remove_file(&draft);
    }
    written.map_err(refused)
}

/// Keeps others who want to change the same file waiting for as long as the value lives. The directory is locked, since the file is
/// replaced. UR0909.
pub(crate) fn lock(path: &Path) -> Result<fs::File> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let refused = |error: io::Error| unwritable(&path, &error);
    let dir = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused)?;
    let dir = fs::File::open(dir).map_err(refused)?;
    dir.lock().map_err(refused)?;
    Ok(dir)
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    // What a process with the same number left when it was killed.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
