//! The child's table of open mounts and streams.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;

use super::{Done, Fault};
use crate::step::Slot;

/// Descriptors by the numbers that the plan gave them.
#[derive(Debug, Default)]
pub struct Slots {
    table: Vec<Option<OwnedFd>>,
    terminal: Option<OwnedFd>,
}

impl Slots {
    /// The descriptors that are open before the clone.
    pub fn new(table: Vec<Option<OwnedFd>>) -> Slots {
        Slots { table, terminal: None }
    }

    /// The numbers of all open descriptors.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = RawFd> {
        self.table.iter().flatten().map(AsRawFd::as_raw_fd)
    }

    /// Puts a descriptor in.
    pub(crate) fn put(&mut self, slot: Slot, fd: OwnedFd) {
        if self.table.len() <= slot.0 {
            self.table.resize_with(slot.0 + 1, || None);
        }
        self.table[slot.0] = Some(fd);
    }

    /// Puts the mount in that came over the wire.
    pub(crate) fn fill(&mut self, slot: Option<Slot>, descriptors: Vec<OwnedFd>) {
        for (slot, fd) in slot.into_iter().zip(descriptors) {
            self.put(slot, fd);
        }
    }

    /// Borrows a descriptor.
    pub(crate) fn get(&self, slot: Slot) -> Done<BorrowedFd<'_>> {
        let fd = self.table.get(slot.0).and_then(Option::as_ref);
        fd.map(AsFd::as_fd).ok_or_else(|| Fault::new(format!("slot {}", slot.0), Errno::BADF))
    }

    /// Takes a descriptor out.
    pub(crate) fn take(&mut self, slot: Slot) -> Done<OwnedFd> {
        let fd = self.table.get_mut(slot.0).and_then(Option::take);
        fd.ok_or_else(|| Fault::new(format!("slot {}", slot.0), Errno::BADF))
    }

    /// Keeps the master of the terminal until it can be handed over.
    pub(crate) fn keep_terminal(&mut self, master: OwnedFd) {
        self.terminal = Some(master);
    }

    /// Hands the master of the terminal over.
    pub(crate) fn take_terminal(&mut self) -> Option<OwnedFd> {
        self.terminal.take()
    }
}
