//! The container's log: a file of records (`file`), the host's journal (`journal`), or nothing.
//!
//! Nothing is kept back until its line is whole: what the container has printed is in the log as soon as it was read. What
//! cannot be written is lost, whole records of it, and the container goes on.

mod file;
mod journal;
mod record;

use diag::{Error, Result, codes};
use rustix::{
    io::Errno,
    time::{ClockId, clock_gettime},
};
use sys::Dir;

use crate::job::{Job, frame, logging::LogDriver};
use file::FileLog;
use journal::Journal;
use record::Format;

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
    sink: Sink,
    /// Whether the loss of records has been told.
    told: bool,
}

enum Sink {
    Nothing,
    File(FileLog),
    Journal(Journal),
}

impl Log {
    /// Opens the log, behind what an earlier start of the container has left in it. Errors: UR0630.
    pub(super) fn open(job: &Job, bundle: &Dir) -> Result<Log> {
        let logging = &job.supervision.logging;
        let file = |format| FileLog::open(bundle, logging.path.as_deref(), logging.max_size, format).map(Sink::File);
        let sink = match logging.driver {
            LogDriver::K8sFile => file(Format::K8s)?,
            LogDriver::JsonFile => file(Format::Json)?,
            LogDriver::Journald => Sink::Journal(Journal::open(job)?),
            LogDriver::None | LogDriver::Passthrough => Sink::Nothing,
        };
        Ok(Log { sink, told: false })
    }

    /// Writes what was read from a stream. The first loss is answered with a warning for the clients.
    pub(super) fn write(&mut self, stream: Stream, chunk: &[u8]) -> Option<Error> {
        let written = match &mut self.sink {
            Sink::Nothing => Ok(()),
            Sink::File(file) => file.write(clock_gettime(ClockId::Realtime), stream, chunk),
            Sink::Journal(journal) => journal.write(stream, chunk),
        };
        let errno = written.err().filter(|_| !self.told)?;
        self.told = true;
        Some(
            Error::warning(code(errno), "some of the container's output is missing in its log")
                .os("write(log)", errno.raw_os_error()),
        )
    }
}

fn code(errno: Errno) -> diag::Code {
    if matches!(errno, Errno::NOSPC | Errno::DQUOT) { codes::UR0711 } else { codes::UR0630 }
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
    }
}
