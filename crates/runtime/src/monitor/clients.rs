//! The clients of a monitor, and what they have not taken yet.
//!
//! A client that is slow holds one message here; until it has taken it, nothing more is read from the container
//! ([`Clients::are_ready`]), so that memory is bounded and the container waits as it would for a slow pipe. A client that is
//! gone is forgotten, and the container goes on.

use std::collections::VecDeque;

use diag::{Error, Report};
use rustix::io::Errno;

use crate::{
    attach::{CONTENTS_LIMIT, Link},
    job::frame,
};

/// How many clients there may be; one more is turned away.
pub(super) const MOST: usize = 32;

/// One client.
#[expect(clippy::struct_excessive_bools, reason = "each is true for good once it is, whatever the others are")]
pub(super) struct Client {
    pub(super) link: Link,
    /// Which one it is: never used again for another.
    pub(super) id: u64,
    outbox: VecDeque<(u8, Vec<u8>)>,
    /// It hears nothing any more; but what it said before it left may still be unread.
    deaf: bool,
    /// It wants no output.
    quiet: bool,
    /// It has been told the last that it will be told; when it has taken that, it is let go.
    leaving: bool,
    /// Nothing will come from it any more.
    gone: bool,
}

impl Client {
    /// Whether it has something to take.
    pub(super) fn is_behind(&self) -> bool {
        !self.outbox.is_empty()
    }

    fn send(&mut self, kind: u8, contents: &[u8]) {
        if self.deaf || self.leaving {
            return;
        }
        if self.is_behind() {
            return self.outbox.push_back((kind, contents.to_vec()));
        }
        match self.link.send(kind, contents) {
            Ok(()) => {}
            Err(Errno::AGAIN) => self.outbox.push_back((kind, contents.to_vec())),
            Err(_) => self.deafen(),
        }
    }

    /// Sends again what it did not take.
    fn flush(&mut self) {
        while let Some((kind, contents)) = self.outbox.front() {
            match self.link.send(*kind, contents) {
                Ok(()) => drop(self.outbox.pop_front()),
                Err(Errno::AGAIN) => return,
                Err(_) => return self.deafen(),
            }
        }
    }

    /// Whatever is still unread when it is let go would make the kernel reset the connection under its last reads.
    fn drain(&self, scratch: &mut Vec<u8>) {
        while matches!(self.link.receive(scratch), Ok(Some(_)) | Err(Errno::MSGSIZE)) {}
    }

    fn deafen(&mut self) {
        self.deaf = true;
        self.outbox.clear();
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Clients {
    list: Vec<Client>,
    next: u64,
}

impl Clients {
    /// Takes a new one; drops it if there are too many.
    pub(super) fn add(&mut self, link: Link) -> Option<&mut Client> {
        if self.list.len() >= MOST {
            return None;
        }
        self.next += 1;
        self.list.push(Client {
            link,
            id: self.next,
            outbox: VecDeque::new(),
            deaf: false,
            quiet: false,
            leaving: false,
            gone: false,
        });
        self.list.last_mut()
    }

    /// Tells one client alone.
    pub(super) fn tell_one(client: &mut Client, kind: u8, contents: &[u8]) {
        client.send(kind, contents);
    }

    /// Tells all of them; at most [`CONTENTS_LIMIT`] bytes.
    pub(super) fn tell(&mut self, kind: u8, contents: &[u8]) {
        self.list.iter_mut().for_each(|client| client.send(kind, contents));
    }

    /// Tells those who want to hear it what the container has printed.
    pub(super) fn tell_output(&mut self, kind: u8, contents: &[u8]) {
        self.list.iter_mut().filter(|client| !client.quiet).for_each(|client| client.send(kind, contents));
    }

    /// One of them wants to hear no output.
    pub(super) fn hush(&mut self, id: u64) {
        self.list.iter_mut().filter(|client| client.id == id).for_each(|client| client.quiet = true);
    }

    /// Tells all of them the last that they will be told; [`Clients::sweep`] lets go of who has taken it.
    pub(super) fn bid_farewell(&mut self, kind: u8, contents: &[u8]) {
        self.tell(kind, contents);
        self.list.iter_mut().for_each(|client| client.leaving = true);
    }

    /// Tells all of them a diagnosis: a warning, or why the container did not start.
    pub(super) fn tell_report(&mut self, kind: u8, error: Error) {
        self.tell(kind, &encode(error.into_report()));
    }

    /// Whether all have taken what they got: only then may more be read for them.
    pub(super) fn are_ready(&self) -> bool {
        !self.list.iter().any(Client::is_behind)
    }

    /// Whether none is left.
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.list.iter()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Client> {
        self.list.get(index)
    }

    /// Sends again to one of them.
    pub(super) fn flush(&mut self, index: usize) {
        if let Some(client) = self.list.get_mut(index) {
            client.flush();
        }
    }

    /// Marks one as gone; [`Clients::sweep`] removes it.
    pub(super) fn forget(&mut self, index: usize) {
        if let Some(client) = self.list.get_mut(index) {
            client.deafen();
            client.gone = true;
        }
    }

    /// Removes those that are gone. Their indices were valid up to here.
    pub(super) fn sweep(&mut self) {
        self.list.retain(|client| {
            let leaves = client.leaving && !client.is_behind();
            if leaves {
                client.drain(&mut Vec::new());
            }
            !client.gone && !leaves
        });
    }

    /// Lets go of those that have taken everything, and of those that cannot any more; how many have taken it.
    pub(super) fn dismiss_ready(&mut self, scratch: &mut Vec<u8>) -> usize {
        let mut heard = 0;
        self.list.retain(|client| {
            if client.is_behind() {
                return true;
            }
            heard += usize::from(!client.deaf);
            client.drain(scratch);
            false
        });
        heard
    }
}

/// A report as JSON that fits into one packet: if need be, facts go first, then all but the sentence.
fn encode(mut report: Report) -> Vec<u8> {
    loop {
        match serde_json::to_vec(&report) {
            Ok(text) if text.len() <= CONTENTS_LIMIT => return text,
            _ if report.facts.pop().is_some() => {}
            _ => {
                let short: String = report.what.chars().take(1000).collect();
                report = Report { severity: report.severity, ..Report::new(report.code, short) };
            }
        }
    }
}

/// The kinds of messages that carry a report.
pub(super) const FAILED: u8 = frame::FAILED;
pub(super) const WARNING: u8 = frame::WARNING;

#[cfg(test)]
mod tests {
    use diag::codes;

    use super::*;
    use crate::attach::FromMonitor;

    #[test]
    fn a_slow_client_is_waited_for_and_gets_all_in_order() {
        let (client, monitor) = Link::pair().unwrap();
        let mut clients = Clients::default();
        clients.add(monitor);
        let mut sent = 0_u32;
        while clients.are_ready() {
            clients.tell(frame::STDOUT, &[&sent.to_le_bytes()[..], &vec![0; 30_000]].concat());
            sent += 1;
            assert!(sent < 10_000);
        }
        let mut buffer = Vec::new();
        for n in 0..sent {
            clients.flush(0);
            match client.hear(&mut buffer).unwrap() {
                Some(FromMonitor::Stdout(bytes)) => assert_eq!(bytes[..4], n.to_le_bytes()),
                other => panic!("{other:?}"),
            }
        }
        assert!(clients.are_ready());
    }

    #[test]
    fn a_client_that_is_gone_is_forgotten() {
        let (client, monitor) = Link::pair().unwrap();
        let mut clients = Clients::default();
        clients.add(monitor);
        drop(client);
        clients.tell(frame::STDOUT, b"x");
        assert!(clients.are_ready());
        assert_eq!(clients.dismiss_ready(&mut Vec::new()), 0);
        assert!(clients.is_empty());
    }

    #[test]
    fn reports_are_cut_to_fit() {
        let long = Error::new(codes::UR0605, "x").fact("y".repeat(40_000)).fact("z");
        let report: Report = serde_json::from_slice(&encode(long.into_report())).unwrap();
        assert_eq!((report.what.as_ref(), report.facts.len()), ("x", 0));
        let longer = Error::warning(codes::UR0605, "\u{e9}".repeat(40_000));
        let report: Report = serde_json::from_slice(&encode(longer.into_report())).unwrap();
        assert_eq!((report.what.chars().count(), report.severity), (1000, diag::Severity::Warning));
    }
}
