//! Copies what an overlay of directories would show, without mounting one.
//!
//! On each level the directories of one name are a stack, the uppermost first: it ends at a whiteout, at what is no directory, and
//! below an opaque directory. Depth is bounded: each level holds as many descriptors as there are layers, and one.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsString,
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use idmap::IdMap;
use sys::{
    Dir, Failed,
    rustix::{
        fs::{AtFlags, FileType, Stat, fgetxattr, fremovexattr, linkat},
        io::Errno,
    },
};

use super::contents::{Copier, settle};

/// How deep directories may lie; 64 levels of 128 layers are within the usual hard limit of descriptors.
const DEPTH: usize = 256;

const OPAQUE: [&str; 2] = ["user.overlay.opaque", "trusted.overlay.opaque"];

/// One copy.
pub(super) struct Merge<'a> {
    root: &'a Dir,
    copier: Copier,
    /// Where inodes with several names were made.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl<'a> Merge<'a> {
    /// Into an empty directory. `current` is the map of this process's user namespace.
    pub(super) fn new(root: &'a Dir, current: &IdMap) -> Merge<'a> {
        Merge { root, copier: Copier::new(current), linked: HashMap::new() }
    }

    /// Everything below a stack of directories; the root keeps its own owner and mode.
    pub(super) fn all(&mut self, stack: &[Dir]) -> Result<(), Failed> {
        let root = self.root.try_clone()?;
        self.level(stack, &root, Path::new(""), 0)?;
        match stack.first() {
            Some(top) => self.attributes(top, &root),
            None => Ok(()),
        }
    }

    fn level(&mut self, stack: &[Dir], to: &Dir, path: &Path, depth: usize) -> Result<(), Failed> {
        if depth > DEPTH {
            return Err(Failed::new("openat2", to.path(), Errno::NAMETOOLONG));
        }
        let mut names = BTreeSet::new();
        for dir in stack {
            names.extend(dir.names()?);
        }
        names.into_iter().try_for_each(|name| self.entry(stack, &name, to, path, depth))
    }

    fn entry(&mut self, stack: &[Dir], name: &OsString, to: &Dir, path: &Path, depth: usize) -> Result<(), Failed> {
        let here = path.join(name);
        match look(stack, name)? {
            Seen::Nothing => Ok(()),
            Seen::Dirs(dirs, stat) => {
                let new = to.make_dir(name, 0o700)?;
                self.level(&dirs, &new, &here, depth + 1)?;
                if let Some(top) = dirs.first() {
                    self.attributes(top, &new)?;
                }
                settle(&new, &stat)
            }
            Seen::Other(index, stat) => {
                if self.link(&stat, to, name, &here)? {
                    return Ok(());
                }
                self.copier.copy(&stack[index], to, name, &stat)
            }
        }
    }

    /// Gives an inode that was copied already another name.
    fn link(&mut self, stat: &Stat, to: &Dir, name: &OsString, here: &Path) -> Result<bool, Failed> {
        if stat.st_nlink < 2 {
            return Ok(false);
        }
        let Some(first) = self.linked.get(&(stat.st_dev, stat.st_ino)) else {
            self.linked.insert((stat.st_dev, stat.st_ino), here.to_owned());
            return Ok(false);
        };
        match linkat(self.root, first, to, name, AtFlags::empty()) {
            // Then it has to be an inode of its own.
            Err(Errno::NAMETOOLONG | Errno::MLINK) => Ok(false),
            linked => linked.map(|()| true).map_err(|errno| Failed::new("linkat", &to.path().join(name), errno)),
        }
    }

    fn attributes(&mut self, from: &Dir, to: &Dir) -> Result<(), Failed> {
        self.copier.attributes(from, to)?;
        for name in OPAQUE {
            // It speaks of the layer; most directories do not have it.
            let _ = fremovexattr(to.as_fd(), name);
        }
        Ok(())
    }
}

/// What a stack shows under one name.
enum Seen {
    Nothing,
    Dirs(Vec<Dir>, Stat),
    /// The directory that has it, as an index, and its attributes.
    Other(usize, Stat),
}

fn look(stack: &[Dir], name: &OsString) -> Result<Seen, Failed> {
    let mut found: Option<(Vec<Dir>, Stat)> = None;
    for (index, dir) in stack.iter().enumerate() {
        let stat = match dir.stat(name) {
            Err(failed) if failed.errno == Errno::NOENT => continue,
            stat => stat?,
        };
        match (FileType::from_raw_mode(stat.st_mode), &mut found) {
            (FileType::Directory, _) => {
                let own = dir.dir(name)?;
                let opaque = is_opaque(&own);
                found.get_or_insert_with(|| (Vec::new(), stat)).0.push(own);
                if opaque {
                    break;
                }
            }
            (FileType::CharacterDevice, _) if stat.st_rdev == 0 => break,
            (_, Some(_)) => break,
            (_, None) => return Ok(Seen::Other(index, stat)),
        }
    }
    Ok(found.map_or(Seen::Nothing, |(dirs, stat)| Seen::Dirs(dirs, stat)))
}

fn is_opaque(dir: &Dir) -> bool {
    let mut value = [0; 8];
    OPAQUE.iter().any(|name| fgetxattr(dir, *name, &mut value).is_ok_and(|length| value[..length] == *b"y"))
}
