//! What `:U` has changed, so that it can be taken back.
//!
//! # On disk
//! `chowns/<time>-<random>`: the path as text, a NUL, then for each inode: uid, gid, mode, new uid, new gid (decimal, separated by
//! blanks), a blank, the hexadecimal file capabilities or `-`, a blank, the path below, a NUL. It is on the disk before the first
//! owner changes.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use store::Store;
use sys::{Dir, Failed};

/// The directory in the store.
const NAME: &str = "chowns";

/// The longest journal that is read: 1 GiB, some millions of inodes.
const LIMIT: usize = 1 << 30;

/// What an inode was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    /// Its owner, group and mode (07777 at most).
    pub(crate) owner: (u32, u32),
    pub(crate) mode: u32,
    /// Whom it is given to.
    pub(crate) new: (u32, u32),
    /// Its file capabilities.
    pub(crate) capability: Vec<u8>,
    /// Where it is, below the top; empty for the top itself.
    pub(crate) path: PathBuf,
}

/// A journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Journal {
    /// What it is about.
    pub(crate) top: PathBuf,
    /// The inodes, each before what is below it.
    pub(crate) inodes: Vec<Before>,
}

fn home(store: &Store) -> Result<Dir> {
    store.root().ensure_dir(NAME, 0o700).map_err(io)
}

fn io(failed: Failed) -> Error {
    failed.into_error(codes::UR0707, "the journal of changed owners cannot be kept")
}

impl Journal {
    /// Writes it down, on the disk. Later ones have later names.
    pub(crate) fn keep(&self, store: &Store, now: u64) -> Result<()> {
        let name = format!("{now:012}-{}", &store::anonymous_volume_name()[..16]);
        home(store)?.write(&name, &self.bytes(), 0o600).map_err(io)?;
        store.sync()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.top.as_os_str().as_bytes().to_vec();
        bytes.push(0);
        for inode in &self.inodes {
            let capability = if inode.capability.is_empty() { "-".to_owned() } else { hex(&inode.capability) };
            let ((uid, gid), new) = (inode.owner, inode.new);
            bytes.extend(format!("{uid} {gid} {} {} {} {capability} ", inode.mode, new.0, new.1).as_bytes());
            bytes.extend(inode.path.as_os_str().as_bytes());
            bytes.push(0);
        }
        bytes
    }

    fn parse(bytes: &[u8]) -> Option<Journal> {
        let mut parts = bytes.strip_suffix(b"\0")?.split(|byte| *byte == 0);
        let path = |bytes: &[u8]| PathBuf::from(OsString::from_vec(bytes.to_vec()));
        let top = path(parts.next()?);
        let inode = |part: &[u8]| {
            let mut fields = part.splitn(7, |byte| *byte == b' ');
            let mut number = || std::str::from_utf8(fields.next()?).ok()?.parse::<u32>().ok();
            let (owner, mode, new) = ((number()?, number()?), number()?, (number()?, number()?));
            let capability = unhex(fields.next()?)?;
            let below = path(fields.next()?);
            let stays =
                !below.is_absolute() && below.components().all(|part| matches!(part, std::path::Component::Normal(_)));
            stays.then_some(Before { owner, mode: mode & 0o7777, new, capability, path: below })
        };
        let inodes = parts.map(inode).collect::<Option<Vec<_>>>()?;
        Some(Journal { top, inodes })
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    if text == b"-" {
        return Some(Vec::new());
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

/// All journals, the latest last, by name and what they are about.
pub(crate) fn all(store: &Store) -> Result<Vec<(OsString, Journal)>> {
    let home = home(store)?;
    let names = home.names().map_err(io)?;
    let whole = names.into_iter().filter(|name| !name.as_bytes().starts_with(b"."));
    whole.map(|name| read(&home, &name).map(|journal| (name, journal))).collect()
}

fn read(home: &Dir, name: &OsStr) -> Result<Journal> {
    let bytes = home.read(Path::new(name), LIMIT).map_err(io)?;
    Journal::parse(&bytes).ok_or_else(|| {
        Error::new(codes::UR0707, "a journal of changed owners is not understood")
            .fact(format!("it is `{}`", home.path().join(name).display()))
    })
}

/// Removes a journal that was played back.
pub(crate) fn forget(store: &Store, name: &OsStr) -> Result<()> {
    home(store)?.remove_file(Path::new(name)).map_err(io)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn written_and_read() {
        let inode = |path: &str, capability: &[u8]| Before {
            owner: (1000, 100),
            mode: 0o4755,
            new: (524_288, 5),
            capability: capability.to_vec(),
            path: path.into(),
        };
        let journal = Journal { top: "/srv/a b".into(), inodes: vec![inode("", b""), inode("x y/z\n", &[1, 0, 0xff])] };
        assert_eq!(Journal::parse(&journal.bytes()), Some(journal.clone()));
        let outside = Journal { inodes: vec![inode("../x", b"")], ..journal };
        assert_eq!(Journal::parse(&outside.bytes()), None);
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Journal::parse(&bytes);
        }
    }
}
