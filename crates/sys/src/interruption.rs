//! Being asked to stop, by Ctrl-C for example, as a flag that whoever works looks at now and then.
//!
//! A handler does nothing but set it, so that work ends by returning: what was begun is removed by its own `Drop`. A system call that
//! waits in the thread that gets the signal ends with `EINTR`; threads that wait elsewhere have to look.

use std::{
    mem, ptr,
    sync::atomic::{AtomicU8, Ordering},
};

use rustix::{io, process::Signal};

use crate::errno::last_errno;

/// The signal that came first; 0 if none did.
static CAME: AtomicU8 = AtomicU8::new(0);

/// The number of the signal that asked this process to stop, since the first [`Watch`].
pub fn came() -> Option<u8> {
    match CAME.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

/// For as long as it lives, signals set the flag. When it is dropped, they act again as before.
#[derive(Debug)]
#[must_use = "the signals act as before at once"]
pub struct Watch {
    before: Vec<(Signal, Before)>,
}

struct Before(libc::sigaction);

impl std::fmt::Debug for Before {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("sigaction")
    }
}

impl Watch {
    /// Has these signals set the flag, each once: the second of its kind acts as before, for people who cannot wait. A signal that this
    /// process ignores, as under `nohup`, stays ignored.
    ///
    /// # Errors
    /// As `sigaction(2)`.
    pub fn over(signals: &[Signal]) -> io::Result<Watch> {
        extern "C" fn note(signal: libc::c_int) {
            let signal = u8::try_from(signal).unwrap_or(u8::MAX);
            // The first one counts. A handler may use atomics (signal-safety(7)).
            let _ = CAME.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
        }
        let handler: extern "C" fn(libc::c_int) = note;
        let mut watch = Watch { before: Vec::new() };
        for signal in signals {
            // SAFETY: `sigaction` is a C struct of integers and an optional function pointer, for which all zeroes is a valid
            // value: the default action, an empty mask, no flags.
            let (mut action, mut before): (libc::sigaction, libc::sigaction) = unsafe { mem::zeroed() };
            // SAFETY: a null pointer means that nothing is to be changed; `before` lives through the call.
            if unsafe { libc::sigaction(signal.as_raw(), ptr::null(), &raw mut before) } != 0 {
                return Err(last_errno());
            }
            if before.sa_sigaction == libc::SIG_IGN {
                continue;
            }
            action.sa_sigaction = handler as libc::sighandler_t;
            action.sa_flags = libc::SA_RESETHAND;
            // SAFETY: the handler only changes an atomic, and lives as long as the program. Without SA_SIGINFO the kernel calls it
            // with one int, which is what it takes.
            if unsafe { libc::sigaction(signal.as_raw(), &raw const action, ptr::null_mut()) } != 0 {
                return Err(last_errno());
            }
            watch.before.push((*signal, Before(before)));
        }
        Ok(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for (signal, Before(before)) in &self.before {
            // SAFETY: `before` was written by the kernel, so it is an action that this signal can have.
            unsafe { libc::sigaction(signal.as_raw(), ptr::from_ref(before), ptr::null_mut()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{getpid, kill_process};

    use super::*;

    #[test]
    fn the_first_signal_is_noted_and_an_ignored_one_stays_ignored() {
        // SAFETY: SIG_IGN is an action that this signal can have; no other test uses it.
        unsafe { libc::signal(libc::SIGTTOU, libc::SIG_IGN) };
        let watch = Watch::over(&[Signal::WINCH, Signal::TTOU]).unwrap();
        assert_eq!((came(), watch.before.len()), (None, 1));
        kill_process(getpid(), Signal::TTOU).unwrap();
        kill_process(getpid(), Signal::WINCH).unwrap();
        while came().is_none() {
            std::thread::yield_now();
        }
        assert_eq!(came(), Some(28));
        drop(watch);
        assert_eq!(came(), Some(28));
    }
}
