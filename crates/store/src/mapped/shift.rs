//! Changing the owners in a container's `upper/` from those of one map to those of another.
//!
//! # Theory of operation
//! A change of owners that is interrupted cannot be told from one that was not begun, since the ranges of two maps may overlap. So all of it
//! is decided first: the record ([`super::owners`]) gets the new map and, for each inode that has to change, what it is to have in the
//! end. From then on the record is the truth, and to do what it says is the same however often it is done. At last the list goes.
//!
//! An inode's ids that the new map leaves out become nobody's, and are noted: a later map may have them again.
//!
//! # Locks
//! The container is locked by whoever starts it, and does not run.
//!
//! # After a crash
//! A record with a list is one whose work is not done: the next start does it, all of it, and then goes on from there. The list is on the
//! disk before the first inode changes. A record that is unreadable can then only be that of a container that never
//! ran, whose `upper/` is empty: it is begun anew.

use std::{
    collections::BTreeMap,
    ffi::CString,
    os::fd::{AsFd, BorrowedFd},
};

use diag::Result;
use idmap::{IdMap, Kind};
use sys::{
    Dir, Failed,
    rustix::{
        fs::{AtFlags, FileType, Gid, Mode, Stat, Uid, XattrFlags, chmodat, chownat, fchmod, fchown, fsetxattr},
        io::Errno,
    },
};

use super::{
    Mapping, data, failed,
    owners::{Aside, Inode, Owners, Written},
    translation::Translation,
    walk::{Done, Entry, Refused, Visitor, call, walk},
    xattrs::Xattrs,
};
use crate::{Container, RootDir, io};

/// The directory that the overlay writes to.
const UPPER: &str = "upper";

impl Container {
    /// Gives the inodes in `upper/` the owners that a map asks for; `root` is what its root directory begins with. The caller has
    /// locked the container, and it does not run.
    ///
    /// Errors: UR0302 as for [`crate::Store::map_layers`]; UR0707 and UR0711 for the disk.
    pub fn own_upper(&self, root: RootDir, mapping: &Mapping<'_>) -> Result<()> {
        let what = || format!("the owners of the files of container {} cannot be changed", self.id().short());
        let upper = self.dir().dir(UPPER).map_err(io(what()))?;
        own(&upper, self.dir(), root, mapping, &what)
    }
}

/// Gives the inodes in `files` the owners that a map asks for, with the record in `home`; as [`Container::own_upper`], also for others'
/// files.
pub(crate) fn own(
    files: &Dir,
    home: &Dir,
    root: RootDir,
    mapping: &Mapping<'_>,
    what: &dyn Fn() -> String,
) -> Result<()> {
    let mut owners = match Owners::read(home) {
        Err(error) => begin_anew(files, root).map_err(io(what()))?.ok_or(error)?,
        owners => owners?,
    };
    finish(files, home, &mut owners, what)?;
    let wanted = (!is_canonical(mapping.map)).then_some(mapping.map);
    if owners.map.as_ref() == wanted {
        return Ok(());
    }
    let ids = Translation::between(owners.map.as_ref(), mapping.map, mapping.current);
    let mut planner = Planner { ids, before: &owners.aside, next: Owners::default(), xattrs: Xattrs::default() };
    walk(files, &mut planner).map_err(failed(what()))?;
    owners = Owners { map: wanted.cloned(), ..planner.next };
    // For the root directory alone, as at the first start, there is nothing that would be lost.
    let when = if owners.todo.len() > 1 { Written::Now } else { Written::Soon };
    owners.write(home, when)?;
    finish(files, home, &mut owners, what)
}

/// Whether files whose record is in `home` have the owners that a map asks for already.
pub(crate) fn is_owned_for(home: &Dir, mapping: &Mapping<'_>) -> Result<bool> {
    let owners = Owners::read(home)?;
    Ok(owners.todo.is_empty() && owners.map.as_ref() == (!is_canonical(mapping.map)).then_some(mapping.map))
}

/// Whether a map gives every id the number that the container sees.
fn is_canonical(map: &IdMap) -> bool {
    Kind::BOTH.into_iter().all(|kind| map.get(kind).iter().all(|extent| extent.inside.0 == extent.outside.0))
}

/// An `upper/` that has nothing in it, as it was when the container was made.
fn begin_anew(upper: &Dir, root: RootDir) -> Result<Option<Owners>, Failed> {
    if !upper.names()?.is_empty() {
        return Ok(None);
    }
    let failed = |call| move |errno| Failed::new(call, upper.path(), errno);
    fchown(upper, Some(Uid::from_raw(root.uid)), Some(Gid::from_raw(root.gid))).map_err(failed("fchown"))?;
    fchmod(upper, Mode::from_raw_mode(root.mode & 0o7777)).map_err(failed("fchmod"))?;
    Ok(Some(Owners::default()))
}

/// Does what the record asks for, and says so in it.
fn finish(upper: &Dir, dir: &Dir, owners: &mut Owners, what: &dyn Fn() -> String) -> Result<()> {
    if owners.todo.is_empty() {
        return Ok(());
    }
    walk(upper, &mut Doer { todo: &owners.todo }).map_err(io(what()))?;
    let when = if owners.todo.len() > 1 { Written::Now } else { Written::Soon };
    owners.todo.clear();
    owners.write(dir, when)
}

/// Finds out what every inode is to have.
struct Planner<'a> {
    ids: Translation,
    /// What the record says of ids that were left out so far.
    before: &'a BTreeMap<u64, Aside>,
    next: Owners,
    xattrs: Xattrs,
}

impl Planner<'_> {
    fn inode(&mut self, stat: &Stat, open: impl FnOnce() -> Done<Option<std::os::fd::OwnedFd>>) -> Done {
        let known = self.before.get(&stat.st_ino).copied().unwrap_or_default();
        let (uid, lost_owner) = self.id(Kind::Uid, stat.st_uid, known.uid)?;
        let (gid, lost_group) = self.id(Kind::Gid, stat.st_gid, known.gid)?;
        if lost_owner.is_some() || lost_group.is_some() {
            self.next.aside.insert(stat.st_ino, Aside { uid: lost_owner, gid: lost_group });
        }
        let mut xattrs = Vec::new();
        if let Some(fd) = open()? {
            self.xattrs.each(fd.as_fd(), &self.ids, |name, value| {
                let name = name.to_bytes();
                // Those without ids stay as they are.
                if !name.starts_with(b"user.") {
                    xattrs.push((String::from_utf8_lossy(name).into_owned(), value.to_vec()));
                }
                Ok(())
            })?;
        }
        if (uid, gid) != (stat.st_uid, stat.st_gid) || !xattrs.is_empty() {
            self.next.todo.insert(stat.st_ino, Inode { uid, gid, mode: stat.st_mode & 0o7777, xattrs });
        }
        Ok(())
    }

    /// What an owner becomes, and what it was inside if the map leaves it out.
    fn id(&self, kind: Kind, id: u32, known: Option<u32>) -> Done<(u32, Option<u32>)> {
        let none = Refused { call: "fchownat", errno: Errno::OVERFLOW };
        match self.ids.inside(kind, id).or(known) {
            Some(inside) => {
                let (outside, own) = self.ids.outside(kind, inside).ok_or(none)?;
                Ok((outside, (!own).then_some(inside)))
            }
            None => Ok((self.ids.nobody(kind).ok_or(none)?, None)),
        }
    }
}

impl Visitor for Planner<'_> {
    fn enter(&mut self, _: Entry<'_>) -> Done {
        Ok(())
    }

    fn node(&mut self, entry: Entry<'_>) -> Done {
        let regular = FileType::from_raw_mode(entry.stat.st_mode) == FileType::RegularFile;
        self.inode(entry.stat, || regular.then(|| data::open(entry.parent, entry.name)).transpose())
    }

    fn leave(&mut self, dir: BorrowedFd<'_>, stat: &Stat) -> Done {
        let own = || sys::rustix::io::fcntl_dupfd_cloexec(dir, 0).map(Some).map_err(call("fcntl"));
        self.inode(stat, own)
    }
}

/// Gives every inode what the record says.
struct Doer<'a> {
    todo: &'a BTreeMap<u64, Inode>,
}

impl Visitor for Doer<'_> {
    fn enter(&mut self, _: Entry<'_>) -> Done {
        Ok(())
    }

    fn node(&mut self, Entry { parent, name, stat }: Entry<'_>) -> Done {
        let Some(inode) = self.todo.get(&stat.st_ino) else { return Ok(()) };
        let (uid, gid) = (Some(Uid::from_raw(inode.uid)), Some(Gid::from_raw(inode.gid)));
        chownat(parent, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).map_err(call("fchownat"))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if !inode.xattrs.is_empty() && kind == FileType::RegularFile {
            give(data::open(parent, name)?.as_fd(), inode)?;
        }
        if inode.mode & 0o6000 == 0 || kind == FileType::Symlink {
            return Ok(());
        }
        chmodat(parent, name, Mode::from_raw_mode(inode.mode), AtFlags::empty()).map_err(call("fchmodat"))
    }

    fn leave(&mut self, dir: BorrowedFd<'_>, stat: &Stat) -> Done {
        let Some(inode) = self.todo.get(&stat.st_ino) else { return Ok(()) };
        fchown(dir, Some(Uid::from_raw(inode.uid)), Some(Gid::from_raw(inode.gid))).map_err(call("fchown"))?;
        give(dir, inode)?;
        fchmod(dir, Mode::from_raw_mode(inode.mode)).map_err(call("fchmod"))
    }
}

fn give(fd: BorrowedFd<'_>, inode: &Inode) -> Done {
    inode.xattrs.iter().try_for_each(|(name, value)| {
        let name = CString::new(name.as_str()).map_err(|_| Refused { call: "fsetxattr", errno: Errno::INVAL })?;
        fsetxattr(fd, name.as_c_str(), value, XattrFlags::empty()).map_err(call("fsetxattr"))
    })
}

#[cfg(test)]
#[path = "shift_tests.rs"]
mod tests;
