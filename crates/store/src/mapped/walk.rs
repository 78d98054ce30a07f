//! Every entry of a tree, in the same order each time, with two descriptors however deep it is.
//!
//! The way back up is `..`, and is checked: the trees are the store's own, nobody else renames in them.

use std::{
    ffi::{CString, OsStr},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::PathBuf,
};

use sys::{
    Dir, Failed,
    rustix::{
        fs::{AtFlags, Dir as Entries, FileType, Mode, OFlags, Stat, fstat, openat, statat},
        io::Errno,
    },
};

/// How directories of a tree are opened.
pub(crate) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A call about the entry at hand that failed. The walk knows its path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub call: &'static str,
    pub errno: Errno,
}

/// Names the call that failed.
pub(crate) fn call(call: &'static str) -> impl FnOnce(Errno) -> Refused {
    move |errno| Refused { call, errno }
}

pub(crate) type Done<T = ()> = Result<T, Refused>;

/// An entry of a directory.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// The directory that it is in.
    pub parent: BorrowedFd<'a>,
    pub name: &'a CString,
    pub stat: &'a Stat,
}

/// Who looks at the entries.
pub(crate) trait Visitor {
    /// A directory, before what is in it.
    fn enter(&mut self, entry: Entry<'_>) -> Done;
    /// Anything that is no directory.
    fn node(&mut self, entry: Entry<'_>) -> Done;
    /// A directory, after what is in it; the root, too, as the last of all.
    fn leave(&mut self, dir: BorrowedFd<'_>, stat: &Stat) -> Done;
}

/// A directory on the way down to where the walk is.
struct Level {
    name: CString,
    stat: Stat,
    /// What is still to be seen in it.
    names: std::vec::IntoIter<CString>,
}

/// Shows a tree to a visitor: the entries of each directory sorted by name.
pub(crate) fn walk(root: &Dir, visitor: &mut impl Visitor) -> Result<(), Failed> {
    let mut levels = Vec::new();
    let walked = descend(root, visitor, &mut levels);
    walked.map_err(|(refused, last)| {
        let names = levels.iter().map(|level: &Level| &level.name).chain(&last);
        let path = names.fold(PathBuf::new(), |path, name| path.join(OsStr::from_bytes(name.to_bytes())));
        Failed::new(refused.call, &root.path().join(path), refused.errno)
    })
}

fn descend(root: &Dir, visitor: &mut impl Visitor, levels: &mut Vec<Level>) -> Result<(), (Refused, Option<CString>)> {
    let here = |refused| (refused, None);
    let mut dir = openat(root, ".", DIRECTORY, Mode::empty()).map_err(call("openat")).map_err(here)?;
    levels.push(Level::of(CString::default(), &dir).map_err(here)?);
    while let Some(level) = levels.last_mut() {
        let Some(name) = level.names.next() else {
            visitor.leave(dir.as_fd(), &level.stat).map_err(here)?;
            levels.pop();
            if let Some(above) = levels.last() {
                dir = up(&dir, &above.stat).map_err(here)?;
            }
            continue;
        };
        match step(&dir, &name, visitor) {
            Ok(None) => {}
            Ok(Some(below)) => {
                levels.push(Level::of(name, &below).map_err(here)?);
                dir = below;
            }
            Err(refused) => return Err((refused, Some(name))),
        }
    }
    Ok(())
}

/// One entry; the descriptor of a directory that is to be seen next.
fn step(dir: &OwnedFd, name: &CString, visitor: &mut impl Visitor) -> Done<Option<OwnedFd>> {
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(call("fstatat"))?;
    let entry = Entry { parent: dir.as_fd(), name, stat: &stat };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return visitor.node(entry).map(|()| None);
    }
    visitor.enter(entry)?;
    openat(dir, name, DIRECTORY, Mode::empty()).map(Some).map_err(call("openat"))
}

/// The directory above.
pub(crate) fn up(dir: &OwnedFd, above: &Stat) -> Done<OwnedFd> {
    let parent = openat(dir, "..", DIRECTORY, Mode::empty()).map_err(call("openat"))?;
    let found = fstat(&parent).map_err(call("fstat"))?;
    // Somebody has moved the directory.
    if (found.st_dev, found.st_ino) == (above.st_dev, above.st_ino) {
        Ok(parent)
    } else {
        Err(Refused { call: "openat", errno: Errno::STALE })
    }
}

impl Level {
    fn of(name: CString, dir: &OwnedFd) -> Done<Level> {
        let stat = fstat(dir).map_err(call("fstat"))?;
        let mut names = Vec::new();
        for entry in Entries::read_from(dir).map_err(call("getdents64"))? {
            let entry = entry.map_err(call("getdents64"))?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                names.push(entry.file_name().to_owned());
            }
        }
        names.sort_unstable();
        Ok(Level { name, stat, names: names.into_iter() })
    }
}
