//! `--volume [SOURCE:]DESTINATION[:OPTIONS]` and `--tmpfs DESTINATION[:OPTIONS]`.

use std::path::{Component, Path, PathBuf};

use diag::Result;

use super::{
    Mount, Source, VolumeSource,
    reject::{self, wrong},
    words::{For, Reader},
};
use crate::request::Given;

/// Reads `--volume`. A source that begins with `/` or `.` is a directory of the host, which must be there; any other is a volume's name.
///
/// Errors: UR0843; UR0804 for a volume's name.
pub(super) fn volume(given: &Given<String>) -> Result<Mount> {
    let parts = split(&given.value);
    let (source, destination, options) = match parts.as_slice() {
        [destination] => (None, *destination, ""),
        [source, destination] => (Some(*source), *destination, ""),
        [source, destination, options] => (Some(*source), *destination, *options),
        _ => {
            return Err(wrong(given, &given.value, format!("`{}` has too many parts", given.value))
                .help("write `SOURCE:DESTINATION:OPTIONS`; a colon of a path is written `\\:`"));
        }
    };
    let (source, kind) = match source {
        None => (Source::Volume(VolumeSource { anonymous: true, ..VolumeSource::default() }), For::Volume),
        Some("") => {
            return Err(wrong(given, &given.value, "the source is empty")
                .help("write a volume's name, or a path; for a volume of the container's own leave out the colon"));
        }
        Some(text) if text.starts_with(['/', '.']) => (Source::Bind(absolute(given, text)?), For::Bind),
        Some(name) => {
            let name = unescaped(name);
            store::check_volume_name(&name).map_err(|error| reject::blame(given, source.unwrap_or_default(), error))?;
            (Source::Volume(VolumeSource { name, ..VolumeSource::default() }), For::Volume)
        }
    };
    Ok(Mount {
        destination: self::destination(given, destination)?,
        source,
        options: Reader::new(given, kind).list(options)?,
        at: given.at.clone(),
    })
}

/// Reads `--tmpfs`. Errors: UR0843.
pub(super) fn tmpfs(given: &Given<String>) -> Result<Mount> {
    let (destination, options) = given.value.split_once(':').unwrap_or((&given.value, ""));
    Ok(Mount {
        destination: self::destination(given, destination)?,
        source: Source::Tmpfs,
        options: Reader::new(given, For::Tmpfs).list(options)?,
        at: given.at.clone(),
    })
}

/// A path of the container: absolute, without `.` and `..`, and not the root itself.
pub(super) fn destination(given: &Given<String>, text: &str) -> Result<PathBuf> {
    let path = unescaped(text);
    if !path.starts_with('/') {
        let what = if path.is_empty() {
            "the destination is missing".to_owned()
        } else {
            format!("the destination `{path}` is not absolute")
        };
        return Err(wrong(given, text, what).help(format!("write `/{path}`")));
    }
    if path.contains('\0') {
        return Err(wrong(given, text, "the destination has a NUL in it"));
    }
    let clean = clean(Path::new(&path));
    if clean == Path::new("/") {
        return Err(wrong(given, text, "the destination is the root directory itself")
            .help("to run a directory as the root filesystem there is --rootfs"));
    }
    Ok(clean)
}

/// A path of the host's, made absolute by the working directory.
pub(super) fn absolute(given: &Given<String>, text: &str) -> Result<PathBuf> {
    let path = unescaped(text);
    let whole = std::path::absolute(&path)
        .map_err(|error| wrong(given, text, format!("`{path}` is not a usable path")).words(error))?;
    Ok(clean(&whole))
}

/// A path without `.`, `..` and repeated slashes, by the words alone.
pub(super) fn clean(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut clean, part| {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            other => clean.push(other),
        }
        clean
    })
}

/// Splits at the first two colons that no backslash stands before: options may have colons of their own.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let escaped = at > 0 && bytes[at - 1] == b'\\';
        if *byte == b':' && !escaped && parts.len() < 2 {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

fn unescaped(text: &str) -> String {
    text.replace("\\:", ":")
}
