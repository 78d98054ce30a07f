//! The loopback interface of a new network namespace, which is born down.

use std::{mem, os::fd::AsRawFd};

use rustix::{
    io::{self, Errno},
    net::{AddressFamily, SocketFlags, SocketType, socket_with},
};

use crate::errno::last_errno;

/// Brings `lo` of this thread's network namespace up.
pub fn up() -> io::Result<()> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: `ifreq` is a C struct of bytes, integers and a raw pointer; all zeroes is a valid value of it.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::from_ne_bytes([*from]);
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).map_err(|_| Errno::RANGE)?;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        reason = "the request's type differs between C libraries"
    )]
    let set_flags = libc::SIOCSIFFLAGS as _;
    // SAFETY: SIOCSIFFLAGS reads one `ifreq` from the pointer, which is valid through the call and NUL-terminated in its name.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), set_flags, &raw mut request) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}
