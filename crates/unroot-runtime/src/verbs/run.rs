//! `run`: create, start, wait, delete.

use std::{
    os::fd::{AsFd, OwnedFd},
    process::ExitCode,
};

use diag::Result;
use runtime::launch::Init;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Signal, WaitId, WaitIdOptions, waitid},
    termios::{Termios, Winsize, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize},
};
use sys::{Alone, caught::Caught};

use super::{
    containers,
    create::{Made, make, write_pid},
};
use crate::{
    arguments::{Create, Global},
    report::Reporter,
};

/// Signals that are passed on to the container.
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

/// `run`.
pub fn run(alone: &Alone, global: &Global, options: &Create, reporter: &Reporter) -> Result<ExitCode> {
    let Made { mut init, held } = make(alone, global, options, false, reporter)?;
    let noted = options.pid_file.as_ref().map_or(Ok(()), |path| write_pid(path, init.pid()));
    let started = noted.and_then(|()| {
        let caught = if options.detach { None } else { Caught::new(&FORWARDED).ok() };
        init.start().map(|warnings| (warnings, caught))
    });
    let (warnings, caught) = match started {
        Ok(started) => started,
        Err(error) => {
            drop(init);
            let _ = containers(global)?.remove(&options.id, held);
            return Err(error);
        }
    };
    reporter.warnings(&warnings);
    if options.detach {
        init.release();
        return Ok(ExitCode::SUCCESS);
    }
    let status = attend(&init, caught.as_ref());
    if options.keep {
        // What `delete` needs later stays: the state, which says that the container has stopped.
        init.release();
        return Ok(ExitCode::from(status));
    }
    reporter.warnings(&init.clear_away());
    containers(global)?.remove(&options.id, held)?;
    Ok(ExitCode::from(status))
}

/// Waits for the end of the container: passes signals on and carries the terminal's bytes.
fn attend(init: &Init, caught: Option<&Caught>) -> u8 {
    let Ok(pidfd) = init.pidfd() else { return 255 };
    let raw = init.terminal.as_ref().and_then(|_| RawMode::enter());
    let mut terminal = init.terminal.as_ref().map(Terminal::new);
    resize(init);
    loop {
        let streams = terminal.as_ref().map(Terminal::polled).unwrap_or_default();
        let mut polled = vec![PollFd::new(&pidfd, PollFlags::IN)];
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
            forward(init, &pidfd, caught);
        }
        if let Some(terminal) = &mut terminal {
            terminal.carry(ended);
        }
        if ended {
            break;
        }
    }
    drop(raw);
    status_of(&pidfd)
}

fn forward(init: &Init, pidfd: &OwnedFd, caught: &Caught) {
    while let Ok(Some(signal)) = caught.next() {
        if i32::from(signal) == Signal::WINCH.as_raw() {
            resize(init);
        } else {
            // A container that has just ended needs no signal.
            let _ = sys::signals::send(pidfd, signal);
        }
    }
}

/// Gives the container's terminal the size of this one.
fn resize(init: &Init) {
    let size: Option<Winsize> = tcgetwinsize(rustix::stdio::stdin()).ok();
    if let (Some(master), Some(size)) = (&init.terminal, size) {
        let _ = tcsetwinsize(master, size);
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
