//! What a namespace descriptor is.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::{self, Errno};

use crate::{clone::Namespaces, errno::last_errno};

/// The kind of a namespace (`NS_GET_NSTYPE`, Linux 4.11); `ENOTTY` if the descriptor is no namespace.
pub fn namespace_kind(fd: impl AsFd) -> io::Result<Namespaces> {
    // The type of a request is a c_int in musl and a c_ulong in glibc.
    const NS_GET_NSTYPE: libc::Ioctl = 0xb703;
    // SAFETY: this ioctl has no argument and only reads the kernel's own record of the descriptor; other kinds of files refuse it,
    // since 0xb7 is the number of namespaces alone.
    let kind = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), NS_GET_NSTYPE) };
    if kind < 0 {
        return Err(last_errno());
    }
    let bits = u64::from(kind.cast_unsigned());
    Namespaces::from_bits(bits).ok_or(Errno::INVAL)
}
