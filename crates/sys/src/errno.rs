//! The error number of a call through libc.

use rustix::io::Errno;

/// What the last call that failed in this thread has left. To be asked right after it.
pub(crate) fn last_errno() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
