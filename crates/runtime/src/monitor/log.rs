//! The container's log: `log` in its bundle, in the format that Podman calls `k8s-file`.
//!
//! ```text
//! 2026-11-21T20:00:00.123456789+00:00 stdout F a whole line
//! 2026-11-21T20:00:00.123456789+00:00 stderr P the beginning of one, which the next record of this stream goes on with
//! ```
//!
//! Nothing is kept back until its line is whole: what the container has printed is in the log as soon as it was read.
//! When the disk is full, records are lost, never halved, and the container goes on.

use std::os::fd::OwnedFd;

use diag::{Error, codes};
use oci::Timestamp;
use rustix::{
    fs::{Mode, OFlags, fstat, ftruncate},
    io::Errno,
    time::{ClockId, Timespec, clock_gettime},
};
use sys::{Dir, Failed};

use crate::job::frame;

/// The file's name in the bundle.
const NAME: &str = "log";

/// Records are gathered up to this many bytes before they are written.
const GATHERED: usize = 8 * 1024;

/// A stream of the container's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// Standard output, or the terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        }
    }

    /// The kind of the messages that carry it.
    pub(super) fn frame(self) -> u8 {
        match self {
            Stream::Stdout => frame::STDOUT,
            Stream::Stderr => frame::STDERR,
        }
    }
}

/// The open log.
pub(super) struct Log {
    fd: OwnedFd,
    /// How long the file is: whole records only.
    length: u64,
    /// Records on their way to the file.
    records: Vec<u8>,
    /// Whether the loss of records has been told.
    told: bool,
}

impl Log {
    /// Opens the log, behind what an earlier start of the container has left in it.
    pub(super) fn open(bundle: &Dir) -> Result<Log, Failed> {
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
        let fd = bundle.open_at(NAME, flags, Mode::RUSR | Mode::WUSR)?;
        let stat = fstat(&fd).map_err(|errno| Failed::new("fstat", &bundle.path().join(NAME), errno))?;
        Ok(Log { fd, length: u64::try_from(stat.st_size).unwrap_or(0), records: Vec::new(), told: false })
    }

    /// Writes what was read from a stream. The first loss is answered with a warning for the clients.
    pub(super) fn write(&mut self, stream: Stream, chunk: &[u8]) -> Option<Error> {
        let head = head(clock_gettime(ClockId::Realtime), stream);
        let mut lost = None;
        for (line, whole) in lines(chunk) {
            if self.records.len() + head.len() + line.len() > GATHERED {
                lost = self.flush().err().or(lost);
            }
            self.records.extend_from_slice(head.as_bytes());
            self.records.extend_from_slice(if whole { b"F " } else { b"P " });
            self.records.extend_from_slice(line);
            self.records.push(b'\n');
        }
        lost = self.flush().err().or(lost);
        let errno = lost.filter(|_| !self.told)?;
        self.told = true;
        Some(
            Error::warning(code(errno), "some of the container's output is missing in its log")
                .os("write(log)", errno.raw_os_error()),
        )
    }

    fn flush(&mut self) -> Result<(), Errno> {
        let written = sys::dir::write_all(&self.fd, &self.records);
        match written {
            Ok(()) => self.length += self.records.len() as u64,
            // Half a record would garble the next one. If even this fails, the reader sees one bad line.
            Err(_) => drop(ftruncate(&self.fd, self.length)),
        }
        self.records.clear();
        // One long line is no reason to hold its memory for as long as the container lives.
        self.records.shrink_to(GATHERED);
        written
    }
}

fn code(errno: Errno) -> diag::Code {
    if matches!(errno, Errno::NOSPC | Errno::DQUOT) { codes::UR0711 } else { codes::UR0707 }
}

/// The beginning of a record: `2026-11-21T20:00:00.123456789+00:00 stdout `.
fn head(now: Timespec, stream: Stream) -> String {
    let seconds = Timestamp(now.tv_sec).to_string();
    format!("{}.{:09}+00:00 {} ", seconds.trim_end_matches('Z'), now.tv_nsec, stream.name())
}

/// The lines of a chunk without their newlines, and whether each was whole; only the last may not be.
fn lines(chunk: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    chunk.split_inclusive(|&byte| byte == b'\n').map(|line| match line.strip_suffix(b"\n") {
        Some(line) => (line, true),
        None => (line, false),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_look_like_podmans() {
        let now = Timespec { tv_sec: 1_795_291_200, tv_nsec: 12_345 };
        assert_eq!(head(now, Stream::Stderr), "2026-11-21T20:00:00.000012345+00:00 stderr ");
        let dir = tempfile::tempdir().unwrap();
        let bundle = Dir::open(dir.path()).unwrap();
        let mut log = Log::open(&bundle).unwrap();
        assert!(log.write(Stream::Stdout, b"one\n\ntw").is_none());
        drop(log);
        let mut log = Log::open(&bundle).unwrap();
        assert!(log.write(Stream::Stdout, b"o\n").is_none());
        let text = bundle.read_text("log", 4096).unwrap();
        let told: Vec<&str> = text.lines().map(|line| line.split_once(" stdout ").unwrap().1).collect();
        assert_eq!(told, ["F one", "F ", "P tw", "F o"]);
    }

    #[test]
    fn a_lost_record_is_told_once_and_not_halved() {
        let full = rustix::fs::open("/dev/full", OFlags::WRONLY, Mode::empty()).unwrap();
        let mut log = Log { fd: full, length: 0, records: Vec::new(), told: false };
        let warning = log.write(Stream::Stdout, b"x\n").unwrap();
        assert_eq!(warning.code(), codes::UR0711);
        assert!(log.write(Stream::Stdout, b"y\n").is_none());
        assert_eq!(log.length, 0);
    }

    proptest! {
        #[test]
        fn lines_lose_nothing(chunk in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..200)) {
            let mut joined = Vec::new();
            let parts: Vec<_> = lines(&chunk).collect();
            for (i, (line, whole)) in parts.iter().enumerate() {
                prop_assert!(!line.contains(&b'\n'));
                prop_assert!(*whole || i + 1 == parts.len());
                joined.extend_from_slice(line);
                joined.extend(whole.then_some(b'\n'));
            }
            prop_assert_eq!(joined, chunk);
        }

        #[test]
        fn the_file_has_every_byte(chunks in proptest::collection::vec("[a-c\n]{0,9000}", 0..4)) {
            let dir = tempfile::tempdir().unwrap();
            let bundle = Dir::open(dir.path()).unwrap();
            let mut log = Log::open(&bundle).unwrap();
            for chunk in &chunks {
                prop_assert!(log.write(Stream::Stdout, chunk.as_bytes()).is_none());
            }
            let mut read = String::new();
            for line in bundle.read_text("log", 64 << 20).unwrap().lines() {
                let (kind, text) = line.split_once(" stdout ").unwrap().1.split_at(2);
                read.push_str(text);
                read.push_str(if kind == "F " { "\n" } else { "" });
            }
            prop_assert_eq!(read, chunks.concat());
            prop_assert!(log.records.capacity() <= 2 * GATHERED);
        }
    }
}
