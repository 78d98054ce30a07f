//! The client of a monitor: standard input, output and error of this process on one side, packets on the other.
//!
//! *Theory of operation.* One loop polls the monitor's socket, standard input and the caught signals. Output is written
//! at once and blocking: if the reader is slow, the monitor has to wait. What goes to the monitor waits in a queue
//! while its socket is full, and standard input is not read meanwhile; so neither side can block the other for good.
//!
//! *Must*: give the terminal back as it was, on every way out. *Must not*: interpret the container's output.

pub mod keys;
pub(crate) mod terminal;

use std::{
    collections::VecDeque,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use diag::{Error, Report, Result, codes};
use keys::{DetachKeys, Detector};
use runtime::{
    attach::{CONTENTS_LIMIT, FromClient, FromMonitor, Link},
    job::Exit,
    monitor::health::Finding,
};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::Signal,
    stdio,
    termios::isatty,
};
use sys::{caught::Caught, dir::write_all};
use terminal::Raw;

/// What of this process is connected to the container.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// Standard input.
    pub stdin: bool,
    /// The container has a terminal.
    pub tty: bool,
    /// Signals that this process gets are passed on.
    pub sig_proxy: bool,
    /// What is typed to part from the container; only a terminal's input is searched for them.
    pub detach_keys: DetachKeys,
}

impl Default for Wiring {
    fn default() -> Self {
        Wiring { stdin: false, tty: false, sig_proxy: true, detach_keys: DetachKeys::default() }
    }
}

/// How the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The container ended.
    Exited(Exit),
    /// The monitor went away without a word: it was killed.
    MonitorGone,
    /// Whoever read this process's output has gone; the container goes on.
    ReaderGone,
    /// The detach keys were typed; the container goes on.
    Detached,
}

/// The width of this process's terminal, if it has one.
pub fn columns() -> Option<u16> {
    terminal::size().map(|(_, columns)| columns).filter(|columns| *columns > 0)
}

/// Receives diagnostics on their way to the user.
pub trait Notices {
    /// A warning, at the moment when it is known.
    fn notice(&self, report: &Report);
}

/// A connection to a monitor.
pub struct Client<'a> {
    link: Link,
    notices: &'a dyn Notices,
    wiring: Wiring,
    queue: VecDeque<Message>,
    stdin_open: bool,
    detector: Option<Detector>,
    detached: bool,
    /// The version of the messages that the monitor speaks.
    version: u32,
    packet: Vec<u8>,
}

/// Something that waits to be sent.
enum Message {
    Stdin(Vec<u8>),
    StdinEnd,
    Resize { rows: u16, columns: u16 },
    Signal(u8),
    Quiet,
    KeepDown,
    CheckHealth,
}

/// What one packet means for the loop.
enum Step {
    GoOn,
    Started,
    End(Ended),
}

/// What there is to do.
#[derive(Default)]
struct Ready {
    monitor: bool,
    signals: bool,
    stdin: bool,
}

/// The signals that are passed on. Without them in the list, `SIGKILL`, `SIGSTOP` and job control act on this process.
const FORWARDED: [Signal; 7] =
    [Signal::HUP, Signal::INT, Signal::QUIT, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::TERM];

/// Those of them that ask for the container's end: with them goes that no restart policy is to bring it back.
const ENDING: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::TERM];

/// Catches the signals that a client passes on. To be done before the monitor starts, so that none is lost.
pub fn catch_signals(wiring: &Wiring) -> Result<Caught> {
    let forwarded: &[Signal] = if wiring.sig_proxy { &FORWARDED } else { &[] };
    let all: Vec<Signal> = forwarded.iter().copied().chain([Signal::WINCH]).collect();
    Caught::new(&all).map_err(|errno| kernel("signals cannot be caught", "signalfd", errno))
}

impl<'a> Client<'a> {
    /// Takes over the link.
    pub fn new(link: Link, wiring: Wiring, notices: &'a dyn Notices) -> Client<'a> {
        let (queue, packet) = (VecDeque::new(), Vec::new());
        let typed = wiring.stdin && wiring.tty && isatty(stdio::stdin());
        let detector = typed.then(|| Detector::new(wiring.detach_keys.clone()));
        let stdin_open = wiring.stdin;
        Client { link, notices, wiring, queue, stdin_open, detector, detached: false, version: 1, packet }
    }

    /// Takes over the link of a client that hears no output.
    pub fn quiet(link: Link, notices: &'a dyn Notices) -> Client<'a> {
        let mut client = Client::new(link, Wiring::default(), notices);
        client.queue.push_back(Message::Quiet);
        client
    }

    /// Says that the container is not to be started again, whatever its restart policy says.
    pub fn keep_down(&mut self) -> Result<()> {
        self.queue.push_back(Message::KeepDown);
        self.flush()
    }

    /// Has the container's health checked now, and waits for what is found; `None` if it has no check. UR0631 for a monitor that knows
    /// nothing of health, UR0814 if the container ends before.
    pub fn check_health(&mut self, name: &str) -> Result<Option<Finding>> {
        self.queue.push_back(Message::CheckHealth);
        self.flush()?;
        loop {
            let mut ready = [PollFd::new(&self.link, PollFlags::IN)];
            wait_for(&mut ready)?;
            match self.link.hear(&mut self.packet) {
                Ok(Some(FromMonitor::Hello(version))) => self.version = version,
                // It says so after its hello, or not at all.
                Ok(Some(FromMonitor::Started(_))) if self.version < 2 => return Err(too_old(name, self.version, 2)),
                Ok(Some(FromMonitor::Checked(finding))) => return Ok(finding),
                Ok(Some(FromMonitor::Exit(_)) | None) | Err(Errno::CONNRESET) => {
                    let what = format!("the container `{name}` ended before its health was checked");
                    return Err(Error::new(codes::UR0814, what));
                }
                Ok(Some(_)) | Err(Errno::AGAIN | Errno::BADMSG) => {}
                Err(errno) => return Err(nonsense(errno)),
            }
        }
    }

    /// Waits until the container runs; the diagnosis if it does not.
    pub fn await_start(&mut self) -> Result<()> {
        loop {
            let mut ready = [PollFd::new(&self.link, PollFlags::IN)];
            wait_for(&mut ready)?;
            match self.receive()? {
                Step::GoOn => {}
                // So quick that its end is all that is seen.
                Step::Started | Step::End(Ended::Exited(_) | Ended::ReaderGone | Ended::Detached) => return Ok(()),
                Step::End(Ended::MonitorGone) => return Err(monitor_gone()),
            }
        }
    }

    /// Waits for the end without passing anything on; false if the time was up first.
    pub fn await_end(&mut self, limit: Duration) -> Result<bool> {
        let until = Instant::now() + limit;
        self.flush()?;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut ready = [PollFd::new(&self.link, PollFlags::IN)];
            match poll(&mut ready, Timespec::try_from(left).ok().as_ref()) {
                Ok(0) => return Ok(false),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(kernel("waiting for the container failed", "poll", errno)),
            }
            match self.link.hear(&mut self.packet) {
                Ok(Some(FromMonitor::Exit(_)) | None) | Err(Errno::CONNRESET) => return Ok(true),
                // Its output is another client's.
                Ok(Some(_)) | Err(_) => {}
            }
        }
    }

    /// Passes everything back and forth until the container ends.
    pub fn attend(&mut self, signals: &Caught) -> Result<Ended> {
        let _raw = if self.wiring.tty && self.wiring.stdin { Raw::enter()? } else { None };
        // At once: the monitor listens before it starts the command, so that a terminal has its size from the beginning.
        self.resize();
        self.flush()?;
        loop {
            let ready = self.wait(signals)?;
            if ready.signals {
                self.forward(signals)?;
            }
            if ready.stdin {
                self.read_stdin();
            }
            self.flush()?;
            if self.detached && self.queue.is_empty() {
                return Ok(Ended::Detached);
            }
            if ready.monitor
                && let Step::End(ended) = self.receive()?
            {
                return Ok(ended);
            }
        }
    }

    /// Waits for something to do: packets, input, signals.
    fn wait(&self, signals: &Caught) -> Result<Ready> {
        let to_monitor = if self.queue.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let stdin = stdio::stdin();
        let mut fds = vec![PollFd::new(&self.link, PollFlags::IN | to_monitor), PollFd::new(signals, PollFlags::IN)];
        if self.stdin_open && self.queue.is_empty() {
            fds.push(PollFd::from_borrowed_fd(stdin, PollFlags::IN));
        }
        wait_for(&mut fds)?;
        let any = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let came = |index: usize| fds.get(index).is_some_and(|fd| fd.revents().intersects(any));
        Ok(Ready { monitor: came(0), signals: came(1), stdin: came(2) })
    }

    /// One packet from the monitor.
    fn receive(&mut self) -> Result<Step> {
        let said = match self.link.hear(&mut self.packet) {
            Ok(Some(said)) => said,
            Ok(None) | Err(Errno::CONNRESET) => return Ok(Step::End(Ended::MonitorGone)),
            // Nothing yet; or a newer monitor said something that an older client can do without.
            Err(Errno::AGAIN | Errno::BADMSG) => return Ok(Step::GoOn),
            Err(errno) => return Err(nonsense(errno)),
        };
        match said {
            FromMonitor::Hello(version) => {
                self.version = version;
                Ok(Step::GoOn)
            }
            FromMonitor::Stdout(bytes) => Ok(pass_on(stdio::stdout(), bytes)),
            FromMonitor::Stderr(bytes) => Ok(pass_on(stdio::stderr(), bytes)),
            FromMonitor::Started(_) => Ok(Step::Started),
            FromMonitor::Warning(report) => {
                // That nothing is delegated here is no news of this container: `unroot info` says so.
                if report.code != codes::UR0611 {
                    self.notices.notice(&report);
                }
                Ok(Step::GoOn)
            }
            FromMonitor::Failed(report) => Err(Error::from(*report)),
            FromMonitor::Checked(_) => Ok(Step::GoOn),
            FromMonitor::Exit(exit) => Ok(Step::End(Ended::Exited(exit))),
        }
    }

    fn read_stdin(&mut self) {
        let mut buffer = vec![0; CONTENTS_LIMIT];
        match rustix::io::read(stdio::stdin(), &mut buffer) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            // A terminal that has gone (EIO) has no more input either.
            Ok(0) | Err(_) => {
                self.stdin_open = false;
                self.queue.push_back(Message::StdinEnd);
            }
            Ok(length) => {
                buffer.truncate(length);
                if let Some(detector) = &mut self.detector {
                    (buffer, self.detached) = detector.pass(&buffer);
                    self.stdin_open = !self.detached;
                }
                if !buffer.is_empty() {
                    self.queue.push_back(Message::Stdin(buffer));
                }
            }
        }
    }

    /// Passes caught signals on; a changed window becomes a message of its own.
    fn forward(&mut self, signals: &Caught) -> Result<()> {
        while let Some(number) = signals.next().map_err(|errno| kernel("signals cannot be read", "read", errno))? {
            if i32::from(number) == Signal::WINCH.as_raw() {
                self.resize();
            } else {
                if ENDING.iter().any(|ending| ending.as_raw() == i32::from(number)) {
                    self.queue.push_back(Message::KeepDown);
                }
                self.queue.push_back(Message::Signal(number));
            }
        }
        Ok(())
    }

    fn resize(&mut self) {
        if let Some((rows, columns)) = terminal::size().filter(|_| self.wiring.tty) {
            self.queue.push_back(Message::Resize { rows, columns });
        }
    }

    /// Sends a signal to the container's init.
    pub fn signal(&mut self, number: u8) -> Result<()> {
        self.queue.push_back(Message::Signal(number));
        self.flush()
    }

    /// Sends what waits, as far as the socket takes it.
    fn flush(&mut self) -> Result<()> {
        while let Some(message) = self.queue.front() {
            let sent = match message {
                Message::Stdin(bytes) => self.link.say(FromClient::Stdin(bytes)),
                Message::StdinEnd => self.link.say(FromClient::StdinEnd),
                Message::Resize { rows, columns } => {
                    self.link.say(FromClient::Resize { rows: *rows, columns: *columns })
                }
                Message::Signal(number) => self.link.say(FromClient::Signal(*number)),
                Message::Quiet => self.link.say(FromClient::Quiet),
                Message::CheckHealth => self.link.say(FromClient::CheckHealth),
                Message::KeepDown => self.link.say(FromClient::KeepDown),
            };
            match sent {
                Ok(()) => drop(self.queue.pop_front()),
                Err(Errno::AGAIN) => break,
                // Its last words may still wait to be read: the end of the link is seen there.
                Err(Errno::PIPE | Errno::CONNRESET) => self.queue.clear(),
                Err(errno) => return Err(kernel("the monitor cannot be told", "send", errno)),
            }
        }
        Ok(())
    }
}

/// UR0631.
fn too_old(name: &str, version: u32, needed: u32) -> Error {
    let what = format!("the monitor of container {name} speaks version {version}, and this needs version {needed}");
    Error::new(codes::UR0631, what)
        .help_run("restart the container; its new monitor is of this version", format!("unroot restart {name}"))
}

/// Waits without end; a signal that is not caught here only wakes it.
fn wait_for(fds: &mut [PollFd]) -> Result<()> {
    match poll(fds, None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(kernel("waiting for the container failed", "poll", errno)),
    }
}

/// Writes output where it belongs.
fn pass_on(to: impl AsFd, bytes: &[u8]) -> Step {
    match write_all(to, bytes) {
        Err(Errno::PIPE) => Step::End(Ended::ReaderGone),
        // A full disk behind `>` is no reason to lose the container.
        _ => Step::GoOn,
    }
}

fn nonsense(errno: Errno) -> Error {
    Error::new(codes::UR0805, "the container's monitor said something that is not understood")
        .os("recv", errno.raw_os_error())
        .help("is unroot-runtime of the same version as unroot?")
}

/// What to say when the monitor was killed.
pub fn monitor_gone() -> Error {
    Error::new(codes::UR0805, "the container's monitor went away before the container ended")
        .fact("whoever killed it has left the container without an exit status; it is ended, and its records stay")
}

fn kernel(what: &'static str, call: &str, errno: Errno) -> Error {
    Error::new(codes::UR0699, what).os(call, errno.raw_os_error())
}

#[cfg(test)]
#[path = "client/tests.rs"]
mod tests;
