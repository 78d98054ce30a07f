//! What trees take on the disk, and what is left of it.

use std::{collections::HashSet, os::fd::BorrowedFd};

use diag::Result;
use sys::{
    Dir, Failed,
    rustix::{
        fs::{Stat, statvfs},
        io::Errno,
    },
};

use crate::{
    Store, io,
    mapped::walk::{Done, Entry, Visitor, walk},
};

/// What a tree takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on the disk: holes do not count, and a file with several names counts once.
    pub bytes: u64,
    /// Inodes.
    pub files: u64,
}

/// What is left of the store's file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that this user may still fill.
    pub free: u64,
    /// Bytes of all of it.
    pub total: u64,
    /// Inodes that can still be made; `None` where the file system does not count them.
    pub free_inodes: Option<u64>,
}

impl Usage {
    /// Adds up a tree. What vanishes meanwhile is not counted: a container may be at work in it.
    pub fn of(dir: &Dir) -> Result<Usage> {
        for _ in 0..TRIES {
            let mut sum = Sum::default();
            match walk(dir, &mut sum) {
                Err(failed) if matches!(failed.errno, Errno::NOENT | Errno::STALE | Errno::NOTDIR) => {}
                walked => return walked.map(|()| sum.usage).map_err(io("what a directory takes cannot be found out")),
            }
        }
        Ok(Usage::default())
    }
}

/// How often a tree is looked at that changes all the time.
const TRIES: usize = 10;

#[derive(Default)]
struct Sum {
    usage: Usage,
    seen: HashSet<(u64, u64)>,
}

impl Sum {
    fn add(&mut self, stat: &Stat) {
        if stat.st_nlink > 1 && !self.seen.insert((stat.st_dev, stat.st_ino)) {
            return;
        }
        // `st_blocks` counts in units of 512 bytes, whatever the file system's own are.
        self.usage.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
        self.usage.files += 1;
    }
}

impl Visitor for Sum {
    fn enter(&mut self, _: Entry<'_>) -> Done {
        Ok(())
    }

    fn node(&mut self, entry: Entry<'_>) -> Done {
        self.add(entry.stat);
        Ok(())
    }

    fn leave(&mut self, _: BorrowedFd<'_>, stat: &Stat) -> Done {
        self.usage.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
        self.usage.files += 1;
        Ok(())
    }
}

impl Store {
    /// What is left of the store's file system.
    pub fn space(&self) -> Result<Space> {
        let found = statvfs(self.root.path()).map_err(|errno| {
            io("the store's file system cannot be seen")(Failed::new("statvfs", self.root.path(), errno))
        })?;
        Ok(Space {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            total: found.f_blocks.saturating_mul(found.f_frsize),
            free_inodes: (found.f_files > 0).then_some(found.f_favail),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests stand outside of the store")]
    fn a_file_with_two_names_counts_once() {
        let (home, store) = store();
        let dir = store.tmp.make_dir("x", 0o700).unwrap();
        dir.write("one", &[1; 10_000], 0o600).unwrap();
        let before = Usage::of(&dir).unwrap();
        std::fs::hard_link(home.path().join("root/tmp/x/one"), home.path().join("root/tmp/x/two")).unwrap();
        assert_eq!(Usage::of(&dir).unwrap(), before);
        assert_eq!(before.files, 2);
        dir.make_dir("sub", 0o700).unwrap();
        assert_eq!(Usage::of(&dir).unwrap().files, 3);
        let space = store.space().unwrap();
        assert!(space.free <= space.total && space.total > 0);
    }
}
