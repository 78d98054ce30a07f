//! This process's streams on one side, those of a command in a container on the other, until the command ends.
//!
//! *Must*: give the terminal back as it was; lose no byte that was written before the end. *Must not*: wait for a process that the command has
//! left behind with its output open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use diag::{Error, Result, codes};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{self, Errno},
    process::{Signal, WaitId, WaitIdOptions, waitid},
    stdio,
    termios::{Winsize, isatty, tcsetwinsize},
};
use sys::{caught::Caught, clone::Child, dir::write_all};

use crate::client::{
    keys::{DetachKeys, Detector},
    terminal::{Raw, size},
};

/// How much is carried at once.
const PIECE: usize = 64 * 1024;

/// What ends the input of a terminal: ctrl-d.
const END_OF_INPUT: u8 = 4;

/// This process's ends of a command's streams; all of them non-blocking.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Its input, while it is open.
    input: Option<OwnedFd>,
    /// Its output.
    output: Option<OwnedFd>,
    /// Its error output.
    errors: Option<OwnedFd>,
    /// The master of its terminal, for the size.
    terminal: Option<OwnedFd>,
    /// What is looked for in what a person types.
    detector: Option<Detector>,
}

/// How attending ended.
#[derive(Debug)]
pub(super) enum End {
    /// The command has ended with this exit status.
    Exited(u8),
    /// The detach keys were typed: the command goes on, with this master of its terminal.
    Left(OwnedFd),
}

impl Ends {
    /// The ends of three pipes.
    pub(super) fn pipes(input: Option<OwnedFd>, output: OwnedFd, errors: OwnedFd) -> io::Result<Ends> {
        for fd in input.iter().chain([&output, &errors]) {
            unblock(fd)?;
        }
        Ok(Ends { input, output: Some(output), errors: Some(errors), ..Ends::default() })
    }

    /// A terminal, by its master.
    pub(super) fn terminal(master: OwnedFd, interactive: bool, keys: DetachKeys) -> Ends {
        let _ = unblock(&master);
        let input = if interactive { master.try_clone().ok() } else { None };
        let detector = (interactive && isatty(stdio::stdin())).then(|| Detector::new(keys));
        Ends { input, output: master.try_clone().ok(), errors: None, terminal: Some(master), detector }
    }
}

fn unblock(fd: &OwnedFd) -> io::Result<()> {
    fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)
}

/// Carries bytes and signals until the command ends, or its terminal is left.
pub(super) fn attend(child: &Child, ends: Ends, signals: &Caught) -> Result<End> {
    let raw = if ends.terminal.is_some() && ends.input.is_some() { Raw::enter()? } else { None };
    let mut session =
        Session { child, ends, waiting: Vec::new(), stdin_open: true, left: false, buffer: vec![0; PIECE] };
    session.resize();
    while !session.turn(signals)? {
        if session.left
            && session.waiting.is_empty()
            && let Some(master) = session.ends.terminal.take()
        {
            return Ok(End::Left(master));
        }
    }
    session.drain();
    drop(raw);
    status_of(child).map(End::Exited)
}

/// What a descriptor in the list of poll(2) stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    End,
    Signals,
    Output,
    Errors,
    /// This process's input.
    Stdin,
    /// The command's.
    Input,
}

struct Session<'a> {
    child: &'a Child,
    ends: Ends,
    /// Bytes that the command has not taken yet.
    waiting: Vec<u8>,
    /// Whether this process's input goes on.
    stdin_open: bool,
    /// Whether the detach keys were typed.
    left: bool,
    buffer: Vec<u8>,
}

impl Session<'_> {
    /// Waits, and serves everything that is ready; whether the command has ended.
    fn turn(&mut self, signals: &Caught) -> Result<bool> {
        let ready = self.wait(signals)?;
        for source in &ready {
            match source {
                Source::End => {}
                Source::Signals => self.forward(signals),
                Source::Input => self.flush(),
                Source::Stdin => self.read_input(),
                Source::Output => drop(carry(&mut self.ends.output, stdio::stdout(), &mut self.buffer)),
                Source::Errors => drop(carry(&mut self.ends.errors, stdio::stderr(), &mut self.buffer)),
            }
        }
        Ok(ready.contains(&Source::End))
    }

    /// What is waited for at the moment.
    fn interests<'a>(&'a self, signals: &'a Caught) -> Vec<(Source, BorrowedFd<'a>, PollFlags)> {
        let mut list = vec![
            (Source::End, self.child.pidfd.as_fd(), PollFlags::IN),
            (Source::Signals, signals.as_fd(), PollFlags::IN),
        ];
        list.extend(self.ends.output.iter().map(|fd| (Source::Output, fd.as_fd(), PollFlags::IN)));
        list.extend(self.ends.errors.iter().map(|fd| (Source::Errors, fd.as_fd(), PollFlags::IN)));
        match &self.ends.input {
            Some(input) if !self.waiting.is_empty() => list.push((Source::Input, input.as_fd(), PollFlags::OUT)),
            Some(_) if self.stdin_open => list.push((Source::Stdin, stdio::stdin(), PollFlags::IN)),
            _ => {}
        }
        list
    }

    fn wait(&self, signals: &Caught) -> Result<Vec<Source>> {
        let interests = self.interests(signals);
        let mut fds: Vec<PollFd<'_>> =
            interests.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(errno) => {
                return Err(
                    Error::new(codes::UR0699, "waiting for the command failed").os("poll", errno.raw_os_error())
                );
            }
        }
        let ready = interests.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        Ok(ready.map(|((source, _, _), _)| *source).collect())
    }

    fn read_input(&mut self) {
        match io::read(stdio::stdin(), &mut self.buffer) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(n) if n > 0 => {
                let typed = &self.buffer[..n];
                if let Some(detector) = &mut self.ends.detector {
                    let (passed, left) = detector.pass(typed);
                    self.waiting.extend(passed);
                    (self.left, self.stdin_open) = (left, !left);
                } else {
                    self.waiting.extend_from_slice(typed);
                }
                self.flush();
            }
            // A terminal that has gone (EIO) has no more input either.
            _ => self.end_input(),
        }
    }

    fn end_input(&mut self) {
        self.stdin_open = false;
        if self.ends.terminal.is_some() {
            self.waiting.push(END_OF_INPUT);
            self.flush();
        } else {
            self.ends.input = None;
        }
    }

    fn flush(&mut self) {
        while let Some(input) = self.ends.input.as_ref().filter(|_| !self.waiting.is_empty()) {
            match io::write(input, &self.waiting) {
                Ok(n) => drop(self.waiting.drain(..n)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                // Nobody reads it any more.
                Err(_) => {
                    self.waiting.clear();
                    self.ends.input = None;
                }
            }
        }
    }

    /// Passes signals on; a changed window is the terminal's size.
    fn forward(&mut self, signals: &Caught) {
        while let Ok(Some(number)) = signals.next() {
            if i32::from(number) == Signal::WINCH.as_raw() {
                self.resize();
            } else {
                // A process that has just ended needs no signal.
                let _ = sys::signals::send(&self.child.pidfd, number);
            }
        }
    }

    fn resize(&self) {
        if let (Some(master), Some((rows, columns))) = (&self.ends.terminal, size()) {
            let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
            let _ = tcsetwinsize(master, size);
        }
    }

    /// Carries what was written before the end.
    fn drain(&mut self) {
        while carry(&mut self.ends.output, stdio::stdout(), &mut self.buffer) {}
        while carry(&mut self.ends.errors, stdio::stderr(), &mut self.buffer) {}
    }
}

/// Carries one piece, if one is there; whether there was one. A reader of ours that is gone closes the command's output: it learns of it as
/// it would without us, by SIGPIPE.
fn carry(from: &mut Option<OwnedFd>, to: impl AsFd, buffer: &mut [u8]) -> bool {
    let Some(fd) = from else { return false };
    match io::read(fd, &mut *buffer) {
        Ok(n) if n > 0 => {
            if write_all(to, &buffer[..n]) == Err(Errno::PIPE) {
                *from = None;
            }
            true
        }
        Err(Errno::INTR) => true,
        Err(Errno::AGAIN) => false,
        // EIO is how a terminal's master says that the other side is closed.
        _ => {
            *from = None;
            false
        }
    }
}

/// How a child ended.
pub(super) fn status_of(child: &Child) -> Result<u8> {
    loop {
        match waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED) {
            Err(Errno::INTR) | Ok(None) => {}
            Ok(Some(status)) => {
                let code = status.terminating_signal().map(|signal| 128 + signal).or(status.exit_status());
                return Ok(u8::try_from(code.unwrap_or(255) & 0xff).unwrap_or(255));
            }
            Err(errno) => {
                return Err(Error::new(codes::UR0699, "how the command ended is not known")
                    .os("waitid(P_PIDFD)", errno.raw_os_error()));
            }
        }
    }
}
