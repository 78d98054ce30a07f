//! `-it`: a terminal on this side, the container's own on the other.

use std::{
    fs::OpenOptions,
    io::Write,
    os::fd::OwnedFd,
    process::{Child, ExitStatus},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::home::{Home, until};

/// A program in a terminal, and all that it has written so far.
pub struct Terminal {
    pub master: std::fs::File,
    slave: OwnedFd,
    pub child: Child,
    pub seen: String,
}

pub fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Terminal {
    pub fn run(home: &Home, words: &[&str]) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("text");
        let slave = OpenOptions::new().read(true).write(true).open(name).expect("its other end");
        tcsetwinsize(&slave, size(33, 101)).expect("a size");
        let end = || slave.try_clone().expect("a descriptor");
        let child = home.command(words).stdin(end()).stdout(end()).stderr(end()).spawn().expect("unroot runs");
        Terminal { master: master.into(), slave: slave.into(), child, seen: String::new() }
    }

    /// Reads until this was seen.
    #[track_caller]
    pub fn expect(&mut self, text: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.seen.contains(text) {
            assert!(Instant::now() < end, "`{text}` was not seen in: {}", self.seen);
            self.read();
        }
    }

    /// Types.
    pub fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("keys");
    }

    fn read(&mut self) {
        let moment = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let mut fds = [PollFd::new(&self.master, PollFlags::IN)];
        if poll(&mut fds, Some(&moment)).expect("poll") > 0 {
            let mut buffer = [0; 4096];
            let length = rustix::io::read(&self.master, &mut buffer).unwrap_or(0);
            self.seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    }

    pub fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().expect("its end") {
                return status;
            }
            assert!(Instant::now() < end, "it does not end: {}", self.seen);
            self.read();
        }
    }

    fn modes(&self) -> LocalModes {
        tcgetattr(&self.slave).expect("modes").local_modes
    }
}

#[test]
fn privileged_a_terminal_has_a_size_and_is_given_back() {
    let Some(home) = Home::privileged() else { return };
    let script = "stty size; trap 'echo resized $(stty size)' WINCH; trap 'echo caught; exit 7' INT; echo ready; \
                  while :; do sleep 0.05; done";
    let mut terminal = Terminal::run(&home, &["run", "--rm", "-it", "box", "sh", "-c", script]);
    terminal.expect("ready");
    assert!(terminal.seen.contains("33 101"), "{}", terminal.seen);
    assert!(!terminal.modes().intersects(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
    tcsetwinsize(&terminal.master, size(40, 120)).expect("a size");
    // The kernel tells only those whose controlling terminal it is, which needs a session that this test does not make.
    kill_process(Pid::from_child(&terminal.child), Signal::WINCH).expect("a signal");
    terminal.expect("resized 40 120");
    terminal.master.write_all(b"\x03").expect("a key");
    terminal.expect("caught");
    assert_eq!(terminal.wait().code(), Some(7), "{}", terminal.seen);
    assert!(terminal.modes().contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG));
    home.assert_empty();
}

#[test]
fn privileged_a_terminal_is_given_back_whatever_happens() {
    let Some(home) = Home::privileged() else { return };
    let whole = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
    let mut terminal = Terminal::run(&home, &["run", "--rm", "-it", "box", "nosuch"]);
    assert_eq!(terminal.wait().code(), Some(127), "{}", terminal.seen);
    assert!(terminal.modes().contains(whole));
    let words = ["run", "--rm", "-it", "--name", "c", "box", "sh", "-c", "echo ready; sleep 60"];
    let mut terminal = Terminal::run(&home, &words);
    terminal.expect("ready");
    home.says(&["rm", "-f", "c"]);
    assert_eq!(terminal.wait().code(), Some(137), "{}", terminal.seen);
    assert!(terminal.modes().contains(whole));
    home.assert_empty();
}

#[test]
fn privileged_what_is_typed_arrives_and_is_echoed_once() {
    let Some(home) = Home::privileged() else { return };
    let script = "tty() { ls -l /proc/self/fd/0; }; tty; read line; echo \"<$line>\"";
    let mut terminal = Terminal::run(&home, &["run", "--rm", "-it", "-u", "redis", "box", "sh", "-c", script]);
    terminal.expect("/dev/pts/0");
    terminal.master.write_all(b"hello\r").expect("keys");
    terminal.expect("<hello>");
    assert_eq!(terminal.wait().code(), Some(0));
    assert_eq!(terminal.seen.matches("hello").count(), 2, "{}", terminal.seen);
    home.assert_empty();
}

#[test]
fn privileged_a_terminal_that_goes_away_ends_the_client() {
    let Some(home) = Home::privileged() else { return };
    let mut terminal = Terminal::run(&home, &["run", "-it", "--name", "c", "box", "sh", "-c", "echo ready; cat"]);
    terminal.expect("ready");
    // As a terminal's window that is closed: its shell sends SIGHUP, and reading ends.
    let Terminal { master, slave, mut child, .. } = terminal;
    drop((master, slave));
    kill_process(Pid::from_child(&child), Signal::HUP).expect("a signal");
    let mut ended = || child.try_wait().expect("its end").is_some();
    until("the client ends", &mut ended);
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}
