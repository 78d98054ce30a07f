//! Copies single inodes: contents, owner, attributes, mode, times.

use std::{
    ffi::{CString, OsStr},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
};

use idmap::IdMap;
use sys::{
    Dir, Failed,
    rustix::{
        fs::{
            AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmodat, chownat, fchmod, fchown,
            futimens, mknodat, openat, readlinkat, symlinkat, utimensat,
        },
        io::Errno,
    },
};

use crate::mapped::{
    contents,
    translation::Translation,
    walk::{Done, call},
    xattrs::Xattrs,
};

/// Copies inodes within one user namespace: every id stays the number that it is.
pub(super) struct Copier {
    ids: Translation,
    xattrs: Xattrs,
}

impl Copier {
    /// `current` is the map of this process's user namespace.
    pub(super) fn new(current: &IdMap) -> Copier {
        Copier { ids: Translation::new(&IdMap::identity(), current), xattrs: Xattrs::default() }
    }

    /// Copies what is no directory. Devices that may not be made here are left out: in a container they could not be opened.
    pub(super) fn copy(&mut self, from: &Dir, to: &Dir, name: &OsStr, stat: &Stat) -> Result<(), Failed> {
        let failed = |call, errno| Failed::new(call, &from.path().join(name), errno);
        let c_name = CString::new(name.as_bytes()).map_err(|_| failed("openat", Errno::INVAL))?;
        let done = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(from.as_fd(), to.as_fd(), &c_name, stat),
            kind => special(from.as_fd(), to.as_fd(), &c_name, (kind, stat)),
        };
        done.map_err(|refused| failed(refused.call, refused.errno))
    }

    /// Gives one directory the extended attributes of another.
    pub(super) fn attributes(&mut self, from: &Dir, to: &Dir) -> Result<(), Failed> {
        let carried = self.xattrs.carry(from.as_fd(), to.as_fd(), &self.ids);
        carried.map_err(|refused| Failed::new(refused.call, to.path(), refused.errno))
    }

    fn file(&mut self, from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CString, stat: &Stat) -> Done {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source: OwnedFd = openat(from, name, flags, Mode::empty()).map_err(call("openat"))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let target = openat(to, name, flags, Mode::RUSR | Mode::WUSR).map_err(call("openat"))?;
        contents::copy(&source, &target, stat)?;
        let (uid, gid) = owner(stat);
        fchown(&target, uid, gid).map_err(call("fchown"))?;
        self.xattrs.carry(source.as_fd(), target.as_fd(), &self.ids)?;
        fchmod(&target, Mode::from_raw_mode(stat.st_mode & 0o7777)).map_err(call("fchmod"))?;
        futimens(&target, &times(stat)).map_err(call("futimens"))
    }
}

fn special(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CString, (kind, stat): (FileType, &Stat)) -> Done {
    let mode = Mode::from_raw_mode(stat.st_mode & 0o7777);
    if kind == FileType::Symlink {
        let target = readlinkat(from, name, Vec::new()).map_err(call("readlinkat"))?;
        symlinkat(target, to, name).map_err(call("symlinkat"))?;
    } else {
        match mknodat(to, name, kind, mode, stat.st_rdev) {
            Err(Errno::PERM) if matches!(kind, FileType::CharacterDevice | FileType::BlockDevice) => return Ok(()),
            result => result.map_err(call("mknodat"))?,
        }
    }
    let (uid, gid) = owner(stat);
    chownat(to, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).map_err(call("fchownat"))?;
    if kind != FileType::Symlink {
        chmodat(to, name, mode, AtFlags::empty()).map_err(call("fchmodat"))?;
    }
    utimensat(to, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW).map_err(call("utimensat"))
}

/// Gives a directory that is complete its owner, mode and times.
pub(super) fn settle(dir: &Dir, stat: &Stat) -> Result<(), Failed> {
    let failed = |call| move |errno| Failed::new(call, dir.path(), errno);
    let (uid, gid) = owner(stat);
    fchown(dir, uid, gid).map_err(failed("fchown"))?;
    fchmod(dir, Mode::from_raw_mode(stat.st_mode & 0o7777)).map_err(failed("fchmod"))?;
    futimens(dir, &times(stat)).map_err(failed("futimens"))
}

fn owner(stat: &Stat) -> (Option<Uid>, Option<Gid>) {
    (Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))
}

fn times(stat: &Stat) -> Timestamps {
    let at = |tv_sec, nanoseconds| Timespec { tv_sec, tv_nsec: i64::try_from(nanoseconds).unwrap_or(0) };
    Timestamps {
        last_access: at(stat.st_atime, stat.st_atime_nsec),
        last_modification: at(stat.st_mtime, stat.st_mtime_nsec),
    }
}
