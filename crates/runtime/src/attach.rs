//! An attachment: the socket between a monitor and one of its clients, and the messages on it.
//!
//! Each message is one packet of a `SOCK_SEQPACKET` socket: a byte that says which (see [`frame`]), then its contents. All
//! calls return at once: `EAGAIN` asks the caller to poll(2) the descriptor first. (A client that slept in a send would not
//! read the output whose reader the monitor waits for, and both would wait for ever.)

use std::{
    io::IoSlice,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use diag::Report;
use rustix::{
    io::{self, Errno},
    net::{
        AddressFamily, RecvFlags, SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketFlags, SocketType, accept_with,
        bind, connect, listen, recv, sendmsg, socket_with, socketpair,
    },
};
use sys::{Dir, Failed};

use crate::{
    job::{Exit, frame},
    monitor::health::Finding,
};

/// The socket's name in the run directory.
pub const SOCKET: &str = "attach";

/// The most bytes of input or output in one message.
pub const CONTENTS_LIMIT: usize = frame::LIMIT - 1;

/// What a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromClient<'a> {
    /// Bytes for the container's standard input or terminal; at most [`CONTENTS_LIMIT`].
    Stdin(&'a [u8]),
    /// Its standard input has ended.
    StdinEnd,
    /// The terminal has a new size.
    Resize {
        /// Lines of characters.
        rows: u16,
        /// Characters in a line.
        columns: u16,
    },
    /// A signal for the container's init, by its number.
    Signal(u8),
    /// No output, please.
    Quiet,
    /// The container is not to be started again.
    KeepDown,
    /// Its health is to be checked now.
    CheckHealth,
}

impl<'a> FromClient<'a> {
    /// Reads a packet; `None` if it is none of these.
    pub fn parse(packet: &'a [u8]) -> Option<FromClient<'a>> {
        let (&kind, contents) = packet.split_first()?;
        match (kind, contents) {
            (frame::STDIN, bytes) => Some(FromClient::Stdin(bytes)),
            (frame::STDIN_END, []) => Some(FromClient::StdinEnd),
            (frame::RESIZE, &[r0, r1, c0, c1]) => {
                Some(FromClient::Resize { rows: u16::from_le_bytes([r0, r1]), columns: u16::from_le_bytes([c0, c1]) })
            }
            (frame::SIGNAL, &[signal]) => Some(FromClient::Signal(signal)),
            (frame::QUIET, []) => Some(FromClient::Quiet),
            (frame::KEEP_DOWN, []) => Some(FromClient::KeepDown),
            (frame::CHECK_HEALTH, []) => Some(FromClient::CheckHealth),
            _ => None,
        }
    }
}

/// What a monitor says.
#[derive(Clone, Debug)]
pub enum FromMonitor<'a> {
    /// The version of the messages that it speaks; one of version 1 says nothing.
    Hello(u32),
    /// The container runs; its init's pid on the host.
    Started(i32),
    /// The container did not start. Nothing follows.
    Failed(Box<Report>),
    /// Bytes of its standard output or terminal.
    Stdout(&'a [u8]),
    /// Bytes of its standard error.
    Stderr(&'a [u8]),
    /// The container's health was checked; `None` if it has no check.
    Checked(Option<Finding>),
    /// Something that the user should know.
    Warning(Box<Report>),
    /// The container has ended, and all its output was sent. Nothing follows.
    Exit(Exit),
}

impl<'a> FromMonitor<'a> {
    /// Reads a packet; `None` if it is none of these.
    pub fn parse(packet: &'a [u8]) -> Option<FromMonitor<'a>> {
        let (&kind, contents) = packet.split_first()?;
        let report = || serde_json::from_slice(contents).ok().map(Box::new);
        match kind {
            frame::HELLO => std::str::from_utf8(contents).ok()?.parse().ok().map(FromMonitor::Hello),
            frame::STARTED => std::str::from_utf8(contents).ok()?.parse().ok().map(FromMonitor::Started),
            frame::FAILED => report().map(FromMonitor::Failed),
            frame::CHECKED => serde_json::from_slice(contents).ok().map(FromMonitor::Checked),
            frame::STDOUT => Some(FromMonitor::Stdout(contents)),
            frame::STDERR => Some(FromMonitor::Stderr(contents)),
            frame::WARNING => report().map(FromMonitor::Warning),
            frame::EXIT => serde_json::from_slice(contents).ok().map(FromMonitor::Exit),
            _ => None,
        }
    }
}

/// One end of an attachment.
#[derive(Debug)]
pub struct Link(OwnedFd);

impl Link {
    /// Both ends of a new one. They close at exec: the one that is to be inherited needs `sys::descriptors::keep_at_exec`.
    pub fn pair() -> io::Result<(Link, Link)> {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Link(one), Link(other)))
    }

    /// Takes over a socket.
    pub fn from_fd(fd: OwnedFd) -> Link {
        Link(fd)
    }

    /// Connects to the monitor of a container, by its run directory. `ENOENT` or `ECONNREFUSED` if there is none.
    pub fn connect(run_dir: &Dir) -> Result<Link, Failed> {
        let failed = |errno| Failed::new("connect", &run_dir.path().join(SOCKET), errno);
        let fd = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).map_err(failed)?;
        connect(&fd, &address(run_dir).map_err(failed)?).map_err(failed)?;
        Ok(Link(fd))
    }

    /// Sends what a client says. `EMSGSIZE` if the contents are too long, `EPIPE` or `ECONNRESET` if the monitor is gone.
    pub fn say(&self, message: FromClient<'_>) -> io::Result<()> {
        match message {
            FromClient::Stdin(bytes) => self.send(frame::STDIN, bytes),
            FromClient::StdinEnd => self.send(frame::STDIN_END, &[]),
            FromClient::Resize { rows, columns } => {
                let ([r0, r1], [c0, c1]) = (rows.to_le_bytes(), columns.to_le_bytes());
                self.send(frame::RESIZE, &[r0, r1, c0, c1])
            }
            FromClient::Signal(signal) => self.send(frame::SIGNAL, &[signal]),
            FromClient::Quiet => self.send(frame::QUIET, &[]),
            FromClient::KeepDown => self.send(frame::KEEP_DOWN, &[]),
            FromClient::CheckHealth => self.send(frame::CHECK_HEALTH, &[]),
        }
    }

    /// Receives what the monitor says; `None` when it is gone. `buffer` is reused; `EBADMSG` is an answer that nobody can
    /// read.
    pub fn hear<'b>(&self, buffer: &'b mut Vec<u8>) -> io::Result<Option<FromMonitor<'b>>> {
        match self.receive(buffer)? {
            None => Ok(None),
            Some(packet) => FromMonitor::parse(packet).map(Some).ok_or(Errno::BADMSG),
        }
    }

    /// Sends one packet.
    pub(crate) fn send(&self, kind: u8, contents: &[u8]) -> io::Result<()> {
        if contents.len() > CONTENTS_LIMIT {
            return Err(Errno::MSGSIZE);
        }
        let parts = [IoSlice::new(std::slice::from_ref(&kind)), IoSlice::new(contents)];
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        retry(|| sendmsg(&self.0, &parts, &mut SendAncillaryBuffer::default(), flags)).map(|_| ())
    }

    /// Receives one packet; `None` when the other end is gone, `EMSGSIZE` for one that is too long.
    pub(crate) fn receive<'b>(&self, buffer: &'b mut Vec<u8>) -> io::Result<Option<&'b [u8]>> {
        buffer.resize(frame::LIMIT, 0);
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        // An end that was closed with packets unread resets the other one, once; what it had sent comes after that.
        let length = match self.recv(buffer, flags) {
            Err(Errno::CONNRESET) => self.recv(buffer, flags)?,
            length => length?,
        };
        match length {
            0 => Ok(None),
            length => buffer.get(..length).map(Some).ok_or(Errno::MSGSIZE),
        }
    }

    fn recv(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
        retry(|| recv(&self.0, &mut *buffer, flags)).map(|(_, length)| length)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Where further clients connect. Its name stays behind when it is dropped.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// Binds the socket in the run directory. The caller holds the container's lock: a name that is there already is that
    /// of a monitor which was killed.
    pub fn bind(run_dir: &Dir) -> Result<Listener, Failed> {
        run_dir.remove_file(SOCKET)?;
        let failed = |errno| Failed::new("bind", &run_dir.path().join(SOCKET), errno);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).map_err(failed)?;
        bind(&fd, &address(run_dir).map_err(failed)?).map_err(failed)?;
        listen(&fd, 16).map_err(failed)?;
        Ok(Listener(fd))
    }

    /// Takes the next client; `EAGAIN` if there is none.
    pub fn accept(&self) -> io::Result<Link> {
        retry(|| accept_with(&self.0, SocketFlags::CLOEXEC)).map(Link)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// By way of the open directory: a path of its own may be longer than the 108 bytes of an address.
fn address(run_dir: &Dir) -> io::Result<SocketAddrUnix> {
    SocketAddrUnix::new(format!("/proc/self/fd/{}/{SOCKET}", run_dir.as_fd().as_raw_fd()))
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_directions() {
        let (client, monitor) = Link::pair().unwrap();
        let mut buffer = Vec::new();
        assert_eq!(monitor.receive(&mut buffer), Err(Errno::AGAIN));
        let said = [
            FromClient::Stdin(b"abc"),
            FromClient::Stdin(b""),
            FromClient::StdinEnd,
            FromClient::Resize { rows: 24, columns: 0x1234 },
            FromClient::Signal(15),
            FromClient::Quiet,
            FromClient::KeepDown,
            FromClient::CheckHealth,
        ];
        for message in said {
            client.say(message).unwrap();
            assert_eq!(FromClient::parse(monitor.receive(&mut buffer).unwrap().unwrap()), Some(message));
        }
        monitor.send(frame::STARTED, b"42").unwrap();
        assert!(matches!(client.hear(&mut buffer).unwrap(), Some(FromMonitor::Started(42))));
        monitor.send(frame::STDERR, b"x").unwrap();
        assert!(matches!(client.hear(&mut buffer).unwrap(), Some(FromMonitor::Stderr(b"x"))));
        let exit = Exit { code: 3, at: 7, ..Exit::default() };
        monitor.send(frame::EXIT, &serde_json::to_vec(&exit).unwrap()).unwrap();
        assert!(matches!(client.hear(&mut buffer).unwrap(), Some(FromMonitor::Exit(found)) if found == exit));
        monitor.send(b'?', b"").unwrap();
        assert_eq!(client.hear(&mut buffer).unwrap_err(), Errno::BADMSG);
    }

    #[test]
    fn packets_have_a_limit() {
        let (client, monitor) = Link::pair().unwrap();
        let mut buffer = Vec::new();
        let long = vec![b'x'; frame::LIMIT];
        assert_eq!(client.say(FromClient::Stdin(&long)), Err(Errno::MSGSIZE));
        client.say(FromClient::Stdin(&long[1..])).unwrap();
        assert_eq!(monitor.receive(&mut buffer).unwrap().unwrap().len(), frame::LIMIT);
        rustix::net::send(&client, &[long.as_slice(), b"x"].concat(), SendFlags::empty()).unwrap();
        assert_eq!(monitor.receive(&mut buffer), Err(Errno::MSGSIZE));
    }

    #[test]
    fn what_was_sent_survives_a_reset() {
        let (client, monitor) = Link::pair().unwrap();
        client.say(FromClient::StdinEnd).unwrap();
        monitor.send(frame::STARTED, b"1").unwrap();
        drop(monitor);
        let mut buffer = Vec::new();
        assert!(matches!(client.hear(&mut buffer).unwrap(), Some(FromMonitor::Started(1))));
        assert!(client.hear(&mut buffer).unwrap().is_none());
        assert_eq!(client.say(FromClient::StdinEnd), Err(Errno::PIPE));
    }

    #[test]
    fn a_long_run_directory_can_be_bound() {
        let dir = tempfile::tempdir().unwrap();
        let deep = Dir::open(dir.path()).unwrap().make_dir("d".repeat(200), 0o700).unwrap();
        assert_eq!(Link::connect(&deep).unwrap_err().errno, Errno::NOENT);
        drop(Listener::bind(&deep).unwrap());
        assert_eq!(Link::connect(&deep).unwrap_err().errno, Errno::CONNREFUSED);
        let listener = Listener::bind(&deep).unwrap();
        assert_eq!(listener.accept().unwrap_err(), Errno::AGAIN);
        let client = Link::connect(&deep).unwrap();
        client.say(FromClient::StdinEnd).unwrap();
        let mut buffer = Vec::new();
        assert_eq!(listener.accept().unwrap().receive(&mut buffer).unwrap().unwrap(), [frame::STDIN_END]);
    }

    proptest! {
        #[test]
        fn nothing_panics(packet in any::<Vec<u8>>()) {
            FromClient::parse(&packet);
            FromMonitor::parse(&packet);
        }
    }
}
