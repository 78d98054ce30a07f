//! Files that options name.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use diag::{Error, Origin, Result, codes};

use crate::{environment, request::Given};

/// The longest file of variables or labels that is read.
const LIMIT: u64 = 4 << 20;

/// The lines of a file of variables or labels that say something, each with its place. UR0831.
pub(crate) fn lines(path: &Given<String>) -> Result<Vec<Given<String>>> {
    let text = read(path)?;
    let given = environment::lines(&text).map(|(line, text)| {
        let at = Origin::Line { file: path.value.clone(), line, text: text.to_owned() };
        Given { value: text.to_owned(), at: Some(at) }
    });
    Ok(given.collect())
}

/// The text of a file that an option names. UR0831.
pub(super) fn read(path: &Given<String>) -> Result<String> {
    let refused = |error: std::io::Error| path.blame(unusable(&path.value, "read", &error));
    let found = fs::metadata(&path.value).map_err(refused)?;
    if found.len() > LIMIT {
        let what = format!("`{}` is longer than {LIMIT} bytes", path.value);
        return Err(path.blame(Error::new(codes::UR0831, what)));
    }
    fs::read_to_string(&path.value).map_err(refused)
}

/// `--pidfile` and its like: an absolute path.
pub(super) fn absolute(path: &Given<String>) -> Result<PathBuf> {
    std::path::absolute(&path.value).map_err(|error| path.blame(unusable(&path.value, "used", &error)))
}

/// Writes `--cidfile`, which must not be there yet: another container's id may be in it. UR0831.
pub(crate) fn write_id(path: &Given<String>, id: &str) -> Result<()> {
    let written = OpenOptions::new().write(true).create_new(true).open(&path.value);
    written.and_then(|mut file| file.write_all(id.as_bytes())).map_err(|error| {
        let refused = unusable(&path.value, "written", &error);
        let there = error.kind() == std::io::ErrorKind::AlreadyExists;
        path.blame(if there {
            refused.help("another container's id may be in it; remove the file if it is of no use any more")
        } else {
            refused
        })
    })
}

/// As it is found out before anything is made.
pub(super) fn must_not_exist(path: &Given<String>) -> Result<()> {
    if Path::new(&path.value).symlink_metadata().is_err() {
        return Ok(());
    }
    Err(path.blame(
        Error::new(codes::UR0831, format!("the file `{}` exists already", path.value))
            .help("another container's id may be in it; remove the file if it is of no use any more"),
    ))
}

fn unusable(path: &str, how: &str, error: &std::io::Error) -> Error {
    let refused = Error::new(codes::UR0831, format!("the file `{path}` cannot be {how}"));
    match error.raw_os_error() {
        Some(errno) => refused.os(format!("open({path})"), errno),
        None => refused.words(error),
    }
}
