//! Places in the root filesystem, found and made without leaving it.
//!
//! The root filesystem is untrusted: any component may be a link, and links are followed as the container would follow them,
//! with its root as the root. /proc, /sys and /dev themselves must not be links: what the runtime mounts there would land elsewhere
//! (CVE-2019-19921, CVE-2026-41579 and their kin).

use std::{
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, mkdirat, mknodat, openat2},
    io::Errno,
};

use super::{Done, Fault};
use crate::step::TargetKind;

/// Opens a place, for use as a mount target and nothing else.
pub(super) fn open(root: BorrowedFd<'_>, path: &Path) -> Done<OwnedFd> {
    find(root, path).map_err(|errno| fault("openat2", path, errno))
}

/// Opens a place that may not be there.
pub(super) fn open_if_there(root: BorrowedFd<'_>, path: &Path) -> Done<Option<OwnedFd>> {
    match find(root, path) {
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        found => found.map(Some).map_err(|errno| fault("openat2", path, errno)),
    }
}

/// Opens a place, and makes it and the directories above it if they are missing.
pub(super) fn open_or_make(root: BorrowedFd<'_>, path: &Path, kind: TargetKind) -> Done<OwnedFd> {
    match find(root, path) {
        Err(Errno::NOENT) => {}
        found => return found.map_err(|errno| fault("openat2", path, errno)),
    }
    make(root, path, kind)?;
    // If it was made and still cannot be found, a link that leads nowhere is in its place.
    open(root, path)
}

/// Makes a directory or an empty file, and the directories above it.
fn make(root: BorrowedFd<'_>, path: &Path, kind: TargetKind) -> Done {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(fault("mkdirat", path, Errno::NOENT));
    };
    let above = open_or_make(root, above, TargetKind::Directory)?;
    let (call, made) = match kind {
        TargetKind::Directory => ("mkdirat", mkdirat(&above, name, Mode::from_raw_mode(0o755))),
        TargetKind::File => ("mknodat", mknodat(&above, name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0)),
    };
    match made {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(fault(call, path, errno)),
    }
}

/// Opens the directory above a place, made if it is missing, and says the place's name in it.
pub(super) fn open_above(root: BorrowedFd<'_>, path: &Path) -> Done<(OwnedFd, std::ffi::OsString)> {
    let name = path.file_name().ok_or_else(|| fault("openat2", path, Errno::NOENT))?;
    let above = path.parent().unwrap_or(Path::new("/"));
    Ok((open_or_make(root, above, TargetKind::Directory)?, name.to_owned()))
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
