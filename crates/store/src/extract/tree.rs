//! The directories of a layer while it is being unpacked.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use diag::Result;
use sys::{
    Dir, Failed,
    rustix::{
        fs::{AtFlags, FileType, Mode, OFlags, mkdirat, statat, unlinkat},
        io::Errno,
    },
};

use super::{
    attributes::{Attributes, Caller, Made, failed, give, make_opaque},
    name::{join, split},
    tally::Tally,
    walk::{Step, Walk},
};
use crate::archive::{refused, shown};

/// How much memory directories may take that wait for their attributes.
const WAITING: usize = 256 << 20;

/// The directories of a layer.
pub(super) struct Tree {
    root: Dir,
    /// The directory that was used last. Archives name a directory's entries one after the other.
    last: Option<(Vec<u8>, OwnedFd)>,
    /// What each directory gets in the end. `Dir`s that are in the layer are here, and no others.
    waiting: BTreeMap<Vec<u8>, Attributes>,
    /// Those of them that the archive does not mention.
    implied: BTreeSet<Vec<u8>>,
    weight: usize,
}

/// What a name stands for already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Present {
    Nothing,
    Dir,
    Whiteout,
    Symlink,
    Other,
}

impl Tree {
    /// An empty layer in `root`.
    pub(super) fn new(root: Dir) -> Tree {
        let waiting = BTreeMap::from([(Vec::new(), Attributes::implied())]);
        let implied = BTreeSet::from([Vec::new()]);
        Tree { root, last: None, waiting, implied, weight: 0 }
    }

    /// The name that an entry has once no link of this layer is on its way; what is missing of that way is made.
    pub(super) fn place(&mut self, name: Vec<u8>, entry: &[u8]) -> Result<Vec<u8>> {
        if name.is_empty() {
            return Ok(name);
        }
        let (parent, last) = split(&name);
        let real = self.way(parent, entry)?;
        Ok(if real == parent { name } else { join(&real, last) })
    }

    /// The same for a directory. The next [`Tree::dir`] costs nothing.
    pub(super) fn way(&mut self, name: &[u8], entry: &[u8]) -> Result<Vec<u8>> {
        self.dir(name, entry)?;
        Ok(self.last.as_ref().map_or(Vec::new(), |(real, _)| real.clone()))
    }

    /// The directory of this clean name; what is missing of it is made, and links are followed within the layer.
    pub(super) fn dir(&mut self, name: &[u8], entry: &[u8]) -> Result<BorrowedFd<'_>> {
        if self.last.as_ref().is_none_or(|(last, _)| last != name) {
            self.last = Some(match self.open(name) {
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => self.make_way(name, entry)?,
                opened => (name.to_vec(), opened.map_err(|errno| failed(entry, "openat2", errno))?),
            });
        }
        Ok(self.last.as_ref().map_or(self.root.as_fd(), |(_, fd)| fd.as_fd()))
    }

    /// A directory that is here, reached as [`Tree::dir`] reaches it; nothing is made. `None` if there is none.
    pub(super) fn find(&self, name: &[u8], entry: &[u8]) -> Result<Option<OwnedFd>> {
        match self.open(name) {
            Ok(fd) => return Ok(Some(fd)),
            Err(Errno::NOTDIR | Errno::LOOP) => {}
            Err(_) => return Ok(None),
        }
        let mut walk = Walk::new(self, name, entry)?;
        loop {
            match walk.step(self)? {
                Step::There => return Ok(Some(walk.fd)),
                Step::On => {}
                Step::Met(..) => return Ok(None),
            }
        }
    }

    /// A directory of the layer, reached through no symbolic link.
    pub(super) fn open(&self, name: &[u8]) -> Result<OwnedFd, Errno> {
        let path = if name.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(name)) };
        self.root.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()).map_err(|failed| failed.errno)
    }

    /// Makes a directory with its attributes. One that is there keeps its contents; anything else of that name goes.
    pub(super) fn make(&mut self, name: &[u8], entry: &[u8], attributes: Attributes) -> Result<()> {
        if !name.is_empty() {
            let (parent, last) = split(name);
            let dir = self.dir(parent, entry)?;
            match mkdirat(dir, last, Mode::RWXU) {
                Err(Errno::EXIST) => match present(dir, last).map_err(|errno| failed(entry, "fstatat", errno))? {
                    Present::Dir => {}
                    found => self.replace_by_dir(name, entry, found)?,
                },
                made => made.map_err(|errno| failed(entry, "mkdirat", errno))?,
            }
        }
        self.implied.remove(name);
        self.wait(name, entry, attributes)
    }

    /// Removes whatever has this name. The caller is about to make something else.
    pub(super) fn clear(&mut self, name: &[u8], entry: &[u8]) -> Result<()> {
        let (parent, last) = split(name);
        let dir = self.dir(parent, entry)?;
        match unlinkat(dir, last, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(errno) => return Err(failed(entry, "unlinkat", errno)),
        }
        let owned = dir
            .try_clone_to_owned()
            .map_err(|error| failed(entry, "dup", Errno::from_io_error(&error).unwrap_or(Errno::MFILE)))?;
        let removed = Dir::from_fd(owned, self.root.path()).remove_tree(OsStr::from_bytes(last));
        removed.map_err(|Failed { call, errno, .. }| failed(entry, call, errno))?;
        // Nobody has to wait for directories that are gone. What is below sorts right after `name/`.
        let below = [name, b"/"].concat();
        let gone: Vec<_> = self
            .waiting
            .range(below.clone()..)
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(&below))
            .cloned()
            .collect();
        for key in gone.iter().map(Vec::as_slice).chain([name]) {
            self.waiting.remove(key);
            self.implied.remove(key);
        }
        Ok(())
    }

    /// Gives every directory its attributes, the deepest first: afterwards those above may not even be searchable.
    /// The directories that the archive has not mentioned are returned.
    pub(super) fn finish(mut self, caller: Caller, tally: &mut Tally) -> Result<BTreeSet<Vec<u8>>> {
        self.last = None;
        while let Some((name, attributes)) = self.waiting.pop_last() {
            let fd = self.open(&name).map_err(|errno| failed(&name, "openat2", errno))?;
            give(fd.as_fd(), &name, &attributes, Made::Private, caller, tally)?;
        }
        Ok(self.implied)
    }

    /// Opens a directory step by step, making what is missing; its real name comes with it.
    fn make_way(&mut self, name: &[u8], entry: &[u8]) -> Result<(Vec<u8>, OwnedFd)> {
        let mut walk = Walk::new(self, name, entry)?;
        loop {
            match walk.step(self)? {
                Step::There => return Ok((walk.real, walk.fd)),
                Step::On => {}
                Step::Met(step, Present::Nothing) => {
                    mkdirat(&walk.fd, split(&step).1, Mode::RWXU).map_err(|errno| failed(entry, "mkdirat", errno))?;
                    self.imply(step, entry)?;
                }
                Step::Met(step, Present::Whiteout) => {
                    self.replace_by_dir(&step, entry, Present::Whiteout)?;
                    self.imply(step, entry)?;
                }
                Step::Met(step, _) => {
                    return Err(refused(entry, format!("lies below `{}`, which is not a directory", shown(&step))));
                }
            }
        }
    }

    /// Notes a directory that the archive has not mentioned so far.
    fn imply(&mut self, name: Vec<u8>, entry: &[u8]) -> Result<()> {
        self.wait(&name, entry, Attributes::implied())?;
        self.weight += name.len();
        self.implied.insert(name);
        Ok(())
    }

    /// Puts a directory in the place of something else. In the place of a whiteout it has to hide what the whiteout hid.
    fn replace_by_dir(&mut self, name: &[u8], entry: &[u8], found: Present) -> Result<()> {
        self.clear(name, entry)?;
        let (parent, last) = split(name);
        let dir = self.dir(parent, entry)?;
        mkdirat(dir, last, Mode::RWXU).map_err(|errno| failed(entry, "mkdirat", errno))?;
        if found == Present::Whiteout {
            let made = self.open(name).map_err(|errno| failed(entry, "openat2", errno))?;
            make_opaque(made, entry)?;
        }
        Ok(())
    }

    fn wait(&mut self, name: &[u8], entry: &[u8], attributes: Attributes) -> Result<()> {
        self.weight += name.len() + attributes.weight();
        if self.weight > WAITING {
            return Err(refused(entry, "is one of too many directories, or of directories with too many attributes"));
        }
        self.waiting.insert(name.to_vec(), attributes);
        Ok(())
    }
}

/// What is in a directory by this name.
pub(super) fn present(dir: BorrowedFd<'_>, last: &[u8]) -> Result<Present, Errno> {
    let stat = match statat(dir, last, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(Present::Nothing),
        stat => stat?,
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => Present::Dir,
        FileType::Symlink => Present::Symlink,
        FileType::CharacterDevice if stat.st_rdev == 0 => Present::Whiteout,
        _ => Present::Other,
    })
}
