//! Signals that a process has to outlive, and signals by number.

use std::{
    mem,
    os::fd::{AsFd, AsRawFd},
    ptr,
};

use rustix::{
    io::{self, Errno},
    process::Signal,
};

use crate::errno::last_errno;

/// Makes signals do nothing to this process, without ignoring them: an ignored signal would stay ignored in every program
/// that is executed from here, a container's among them, while a handler is gone with the exec. System calls are restarted,
/// but for poll(2) and its like, which return `EINTR`.
pub fn outlive(signals: &[Signal]) -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler: extern "C" fn(libc::c_int) = nothing;
    // SAFETY: `sigaction` is a C struct of integers and an optional function pointer, for which all zeroes is a valid
    // value: the default action, an empty mask, no flags.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    for signal in signals {
        // SAFETY: the handler does nothing, so it is safe at any moment (signal-safety(7)), and it lives as long as the
        // program. Without SA_SIGINFO the kernel calls it with one int, which is what it takes.
        if unsafe { libc::sigaction(signal.as_raw(), &raw const action, ptr::null_mut()) } != 0 {
            return Err(last_errno());
        }
    }
    Ok(())
}

/// Gives SIGPIPE its default action back, which Rust's start-up ignores, and blocks no signal: a program that is executed from
/// here begins as its caller's caller began. (Handlers end with the exec; what is ignored or blocked does not.)
pub fn reset() -> io::Result<()> {
    // SAFETY: SIG_DFL is an action that every signal has.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    // SAFETY: `sigset_t` is a C struct of integers, for which all zeroes is a valid value: the empty set.
    let mut none: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: both calls are given a set that lives through them; a null pointer means that the old mask is not wanted.
    let result = unsafe {
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(Errno::from_raw_os_error(result)) }
}

/// Sends a signal by its number, 0 to 64, to the process of a pidfd; 0 only asks whether it is there.
///
/// rustix has no safe way to a real-time signal, because the C library keeps some for itself; here the receiver is another
/// process, with a C library of its own.
///
/// # Errors
/// As `pidfd_send_signal(2)`: `ESRCH` (it has ended), `EINVAL` (no such signal), `EPERM`.
pub fn send(pidfd: impl AsFd, signal: u8) -> io::Result<()> {
    let pidfd = pidfd.as_fd().as_raw_fd();
    // SAFETY: a null siginfo is allowed and means what kill(2) sends; the call touches no memory of this process.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd,
            libc::c_int::from(signal),
            ptr::null::<libc::siginfo_t>(),
            0 as libc::c_uint,
        )
    };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::process::ExitStatusExt, process::Command};

    use rustix::process::{Pid, PidfdFlags, getpid, kill_process, pidfd_open};

    use super::*;

    #[test]
    fn outlived_signals_are_default_again_after_an_exec() {
        outlive(&[Signal::USR1]).unwrap();
        kill_process(getpid(), Signal::USR1).unwrap();
        let status = Command::new("sh").args(["-c", "kill -USR1 $$; exit 0"]).status().unwrap();
        assert_eq!(status.signal(), Some(Signal::USR1.as_raw()));
    }

    #[test]
    fn sends_real_time_signals() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        send(&pidfd, 0).unwrap();
        assert_eq!(send(&pidfd, 65), Err(Errno::INVAL));
        send(&pidfd, 40).unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(40));
        assert_eq!(send(&pidfd, 9), Err(Errno::SRCH));
    }
}
