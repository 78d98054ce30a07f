//! A log in the host's journal: its native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>), with the fields that Podman's logs have.
//!
//! The socket is not kept connected: journald may be restarted while the container lives.

use std::os::fd::OwnedFd;

use diag::{Error, Result, codes};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, sendto, socket_with},
    time::Timespec,
};

use super::{Stream, lines};
use crate::job::Job;

/// Where journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";

/// How long a journal that is busy is waited for.
const PATIENCE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A way to the journal.
pub(super) struct Journal {
    socket: OwnedFd,
    address: SocketAddrUnix,
    /// The fields that each record has.
    fields: Vec<u8>,
}

impl Journal {
    /// Looks for the journal. UR0630 where there is none.
    pub(super) fn open(job: &Job) -> Result<Journal> {
        Journal::at(SOCKET, job).map_err(|errno| {
            Error::new(codes::UR0630, "there is no journal on this host to log to")
                .os(format!("connect({SOCKET})"), errno.raw_os_error())
                .help("choose another log driver: --log-driver k8s-file")
        })
    }

    fn at(path: &str, job: &Job) -> Result<Journal, Errno> {
        let open = || {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)
        };
        let address = SocketAddrUnix::new(path)?;
        connect(open()?, &address)?;
        Ok(Journal { socket: open()?, address, fields: fields(job) })
    }

    /// Writes what was read from a stream. The first error, after trying everything.
    pub(super) fn write(&mut self, stream: Stream, chunk: &[u8]) -> Result<(), Errno> {
        let mut outcome = Ok(());
        for (line, whole) in lines(chunk) {
            outcome = outcome.and(self.send(&self.record(stream, line, whole)));
        }
        outcome
    }

    fn record(&self, stream: Stream, line: &[u8], whole: bool) -> Vec<u8> {
        let mut record = self.fields.clone();
        // What syslog calls informational, and an error.
        let priority = if stream == Stream::Stdout { "6" } else { "3" };
        append(&mut record, "PRIORITY", priority.as_bytes());
        if !whole {
            append(&mut record, "CONTAINER_PARTIAL_MESSAGE", b"true");
        }
        append(&mut record, "MESSAGE", line);
        record
    }

    fn send(&self, record: &[u8]) -> Result<(), Errno> {
        let once = || sendto(&self.socket, record, SendFlags::NOSIGNAL, &self.address).map(drop);
        match once() {
            Err(Errno::AGAIN) => {
                // That it can be written to says nothing of the other end; but then it blocks no longer than this.
                let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::OUT)], Some(&PATIENCE));
                once()
            }
            sent => sent,
        }
    }
}

fn fields(job: &Job) -> Vec<u8> {
    let short = job.id.get(..12).unwrap_or(&job.id);
    let tag = job.supervision.logging.tag.as_deref();
    let mut fields = Vec::new();
    append(&mut fields, "CONTAINER_ID", short.as_bytes());
    append(&mut fields, "CONTAINER_ID_FULL", job.id.as_bytes());
    append(&mut fields, "CONTAINER_NAME", job.subject.name.as_bytes());
    append(&mut fields, "SYSLOG_IDENTIFIER", tag.unwrap_or(&job.subject.name).as_bytes());
    if let Some(tag) = tag {
        append(&mut fields, "CONTAINER_TAG", tag.as_bytes());
    }
    fields
}

/// Appends a field in the form that any bytes fit into.
fn append(record: &mut Vec<u8>, name: &str, value: &[u8]) {
    record.extend_from_slice(name.as_bytes());
    record.push(b'\n');
    record.extend_from_slice(&(value.len() as u64).to_le_bytes());
    record.extend_from_slice(value);
    record.push(b'\n');
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, os::unix::net::UnixDatagram};

    use super::*;

    /// Reads a record as journald does.
    fn read(mut record: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut fields = BTreeMap::new();
        while !record.is_empty() {
            let end = record.iter().position(|&byte| byte == b'\n').unwrap();
            let name = String::from_utf8(record[..end].to_vec()).unwrap();
            let length: usize = u64::from_le_bytes(record[end + 1..end + 9].try_into().unwrap()).try_into().unwrap();
            let value = record[end + 9..end + 9 + length].to_vec();
            assert_eq!(record[end + 9 + length], b'\n');
            record = &record[end + 10 + length..];
            fields.insert(name, value);
        }
        fields
    }

    #[test]
    fn the_journal_gets_podmans_fields() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let journald = UnixDatagram::bind(&path).unwrap();
        let mut job = Job { id: "ab".repeat(32), ..Job::bare() };
        job.subject.name = "web".into();
        job.supervision.logging.tag = Some("tagged".into());
        let mut journal = Journal::at(path.to_str().unwrap(), &job).unwrap();
        journal.write(Stream::Stderr, b"one\nha\xfflf").unwrap();
        let mut buffer = [0; 4096];
        let mut next = || {
            let length = journald.recv(&mut buffer).unwrap();
            read(&buffer[..length])
        };
        let first = next();
        let expected = [
            ("CONTAINER_ID", "abababababab"),
            ("CONTAINER_ID_FULL", job.id.as_str()),
            ("CONTAINER_NAME", "web"),
            ("CONTAINER_TAG", "tagged"),
            ("MESSAGE", "one"),
            ("PRIORITY", "3"),
            ("SYSLOG_IDENTIFIER", "tagged"),
        ];
        assert_eq!(first, expected.map(|(name, value)| (name.to_owned(), value.into())).into());
        let second = next();
        assert_eq!(second["CONTAINER_PARTIAL_MESSAGE"], b"true");
        assert_eq!(second["MESSAGE"], b"ha\xfflf");
    }

    #[test]
    fn where_there_is_none_that_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        assert_eq!(Journal::at(path.to_str().unwrap(), &Job::bare()).err(), Some(Errno::NOENT));
    }
}
