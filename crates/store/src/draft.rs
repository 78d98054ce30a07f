//! What is being written: an entry of `tmp/` that nobody sees yet.
//!
//! # Locks
//! Each entry is under the `flock` of its writer. A sweeper removes entries whose lock it can take. So that it cannot take
//! one between the making and the locking, writers make entries while they hold `tmp/` itself shared, and the sweeper
//! holds it exclusively (and does not wait: somebody else will sweep).
//!
//! # After a crash
//! The kernel has dropped the locks; the next sweep removes the remains. Nothing in `tmp/` is ever read again.

use std::os::fd::{AsFd, OwnedFd};

use diag::Result;
use sys::{
    Dir, Failed,
    rustix::{
        fs::{FlockOperation, Mode, OFlags, flock},
        io::{Errno, fcntl_dupfd_cloexec},
        rand::{GetRandomFlags, getrandom},
    },
};

use crate::{Store, io, layout::wait, removal};

/// An entry of `tmp/`. It is removed with the value, unless it was published.
#[derive(Debug)]
pub(crate) struct Draft {
    tmp: Dir,
    name: String,
    settled: bool,
    /// Only to be held.
    lock: OwnedFd,
}

impl Draft {
    /// A new, empty directory, for its owner alone.
    pub(crate) fn dir(store: &Store) -> Result<(Draft, Dir)> {
        Draft::dir_in(&store.tmp).map_err(io("a directory to work in cannot be made"))
    }

    /// A new, empty file, for its owner alone, open for reading and writing.
    pub(crate) fn file(store: &Store) -> Result<(Draft, OwnedFd)> {
        Draft::file_in(&store.tmp).map_err(io("a file to work in cannot be made"))
    }

    /// Takes an entry away from where it is published, so that it can be removed at leisure.
    pub(crate) fn withdraw(store: &Store, from: &Dir, name: &str) -> Result<Draft, Failed> {
        let _quiet = shared(&store.tmp)?;
        let new = random_name();
        let lock = from.open_at(name, OFlags::RDONLY, Mode::empty())?;
        from.rename(name, &store.tmp, &new, false)?;
        Draft::held(&store.tmp, new, lock)
    }

    /// Moves it to where everybody sees it; `false` if the name is taken, which leaves what is there alone.
    pub(crate) fn publish(mut self, to: &Dir, name: &str) -> Result<bool, Failed> {
        match self.tmp.rename(&self.name, to, name, false) {
            Err(failed) if matches!(failed.errno, Errno::EXIST | Errno::NOTEMPTY) => Ok(false),
            moved => moved.map(|()| {
                self.settled = true;
                true
            }),
        }
    }

    /// The directory that it is.
    pub(crate) fn open(&self) -> Result<Dir, Failed> {
        self.tmp.dir(&self.name)
    }

    /// Removes it now, and says so if that does not work.
    pub(crate) fn remove(mut self) -> Result<(), Failed> {
        self.settled = true;
        removal::remove(&self.tmp, self.name.as_ref())
    }

    fn dir_in(tmp: &Dir) -> Result<(Draft, Dir), Failed> {
        let _quiet = shared(tmp)?;
        let name = random_name();
        let dir = tmp.make_dir(&name, 0o700)?;
        let lock = fcntl_dupfd_cloexec(&dir, 0).map_err(|errno| Failed::new("dup", dir.path(), errno))?;
        Ok((Draft::held(tmp, name, lock)?, dir))
    }

    fn file_in(tmp: &Dir) -> Result<(Draft, OwnedFd), Failed> {
        let _quiet = shared(tmp)?;
        let name = random_name();
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        let file = tmp.open_at(&name, flags, Mode::RUSR | Mode::WUSR)?;
        let lock = fcntl_dupfd_cloexec(&file, 0).map_err(|errno| Failed::new("dup", &tmp.path().join(&name), errno))?;
        Ok((Draft::held(tmp, name, lock)?, file))
    }

    fn held(tmp: &Dir, name: String, lock: OwnedFd) -> Result<Draft, Failed> {
        let draft = Draft { tmp: tmp.try_clone()?, name, settled: false, lock };
        flock(draft.lock.as_fd(), FlockOperation::NonBlockingLockExclusive)
            .map_err(|errno| Failed::new("flock", &tmp.path().join(&draft.name), errno))?;
        Ok(draft)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.settled {
            // What cannot be removed now is left to the next sweep.
            let _ = removal::remove(&self.tmp, self.name.as_ref());
        }
    }
}

/// Removes what writers that have died left behind. A sweep that does not succeed does no harm: the next one may.
pub(crate) fn sweep(tmp: &Dir) {
    let Ok(own) = tmp.dir(".") else { return };
    if flock(&own, FlockOperation::NonBlockingLockExclusive).is_err() {
        return;
    }
    for name in own.names().unwrap_or_default() {
        // Something that cannot even be opened has no lock: it is not a directory or a file of ours.
        let opened = own.open_at(&name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty());
        let held =
            opened.is_ok_and(|entry| flock(&entry, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK));
        if !held {
            let _ = removal::remove(&own, &name);
        }
    }
}

/// Keeps the sweeper away for as long as the value lives.
pub(crate) fn shared(tmp: &Dir) -> Result<Dir, Failed> {
    // A descriptor of its own: a lock belongs to the open file, and `tmp` is used by everyone.
    let own = tmp.dir(".")?;
    wait(&own, FlockOperation::LockShared).map_err(|errno| Failed::new("flock", tmp.path(), errno))?;
    Ok(own)
}

/// 32 hexadecimal digits that nobody else has.
pub(crate) fn random_name() -> String {
    hex(&random::<16>())
}

/// Random bytes from the kernel.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        // The call fails for no other reason than a signal, as the kernel has had its entropy since boot.
        filled += getrandom(&mut bytes[filled..], GetRandomFlags::empty()).unwrap_or(0);
    }
    bytes
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
