//! `--device` and `--device-cgroup-rule`.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use oci::spec::{DeviceKind, DeviceRule};
use rustix::fs::{major, minor};

use super::Setting;
use crate::{config::DeviceBind, request::Given, values};

/// `--device`, or `devices` of containers.conf.
pub(super) fn binds(setting: &Setting) -> Result<Vec<DeviceBind>> {
    let given = values::commas(&setting.request.security.device)?;
    let lists = setting.conf.containers.devices.iter().chain(&given).map(bind).collect::<Result<Vec<_>>>()?;
    Ok(lists.concat())
}

/// `HOST[:PATH][:ACCESS]`; a directory means all devices below it.
fn bind(given: &Given<String>) -> Result<Vec<DeviceBind>> {
    let parts: Vec<&str> = given.value.split(':').collect();
    let (source, target, access) = match parts[..] {
        [source] => (source, source, "rwm"),
        [source, access] if is_access(access) => (source, source, access),
        [source, target] => (source, target, "rwm"),
        [source, target, access] if is_access(access) => (source, target, access),
        _ => return Err(given.blame(misread(&given.value))),
    };
    if !source.starts_with('/') || !target.starts_with('/') {
        return Err(given.blame(misread(&given.value).fact("both paths are absolute")));
    }
    let refused = |error| given.blame(absent(Path::new(source), &error));
    let found = fs::metadata(source).map_err(refused)?;
    if !found.is_dir() {
        return one(Path::new(source), Path::new(target), access, &found)
            .map(|bind| vec![bind])
            .ok_or_else(|| given.blame(no_device(source)));
    }
    let binds = below(Path::new(source), Path::new(target), access).map_err(refused)?;
    if binds.is_empty() { Err(given.blame(no_device(source))) } else { Ok(binds) }
}

fn is_access(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| "rwm".contains(letter))
}

fn one(source: &Path, target: &Path, access: &str, found: &fs::Metadata) -> Option<DeviceBind> {
    let kind = found.file_type();
    (kind.is_block_device() || kind.is_char_device()).then(|| DeviceBind {
        source: source.to_owned(),
        target: target.to_owned(),
        block: kind.is_block_device(),
        major: major(found.rdev()),
        minor: minor(found.rdev()),
        access: access.to_owned(),
    })
}

fn below(source: &Path, target: &Path, access: &str) -> std::io::Result<Vec<DeviceBind>> {
    let mut binds = Vec::new();
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let (from, to): (PathBuf, PathBuf) = (entry.path(), target.join(entry.file_name()));
        let found = fs::symlink_metadata(&from)?;
        if found.is_dir() {
            binds.extend(below(&from, &to, access)?);
        }
        binds.extend(one(&from, &to, access, &found));
    }
    Ok(binds)
}

fn misread(text: &str) -> Error {
    Error::new(codes::UR0806, format!("the device `{text}` is not understood"))
        .help("write it as HOST, HOST:PATH or HOST:PATH:ACCESS, with ACCESS of the letters r, w and m")
}

fn absent(path: &Path, error: &std::io::Error) -> Error {
    let refused = Error::new(codes::UR0835, format!("the device `{}` cannot be looked at", path.display()));
    match error.raw_os_error() {
        Some(errno) => refused.os(format!("stat({})", path.display()), errno),
        None => refused.words(error),
    }
}

fn no_device(path: &str) -> Error {
    Error::new(codes::UR0835, format!("`{path}` is no device")).help("bind a file or a directory with --volume")
}

/// `--device-cgroup-rule`: `c 10:* rwm`.
pub(super) fn rules(list: &[Given<String>]) -> Result<Vec<DeviceRule>> {
    values::commas(list)?
        .iter()
        .map(|given| rule(&given.value).ok_or_else(|| given.blame(misruled(&given.value))))
        .collect()
}

fn rule(text: &str) -> Option<DeviceRule> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [kind, numbers, access] = words[..] else { return None };
    let kind = match kind {
        "a" => DeviceKind::All,
        "b" => DeviceKind::Block,
        "c" => DeviceKind::Character,
        _ => return None,
    };
    let (major, minor) = numbers.split_once(':')?;
    let number = |text: &str| match text {
        "*" => Some(None),
        digits => digits.parse::<u32>().ok().map(|number| Some(i64::from(number))),
    };
    let access = is_access(access).then(|| access.to_owned())?;
    Some(DeviceRule {
        allow: true,
        kind: Some(kind),
        major: number(major)?,
        minor: number(minor)?,
        access: Some(access),
    })
}

fn misruled(text: &str) -> Error {
    Error::new(codes::UR0806, format!("the rule `{text}` for devices is not understood"))
        .help("write it as TYPE MAJOR:MINOR ACCESS: `c 10:* rwm`; the types are a, b and c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let read = rule("c 10:* rw").unwrap();
        assert_eq!((read.kind, read.major, read.minor), (Some(DeviceKind::Character), Some(10), None));
        for wrong in ["", "c", "c 10 rwm", "x 1:2 r", "c 1:2 x", "c -1:2 r", "c 1:2", "c 1:2 r r"] {
            assert!(rule(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn devices_are_looked_at() {
        let read = |text: &str| bind(&Given::unwritten(text.to_owned()));
        let null = &read("/dev/null:/dev/nothing:r").unwrap()[0];
        assert_eq!(
            (null.target.as_path(), null.major, null.minor, null.block),
            (Path::new("/dev/nothing"), 1, 3, false)
        );
        assert_eq!(read("/dev/null:rw").unwrap()[0].target, Path::new("/dev/null"));
        for (text, code) in [
            ("/dev/null:x", codes::UR0806),
            ("dev/null", codes::UR0806),
            ("/dev/no-such-device", codes::UR0835),
            ("/etc/passwd", codes::UR0835),
        ] {
            assert_eq!(read(text).unwrap_err().code(), code, "{text}");
        }
    }
}
