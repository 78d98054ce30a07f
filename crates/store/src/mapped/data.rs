//! The contents of a layer's files under names that are short.
//!
//! # On disk
//! `layers/<hex>/data/` has a hard link for each name of a regular file. It is an overlay's data-only layer: each
//! inode of a metadata tree says in 24 bytes or less which of the links has its contents, so that the word has room in the inode
//! itself (a path would need a block of its own, for each file of each container). Every layer's names begin with 16 digits
//! of its digest, because overlayfs looks for a name in all the data-only layers of a mount. Then follows the file's number
//! in the order of [`walk`], which is the same each time, as a layer does not change. The file `attributes` has, one a line, the
//! names of those few that have extended attributes, so that nobody has to open all the others to find out.
//!
//! The links raise the link count that containers see on the layer itself by one (docs/maps.md). Reflinks would not, but most file
//! systems have none, and the copies would be cached apart from the layer's files.
//!
//! # After a crash
//! The directory is published by a rename when it is complete. Whoever comes second uses it as it is.

use std::{
    collections::HashSet,
    ffi::CString,
    os::fd::{AsFd, BorrowedFd},
};

use diag::Result;
use sys::{
    Dir,
    rustix::{
        fs::{AtFlags, FileType, Mode, OFlags, Stat, linkat, openat},
        io::Errno,
    },
};

use super::{
    contents,
    walk::{Done, Entry, Visitor, call, walk},
    xattrs::Xattrs,
};
use crate::{Layer, Store, draft::Draft, io};

/// The directory in a layer's.
pub(crate) const NAME: &str = "data";

/// The file in it that is no link, and the most that is read of it.
pub(crate) const ATTRIBUTES: &str = "attributes";
const LIMIT: usize = 1 << 30;

/// How much of a layer's digest is in each name.
const DIGITS: usize = 16;

/// Numbers the files of a layer.
#[derive(Debug)]
pub(super) struct Numbers {
    tag: String,
    last: u64,
}

impl Numbers {
    pub fn of(layer: &Layer) -> Numbers {
        let hex = layer.diff_id().hex();
        Numbers { tag: hex.get(..DIGITS).unwrap_or(&hex).to_owned(), last: 0 }
    }

    /// The name of the next file's contents.
    pub fn next(&mut self) -> String {
        let mut name = self.tag.clone();
        let mut rest = self.last;
        self.last += 1;
        loop {
            // A digit is below 36.
            name.push(char::from_digit(u32::try_from(rest % 36).unwrap_or(0), 36).unwrap_or('0'));
            rest /= 36;
            if rest == 0 {
                return name;
            }
        }
    }
}

/// Which of a layer's files have extended attributes.
pub(super) fn attributed(data: &Dir) -> Result<HashSet<String>> {
    let text = data.read_text(ATTRIBUTES, LIMIT).map_err(io("the attributes of a layer's files cannot be read"))?;
    Ok(text.lines().map(str::to_owned).collect())
}

pub(super) fn is_regular(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// The directory of a layer's contents; it is made if it is not there.
pub(super) fn of(store: &Store, layer: &Layer) -> Result<Dir> {
    let what = || format!("the contents of layer {} cannot be made ready for other owners", layer.diff_id());
    let home = store.layers.dir(layer.diff_id().hex()).map_err(io(what()))?;
    match home.dir(NAME) {
        Err(failed) if failed.errno == Errno::NOENT => {}
        dir => return dir.map_err(io(what())),
    }
    let (draft, links) = Draft::dir(store)?;
    let mut linker =
        Linker { links: &links, numbers: Numbers::of(layer), xattrs: Xattrs::default(), attributed: String::new() };
    walk(&layer.files()?, &mut linker).map_err(io(what()))?;
    // An empty one would be understood, too: files would lose their attributes without a word.
    links.write_synced(ATTRIBUTES, linker.attributed.as_bytes(), 0o600).map_err(io(what()))?;
    draft.publish(&home, NAME).map_err(io(what()))?;
    home.dir(NAME).map_err(io(what()))
}

struct Linker<'a> {
    links: &'a Dir,
    numbers: Numbers,
    xattrs: Xattrs,
    attributed: String,
}

impl Visitor for Linker<'_> {
    fn enter(&mut self, _: Entry<'_>) -> Done {
        Ok(())
    }

    fn node(&mut self, entry: Entry<'_>) -> Done {
        if !is_regular(entry.stat) {
            return Ok(());
        }
        let name = self.numbers.next();
        if self.xattrs.any(open(entry.parent, entry.name)?.as_fd())? {
            self.attributed.push_str(&name);
            self.attributed.push('\n');
        }
        match linkat(entry.parent, entry.name, self.links, &name, AtFlags::empty()) {
            // An inode has only so many names: 65000 on ext4.
            Err(Errno::MLINK) => self.copy(entry, &name),
            linked => linked.map_err(call("linkat")),
        }
    }

    fn leave(&mut self, _: BorrowedFd<'_>, _: &Stat) -> Done {
        Ok(())
    }
}

impl Linker<'_> {
    fn copy(&self, entry: Entry<'_>, name: &str) -> Done {
        let from = open(entry.parent, entry.name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let to = openat(self.links, name, flags, Mode::RUSR).map_err(call("openat"))?;
        contents::copy(&from, &to, entry.stat)
    }
}

/// A regular file, to be read.
pub(super) fn open(parent: BorrowedFd<'_>, name: &CString) -> Done<std::os::fd::OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty()).map_err(call("openat"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_differ() {
        let mut numbers = Numbers { tag: "0123456789abcdef".to_owned(), last: 36 * 36 - 1 };
        assert_eq!((numbers.next(), numbers.next()), ("0123456789abcdefzz".into(), "0123456789abcdef001".into()));
        // With the slash before it, and seven digits of a number, it has the 24 bytes that stay in the inode.
        numbers.last = 36_u64.pow(7) - 1;
        assert_eq!(numbers.next().len(), 23);
    }
}
