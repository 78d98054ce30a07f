//! What a namespace descriptor is, and what is around it.

use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use rustix::io::{self, Errno};

use crate::{clone::Namespaces, errno::last_errno};

// The type of a request is a c_int in musl and a c_ulong in glibc.
const NS_GET_USERNS: libc::Ioctl = 0xb701;
const NS_GET_PARENT: libc::Ioctl = 0xb702;
const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
const NS_GET_OWNER_UID: libc::Ioctl = 0xb704;

/// The kind of a namespace (`NS_GET_NSTYPE`, Linux 4.11); `ENOTTY` if the descriptor is no namespace.
pub fn namespace_kind(fd: impl AsFd) -> io::Result<Namespaces> {
    // SAFETY: this ioctl has no argument and only reads the kernel's own record of the descriptor; other kinds of files refuse it,
    // since 0xb7 is the number of namespaces alone.
    let kind = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), NS_GET_NSTYPE) };
    if kind < 0 {
        return Err(last_errno());
    }
    let bits = u64::from(kind.cast_unsigned());
    Namespaces::from_bits(bits).ok_or(Errno::INVAL)
}

/// The user namespace that a user namespace was made in (`NS_GET_PARENT`, Linux 4.9). `EPERM` if this process is not in it or in one
/// around it: nobody sees beyond their own.
pub fn parent_namespace(fd: impl AsFd) -> io::Result<OwnedFd> {
    related(fd, NS_GET_PARENT)
}

/// The user namespace that owns a namespace (`NS_GET_USERNS`, Linux 4.9); `EPERM` as above.
pub fn owning_namespace(fd: impl AsFd) -> io::Result<OwnedFd> {
    related(fd, NS_GET_USERNS)
}

fn related(fd: impl AsFd, request: libc::Ioctl) -> io::Result<OwnedFd> {
    // SAFETY: these ioctls have no argument; other kinds of files refuse them.
    let found = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), request) };
    if found < 0 {
        return Err(last_errno());
    }
    // SAFETY: the kernel has just opened this descriptor for us (close-on-exec) and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(found) })
}

/// The uid of whoever made a user namespace, in the ids of this process's (`NS_GET_OWNER_UID`, Linux 4.11).
pub fn namespace_owner(fd: impl AsFd) -> io::Result<u32> {
    let mut uid: libc::uid_t = 0;
    // SAFETY: this ioctl writes one `uid_t` to its argument, which is one and lives through the call; other kinds of files refuse it.
    let result = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), NS_GET_OWNER_UID, &raw mut uid) };
    if result < 0 { Err(last_errno()) } else { Ok(uid) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use rustix::fs::fstat;

    use super::*;

    #[test]
    fn what_is_around_a_namespace() {
        let user = File::open("/proc/self/ns/user").unwrap();
        let mounts = File::open("/proc/self/ns/mnt").unwrap();
        assert_eq!(namespace_kind(&user), Ok(Namespaces::USER));
        assert_eq!(parent_namespace(&user).unwrap_err(), Errno::PERM, "nobody sees beyond their own");
        assert_eq!(parent_namespace(&mounts).unwrap_err(), Errno::INVAL);
        // In a container the mount namespace may belong to another than this process's own.
        if let Ok(owner) = owning_namespace(&mounts) {
            assert_eq!(namespace_kind(&owner), Ok(Namespaces::USER));
            assert!(fstat(&owner).unwrap().st_ino > 0);
        }
        assert!(namespace_owner(&user).is_ok());
        assert_eq!(namespace_owner(&mounts), Err(Errno::INVAL));
        assert_eq!(namespace_kind(File::open("/dev/null").unwrap()), Err(Errno::NOTTY));
    }
}
