//! Who brings a layer in: one process at a time, and nobody removes it under those who rely on it.
//!
//! # Locks
//! `tmp/layer-<hex>`, an empty file under `flock`. Exclusive: its holder brings the layer in, and others wait. Shared: the layer is
//! here, and its holder is about to record an image that needs it; the garbage collector leaves it alone.
//! Whoever claims several layers claims them in the order of their digests, one after another: so no two wait for each other.
//!
//! # After a crash
//! The kernel drops the locks. The files are swept with all others of `tmp/` that nobody holds. Who has locked one makes sure that
//! it still has its name, since the last holder removes it.

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use diag::{Error, Result, codes};
use sys::{
    Dir, Failed,
    rustix::{
        fs::{FlockOperation, Mode, OFlags, flock, fstat},
        io::Errno,
    },
};

use crate::{Digest, Store, draft, io};

/// How long to sleep between looks at a lock that somebody else has.
const LOOK: Duration = Duration::from_millis(25);

/// A claim on a layer, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    tmp: Dir,
    name: String,
    lock: OwnedFd,
}

/// What a claim has led to.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// The layer is here, and stays.
    Here(Claim),
    /// It is for the caller to bring in.
    Mine(Claim),
}

impl Claim {
    /// Waits until a layer is here or nobody else brings it in. `waiting` is called once if that takes time.
    pub(crate) fn layer(
        store: &Store,
        digest: &Digest,
        cancelled: &AtomicBool,
        waiting: impl FnOnce(),
    ) -> Result<Claimed> {
        let mut waiting = Some(waiting);
        loop {
            if let Some(claimed) = attempt(store, digest).map_err(io("a layer cannot be claimed"))? {
                return Ok(claimed);
            }
            if cancelled.load(Ordering::Relaxed) || sys::interruption::came().is_some() {
                return Err(Error::new(codes::UR0707, "waiting for a layer was given up"));
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            thread::sleep(LOOK);
        }
    }

    /// Claims a layer that is to be removed; `None` if somebody relies on it or brings it in. Who wants it meanwhile waits for the
    /// end of this claim: between a mere look and the removal somebody could find the layer here.
    pub(crate) fn to_remove(store: &Store, digest: &Digest) -> Result<Option<Claim>> {
        let claim = || -> Result<Option<Claim>, Failed> {
            let _quiet = draft::shared(&store.tmp)?;
            loop {
                let lock = store.tmp.open_at(name(digest), OFlags::RDWR | OFlags::CREATE, Mode::RUSR | Mode::WUSR)?;
                if !lock_now(store, &lock, FlockOperation::NonBlockingLockExclusive)? {
                    return Ok(None);
                }
                if has_name(store, &lock)? {
                    return Ok(Some(Claim { tmp: store.tmp.try_clone()?, name: name(digest), lock }));
                }
            }
        };
        claim().map_err(io("a layer cannot be claimed"))
    }
}

/// One try; `None` if somebody else is at it.
fn attempt(store: &Store, digest: &Digest) -> Result<Option<Claimed>, Failed> {
    // A sweeper removes a lock that nobody holds, so it must not look between the making and the locking.
    let _quiet = draft::shared(&store.tmp)?;
    let flags = OFlags::RDWR | OFlags::CREATE;
    let lock = store.tmp.open_at(name(digest), flags, Mode::RUSR | Mode::WUSR)?;
    if !lock_now(store, &lock, FlockOperation::NonBlockingLockShared)? || !has_name(store, &lock)? {
        return Ok(None);
    }
    if is_here(store, digest)? {
        let claim = Claim { tmp: store.tmp.try_clone()?, name: name(digest), lock };
        return Ok(Some(Claimed::Here(claim)));
    }
    if !lock_now(store, &lock, FlockOperation::NonBlockingLockExclusive)? || !has_name(store, &lock)? {
        return Ok(None);
    }
    let claim = Claim { tmp: store.tmp.try_clone()?, name: name(digest), lock };
    if !is_here(store, digest)? {
        return Ok(Some(Claimed::Mine(claim)));
    }
    let shared = lock_now(store, &claim.lock, FlockOperation::NonBlockingLockShared)?;
    Ok(shared.then_some(Claimed::Here(claim)))
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The last one out puts it away. If that does not work, the next sweep does it.
        if flock(&self.lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = self.tmp.remove_file(&self.name);
        }
    }
}

fn has_name(store: &Store, lock: &OwnedFd) -> Result<bool, Failed> {
    let stat = fstat(lock).map_err(|errno| Failed::new("fstat", store.tmp.path(), errno))?;
    Ok(stat.st_nlink > 0)
}

fn is_here(store: &Store, digest: &Digest) -> Result<bool, Failed> {
    match store.layers.dir(digest.hex()) {
        Err(failed) if failed.errno == Errno::NOENT => Ok(false),
        opened => opened.map(|_| true),
    }
}

fn lock_now(store: &Store, lock: &OwnedFd, how: FlockOperation) -> Result<bool, Failed> {
    match flock(lock, how) {
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(errno) => Err(Failed::new("flock", store.tmp.path(), errno)),
        Ok(()) => Ok(true),
    }
}

fn name(digest: &Digest) -> String {
    format!("layer-{}", digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn one_brings_it_in_and_others_wait() {
        let (_home, store) = testing::store();
        let digest = Digest::of("x");
        let claim = |store: &Store| attempt(store, &digest).unwrap();
        let mine = claim(&store);
        assert!(matches!(mine, Some(Claimed::Mine(_))));
        assert!(claim(&store).is_none());
        assert!(Claim::to_remove(&store, &digest).unwrap().is_none());
        // The sweep of another process leaves it alone.
        draft::sweep(&store.tmp);
        assert!(claim(&store).is_none());
        drop(mine);
        let removed = Claim::to_remove(&store, &digest).unwrap();
        assert!(removed.is_some() && claim(&store).is_none());
        drop(removed);
        assert!(matches!(claim(&store), Some(Claimed::Mine(_))));
    }

    #[test]
    fn what_is_here_is_shared() {
        let (_home, store) = testing::store();
        let digest = Digest::of("x");
        store.layers.make_dir(digest.hex(), 0o700).unwrap();
        let (one, two) = (attempt(&store, &digest).unwrap(), attempt(&store, &digest).unwrap());
        assert!(matches!((one, two), (Some(Claimed::Here(_)), Some(Claimed::Here(_)))));
    }

    #[test]
    fn waiting_can_be_given_up() {
        let (_home, store) = testing::store();
        let digest = Digest::of("x");
        let _mine = attempt(&store, &digest).unwrap();
        let mut told = false;
        let error = Claim::layer(&store, &digest, &AtomicBool::new(true), || told = true).unwrap_err();
        assert_eq!(error.code(), codes::UR0707);
        assert!(!told);
    }
}
