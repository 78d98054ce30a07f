//! A volume's files as an archive, and an archive's files into a volume.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use idmap::IdMap;
use sys::{
    Dir, Failed,
    rustix::{
        fs::{AtFlags, FileType, Mode, OFlags, Stat, linkat, major, minor, unlinkat},
        io::Errno,
    },
};
use tar::{Builder, EntryType, Header};

use super::{
    Volume,
    contents::{Copier, settle},
};
use crate::{Limits, Ownership, Store, Unpack, io, mapped::xattrs::Xattrs};

impl Volume {
    /// Writes the volume's files as a tar archive, with the owners that containers see and extended attributes. The archive can be
    /// imported into another volume.
    ///
    /// Errors: UR0707 for the disk, UR0704 if `out` cannot be written to.
    pub fn export(&self, out: impl Write) -> Result<()> {
        let mut packer = Packer { archive: Builder::new(out), linked: HashMap::new(), xattrs: Xattrs::default() };
        packer.archive.mode(tar::HeaderMode::Complete);
        packer.directory(&self.data()?, Path::new("."))?;
        packer.archive.finish().map_err(unwritable)
    }

    /// Unpacks an archive over the volume's files. What has the same name is replaced; a file in a directory's place, or the reverse, is refused.
    ///
    /// Errors: as [`Store::unpack`]; UR0705 for an entry that would replace a directory by something else.
    pub fn import(
        &self,
        store: &Store,
        archive: impl Read + Send,
        ownership: Ownership,
        current: &IdMap,
    ) -> Result<()> {
        let what = || format!("the archive cannot be put into the volume `{}`", self.name());
        let staged = store.unpack(archive, &Unpack { diff_id: None, ownership, limits: Limits::default() })?;
        let files = staged.files().map_err(io(what()))?;
        let mut over = Over { copier: Copier::new(current), root: self.data()?, linked: HashMap::new() };
        let data = self.data()?;
        let is_empty = data.names().map_err(io(what()))?.is_empty();
        over.directory(&files, &data, Path::new(""))
            // An archive need not say anything about its root: a volume that is in use keeps its own.
            .and_then(|()| if is_empty { settle(&data, &files.stat("")?) } else { Ok(()) })
            .map_err(|failed| match failed.errno {
                Errno::ISDIR | Errno::NOTDIR => failed
                    .into_error(codes::UR0705, what())
                    .fact("the archive has a file where the volume has a directory, or the reverse"),
                _ => io(what())(failed),
            })
    }
}

fn unwritable(error: std::io::Error) -> Error {
    let cause = error.raw_os_error();
    let refused = Error::new(codes::UR0704, "the archive cannot be written");
    match cause {
        Some(errno) => refused.os("write()", errno),
        None => refused.words(error),
    }
}

/// Writes an archive.
struct Packer<W: Write> {
    archive: Builder<W>,
    /// Under which name an inode with several of them was written.
    linked: HashMap<(u64, u64), PathBuf>,
    xattrs: Xattrs,
}

impl<W: Write> Packer<W> {
    fn directory(&mut self, dir: &Dir, path: &Path) -> Result<()> {
        let unseen = || io(format!("`{}` cannot be read", dir.path().display()));
        let stat = dir.stat("").map_err(unseen())?;
        let mut header = header(&stat, EntryType::Directory);
        self.extended(dir)?;
        self.append(&mut header, &path.join(""), std::io::empty())?;
        for name in dir.names().map_err(unseen())? {
            let stat = dir.stat(&name).map_err(unseen())?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                self.directory(&dir.dir(&name).map_err(unseen())?, &path.join(&name))?;
            } else {
                self.node(dir, &name, &stat, &path.join(&name))?;
            }
        }
        Ok(())
    }

    fn node(&mut self, dir: &Dir, name: &OsStr, stat: &Stat, path: &Path) -> Result<()> {
        if stat.st_nlink > 1 {
            let first = self.linked.entry((stat.st_dev, stat.st_ino)).or_insert_with(|| path.to_owned());
            if first != path {
                let first = first.clone();
                return self.link(header(stat, EntryType::Link), path, &first);
            }
        }
        let unseen = || io(format!("`{}` cannot be read", dir.path().join(name).display()));
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
                let file = dir.open_at(name, flags, Mode::empty()).map_err(unseen())?;
                self.extended(&file)?;
                let mut header = header(stat, EntryType::Regular);
                let size = u64::try_from(stat.st_size).unwrap_or(0);
                header.set_size(size);
                // A file that grows or shrinks meanwhile must not shift what follows.
                let contents = File::from(file).chain(std::io::repeat(0)).take(size);
                self.append(&mut header, path, contents)
            }
            FileType::Symlink => {
                let target = dir.read_link(name).map_err(unseen())?;
                self.link(header(stat, EntryType::Symlink), path, &target)
            }
            FileType::Fifo => self.append(&mut header(stat, EntryType::Fifo), path, std::io::empty()),
            kind @ (FileType::CharacterDevice | FileType::BlockDevice) => {
                let block = kind == FileType::BlockDevice;
                let mut header = header(stat, if block { EntryType::Block } else { EntryType::Char });
                let set = header.set_device_major(major(stat.st_rdev));
                set.and_then(|()| header.set_device_minor(minor(stat.st_rdev))).map_err(unwritable)?;
                self.append(&mut header, path, std::io::empty())
            }
            // An archive has no sockets; who listens on one makes it again.
            _ => Ok(()),
        }
    }

    fn append(&mut self, header: &mut Header, path: &Path, contents: impl Read) -> Result<()> {
        self.archive.append_data(header, path, contents).map_err(unwritable)
    }

    fn link(&mut self, mut header: Header, path: &Path, target: &Path) -> Result<()> {
        self.archive.append_link(&mut header, path, target).map_err(unwritable)
    }

    /// Extended attributes, as GNU tar and the images' layers have them.
    fn extended(&mut self, file: impl std::os::fd::AsFd) -> Result<()> {
        let mut records: Vec<(String, Vec<u8>)> = Vec::new();
        let ids = crate::mapped::translation::Translation::new(&IdMap::identity(), &IdMap::identity());
        let read = self.xattrs.each(file.as_fd(), &ids, |name, value| {
            records.push((format!("SCHILY.xattr.{}", name.to_string_lossy()), value.to_vec()));
            Ok(())
        });
        read.map_err(|refused| {
            io("extended attributes cannot be read")(Failed::new(refused.call, Path::new(""), refused.errno))
        })?;
        if records.is_empty() {
            return Ok(());
        }
        let records = records.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        self.archive.append_pax_extensions(records).map_err(unwritable)
    }
}

fn header(stat: &Stat, kind: EntryType) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(u64::from(stat.st_uid));
    header.set_gid(u64::from(stat.st_gid));
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    header.set_size(0);
    header
}

/// Copies a tree over another.
struct Over {
    copier: Copier,
    root: Dir,
    /// Where inodes with several names were made.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl Over {
    fn directory(&mut self, from: &Dir, to: &Dir, path: &Path) -> Result<(), Failed> {
        for name in from.names()? {
            let stat = from.stat(&name)?;
            let (kind, here) = (FileType::from_raw_mode(stat.st_mode), path.join(&name));
            if kind == FileType::Directory {
                let (below, over) = (from.dir(&name)?, to.ensure_dir(&name, 0o700)?);
                self.directory(&below, &over, &here)?;
                settle(&over, &stat)?;
            } else if !(kind == FileType::CharacterDevice && stat.st_rdev == 0) {
                match unlinkat(to, &name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(errno) => return Err(Failed::new("unlinkat", &to.path().join(&name), errno)),
                }
                if !self.link(&stat, to, &name, here)? {
                    self.copier.copy(from, to, &name, &stat)?;
                }
            }
        }
        self.copier.attributes(from, to)
    }

    fn link(&mut self, stat: &Stat, to: &Dir, name: &OsStr, here: PathBuf) -> Result<bool, Failed> {
        if stat.st_nlink < 2 {
            return Ok(false);
        }
        let Some(first) = self.linked.get(&(stat.st_dev, stat.st_ino)) else {
            self.linked.insert((stat.st_dev, stat.st_ino), here);
            return Ok(false);
        };
        linkat(&self.root, first, to, name, AtFlags::empty())
            .map(|()| true)
            .map_err(|errno| Failed::new("linkat", &to.path().join(name), errno))
    }
}
