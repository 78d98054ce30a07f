//! The wire between a parent and its container's first process: a `SOCK_SEQPACKET` pair.
//!
//! A packet is a [`Word`] with descriptors, or the record of a step that failed. The end of the wire (it closes at exec) means
//! that the command runs, if `Start` was said, and that the process died otherwise.

use std::{
    io::{IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::{self, Errno},
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
        SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
    },
};

use crate::step::Word;

/// The kernel passes at most 253 descriptors in a packet (`SCM_MAX_FD`).
pub const MOST_DESCRIPTORS: usize = 253;
/// The longest text that travels with a failure.
const LONGEST_TEXT: usize = 4000;
const FAILURE: u8 = b'!';
const LISTENER: u8 = b'l';

/// One end of the wire.
#[derive(Debug)]
pub struct Wire(OwnedFd);

/// What comes over the wire.
#[derive(Debug)]
pub enum Packet {
    /// A word, and descriptors.
    Word(u8, Vec<OwnedFd>),
    /// A step failed.
    Failure(Failure),
    /// The descriptor of a seccomp filter's notifications is about to have this number in the process that says so.
    Listener(i32),
    /// The other end is closed.
    End,
}

/// The record of a step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its index in the plan.
    pub step: u16,
    /// What the kernel answered.
    pub errno: i32,
    /// The system call of the step that it answered to.
    pub call: String,
    /// What the child has found out about it: see [`crate::child::exec`].
    pub text: String,
}

impl Wire {
    /// Both ends.
    pub fn pair() -> io::Result<(Wire, Wire)> {
        let (a, b) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Wire(a), Wire(b)))
    }

    /// A connection to `start`, or from it.
    pub fn from_socket(socket: OwnedFd) -> Wire {
        Wire(socket)
    }

    /// Says a word.
    pub fn say(&self, word: Word, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send(&[word.byte()], descriptors)
    }

    /// Says which number the descriptor of a filter's notifications will have.
    pub fn announce_listener(&self, number: i32) -> io::Result<()> {
        let [a, b, c, d] = number.to_le_bytes();
        self.send(&[LISTENER, a, b, c, d], &[])
    }

    /// Reports a step that failed.
    pub fn fail(&self, failure: &Failure) -> io::Result<()> {
        let mut bytes = vec![FAILURE];
        bytes.extend_from_slice(&failure.step.to_le_bytes());
        bytes.extend_from_slice(&failure.errno.to_le_bytes());
        bytes.extend_from_slice(failure.call.as_bytes());
        bytes.push(0);
        let mut end = failure.text.len().min(LONGEST_TEXT);
        while !failure.text.is_char_boundary(end) {
            end -= 1;
        }
        bytes.extend_from_slice(&failure.text.as_bytes()[..end]);
        self.send(&bytes, &[])
    }

    /// Waits for the next packet.
    pub fn receive(&self) -> io::Result<Packet> {
        let mut bytes = [0; LONGEST_TEXT + 512];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let result = recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, RecvFlags::CMSG_CLOEXEC);
            match result {
                // A peer that dies with unread words in its queue resets the connection. The kernel says so once, and before it
                // hands out what the peer said last.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                result => break result?.bytes,
            }
        };
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        Ok(match &bytes[..received] {
            [] => Packet::End,
            [FAILURE, record @ ..] => Packet::Failure(decode(record).ok_or(Errno::PROTO)?),
            [LISTENER, a, b, c, d] => Packet::Listener(i32::from_le_bytes([*a, *b, *c, *d])),
            [word, ..] => Packet::Word(*word, descriptors),
        })
    }

    fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(Errno::TOOBIG);
        }
        loop {
            match sendmsg(&self.0, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                result => return result.map(drop),
            }
        }
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn decode(record: &[u8]) -> Option<Failure> {
    let (step, rest) = record.split_first_chunk::<2>()?;
    let (errno, rest) = rest.split_first_chunk::<4>()?;
    let mut texts = rest.splitn(2, |byte| *byte == 0);
    let mut text = || texts.next().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Some(Failure { step: u16::from_le_bytes(*step), errno: i32::from_le_bytes(*errno), call: text()?, text: text()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_carry_descriptors() {
        let (a, b) = Wire::pair().unwrap();
        a.say(Word::Mounts, &[a.as_fd(), a.as_fd()]).unwrap();
        let Packet::Word(word, descriptors) = b.receive().unwrap() else { panic!() };
        assert_eq!((word, descriptors.len()), (Word::Mounts.byte(), 2));
    }

    #[test]
    fn a_listener_is_announced() {
        let (a, b) = Wire::pair().unwrap();
        a.announce_listener(300).unwrap();
        assert!(matches!(b.receive().unwrap(), Packet::Listener(300)));
    }

    #[test]
    fn a_failure_arrives_as_it_was_sent() {
        let (a, b) = Wire::pair().unwrap();
        let sent = Failure { step: 7, errno: 13, call: "openat2(…)".into(), text: "x".repeat(10_000) };
        a.fail(&sent).unwrap();
        let Packet::Failure(got) = b.receive().unwrap() else { panic!() };
        assert_eq!(got, Failure { text: "x".repeat(LONGEST_TEXT), ..sent });
    }

    #[test]
    fn the_last_words_of_a_peer_that_did_not_listen_are_heard() {
        let (a, b) = Wire::pair().unwrap();
        a.say(Word::Mounts, &[]).unwrap();
        b.fail(&Failure { step: 1, errno: 2, call: "open".into(), text: String::new() }).unwrap();
        drop(b);
        assert!(matches!(a.receive().unwrap(), Packet::Failure(_)));
        assert!(matches!(a.receive().unwrap(), Packet::End));
    }

    #[test]
    fn a_dead_peer_is_the_end() {
        let (a, b) = Wire::pair().unwrap();
        b.say(Word::Start, &[]).unwrap();
        drop(b);
        assert!(matches!(a.receive().unwrap(), Packet::Word(..)));
        assert!(matches!(a.receive().unwrap(), Packet::End));
    }
}
