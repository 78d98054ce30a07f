//! Leases of id ranges: who uses which slot of ids at the moment. Where there are no slots, sets of ids are leased ([`set`]).
//!
//! # On disk
//! `ids/<slot>` in the run root: a file for each slot that was ever used since boot, with the id of the container that holds it
//! or held it last. Files stay; what counts is the lock.
//!
//! # Locks
//! A slot is taken for as long as its file is under an exclusive `flock`. The lock belongs to the open file description, so a
//! monitor that inherits the descriptor holds the lease for as long as it or its container's init lives.
//!
//! # After a crash
//! The kernel drops the lock with the last holder: no lease outlives its container, and none has to be swept.

mod set;

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::Path,
};

use diag::Result;
use sys::{
    Failed,
    rustix::{
        fs::{FlockOperation, Mode, OFlags, flock, ftruncate},
        io::{Errno, FdFlags, fcntl_setfd, pwrite},
    },
};

pub use set::{HeldIds, IdsLock};

use crate::{Store, io};

/// The longest text in a slot's file that is looked at.
const HOLDER_LIMIT: usize = 4096;

/// Ids that are ours until the last descriptor of this lease is closed.
#[derive(Debug)]
#[must_use = "the ids are free again at once"]
pub struct Lease {
    file: OwnedFd,
}

/// A slot that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which slot.
    pub slot: u32,
    /// Who: the text given to [`Store::try_lease`]. Empty in the instant before the new holder has written it.
    pub holder: String,
}

impl Lease {
    /// Lets programs that are executed from now on inherit the lease.
    pub fn inherit(&self) -> Result<()> {
        fcntl_setfd(&self.file, FdFlags::empty())
            .map_err(|errno| io("a lease cannot be handed over")(Failed::new("fcntl", Path::new("lease"), errno)))
    }

    /// The descriptor; the lease lasts for as long as it or a duplicate of it is open.
    pub fn into_fd(self) -> OwnedFd {
        self.file
    }
}

impl AsFd for Lease {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Store {
    /// Takes a slot for `holder` (a container's id); `None` if somebody has it.
    ///
    /// While someone lists the leases, a free slot may look taken for a moment: callers go on to the next one.
    pub fn try_lease(&self, slot: u32, holder: &str) -> Result<Option<Lease>> {
        let name = slot.to_string();
        let failed = |call, errno| {
            io(format!("slot {slot} cannot be leased"))(Failed::new(call, &self.ids.path().join(&name), errno))
        };
        let flags = OFlags::RDWR | OFlags::CREATE;
        let file = self
            .ids
            .open_at(&name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(io(format!("slot {slot} cannot be leased")))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Ok(None),
            locked => locked.map_err(|errno| failed("flock", errno))?,
        }
        ftruncate(&file, 0).map_err(|errno| failed("ftruncate", errno))?;
        pwrite(&file, holder.as_bytes(), 0).map_err(|errno| failed("pwrite", errno))?;
        Ok(Some(Lease { file }))
    }

    /// All slots that somebody holds, in the order of their numbers.
    pub fn leases(&self) -> Result<Vec<Held>> {
        let names = self.ids.names().map_err(io("the leases cannot be listed"))?;
        let mut held = Vec::new();
        for slot in names.iter().filter_map(|name| name.to_str()?.parse().ok()) {
            held.extend(self.holder(slot)?.map(|holder| Held { slot, holder }));
        }
        held.sort_by_key(|held| held.slot);
        Ok(held)
    }

    /// Who holds a slot.
    fn holder(&self, slot: u32) -> Result<Option<String>> {
        let name = slot.to_string();
        let file = self
            .ids
            .open_at(&name, OFlags::RDONLY, Mode::empty())
            .map_err(io(format!("slot {slot} cannot be seen")))?;
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(None),
            Err(Errno::WOULDBLOCK) => {
                self.ids.read_text(&name, HOLDER_LIMIT).map(Some).map_err(io(format!("slot {slot} cannot be read")))
            }
            Err(errno) => Err(io(format!("slot {slot} cannot be seen"))(Failed::new(
                "flock",
                &self.ids.path().join(&name),
                errno,
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::store;

    #[test]
    fn a_slot_has_one_holder_at_a_time() {
        let (_home, store) = store();
        let lease = store.try_lease(7, "first").unwrap().unwrap();
        assert!(store.try_lease(7, "second").unwrap().is_none());
        assert_eq!(store.leases().unwrap(), [super::Held { slot: 7, holder: "first".into() }]);
        drop(lease);
        assert!(store.leases().unwrap().is_empty());
        assert!(store.try_lease(7, "second").unwrap().is_some());
    }

    #[test]
    fn a_shorter_holder_leaves_nothing_of_the_longer_one() {
        let (_home, store) = store();
        drop(store.try_lease(1, "a-long-holder").unwrap());
        let _lease = store.try_lease(1, "b").unwrap().unwrap();
        assert_eq!(store.leases().unwrap()[0].holder, "b");
    }

    #[test]
    fn an_inherited_descriptor_keeps_the_slot() {
        let (_home, store) = store();
        let lease = store.try_lease(3, "x").unwrap().unwrap();
        lease.inherit().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        drop(lease);
        assert!(store.try_lease(3, "y").unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        // A program that another test has started meanwhile may have inherited it too, for an instant.
        let soon = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            store.try_lease(3, "y").unwrap().is_some()
        });
        assert!(soon);
    }

    #[test]
    fn leases_are_listed_in_the_order_of_their_numbers() {
        let (_home, store) = store();
        let held: Vec<_> = [10, 2, 33].into_iter().map(|slot| store.try_lease(slot, "x").unwrap().unwrap()).collect();
        let listed: Vec<u32> = store.leases().unwrap().into_iter().map(|held| held.slot).collect();
        assert_eq!(listed, [2, 10, 33]);
        drop(held);
    }
}
