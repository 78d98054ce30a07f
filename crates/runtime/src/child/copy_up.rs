//! `tmpcopyup`: a tmpfs that begins with what it covers.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{
        AtFlags, Dir, FileType, Gid, Mode, OFlags, RawMode, Stat, Uid, chownat, fchmod, fchown, mkdirat, mknodat,
        openat, readlinkat, statat, symlinkat,
    },
    io::Errno,
};

type Copied = Result<(), (&'static str, Errno)>;

/// Copies everything below a directory (open as a path) into the mount that will cover it. Owners are kept where they can be.
pub(super) fn copy(from: &OwnedFd, to: impl AsFd) -> Copied {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let source = openat(from, ".", flags, Mode::empty()).map_err(|errno| ("openat", errno))?;
    let target = openat(to, ".", flags, Mode::empty()).map_err(|errno| ("openat", errno))?;
    copy_entries(&source, &target)
}

fn copy_entries(from: &OwnedFd, to: &OwnedFd) -> Copied {
    for entry in Dir::read_from(from).map_err(|errno| ("getdents", errno))? {
        let entry = entry.map_err(|errno| ("getdents", errno))?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            copy_entry(from, to, name)?;
        }
    }
    Ok(())
}

fn copy_entry(from: &OwnedFd, to: &OwnedFd, name: &std::ffi::CStr) -> Copied {
    let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| ("fstatat", errno))?;
    let mode = Mode::from_raw_mode(stat.st_mode as RawMode);
    let owner = (Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)));
    let open = |at, flags| openat(at, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            mkdirat(to, name, mode).map_err(|errno| ("mkdirat", errno))?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let source = open(from, flags).map_err(|errno| ("openat", errno))?;
            let target = open(to, flags).map_err(|errno| ("openat", errno))?;
            copy_entries(&source, &target)?;
            own(&target, &stat)
        }
        FileType::RegularFile => {
            let source = open(from, OFlags::RDONLY).map_err(|errno| ("openat", errno))?;
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            let target = open(to, flags).map_err(|errno| ("openat", errno))?;
            copy_bytes(&source, &target)?;
            own(&target, &stat)
        }
        FileType::Symlink => {
            let link = readlinkat(from, name, Vec::new()).map_err(|errno| ("readlinkat", errno))?;
            symlinkat(link, to, name).map_err(|errno| ("symlinkat", errno))?;
            tolerate(chownat(to, name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW))
        }
        kind => {
            mknodat(to, name, kind, mode, stat.st_rdev).map_err(|errno| ("mknodat", errno))?;
            tolerate(chownat(to, name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW))
        }
    }
}

fn copy_bytes(from: &OwnedFd, to: &OwnedFd) -> Copied {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match rustix::io::read(from, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => sys::dir::write_all(to, &buffer[..n]).map_err(|errno| ("write", errno))?,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(("read", errno)),
        }
    }
}

/// The owner first: a change of owner clears the set-user-id bit.
fn own(file: &OwnedFd, stat: &Stat) -> Copied {
    tolerate(fchown(file, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid))))?;
    fchmod(file, Mode::from_raw_mode(stat.st_mode as RawMode)).map_err(|errno| ("fchmod", errno))
}

/// An owner that the container's map leaves out shows as nobody and cannot be given; the copy then is container root's.
fn tolerate(result: rustix::io::Result<()>) -> Copied {
    match result {
        Ok(()) | Err(Errno::INVAL | Errno::PERM) => Ok(()),
        Err(errno) => Err(("chown", errno)),
    }
}
