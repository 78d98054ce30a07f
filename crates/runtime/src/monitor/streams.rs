//! The container's streams: three pipes, or a terminal, and the monitor's ends of them.

use std::os::fd::OwnedFd;

use diag::{Error, Result, codes};
use rustix::{
    fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl},
    io::{self, Errno},
    pipe::{PipeFlags, pipe_with},
    pty::{OpenptFlags, ioctl_tiocgptpeer},
    termios::{Winsize, tcsetwinsize},
};

use super::{input::Input, log::Stream};

/// The monitor's ends.
pub(super) struct Streams {
    /// The way in.
    pub(super) input: Input,
    /// The ways out, non-blocking; `None` once they have ended.
    pub(super) outputs: [Option<(Stream, OwnedFd)>; 2],
    /// The terminal, for its size.
    terminal: Option<Terminal>,
}

struct Terminal {
    master: OwnedFd,
    /// Without a slave that stays open, the master would report a hang-up whenever the container closes its last one,
    /// though it may open the terminal again, as an init system does for each line of its own.
    _slave: Option<OwnedFd>,
}

impl Streams {
    /// Pipes, and the ends for the container: standard input, output and error.
    pub(super) fn pipes(with_input: bool) -> Result<(Streams, [OwnedFd; 3])> {
        make_pipes(with_input).map_err(|errno| {
            Error::new(codes::UR0512, "the container's standard streams cannot be made")
                .os("pipe2()", errno.raw_os_error())
        })
    }

    /// None: the container has somebody else's.
    pub(super) fn none() -> Streams {
        Streams { input: Input::none(), outputs: [None, None], terminal: None }
    }

    /// A terminal, by its master.
    pub(super) fn terminal(master: OwnedFd) -> Result<Streams> {
        take_terminal(master).map_err(|errno| {
            Error::new(codes::UR0511, "the container's terminal cannot be used").os("fcntl(ptmx)", errno.raw_os_error())
        })
    }

    /// Tells the terminal its size; without a terminal there is nothing to tell.
    pub(super) fn resize(&self, rows: u16, columns: u16) {
        if let Some(terminal) = &self.terminal {
            let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
            // A master that is open takes any size.
            let _ = tcsetwinsize(&terminal.master, size);
        }
    }
}

fn make_pipes(with_input: bool) -> io::Result<(Streams, [OwnedFd; 3])> {
    let (stdin, input) = if with_input {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        (reader, Input::pipe(nonblocking(writer)?))
    } else {
        (rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?, Input::none())
    };
    let (out, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
    let (err, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
    let outputs = [Some((Stream::Stdout, nonblocking(out)?)), Some((Stream::Stderr, nonblocking(err)?))];
    Ok((Streams { input, outputs, terminal: None }, [stdin, stdout, stderr]))
}

fn take_terminal(master: OwnedFd) -> io::Result<Streams> {
    let master = nonblocking(master)?;
    let another = || io::fcntl_dupfd_cloexec(&master, 3);
    let (input, output) = (Input::terminal(another()?), another()?);
    let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).ok();
    Ok(Streams {
        input,
        outputs: [Some((Stream::Stdout, output)), None],
        terminal: Some(Terminal { master, _slave: slave }),
    })
}

fn nonblocking(fd: OwnedFd) -> io::Result<OwnedFd> {
    let flags = fcntl_getfl(&fd)?;
    fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
    Ok(fd)
}

/// What a read of a stream came to.
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// None at the moment.
    Dry,
    /// There will be none any more.
    End,
}

/// Reads once from a stream.
pub(super) fn read(fd: &OwnedFd, buffer: &mut [u8]) -> Read {
    loop {
        return match io::read(fd, &mut *buffer) {
            Ok(0) => Read::End,
            Ok(n) => Read::Bytes(n),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => Read::Dry,
            // EIO: a master whose last slave was closed.
            Err(_) => Read::End,
        };
    }
}
