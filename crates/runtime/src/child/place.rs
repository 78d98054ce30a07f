//! Places in the root filesystem, found and made without leaving it.
//!
//! The root filesystem is untrusted: any component may be a link, and links are followed as the container would follow them,
//! with its root as the root. /proc, /sys and /dev themselves must not be links: what the runtime mounts there would land elsewhere
//! (CVE-2019-19921, CVE-2026-41579 and their kin).

use std::{
    ffi::OsStr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, mkdirat, mknodat, openat2},
    io::Errno,
};

use super::{Done, Fault};
use crate::step::TargetKind;

/// The way to places: the container's root, and the directory in which something was made last, since much goes into /dev.
#[derive(Debug)]
pub struct Places {
    root: OwnedFd,
    above: Option<(PathBuf, OwnedFd)>,
}

impl Places {
    /// Begins at a root.
    pub(super) fn new(root: OwnedFd) -> Places {
        Places { root, above: None }
    }

    /// The root itself.
    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// What was opened before is covered by a mount now.
    pub(super) fn covered(&mut self, target: &Path) {
        if self.above.as_ref().is_some_and(|(above, _)| above.starts_with(target)) {
            self.above = None;
        }
    }

    /// Opens a place, for use as a mount target and nothing else.
    pub(super) fn open(&self, path: &Path) -> Done<OwnedFd> {
        find(self.root(), path).map_err(|errno| fault("openat2", path, errno))
    }

    /// Opens a place that may not be there.
    pub(super) fn open_if_there(&self, path: &Path) -> Done<Option<OwnedFd>> {
        match find(self.root(), path) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            found => found.map(Some).map_err(|errno| fault("openat2", path, errno)),
        }
    }

    /// Opens a place, and makes it and the directories above it if they are missing.
    pub(super) fn open_or_make(&mut self, path: &Path, kind: TargetKind) -> Done<OwnedFd> {
        // Where something was made a moment ago, this is most likely missing too.
        let made = self.is_above(path) && self.make(path, kind).is_ok();
        match find(self.root(), path) {
            Err(Errno::NOENT) if !made => {}
            found => return found.map_err(|errno| fault("openat2", path, errno)),
        }
        self.make(path, kind)?;
        // If it was made and still cannot be found, a link that leads nowhere is in its place.
        self.open(path)
    }

    /// Opens the directory above a place, made if it is missing, and says the place's name in it.
    pub(super) fn above<'a>(&mut self, path: &'a Path) -> Done<(BorrowedFd<'_>, &'a OsStr)> {
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(fault("openat2", path, Errno::NOENT));
        };
        if !self.is_above(path) {
            let dir = self.open_or_make(above, TargetKind::Directory)?;
            self.above = Some((above.to_owned(), dir));
        }
        match &self.above {
            Some((_, dir)) => Ok((dir.as_fd(), name)),
            None => Err(fault("openat2", path, Errno::NOENT)),
        }
    }

    fn is_above(&self, path: &Path) -> bool {
        self.above.as_ref().is_some_and(|(above, _)| path.parent() == Some(above))
    }

    /// Makes a directory or an empty file, and the directories above it.
    fn make(&mut self, path: &Path, kind: TargetKind) -> Done {
        let (above, name) = self.above(path)?;
        let (call, made) = match kind {
            TargetKind::Directory => ("mkdirat", mkdirat(above, name, Mode::from_raw_mode(0o755))),
            TargetKind::File => ("mknodat", mknodat(above, name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0)),
        };
        match made {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(fault(call, path, errno)),
        }
    }
}

fn find(root: BorrowedFd<'_>, path: &Path) -> rustix::io::Result<OwnedFd> {
    let mut resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    if ["/proc", "/sys", "/dev"].iter().any(|reserved| Path::new(reserved) == path) {
        resolve |= ResolveFlags::NO_SYMLINKS;
    }
    loop {
        // EAGAIN: something was renamed meanwhile, and the kernel could not prove that the way stayed inside.
        match openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN) => {}
            result => return result,
        }
    }
}

pub(super) fn fault(call: &str, path: &Path, errno: Errno) -> Fault {
    Fault::new(format!("{call}({})", path.display()), errno)
}
