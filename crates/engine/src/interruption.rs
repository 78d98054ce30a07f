//! Work that a signal may break off: what was begun is removed on the way out.

use std::{fs::File, io, os::fd::AsFd};

use diag::{Error, Result, codes};
use sys::{
    interruption::{Watch, came},
    rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        io::Errno,
        process::Signal,
    },
};

/// What asks a process to stop.
const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// How often a reader that waits looks up: 100 ms.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Does something that may be broken off. If it fails after a signal, that is the cause: UR0728.
pub(crate) fn interruptibly<T>(what: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(signal) = came() {
        return Err(interrupted(signal));
    }
    let _watch = Watch::over(&SIGNALS).map_err(|errno| {
        Error::new(codes::UR0707, "signals cannot be watched").os("sigaction", errno.raw_os_error())
    })?;
    what().map_err(|error| came().map_or(error, interrupted))
}

fn interrupted(signal: u8) -> Error {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        15 => "SIGTERM",
        _ => "a signal",
    };
    Error::new(codes::UR0728, format!("interrupted by {name}; what was begun is removed"))
}

/// The exit status of a command that ended with an error: 128 and the signal's number after an interruption, else the code's.
pub fn exit_status(error: &Error) -> u8 {
    match came() {
        Some(signal) if error.code() == codes::UR0728 => 128 + signal,
        _ => error.code().class().exit_status(),
    }
}

/// Standard input, to be read by whatever thread: waiting for it ends with an interruption. Error: UR0707.
pub(crate) fn standard_input() -> Result<Box<dyn io::Read + Send>> {
    // Not through the library's buffer, of which poll(2) knows nothing.
    let own = io::stdin().as_fd().try_clone_to_owned();
    let own = own.map_err(|error| Error::new(codes::UR0707, "standard input cannot be read").words(error))?;
    Ok(Box::new(Attentive(File::from(own))))
}

/// What may be silent for long.
struct Attentive(File);

impl io::Read for Attentive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if came().is_some() {
                return Err(io::Error::other("interrupted"));
            }
            let ready = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&LOOK));
            match ready {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return self.0.read(buffer),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
