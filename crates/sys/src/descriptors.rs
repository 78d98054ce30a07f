//! Descriptors that come from, or go to, another program.

use std::os::fd::{AsFd, FromRawFd, OwnedFd, RawFd};

use rustix::io::{self, Errno, FdFlags};

use crate::errno::last_errno;

/// Takes over a descriptor that this process was started with, by its number (3 or more), and makes it close at exec.
/// `EBADF` if it is not open.
///
/// The caller's program was told this number on its command line or by its parent; it must not take the same number twice.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number < 3 {
        return Err(Errno::BADF);
    }
    // SAFETY: F_GETFD on any number is harmless; it tells whether the descriptor is open.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: the descriptor is open, and it was inherited for us: nothing in this process has opened or owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    rustix::io::fcntl_setfd(&fd, FdFlags::CLOEXEC)?;
    Ok(fd)
}

/// Lets a descriptor live through the next exec.
pub fn keep_at_exec(fd: impl AsFd) -> io::Result<()> {
    rustix::io::fcntl_setfd(fd, FdFlags::empty())
}

/// Makes every descriptor from `first` on close at exec (`close_range(2)`, Linux 5.11).
pub fn close_at_exec_from(first: u32) -> io::Result<()> {
    const CLOSE_RANGE_CLOEXEC: u32 = 4;
    // SAFETY: with CLOSE_RANGE_CLOEXEC no descriptor is closed now, so no owner in this process is left with a dead number.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Closes, in a clone, everything from descriptor 3 on but what it needs: its copies of locks, sockets and directories would keep
/// open what its parent believes to have closed.
///
/// Only a clone calls this, and only before it goes on to an exec or to its end: the values that owned the closed descriptors are
/// copies of its parent's, and none of them is used or dropped any more.
pub fn close_in_clone(clone: &crate::Alone, keep: &mut [RawFd]) -> io::Result<()> {
    let _ = clone;
    keep.sort_unstable();
    let mut from: u32 = 3;
    for number in keep.iter().filter_map(|fd| u32::try_from(*fd).ok()).filter(|fd| *fd >= 3) {
        if number > from {
            close_range(from, number - 1)?;
        }
        from = from.max(number + 1);
    }
    close_range(from, u32::MAX)
}

fn close_range(first: u32, last: u32) -> io::Result<()> {
    // SAFETY: the numbers are open descriptors or none. Their owners in this address space are never used again: that is the
    // contract of `close_in_clone`, the only caller.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}
