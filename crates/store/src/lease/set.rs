//! Leases of sets of ids: where there are no slots to give, each container holds the very ids that it was given.
//!
//! # On disk
//! `ids/<container id>` in the run root: JSON, a [`HeldIds`].
//!
//! # Locks
//! A file counts for as long as somebody has it under an exclusive `flock`, as a slot's does. `ids/lock` is held exclusively while
//! anybody looks at these files or makes one: so what was free when it was chosen is free when it is taken, and nobody is disturbed
//! by somebody else's look.
//!
//! # After a crash
//! A file that nobody holds is removed by the next who looks.

use std::{
    os::fd::OwnedFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use diag::Result;
use idmap::{IdSet, Kind};
use serde::{Deserialize, Serialize};
use sys::{
    Failed,
    rustix::{
        fs::{FlockOperation, Mode, OFlags, flock, ftruncate},
        io::{Errno, pwrite},
    },
};

use super::Lease;
use crate::{Store, io, layout::wait};

/// The lock's name. No container's id is so short.
const LOCK: &str = "lock";

/// The longest file that is looked at: a set may have a few hundred ranges.
const LIMIT: usize = 64 * 1024;

/// Who holds which ids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldIds {
    /// The container's id.
    pub holder: String,
    /// Its name.
    pub name: String,
    /// Since when: seconds since the epoch.
    pub since: u64,
    /// The uids, as the host knows them.
    pub uids: IdSet,
    /// The gids.
    pub gids: IdSet,
}

impl HeldIds {
    /// A lease from now on.
    pub fn new(holder: &str, name: &str, uids: IdSet, gids: IdSet) -> HeldIds {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        HeldIds { holder: holder.to_owned(), name: name.to_owned(), since, uids, gids }
    }

    /// The ids of one kind.
    pub fn get(&self, kind: Kind) -> &IdSet {
        match kind {
            Kind::Uid => &self.uids,
            Kind::Gid => &self.gids,
        }
    }
}

/// The lock on all sets of ids: while it lives, nobody else takes any.
#[derive(Debug)]
#[must_use = "others may take ids at once"]
pub struct IdsLock<'a> {
    store: &'a Store,
    _file: OwnedFd,
}

impl Store {
    /// Waits until nobody chooses ids, and keeps it so.
    pub fn lock_ids(&self) -> Result<IdsLock<'_>> {
        let flags = OFlags::RDWR | OFlags::CREATE;
        let what = "the leases cannot be locked";
        let file = self.ids.open_at(LOCK, flags, Mode::RUSR | Mode::WUSR).map_err(io(what))?;
        wait(&file, FlockOperation::LockExclusive)
            .map_err(|errno| io(what)(Failed::new("flock", &self.ids.path().join(LOCK), errno)))?;
        Ok(IdsLock { store: self, _file: file })
    }
}

impl IdsLock<'_> {
    /// All sets that somebody holds, by the names of their holders. Files that nobody holds are removed.
    pub fn held(&self) -> Result<Vec<HeldIds>> {
        let names = self.store.ids.names().map_err(io("the leases cannot be listed"))?;
        let mut held = Vec::new();
        for name in names.iter().filter_map(|name| name.to_str()) {
            if name != LOCK && name.parse::<u32>().is_err() {
                held.extend(self.one(name)?);
            }
        }
        held.sort_by(|a: &HeldIds, b| (&a.name, &a.holder).cmp(&(&b.name, &b.holder)));
        Ok(held)
    }

    fn one(&self, name: &str) -> Result<Option<HeldIds>> {
        let ids = &self.store.ids;
        let failed = |call, errno| broken(name)(Failed::new(call, &ids.path().join(name), errno));
        let file = match ids.open_at(name, OFlags::RDONLY, Mode::empty()) {
            Err(failed) if failed.errno == Errno::NOENT => return Ok(None),
            opened => opened.map_err(broken(name))?,
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => ids.remove_file(name).map(|()| None).map_err(broken(name)),
            Err(Errno::WOULDBLOCK) => {
                let text = ids.read(name, LIMIT).map_err(broken(name))?;
                serde_json::from_slice(&text).map(Some).map_err(|error| failed("read", Errno::BADMSG).words(error))
            }
            Err(errno) => Err(failed("flock", errno)),
        }
    }

    /// Takes ids and gives the lock back. Whether they are free is the caller's to know, from [`IdsLock::held`].
    pub fn take(self, wanted: &HeldIds) -> Result<Lease> {
        let (ids, name) = (&self.store.ids, wanted.holder.as_str());
        let failed = |call, errno| broken(name)(Failed::new(call, &ids.path().join(name), errno));
        let text = serde_json::to_vec(wanted).map_err(|error| failed("write", Errno::INVAL).words(error))?;
        let flags = OFlags::RDWR | OFlags::CREATE;
        let file = ids.open_at(name, flags, Mode::RUSR | Mode::WUSR).map_err(broken(name))?;
        lock_soon(&file).map_err(|errno| failed("flock", errno))?;
        ftruncate(&file, 0).map_err(|errno| failed("ftruncate", errno))?;
        let mut at = 0;
        while at < text.len() {
            at += pwrite(&file, &text[at..], at as u64).map_err(|errno| failed("pwrite", errno))?;
        }
        Ok(Lease { file })
    }
}

/// A container that is started again may find its last monitor just letting go.
fn lock_soon(file: &OwnedFd) -> std::result::Result<(), Errno> {
    for _ in 0..400 {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::sleep(Duration::from_millis(5)),
            done => return done,
        }
    }
    Err(Errno::WOULDBLOCK)
}

fn broken(name: &str) -> impl Fn(Failed) -> diag::Error {
    move |failed| {
        let short = name.get(..12).unwrap_or(name);
        io(format!("the ids of container {short} cannot be kept"))(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    fn ids(holder: &str, uids: &str) -> HeldIds {
        HeldIds::new(holder, &format!("name-of-{holder}"), uids.parse().unwrap(), "5-9".parse().unwrap())
    }

    fn held(store: &Store) -> Vec<(String, String)> {
        let held = store.lock_ids().unwrap().held().unwrap();
        held.into_iter().map(|held| (held.holder, held.uids.to_string())).collect()
    }

    #[test]
    fn held_while_the_lease_lives() {
        let (_home, store) = store();
        let _slot = store.try_lease(7, "root's").unwrap().unwrap();
        let first = store.lock_ids().unwrap().take(&ids("aaa", "100-199,65534")).unwrap();
        let second = store.lock_ids().unwrap().take(&ids("bbb", "200-299")).unwrap();
        let expected = [("aaa".to_owned(), "100-199,65534".to_owned()), ("bbb".to_owned(), "200-299".to_owned())];
        assert_eq!(held(&store), expected);
        assert_eq!(store.leases().unwrap().len(), 1);
        drop(first);
        assert_eq!(held(&store), expected[1..]);
        assert!(!store.ids.has("aaa"), "the stale file is gone");
        drop(second);
        assert!(held(&store).is_empty());
    }

    #[test]
    fn a_holder_may_take_again_what_is_shorter() {
        let (_home, store) = store();
        drop(store.lock_ids().unwrap().take(&ids("aaa", "1-3,7-9,11-13,100-200")).unwrap());
        let _lease = store.lock_ids().unwrap().take(&ids("aaa", "1")).unwrap();
        assert_eq!(held(&store), [("aaa".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_file_that_is_held_and_broken_is_no_empty_set() {
        let (home, store) = store();
        let _lease = store.lock_ids().unwrap().take(&ids("aaa", "1")).unwrap();
        let ids = sys::Dir::open(home.path().join("run/ids")).unwrap();
        let file = ids.open_at("aaa", OFlags::WRONLY, Mode::empty()).unwrap();
        ftruncate(&file, 1).unwrap();
        assert!(store.lock_ids().unwrap().held().is_err());
    }

    #[test]
    fn one_after_the_other() {
        let (home, store) = store();
        let lock = store.lock_ids().unwrap();
        let other = Store::open(&home.path().join("root"), &home.path().join("run")).unwrap();
        let waiting = std::thread::spawn(move || other.lock_ids().unwrap().held().unwrap().len());
        std::thread::sleep(std::time::Duration::from_millis(30));
        let _lease = lock.take(&ids("aaa", "1")).unwrap();
        assert_eq!(waiting.join().unwrap(), 1);
    }
}
