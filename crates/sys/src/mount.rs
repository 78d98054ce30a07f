//! The parts of the mount API that rustix lacks: attributes of mounts, and through them idmapped mounts.

use std::{
    ffi::CStr,
    mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use rustix::io::{self, Errno};

use crate::errno::last_errno;

bitflags::bitflags! {
    /// Attributes of one mount (`mount_setattr(2)`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Attr: u64 {
        /// Nothing can be written through it.
        const RDONLY = 0x1;
        /// Set-user-id bits and file capabilities have no effect.
        const NOSUID = 0x2;
        /// Device nodes cannot be opened.
        const NODEV = 0x4;
        /// Nothing can be executed.
        const NOEXEC = 0x8;
        /// The bits of the access time mode; cleared they mean `relatime`.
        const ATIME = 0x70;
        /// Access times are never updated.
        const NOATIME = 0x10;
        /// Access times are always updated.
        const STRICTATIME = 0x20;
        /// Access times of directories are never updated.
        const NODIRATIME = 0x80;
        /// Ids are translated by a user namespace.
        const IDMAP = 0x10_0000;
        /// Symbolic links are not followed (since Linux 5.14).
        const NOSYMFOLLOW = 0x20_0000;
    }
}

/// Where mounts and unmounts below a mount travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// Nowhere.
    Private,
    /// Into it, not out of it.
    Slave,
    /// Both ways.
    Shared,
    /// Nowhere, and it cannot be bound.
    Unbindable,
}

impl Propagation {
    fn bits(self) -> u64 {
        match self {
            Propagation::Private => libc::MS_PRIVATE,
            Propagation::Slave => libc::MS_SLAVE,
            Propagation::Shared => libc::MS_SHARED,
            Propagation::Unbindable => libc::MS_UNBINDABLE,
        }
    }
}

/// A change of a mount's attributes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change<'fd> {
    /// Attributes to set.
    pub set: Attr,
    /// Attributes to clear.
    pub clear: Attr,
    /// The new propagation.
    pub propagation: Option<Propagation>,
    /// The user namespace that translates ids, for [`Attr::IDMAP`].
    pub userns: Option<BorrowedFd<'fd>>,
    /// Whether all mounts below change too.
    pub recursive: bool,
}

impl Change<'_> {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.clear.is_empty() && self.propagation.is_none()
    }

    fn raw(&self) -> io::Result<libc::mount_attr> {
        Ok(libc::mount_attr {
            attr_set: self.set.bits(),
            attr_clr: self.clear.bits(),
            propagation: self.propagation.map_or(0, Propagation::bits),
            userns_fd: match self.userns {
                Some(fd) => u64::try_from(fd.as_raw_fd()).map_err(|_| Errno::BADF)?,
                None => 0,
            },
        })
    }
}

const AT_EMPTY_PATH: u32 = libc::AT_EMPTY_PATH as u32;
const AT_RECURSIVE: u32 = libc::AT_RECURSIVE as u32;
const OPEN_TREE_CLONE: u32 = libc::OPEN_TREE_CLONE;
const OPEN_TREE_CLOEXEC: u32 = libc::OPEN_TREE_CLOEXEC;
/// Linux 6.15; the same number on every architecture.
const SYS_OPEN_TREE_ATTR: libc::c_long = 467;

/// Changes the attributes of a mount that is open as a descriptor (`mount_setattr(2)`, Linux 5.12).
pub fn set_attributes(mount: impl AsFd, change: &Change<'_>) -> io::Result<()> {
    let flags = AT_EMPTY_PATH | if change.recursive { AT_RECURSIVE } else { 0 };
    set(mount.as_fd(), c"", flags, change)
}

/// Changes the attributes of the mount at an absolute path, as this process sees it.
pub fn set_attributes_at(path: &CStr, change: &Change<'_>) -> io::Result<()> {
    set(rustix::fs::CWD, path, if change.recursive { AT_RECURSIVE } else { 0 }, change)
}

fn set(dir: BorrowedFd<'_>, path: &CStr, flags: u32, change: &Change<'_>) -> io::Result<()> {
    let attr = change.raw()?;
    // SAFETY: `path` ends with a NUL, `attr` is an initialised `mount_attr` that lives through the call, and the size
    // is its own; the kernel only reads both.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            dir.as_raw_fd(),
            path.as_ptr(),
            flags,
            &raw const attr,
            mem::size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Clones the mount that a descriptor lies on, with attributes, detached (`open_tree_attr(2)`, Linux 6.15): one call instead of
/// two, and the only way to give a new map to a mount that is idmapped already.
pub fn clone_with_attributes(dir: impl AsFd, change: &Change<'_>) -> io::Result<OwnedFd> {
    let attr = change.raw()?;
    let recursive = if change.recursive { AT_RECURSIVE } else { 0 };
    // SAFETY: as in `set`; on success the kernel has opened a new descriptor.
    let fd = unsafe {
        libc::syscall(
            SYS_OPEN_TREE_ATTR,
            dir.as_fd().as_raw_fd(),
            c"".as_ptr(),
            AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive,
            &raw const attr,
            mem::size_of::<libc::mount_attr>(),
        )
    };
    if fd < 0 {
        return Err(last_errno());
    }
    // SAFETY: the kernel has just opened this descriptor for us and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(RawFd::try_from(fd).map_err(|_| Errno::BADF)?) })
}
