//! A process in the foreground: its terminal's bytes, its signals, its end.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Signal, WaitId, WaitIdOptions, waitid},
    termios::{Termios, Winsize, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize},
};
use sys::caught::Caught;

/// Signals that are passed on to it.
const FORWARDED: [Signal; 10] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::CONT,
    Signal::TSTP,
    Signal::TTIN,
    Signal::WINCH,
];

/// Catches the signals that are passed on; before the process runs, so that none is lost.
pub fn catch() -> Option<Caught> {
    Caught::new(&FORWARDED).ok()
}

/// A process that this one waits for.
#[derive(Clone, Copy)]
pub struct Foreground<'a> {
    /// The process.
    pub pidfd: &'a OwnedFd,
    /// The master of its terminal, if it has one.
    pub terminal: Option<&'a OwnedFd>,
}

impl Foreground<'_> {
    /// Waits for its end: passes signals on and carries the terminal's bytes. Its exit status.
    pub fn attend(self, caught: Option<&Caught>) -> u8 {
        let raw = self.terminal.and_then(|_| RawMode::enter());
        let mut terminal = self.terminal.map(Terminal::new);
        self.resize();
        loop {
            let streams = terminal.as_ref().map(Terminal::polled).unwrap_or_default();
            let mut polled = vec![PollFd::new(self.pidfd, PollFlags::IN)];
            polled.extend(caught.map(|caught| PollFd::new(caught, PollFlags::IN)));
            polled.extend(streams.iter().map(|fd| PollFd::new(fd, PollFlags::IN)));
            match poll(&mut polled, None) {
                Err(Errno::INTR) => continue,
                Err(_) => break,
                Ok(_) => {}
            }
            let ended = !polled[0].revents().is_empty();
            drop(polled);
            if let Some(caught) = caught {
                self.forward(caught);
            }
            if let Some(terminal) = &mut terminal {
                terminal.carry(ended);
            }
            if ended {
                break;
            }
        }
        drop(raw);
        status_of(self.pidfd)
    }

    fn forward(self, caught: &Caught) {
        while let Ok(Some(signal)) = caught.next() {
            if i32::from(signal) == Signal::WINCH.as_raw() {
                self.resize();
            } else {
                // A process that has just ended needs no signal.
                let _ = sys::signals::send(self.pidfd, signal);
            }
        }
    }

    /// Gives its terminal the size of this one.
    fn resize(self) {
        let size: Option<Winsize> = tcgetwinsize(rustix::stdio::stdin()).ok();
        if let (Some(master), Some(size)) = (self.terminal, size) {
            let _ = tcsetwinsize(master, size);
        }
    }
}

fn status_of(pidfd: &OwnedFd) -> u8 {
    loop {
        match waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED) {
            Err(Errno::INTR) => {}
            Ok(Some(status)) => {
                let signal = status.terminating_signal().map(|signal| 128 + signal);
                let code = status.exit_status().or(signal).unwrap_or(255);
                return u8::try_from(code & 0xff).unwrap_or(255);
            }
            _ => return 255,
        }
    }
}

/// The bytes between this process's streams and the container's terminal.
struct Terminal<'a> {
    master: &'a OwnedFd,
    input_ended: bool,
}

impl<'a> Terminal<'a> {
    fn new(master: &'a OwnedFd) -> Self {
        Terminal { master, input_ended: false }
    }

    fn polled(&self) -> Vec<std::os::fd::BorrowedFd<'a>> {
        let mut fds = vec![self.master.as_fd()];
        if !self.input_ended {
            fds.push(rustix::stdio::stdin());
        }
        fds
    }

    /// Carries what is there; in the end, all that is left.
    fn carry(&mut self, to_the_end: bool) {
        while is_readable(self.master.as_fd()) && copy(self.master.as_fd(), rustix::stdio::stdout()) && to_the_end {}
        if !to_the_end && !self.input_ended && is_readable(rustix::stdio::stdin()) {
            self.input_ended = !copy(rustix::stdio::stdin(), self.master.as_fd());
        }
    }
}

fn is_readable(fd: std::os::fd::BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::new(&fd, PollFlags::IN)];
    let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut polled, Some(&now)), Ok(1)) && polled[0].revents().intersects(PollFlags::IN | PollFlags::HUP)
}

/// Carries one piece; false at the end.
fn copy(from: impl AsFd, to: impl AsFd) -> bool {
    let mut buffer = [0; 16 * 1024];
    match rustix::io::read(from, &mut buffer) {
        Ok(0) => false,
        Ok(n) => sys::dir::write_all(to, &buffer[..n]).is_ok(),
        Err(Errno::INTR | Errno::AGAIN) => true,
        // EIO is how a terminal's master says that the other side is closed.
        Err(_) => false,
    }
}

/// This terminal, passing every key on; as it was before when this value goes.
struct RawMode(Termios);

impl RawMode {
    fn enter() -> Option<RawMode> {
        let stdin = rustix::stdio::stdin();
        if !isatty(stdin) {
            return None;
        }
        let before = tcgetattr(stdin).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin, rustix::termios::OptionalActions::Now, &raw).ok()?;
        Some(RawMode(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(rustix::stdio::stdin(), rustix::termios::OptionalActions::Now, &self.0);
    }
}
