//! The trees of a layer that all containers with the same map share.
//!
//! # Locks
//! Who uses a tree holds its directory's `flock` shared: a start, and from then on the container's monitor. A tree is taken away by
//! whoever has its lock exclusively, and moves to `tmp/` first; so who waits for the lock looks afterwards whether the name still
//! means the same directory.

use std::os::fd::OwnedFd;

use sys::{
    Dir, Failed,
    rustix::{
        fs::{FlockOperation, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, flock, fstat, futimens},
        io::Errno,
    },
};

use crate::{Store, draft::random_name, layout::wait, removal};

/// How many trees a layer has, unless more of them are in use. A person's options lead to one or two.
const MOST: usize = 8;

/// Takes a tree into use for as long as the descriptor is open; `None` if it is not there.
pub(super) fn take(home: &Dir, key: &str) -> Result<Option<OwnedFd>, Failed> {
    let failed = |call| move |errno| Failed::new(call, &home.path().join(key), errno);
    let tree = match home.open_at(key, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) {
        Err(missing) if missing.errno == Errno::NOENT => return Ok(None),
        tree => tree?,
    };
    wait(&tree, FlockOperation::LockShared).map_err(failed("flock"))?;
    let (held, named) = (fstat(&tree).map_err(failed("fstat"))?, home.stat(key));
    if !named.is_ok_and(|named| (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)) {
        return Ok(None);
    }
    // The one that was not used for the longest time is the first to go.
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    futimens(&tree, &Timestamps { last_access: now, last_modification: now }).map_err(failed("futimens"))?;
    Ok(Some(tree))
}

/// Removes trees that nobody uses, the least recently used first, until there are no more than [`MOST`].
pub(super) fn tidy(store: &Store, home: &Dir) -> Result<(), Failed> {
    let names = home.names()?;
    let Some(mut excess) = names.len().checked_sub(MOST).filter(|excess| *excess > 0) else { return Ok(()) };
    let mut trees: Vec<_> = names
        .iter()
        .filter_map(|name| {
            let stat = home.stat(name).ok()?;
            Some(((stat.st_mtime, stat.st_mtime_nsec), name.to_str()?))
        })
        .collect();
    trees.sort_unstable();
    for (_, name) in trees {
        if excess == 0 {
            break;
        }
        let Ok(tree) = home.open_at(name, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()) else { continue };
        if flock(&tree, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        let gone = random_name();
        home.rename(name, &store.tmp, &gone, false)?;
        removal::remove(&store.tmp, gone.as_ref())?;
        excess -= 1;
    }
    Ok(())
}
