//! Removing trees that containers have made: as deep as they like, with any permissions, and still with few descriptors.
//!
//! A directory that lies too deep is moved up to `tmp/` and removed there: neither descriptors nor the stack grow with the depth.

use std::{collections::VecDeque, ffi::OsStr};

use sys::{
    Dir, Failed,
    rustix::{
        fs::{AtFlags, FileType, Mode, RenameFlags, chmodat, renameat_with, unlinkat},
        io::Errno,
    },
};

use crate::draft::random_name;

/// How deep directories are entered, at one descriptor each.
const DEPTH: usize = 64;

/// Removes an entry of `tmp` and everything below it, following no link. What is gone already is no failure.
pub(crate) fn remove(tmp: &Dir, name: &OsStr) -> Result<(), Failed> {
    let mut waiting = VecDeque::from([name.to_owned()]);
    while let Some(next) = waiting.pop_front() {
        Removal { tmp, waiting: &mut waiting }.entry(tmp, &next, 0)?;
    }
    Ok(())
}

struct Removal<'t> {
    tmp: &'t Dir,
    waiting: &'t mut VecDeque<std::ffi::OsString>,
}

impl Removal<'_> {
    fn entry(&mut self, parent: &Dir, name: &OsStr, depth: usize) -> Result<(), Failed> {
        let is_dir = match parent.stat(name) {
            Err(failed) if failed.errno == Errno::NOENT => return Ok(()),
            stat => FileType::from_raw_mode(stat?.st_mode) == FileType::Directory,
        };
        if !is_dir {
            return parent.remove_file(name);
        }
        if unlinkat(parent, name, AtFlags::REMOVEDIR).is_ok() {
            return Ok(());
        }
        open_up(parent, name)?;
        if depth == DEPTH {
            return self.move_up(parent, name);
        }
        let dir = parent.dir(name)?;
        for name in dir.names()? {
            self.entry(&dir, &name, depth + 1)?;
        }
        parent.remove_dir(name)
    }

    fn move_up(&mut self, parent: &Dir, name: &OsStr) -> Result<(), Failed> {
        let new = random_name();
        renameat_with(parent, name, self.tmp, &new, RenameFlags::NOREPLACE)
            .map_err(|errno| Failed::new("renameat2", &parent.path().join(name), errno))?;
        self.waiting.push_back(new.into());
        Ok(())
    }
}

/// An ordinary user's directory may lack the permissions that emptying and moving it need. It is his, so he can give them.
fn open_up(parent: &Dir, name: &OsStr) -> Result<(), Failed> {
    let stat = parent.stat(name)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory || stat.st_mode & 0o700 == 0o700 {
        return Ok(());
    }
    chmodat(parent, name, Mode::RWXU, AtFlags::empty())
        .map_err(|errno| Failed::new("fchmodat", &parent.path().join(name), errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    #[test]
    fn a_tree_deeper_than_there_are_descriptors_is_removed() {
        let (_home, store) = store();
        let mut dir = store.tmp.make_dir("deep", 0o700).unwrap();
        for _ in 0..3000 {
            // A path for messages that grows with the depth would make this test slow.
            let next = dir.make_dir("d", 0o700).unwrap();
            dir = Dir::from_fd(std::os::fd::AsFd::as_fd(&next).try_clone_to_owned().unwrap(), "d");
        }
        dir.write("file", b"x", 0o600).unwrap();
        remove(&store.tmp, OsStr::new("deep")).unwrap();
        assert!(store.tmp.names().unwrap().is_empty());
    }

    #[test]
    fn a_tree_without_permissions_and_with_links_is_removed() {
        let (home, store) = store();
        let top = store.tmp.make_dir("top", 0o700).unwrap();
        top.symlink("out", home.path().to_str().unwrap()).unwrap();
        let sub = top.make_dir("sub", 0o700).unwrap();
        sub.write("file", b"x", 0o000).unwrap();
        sys::rustix::fs::fchmod(&sub, Mode::empty()).unwrap();
        sys::rustix::fs::fchmod(&top, Mode::empty()).unwrap();
        remove(&store.tmp, OsStr::new("top")).unwrap();
        remove(&store.tmp, OsStr::new("top")).unwrap();
        assert!(store.tmp.names().unwrap().is_empty());
        assert!(store.root().has("version"));
    }
}
