//! A layer's tree once more, with other owners: with its contents, or with references to them.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::PathBuf,
};

use diag::Result;
use sys::{
    Dir, FilesystemIds,
    rustix::{
        fs::{
            AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat,
            fchmod, fchown, fsetxattr, fstat, ftruncate, futimens, linkat, mkdirat, mknodat, openat, readlinkat,
            symlinkat, utimensat,
        },
        io::Errno,
        process::geteuid,
    },
};

use super::{
    contents,
    data::{self, Numbers, is_regular},
    failed,
    translation::Translation,
    walk::{DIRECTORY, Done, Entry, Refused, Visitor, call, up, walk},
    xattrs::Xattrs,
};
use crate::{Layer, io};

/// The attributes by which overlayfs finds the contents of an inode that has none of its own.
const METACOPY: &std::ffi::CStr = c"user.overlay.metacopy";
const REDIRECT: &std::ffi::CStr = c"user.overlay.redirect";

/// Makes the tree of a layer below a new directory `fs` in `dir`.
pub(super) fn build(dir: &Dir, layer: &Layer, ids: &Translation, contents: Contents) -> Result<()> {
    let what = || format!("the files of layer {} cannot be given other owners", layer.diff_id());
    let source = layer.files()?;
    let root = source.stat("").map_err(io(what()))?;
    // What is made belongs to the container's root from the beginning, as nearly all files do.
    let born = match (ids.uid(root.st_uid), ids.gid(root.st_gid)) {
        (Some(uid), Some(gid)) if geteuid().is_root() => FilesystemIds::set(uid, gid).ok(),
        _ => None,
    };
    let target = dir.make_dir("fs", 0o700).map_err(io(what()))?;
    let walked = Builder::new(&target, ids, Numbers::of(layer), contents)
        .and_then(|mut builder| walk(&source, &mut builder))
        .map_err(failed(what()));
    drop(born);
    walked
}

/// Where the contents of files are.
#[derive(Debug)]
pub(super) enum Contents {
    /// In the tree.
    Copied,
    /// In the layer's [`data`]; the files that have extended attributes, too.
    Elsewhere(HashSet<String>),
}

impl Contents {
    /// Whether the layer's file has to be opened.
    fn needs(&self, number: &str) -> bool {
        match self {
            Contents::Copied => true,
            Contents::Elsewhere(attributed) => attributed.contains(number),
        }
    }
}

/// Where the next inode is made.
struct Builder<'a> {
    ids: &'a Translation,
    numbers: Numbers,
    contents: Contents,
    /// Whom new inodes belong to.
    born: (u32, u32),
    /// The permissions that are taken away from new files.
    umask: u32,
    root: OwnedFd,
    /// The directory that is being filled, and those above it.
    here: OwnedFd,
    above: Vec<Stat>,
    /// Its path, for links.
    path: PathBuf,
    /// Where inodes with several names were made.
    linked: HashMap<u64, PathBuf>,
    xattrs: Xattrs,
}

impl<'a> Builder<'a> {
    fn new(target: &Dir, ids: &'a Translation, numbers: Numbers, contents: Contents) -> Result<Self, sys::Failed> {
        let failed = |call, errno| sys::Failed::new(call, target.path(), errno);
        // A set-group-ID directory above would hand its group down.
        fchmod(target, Mode::RWXU).map_err(|errno| failed("fchmod", errno))?;
        let stat = fstat(target).map_err(|errno| failed("fstat", errno))?;
        let opened = || openat(target, ".", DIRECTORY, Mode::empty()).map_err(|errno| failed("openat", errno));
        Ok(Builder {
            ids,
            numbers,
            contents,
            born: (stat.st_uid, stat.st_gid),
            umask: umask(),
            root: opened()?,
            here: opened()?,
            above: Vec::new(),
            path: PathBuf::new(),
            linked: HashMap::new(),
            xattrs: Xattrs::default(),
        })
    }

    fn owners(&self, stat: &Stat) -> Done<(u32, u32)> {
        match (self.ids.uid(stat.st_uid), self.ids.gid(stat.st_gid)) {
            (Some(uid), Some(gid)) => Ok((uid, gid)),
            // EOVERFLOW is the kernel's word for an id that a map leaves out.
            _ => Err(Refused { call: "fchownat", errno: Errno::OVERFLOW }),
        }
    }

    /// The place of an inode that was made already under another name.
    fn link(&mut self, entry: Entry<'_>) -> Done<bool> {
        if entry.stat.st_nlink < 2 {
            return Ok(false);
        }
        let Some(first) = self.linked.get(&entry.stat.st_ino) else {
            let path = self.path.join(OsStr::from_bytes(entry.name.to_bytes()));
            self.linked.insert(entry.stat.st_ino, path);
            return Ok(false);
        };
        match linkat(&self.root, first, &self.here, entry.name, AtFlags::empty()) {
            // Then it has to be an inode of its own.
            Err(Errno::NAMETOOLONG | Errno::MLINK) => Ok(false),
            linked => linked.map(|()| true).map_err(call("linkat")),
        }
    }

    fn file(&mut self, entry: Entry<'_>, number: &str) -> Done {
        let stat = entry.stat;
        let opened = self.contents.needs(number).then(|| data::open(entry.parent, entry.name)).transpose()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = stat.st_mode & 0o7777;
        // Attributes can be given to what can be written.
        let first = Mode::from_raw_mode(mode & 0o777) | Mode::RUSR | Mode::WUSR;
        let file = openat(&self.here, entry.name, flags, first).map_err(call("openat"))?;
        let owners = self.owners(stat)?;
        if owners != self.born {
            fchown(&file, Some(Uid::from_raw(owners.0)), Some(Gid::from_raw(owners.1))).map_err(call("fchown"))?;
        }
        match (&self.contents, &opened) {
            // Who has no contents needs none from elsewhere.
            _ if stat.st_size == 0 => {}
            (Contents::Copied, Some(source)) => contents::copy(source, &file, stat)?,
            _ => refer(&file, stat, number)?,
        }
        // What changes a file's owner or size takes its capabilities and set-id bits away, so they come after that.
        if let Some(source) = opened {
            self.xattrs.carry(source.as_fd(), file.as_fd(), self.ids)?;
        }
        if mode & (self.umask | 0o7600) != 0o600 {
            fchmod(&file, Mode::from_raw_mode(mode)).map_err(call("fchmod"))?;
        }
        futimens(&file, &times(stat)).map_err(call("futimens"))
    }

    /// A symbolic link, a fifo, a socket, a whiteout; another device only where the caller may make one.
    fn special(&self, entry: Entry<'_>, kind: FileType) -> Done {
        let Entry { stat, name, .. } = entry;
        let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
        if kind == FileType::Symlink {
            let target = readlinkat(entry.parent, name, Vec::new()).map_err(call("readlinkat"))?;
            symlinkat(&target, &self.here, name).map_err(call("symlinkat"))?;
        } else {
            match mknodat(&self.here, name, kind, mode, stat.st_rdev) {
                Err(Errno::PERM) => return Ok(()),
                done => done.map_err(call("mknodat"))?,
            }
        }
        if is_whiteout(stat) {
            return Ok(());
        }
        let (uid, gid) = self.owners(stat)?;
        if (uid, gid) != self.born {
            let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
            chownat(&self.here, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).map_err(call("fchownat"))?;
        }
        if kind != FileType::Symlink {
            chmodat(&self.here, name, mode, AtFlags::empty()).map_err(call("fchmodat"))?;
        }
        utimensat(&self.here, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW).map_err(call("utimensat"))
    }
}

impl Visitor for Builder<'_> {
    fn enter(&mut self, entry: Entry<'_>) -> Done {
        self.above.push(fstat(&self.here).map_err(call("fstat"))?);
        // Ours alone for now: what is made below would inherit groups and lists.
        mkdirat(&self.here, entry.name, Mode::RWXU).map_err(call("mkdirat"))?;
        self.here = openat(&self.here, entry.name, DIRECTORY, Mode::empty()).map_err(call("openat"))?;
        self.path.push(OsStr::from_bytes(entry.name.to_bytes()));
        Ok(())
    }

    fn node(&mut self, entry: Entry<'_>) -> Done {
        // Numbers are given to all names, so that they do not depend on what is a link to what.
        let number = if is_regular(entry.stat) { self.numbers.next() } else { String::new() };
        if !is_whiteout(entry.stat) && self.link(entry)? {
            return Ok(());
        }
        match FileType::from_raw_mode(entry.stat.st_mode) {
            FileType::RegularFile => self.file(entry, &number),
            kind => self.special(entry, kind),
        }
    }

    fn leave(&mut self, source: BorrowedFd<'_>, stat: &Stat) -> Done {
        let done = match self.above.pop() {
            Some(above) => {
                let parent = up(&self.here, &above)?;
                std::mem::replace(&mut self.here, parent)
            }
            None => openat(&self.here, ".", DIRECTORY, Mode::empty()).map_err(call("openat"))?,
        };
        self.path.pop();
        let (uid, gid) = self.owners(stat)?;
        if (uid, gid) != self.born {
            fchown(&done, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(call("fchown"))?;
        }
        self.xattrs.carry(source, done.as_fd(), self.ids)?;
        fchmod(&done, Mode::from_raw_mode(stat.st_mode & 0o7777)).map_err(call("fchmod"))?;
        futimens(&done, &times(stat)).map_err(call("futimens"))
    }
}

/// Makes an empty file stand for one with contents.
fn refer(file: &OwnedFd, stat: &Stat, name: &str) -> Done {
    ftruncate(file, u64::try_from(stat.st_size).unwrap_or(0)).map_err(call("ftruncate"))?;
    fsetxattr(file, METACOPY, b"", XattrFlags::empty()).map_err(call("fsetxattr"))?;
    fsetxattr(file, REDIRECT, format!("/{name}").as_bytes(), XattrFlags::empty()).map_err(call("fsetxattr"))
}

pub(super) fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

fn times(stat: &Stat) -> Timestamps {
    let at = |tv_sec, nanoseconds| Timespec { tv_sec, tv_nsec: i64::try_from(nanoseconds).unwrap_or(0) };
    Timestamps {
        last_access: at(stat.st_atime, stat.st_atime_nsec),
        last_modification: at(stat.st_mtime, stat.st_mtime_nsec),
    }
}

/// This process's mask, without changing it; the usual one if the kernel does not tell.
fn umask() -> u32 {
    let read = Dir::open("/proc/self").and_then(|own| own.read_text("status", 64 << 10));
    let mask = read.ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Umask:"))?;
        u32::from_str_radix(line.trim(), 8).ok()
    });
    // Every bit that might be missing is then given again.
    mask.unwrap_or(0o777)
}
