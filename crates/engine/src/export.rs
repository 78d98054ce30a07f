//! `export`: a container's root filesystem as a tar archive.

use std::{
    collections::HashMap,
    io::{self, Write},
    os::fd::AsFd,
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use rustix::fs::{FileType, Mode, OFlags, Stat, major, minor};
use sys::{Alone, Dir, Failed};
use tar::{Builder, EntryType, Header};

use crate::{Engine, request::Given};

/// The longest extended attribute that is written.
const LONGEST_ATTRIBUTE: usize = 64 * 1024;

impl Engine<'_> {
    /// Writes a container's files as a tar archive, with the owners that the container sees. Errors: UR0802, UR0860, UR0861.
    pub fn export(&self, alone: &Alone, key: &Given<String>, to: impl Write) -> Result<()> {
        let target = self.target(key)?;
        let Some(root) = self.stack(&target)?.merged(alone, false)? else { return Ok(()) };
        let mut archive = Archive { builder: Builder::new(to), links: HashMap::new() };
        archive.directory(&root, Path::new(""))?;
        archive.builder.into_inner().and_then(|mut to| to.flush()).map_err(|error| not_written(&error))
    }
}

fn not_written(error: &io::Error) -> Error {
    Error::new(codes::UR0861, "the archive cannot be written").words(error)
}

fn unreadable(failed: Failed) -> Error {
    failed.into_error(codes::UR0707, "a file of the container cannot be read")
}

struct Archive<W: Write> {
    builder: Builder<W>,
    /// Files with several names, and the first of them.
    links: HashMap<(u64, u64), PathBuf>,
}

impl<W: Write> Archive<W> {
    /// What is in a directory, by name; directories before what is in them.
    fn directory(&mut self, dir: &Dir, path: &Path) -> Result<()> {
        for name in dir.names().map_err(unreadable)? {
            let below = path.join(&name);
            let stat = dir.stat(&name).map_err(unreadable)?;
            self.entry(dir, Path::new(&name), &below, &stat)?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory && !hides_contents(&below) {
                self.directory(&dir.dir(&name).map_err(unreadable)?, &below)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, dir: &Dir, name: &Path, path: &Path, stat: &Stat) -> Result<()> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let mut header = header(stat);
        if kind != FileType::Directory && stat.st_nlink > 1 {
            if let Some(first) = self.links.get(&(stat.st_dev, stat.st_ino)) {
                header.set_entry_type(EntryType::Link);
                return self.builder.append_link(&mut header, path, first).map_err(|error| not_written(&error));
            }
            self.links.insert((stat.st_dev, stat.st_ino), path.to_owned());
        }
        let device = |header: &mut Header| {
            header.set_device_major(major(stat.st_rdev)).and_then(|()| header.set_device_minor(minor(stat.st_rdev)))
        };
        match kind {
            FileType::RegularFile => return self.file(dir, name, path, header),
            FileType::Symlink => {
                header.set_entry_type(EntryType::Symlink);
                let to = dir.read_link(name).map_err(unreadable)?;
                return self.builder.append_link(&mut header, path, to).map_err(|error| not_written(&error));
            }
            FileType::Directory => {
                header.set_entry_type(EntryType::Directory);
                let open = dir.dir(name).map_err(unreadable)?;
                self.attributes(&open)?;
            }
            FileType::Fifo => header.set_entry_type(EntryType::Fifo),
            FileType::CharacterDevice | FileType::BlockDevice => {
                let block = kind == FileType::BlockDevice;
                header.set_entry_type(if block { EntryType::Block } else { EntryType::Char });
                device(&mut header).map_err(|error| not_written(&error))?;
            }
            // A socket is nothing without its process.
            _ => return Ok(()),
        }
        self.builder.append_data(&mut header, path, io::empty()).map_err(|error| not_written(&error))
    }

    fn file(&mut self, dir: &Dir, name: &Path, path: &Path, mut header: Header) -> Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = std::fs::File::from(dir.open_at(name, flags, Mode::empty()).map_err(unreadable)?);
        self.attributes(&file)?;
        // What is appended meanwhile is left out, and what is cut off is zeroes: the archive stays one.
        let size = header.size().unwrap_or(0);
        let contents = io::Read::take(io::Read::chain(file, io::repeat(0)), size);
        self.builder.append_data(&mut header, path, contents).map_err(|error| not_written(&error))
    }

    /// Extended attributes that are the container's: capabilities of programs, and what users set.
    fn attributes(&mut self, file: impl AsFd) -> Result<()> {
        let mut names = vec![0; LONGEST_ATTRIBUTE];
        let length = rustix::fs::flistxattr(&file, &mut names[..]).unwrap_or(0);
        let mut found = Vec::new();
        for name in names[..length].split(|byte| *byte == 0).filter(|name| is_the_containers(name)) {
            let mut value = vec![0; LONGEST_ATTRIBUTE];
            let Ok(length) = rustix::fs::fgetxattr(&file, name, &mut value[..]) else { continue };
            value.truncate(length);
            found.push((format!("SCHILY.xattr.{}", String::from_utf8_lossy(name)), value));
        }
        if found.is_empty() {
            return Ok(());
        }
        let records = found.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
        self.builder.append_pax_extensions(records).map_err(|error| not_written(&error))
    }
}

fn is_the_containers(name: &[u8]) -> bool {
    name == b"security.capability" || (name.starts_with(b"user.") && !name.starts_with(b"user.overlay."))
}

/// Directories that something is mounted over in a container: what lies below belongs to nobody.
fn hides_contents(path: &Path) -> bool {
    ["dev", "proc", "sys"].iter().any(|name| Path::new(name) == path)
}

fn header(stat: &Stat) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(stat.st_mode & 0o7777);
    header.set_uid(stat.st_uid.into());
    header.set_gid(stat.st_gid.into());
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or(0));
    let regular = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    header.set_size(if regular { u64::try_from(stat.st_size).unwrap_or(0) } else { 0 });
    header.set_entry_type(EntryType::Regular);
    header
}
