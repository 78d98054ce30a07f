//! One entry becomes one inode, or another name of one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use diag::Result;
use sys::{
    dir::write_all,
    rustix::{
        fs::{AtFlags, FileType, Mode, OFlags, ftruncate, linkat, makedev, mknodat, openat, symlinkat},
        io::{Errno, pwrite},
    },
};

use super::{
    attributes::{Attributes, Caller, Made, failed, give, give_mode, give_node, make_opaque},
    name::{Name, clean, parse, split},
    tally::Tally,
    tree::{Present, Tree, present},
};
use crate::archive::{Entries, Entry, Kind, Segment, refused, shown};

/// The largest major and minor numbers that Linux has.
const MAJOR: u64 = 0xfff;
const MINOR: u64 = 0xf_ffff;

/// Unpacks one entry.
pub(super) fn unpack(
    tree: &mut Tree,
    entries: &mut Entries<'_>,
    mut entry: Entry,
    caller: Caller,
    tally: &mut Tally,
) -> Result<()> {
    let name = match parse(&entry.name)? {
        Name::Plain(name) => tree.place(name, &entry.name)?,
        Name::Hidden(name) => {
            let name = tree.place(name, &entry.name)?;
            return hide(tree, &name, &entry.name, tally);
        }
        Name::Opaque(dir) => {
            make_opaque(tree.dir(&dir, &entry.name)?, &entry.name)?;
            tally.whiteout();
            return Ok(());
        }
        Name::Reserved => return Ok(()),
    };
    let attributes = Attributes::of(&mut entry, tally);
    if entry.kind == Kind::Dir {
        return tree.make(&name, &entry.name, attributes);
    }
    if name.is_empty() {
        return Err(refused(&entry.name, "is the layer's root and not a directory"));
    }
    let mut new = New { tree, name: &name, entry: &entry, attributes, caller, tally };
    match &entry.kind {
        Kind::File => new.file(entries),
        Kind::Symlink(target) => new.symlink(target),
        Kind::HardLink(target) => new.hard_link(target),
        Kind::Char(major, minor) => new.device(FileType::CharacterDevice, *major, *minor),
        Kind::Block(major, minor) => new.device(FileType::BlockDevice, *major, *minor),
        Kind::Fifo => new.node(FileType::Fifo, 0),
        Kind::Dir => Ok(()),
    }
}

/// Hides what the layers below have by this name. If this layer has it too, only a directory lets something through.
fn hide(tree: &mut Tree, name: &[u8], entry: &[u8], tally: &mut Tally) -> Result<()> {
    let (parent, last) = split(name);
    let dir = tree.dir(parent, entry)?;
    tally.whiteout();
    match mknodat(dir, last, FileType::CharacterDevice, Mode::empty(), 0) {
        Err(Errno::EXIST) => match present(dir, last).map_err(|errno| failed(entry, "fstatat", errno))? {
            Present::Dir => {
                let own = tree.open(name).map_err(|errno| failed(entry, "openat2", errno))?;
                make_opaque(own, entry)
            }
            _ => Ok(()),
        },
        made => made.map_err(|errno| failed(entry, "mknodat", errno)),
    }
}

/// An entry that is about to be made.
struct New<'n> {
    tree: &'n mut Tree,
    name: &'n [u8],
    entry: &'n Entry,
    attributes: Attributes,
    caller: Caller,
    tally: &'n mut Tally,
}

impl New<'_> {
    /// Makes the entry by its last component. What has the name already goes: in an archive the last one counts.
    fn make<T>(&mut self, call: &'static str, make: impl Fn(BorrowedFd<'_>, &[u8]) -> Result<T, Errno>) -> Result<T> {
        match self.try_make(&make)? {
            Err(Errno::EXIST) => {
                self.tree.clear(self.name, &self.entry.name)?;
                self.try_make(&make)?
            }
            done => done,
        }
        .map_err(|errno| failed(&self.entry.name, call, errno))
    }

    fn try_make<T>(&mut self, make: impl Fn(BorrowedFd<'_>, &[u8]) -> Result<T, Errno>) -> Result<Result<T, Errno>> {
        let (parent, last) = split(self.name);
        Ok(make(self.tree.dir(parent, &self.entry.name)?, last))
    }

    fn file(&mut self, entries: &mut Entries<'_>) -> Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = self.caller.first_mode(&self.attributes);
        let file = self.make("openat", |dir, last| openat(dir, last, flags, mode))?;
        match &self.entry.segments {
            None => copy(entries, &file, &self.entry.name)?,
            Some(segments) => self.copy_segments(entries, &file, segments)?,
        }
        self.tally.bytes(self.entry.size);
        if self.attributes.mode & 0o6000 != 0 {
            self.tally.privileged();
        }
        let name = &self.entry.name;
        give(file.as_fd(), name, &self.attributes, Made::WithFirstMode, self.caller, self.tally)
    }

    fn copy_segments(&self, entries: &mut Entries<'_>, file: &OwnedFd, segments: &[Segment]) -> Result<()> {
        let name = &self.entry.name;
        ftruncate(file, self.entry.size).map_err(|errno| failed(name, "ftruncate", errno))?;
        for Segment { mut offset, mut length } in segments.iter().copied() {
            while length > 0 {
                let written = pwrite(file, entries.contents(length)?, offset);
                let n = written.map_err(|errno| failed(name, "pwrite", errno))?;
                entries.used(n);
                offset += n as u64;
                length -= n as u64;
            }
        }
        Ok(())
    }

    fn symlink(&mut self, target: &[u8]) -> Result<()> {
        if target.is_empty() || target.contains(&0) || target.len() > 4095 {
            return Err(refused(
                &self.entry.name,
                "is a symbolic link to a name that is empty, too long, or has a NUL in it",
            ));
        }
        self.make("symlinkat", |dir, last| symlinkat(target, dir, last))?;
        self.give_node()
    }

    /// Another name for a file that this layer has already. A link at its end is not followed.
    fn hard_link(&mut self, target: &[u8]) -> Result<()> {
        let entry = &self.entry.name;
        let target = clean(target, entry)?;
        if target == self.name {
            return Err(refused(entry, "is a hard link to itself"));
        }
        let (parent, last) = split(&target);
        let missing = || {
            refused(
                entry,
                format!(
                    "is a hard link to `{}`, which is not a file that came before it in this layer",
                    shown(&target)
                ),
            )
        };
        let from = self.tree.find(parent, entry)?.ok_or_else(missing)?;
        match present(from.as_fd(), last) {
            Ok(Present::Other | Present::Symlink) => {}
            Ok(_) => return Err(missing()),
            Err(errno) => return Err(failed(entry, "fstatat", errno)),
        }
        // What has the name may be a directory with the target in it.
        match self.make("linkat", |dir, new| linkat(&from, last, dir, new, AtFlags::empty())) {
            Err(_) if present(from.as_fd(), last) == Ok(Present::Nothing) => Err(missing()),
            made => made,
        }
    }

    fn device(&mut self, kind: FileType, major: u64, minor: u64) -> Result<()> {
        let numbers = u32::try_from(major).ok().zip(u32::try_from(minor).ok());
        match numbers.filter(|_| major <= MAJOR && minor <= MINOR) {
            Some((major, minor)) => self.node(kind, makedev(major, minor)),
            None => Err(refused(&self.entry.name, format!("is the device {major}:{minor}, which Linux cannot have"))),
        }
    }

    fn node(&mut self, kind: FileType, device: u64) -> Result<()> {
        let made = self.make_node(kind, device)?;
        if !made {
            self.tally.skip("device".to_owned());
            return Ok(());
        }
        self.give_node()?;
        let (parent, last) = split(self.name);
        let dir = self.tree.dir(parent, &self.entry.name)?;
        give_mode(dir, last, &self.entry.name, self.attributes.mode)
    }

    /// Whether the node could be made: devices need a privilege that an ordinary user never has.
    fn make_node(&mut self, kind: FileType, device: u64) -> Result<bool> {
        self.make("mknodat", |dir, last| match mknodat(dir, last, kind, Mode::empty(), device) {
            Err(Errno::PERM) => Ok(false),
            made => made.map(|()| true),
        })
    }

    fn give_node(&mut self) -> Result<()> {
        let (parent, last) = split(self.name);
        let dir = self.tree.dir(parent, &self.entry.name)?;
        give_node((dir, last), &self.entry.name, &self.attributes, self.caller, self.tally)
    }
}

/// Writes an entry's contents to a file.
fn copy(entries: &mut Entries<'_>, file: &OwnedFd, name: &[u8]) -> Result<()> {
    loop {
        let piece = entries.contents(u64::MAX)?;
        let n = piece.len();
        if n == 0 {
            return Ok(());
        }
        write_all(file, piece).map_err(|errno| failed(name, "write", errno))?;
        entries.used(n);
    }
}
