//! The way into the container: its standard input, or its terminal.
//!
//! What the container does not take at once waits here, at most one message of each client; a client whose message
//! waits is not read ([`Input::holds`]). A message that waits is delivered even if its client leaves meanwhile.

use std::{collections::VecDeque, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    termios::{LocalModes, SpecialCodeIndex, tcgetattr},
};

use super::clients::MOST;

/// Bytes that wait.
struct Piece {
    client: u64,
    bytes: Vec<u8>,
    written: usize,
}

/// The writing end and what waits for it.
pub(super) struct Input {
    /// Non-blocking. `None` if there is no input, or when the container has closed it.
    end: Option<OwnedFd>,
    terminal: bool,
    waiting: VecDeque<Piece>,
    ending: bool,
}

impl Input {
    /// No input at all.
    pub(super) fn none() -> Input {
        Input { end: None, terminal: false, waiting: VecDeque::new(), ending: false }
    }

    /// A pipe's writing end, non-blocking.
    pub(super) fn pipe(end: OwnedFd) -> Input {
        Input { end: Some(end), ..Input::none() }
    }

    /// A terminal's master, non-blocking.
    pub(super) fn terminal(master: OwnedFd) -> Input {
        Input { end: Some(master), terminal: true, ..Input::none() }
    }

    /// The descriptor that is waited for, if something waits.
    pub(super) fn blocked(&self) -> Option<&OwnedFd> {
        self.end.as_ref().filter(|_| !self.waiting.is_empty())
    }

    /// Whether a client must not be read: its last message waits, or those of too many others do.
    pub(super) fn holds(&self, client: u64) -> bool {
        self.waiting.len() >= 2 * MOST || self.waiting.iter().any(|piece| piece.client == client)
    }

    /// Takes bytes from a client. Without an input, or after its end, they go nowhere, as to a command that reads nothing.
    pub(super) fn take(&mut self, client: u64, bytes: &[u8]) {
        if self.end.is_none() || self.ending || bytes.is_empty() {
            return;
        }
        let written = if self.waiting.is_empty() { self.write(bytes) } else { 0 };
        if written < bytes.len() && self.end.is_some() {
            self.waiting.push_back(Piece { client, bytes: bytes[written..].to_vec(), written: 0 });
        }
    }

    /// The client's input has ended: so does the container's, when all that waits is written. To a terminal goes its
    /// end-of-file character, as if it had been typed.
    pub(super) fn finish(&mut self, client: u64) {
        match &self.end {
            Some(master) if self.terminal => {
                if let Some(character) = end_of_file(master) {
                    self.take(client, &[character]);
                }
            }
            _ => {
                self.ending = true;
                self.flush();
            }
        }
    }

    /// Writes what waits, as far as the container takes it.
    pub(super) fn flush(&mut self) {
        while let Some(mut piece) = self.waiting.pop_front() {
            piece.written += self.write(&piece.bytes[piece.written..]);
            if self.end.is_none() {
                return;
            }
            if piece.written < piece.bytes.len() {
                return self.waiting.push_front(piece);
            }
        }
        if self.ending {
            self.end = None;
        }
    }

    /// Writes until the container takes no more; how much that was.
    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut written = 0;
        while let Some(end) = self.end.as_ref().filter(|_| written < bytes.len()) {
            match rustix::io::write(end, &bytes[written..]) {
                Ok(n) => written += n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => self.close(),
            }
        }
        written
    }

    /// Nobody reads it any more.
    fn close(&mut self) {
        self.end = None;
        self.waiting.clear();
    }
}

/// The character that ends the input of a terminal, unless its reader has switched that off.
fn end_of_file(master: &OwnedFd) -> Option<u8> {
    let modes = tcgetattr(master).ok()?;
    modes.local_modes.contains(LocalModes::ICANON).then(|| modes.special_codes[SpecialCodeIndex::VEOF])
}
