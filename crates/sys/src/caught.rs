//! Signals as something to read: they are blocked, and a descriptor (`signalfd(2)`) tells of them.

use std::{
    mem,
    os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

use rustix::{
    io::{self, Errno},
    process::Signal,
};

use crate::errno::last_errno;

/// Signals that are read instead of acted on. When it is dropped, they act again as before.
///
/// The mask of blocked signals outlives an exec, but `std::process::Command` clears it in its children.
pub struct Caught {
    fd: OwnedFd,
    before: libc::sigset_t,
}

impl Caught {
    /// Blocks the signals in this thread and opens the descriptor.
    pub fn new(signals: &[Signal]) -> io::Result<Caught> {
        // SAFETY: `sigset_t` is a C struct of integers, for which all zeroes is a valid value.
        let (mut set, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { (mem::zeroed(), mem::zeroed()) };
        // SAFETY: both pointers are to sets that live through the calls; the numbers are those of existing signals.
        unsafe {
            libc::sigemptyset(&raw mut set);
            for signal in signals {
                libc::sigaddset(&raw mut set, signal.as_raw());
            }
        }
        // SAFETY: `set` is initialised, and the flags are those that signalfd knows.
        let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(last_errno());
        }
        // SAFETY: the call succeeded, so this descriptor is open and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: `set` is initialised; `before` is written by the call.
        let result = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
        if result == 0 { Ok(Caught { fd, before }) } else { Err(Errno::from_raw_os_error(result)) }
    }

    /// The number of the next signal that came; `None` if there is none at the moment.
    pub fn next(&self) -> io::Result<Option<u8>> {
        let mut record = [0; mem::size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.fd, &mut record) {
            // `ssi_signo` is the record's first member, 32 bits; signals have numbers up to 64.
            Ok(_) => Ok(u8::try_from(u32::from_ne_bytes([record[0], record[1], record[2], record[3]])).ok()),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl AsFd for Caught {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // SAFETY: `before` was written by the kernel. Setting it back cannot fail with SIG_SETMASK and a valid pointer.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_read_and_does_nothing() {
        let caught = Caught::new(&[Signal::USR2]).unwrap();
        assert_eq!(caught.next().unwrap(), None);
        // To this very thread: the test runner has others, which do not block it.
        // SAFETY: pthread_kill with the caller's own handle.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2) };
        assert_eq!(caught.next().unwrap(), Some(12));
        assert_eq!(caught.next().unwrap(), None);
    }
}
