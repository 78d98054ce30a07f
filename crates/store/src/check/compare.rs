//! Two trees that should be the same, and one that should be as it was counted.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::CStr,
    io::Read,
    os::fd::{AsFd, BorrowedFd},
};

use diag::Result;
use sha2::{Digest as _, Sha256};
use sys::{
    Dir,
    rustix::{
        fs::{FileType, Mode, OFlags, Stat, fgetxattr, flistxattr, openat, readlinkat},
        io::Errno,
    },
};

use crate::{
    Meta, Owners,
    archive::shown,
    io,
    mapped::walk::{Done, Entry, Visitor, call, walk},
};

/// The most that an attribute, or the list of their names, can have (`linux/limits.h`).
const LIMIT: usize = 64 << 10;

/// What counts of one inode. Link counts do not: `data/` has names of the same inodes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Inode {
    mode: u32,
    owners: (u32, u32),
    size: i64,
    device: u64,
    modified: (i64, i64),
    /// A digest of contents and attributes, or of a link's target.
    contents: [u8; 32],
    /// The first of its names.
    first: Vec<u8>,
}

/// A tree as it is.
#[derive(Default)]
struct Seen {
    below: Vec<u8>,
    inodes: BTreeMap<Vec<u8>, Inode>,
    names: HashMap<u64, Vec<u8>>,
    digests: HashMap<u64, [u8; 32]>,
}

/// How `found` differs from what it should be, entry by entry, in words.
pub(super) fn differences(right: &Dir, found: &Dir) -> Result<Vec<String>> {
    let (right, mut found) = (Seen::of(right)?, Seen::of(found)?);
    let mut differences = Vec::new();
    for (name, inode) in right {
        let why = match found.remove(&name) {
            None => "is missing".to_owned(),
            Some(other) if other == inode => continue,
            Some(other) => inode.compared(&other),
        };
        differences.push(format!("`/{}` {why}", shown(&name)));
    }
    differences.extend(found.keys().map(|name| format!("`/{}` is there and does not belong to it", shown(name))));
    Ok(differences)
}

impl Inode {
    fn compared(&self, found: &Inode) -> String {
        if self.mode != found.mode {
            return format!("has mode {:o}, not {:o}", found.mode, self.mode);
        }
        if self.owners != found.owners {
            let (other, own) = (found.owners, self.owners);
            return format!("belongs to {}:{}, not to {}:{}", other.0, other.1, own.0, own.1);
        }
        if self.size != found.size {
            return format!("has {} bytes, not {}", found.size, self.size);
        }
        if self.contents != found.contents {
            return "has other contents or other extended attributes".to_owned();
        }
        if self.modified != found.modified {
            return "has another time of its last modification".to_owned();
        }
        "is another device, or a link to another file".to_owned()
    }
}

impl Seen {
    fn of(dir: &Dir) -> Result<BTreeMap<Vec<u8>, Inode>> {
        let mut seen = Seen::default();
        walk(dir, &mut seen).map_err(io("the files of a layer cannot be read"))?;
        Ok(seen.inodes)
    }

    fn name(&self, last: &CStr) -> Vec<u8> {
        let mut name = self.below.clone();
        if !name.is_empty() {
            name.push(b'/');
        }
        name.extend_from_slice(last.to_bytes());
        name
    }

    fn add(&mut self, name: Vec<u8>, stat: &Stat, contents: [u8; 32]) {
        let is_dir = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let first =
            if is_dir { Vec::new() } else { self.names.entry(stat.st_ino).or_insert_with(|| name.clone()).clone() };
        let inode = Inode {
            mode: stat.st_mode,
            owners: (stat.st_uid, stat.st_gid),
            // A directory's depends on how it came to be.
            size: if is_dir { 0 } else { stat.st_size },
            device: stat.st_rdev,
            // A directory that the archive does not name has the time at which it was unpacked.
            modified: if is_dir { (0, 0) } else { (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0)) },
            contents,
            first,
        };
        self.inodes.insert(name, inode);
    }

    /// The digest of a node; each inode is read once.
    fn node_digest(&mut self, entry: Entry<'_>) -> Done<[u8; 32]> {
        if let Some(known) = self.digests.get(&entry.stat.st_ino) {
            return Ok(*known);
        }
        let mut hash = Sha256::new();
        match FileType::from_raw_mode(entry.stat.st_mode) {
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let fd = openat(entry.parent, entry.name, flags, Mode::empty()).map_err(call("openat"))?;
                attributes(fd.as_fd(), &mut hash)?;
                read(fd.into(), &mut hash)?;
            }
            FileType::Symlink => {
                let target = readlinkat(entry.parent, entry.name, Vec::new()).map_err(call("readlinkat"))?;
                hash.update(target.as_bytes());
            }
            _ => {}
        }
        let digest = hash.finalize().into();
        if entry.stat.st_nlink > 1 {
            self.digests.insert(entry.stat.st_ino, digest);
        }
        Ok(digest)
    }
}

impl Visitor for Seen {
    fn enter(&mut self, entry: Entry<'_>) -> Done {
        self.below = self.name(entry.name);
        Ok(())
    }

    fn node(&mut self, entry: Entry<'_>) -> Done {
        let digest = self.node_digest(entry)?;
        self.add(self.name(entry.name), entry.stat, digest);
        Ok(())
    }

    fn leave(&mut self, dir: BorrowedFd<'_>, stat: &Stat) -> Done {
        let mut hash = Sha256::new();
        attributes(dir, &mut hash)?;
        self.add(self.below.clone(), stat, hash.finalize().into());
        let above = self.below.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        self.below.truncate(above);
        Ok(())
    }
}

fn read(mut file: std::fs::File, hash: &mut Sha256) -> Done {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(call("read")(Errno::from_io_error(&error).unwrap_or(Errno::IO))),
        }
    }
}

/// Takes the extended attributes in, in the order of their names. What a host's policy gives is no part of a layer.
fn attributes(of: BorrowedFd<'_>, hash: &mut Sha256) -> Done {
    let mut names = vec![0; LIMIT];
    let length = match flistxattr(of, &mut *names) {
        Err(Errno::OPNOTSUPP) => 0,
        length => length.map_err(call("flistxattr"))?,
    };
    let mut names: Vec<&[u8]> = names[..length].split_inclusive(|byte| *byte == 0).collect();
    names.sort_unstable();
    for name in names.into_iter().filter(|name| !name.starts_with(b"security.selinux")) {
        let Ok(key) = CStr::from_bytes_with_nul(name) else { continue };
        let mut value = vec![0; LIMIT];
        let length = match fgetxattr(of, key, &mut *value) {
            Err(Errno::NODATA | Errno::OVERFLOW) => continue,
            length => length.map_err(call("fgetxattr"))?,
        };
        hash.update(name);
        hash.update(&value[..length]);
    }
    Ok(())
}

/// What unpacking counts, counted again.
#[derive(Default)]
pub(super) struct Count {
    files: u64,
    bytes: u64,
    uids: BTreeMap<u32, u64>,
    gids: BTreeMap<u32, u64>,
    seen: std::collections::HashSet<u64>,
}

impl Count {
    fn add(&mut self, stat: &Stat) {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let whiteout = kind == FileType::CharacterDevice && stat.st_rdev == 0;
        if whiteout || (kind != FileType::Directory && stat.st_nlink > 1 && !self.seen.insert(stat.st_ino)) {
            return;
        }
        self.files += 1;
        if kind == FileType::RegularFile {
            self.bytes += u64::try_from(stat.st_size).unwrap_or(0);
        }
        *self.uids.entry(stat.st_uid).or_default() += 1;
        *self.gids.entry(stat.st_gid).or_default() += 1;
    }

    /// How it differs from what is recorded.
    pub(super) fn differences(&self, meta: &Meta) -> Vec<String> {
        let mut differences = Vec::new();
        let numbers = [("files and directories", self.files, meta.files), ("bytes in files", self.bytes, meta.bytes)];
        for (what, found, recorded) in numbers.into_iter().filter(|(_, found, recorded)| found != recorded) {
            differences.push(format!("it has {found} {what}, and {recorded} are recorded"));
        }
        if differences.is_empty() && meta.ownership == Owners::Canonical {
            let same = self.uids == meta.uids && self.gids == meta.gids;
            differences.extend((!same).then(|| "its files have other owners than recorded".to_owned()));
        }
        differences
    }
}

impl Visitor for Count {
    fn enter(&mut self, _: Entry<'_>) -> Done {
        Ok(())
    }

    fn node(&mut self, entry: Entry<'_>) -> Done {
        self.add(entry.stat);
        Ok(())
    }

    fn leave(&mut self, _: BorrowedFd<'_>, stat: &Stat) -> Done {
        self.add(stat);
        Ok(())
    }
}
