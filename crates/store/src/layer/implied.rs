//! Directories that an archive implies and does not mention: an entry `a/b/c` without `a` and `a/b`.
//!
//! They have to be there, and are made as 0755 of root. Where a lower layer has them with other attributes (`/tmp` with 1777), those are the
//! image's; but overlayfs shows a merged directory with the attributes of the uppermost layer that has it, and a layer here
//! may lie on any other, so unpacking cannot know them. Therefore a layer remembers which they are, and a container's `upper/`, which
//! lies above all, gets such directories with the attributes that the image means.
//!
//! # On disk
//! `layers/<hex>/implied`: their names, each ended by a NUL; the root's is empty. Missing if there are none.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use sys::{
    Dir, Failed,
    rustix::{
        fs::{
            AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, fchmod, fchown, fgetxattr,
            flistxattr, fsetxattr, fstat, futimens, openat, statat,
        },
        io::Errno,
    },
};

use super::Layer;
use crate::{RootDir, io};

/// The most bytes that their names may have: 64 MiB.
const LIMIT: usize = 64 << 20;

/// The most that an attribute, or the list of their names, can have (`linux/limits.h`).
const XATTR_LIMIT: usize = 64 << 10;

/// What a container's `upper/` begins with.
#[derive(Debug)]
pub struct Upper {
    /// How the directory itself looks.
    root: RootDir,
    /// Directories that have to look otherwise than the uppermost layer has them, those above before those below.
    implied: Vec<Implied>,
    /// The files of the image's layers, the uppermost first; none if nothing is implied.
    layers: Vec<Dir>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Implied {
    /// Where, below the root.
    path: PathBuf,
    /// Which of the layers it has to resemble, counted from the uppermost one.
    layer: usize,
}

impl From<RootDir> for Upper {
    fn from(root: RootDir) -> Upper {
        Upper { root, implied: Vec::new(), layers: Vec::new() }
    }
}

impl Upper {
    /// For a container of these layers, the uppermost first.
    pub fn of(layers: &[Layer]) -> Result<Upper> {
        let Some(stack) = Stack::of(layers)? else { return Ok(root(layers, 0)?.into()) };
        let root = root(layers, stack.origin(b"")?.map_or(0, |origin| origin.meant))?;
        let implied = stack.implied()?;
        Ok(Upper { root, layers: if implied.is_empty() { Vec::new() } else { stack.files }, implied })
    }

    /// How the directory itself looks: as the uppermost layer has it whose archive is explicit about it.
    pub fn root(&self) -> RootDir {
        self.root
    }

    /// Makes the directories below `upper/`.
    pub(crate) fn fill(&self, upper: &Dir) -> Result<()> {
        let what = |path: &Path| io(format!("the directory `/{}` cannot be made", path.display()));
        for Implied { path, .. } in &self.implied {
            upper.make_dir(path, 0o700).map_err(what(path))?;
        }
        // The deepest first: what is made in a directory changes its times.
        for Implied { path, layer } in self.implied.iter().rev() {
            let Some(from) = self.layers.get(*layer) else { continue };
            let open = |dir: &Dir| dir.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty());
            let (from, to) = (open(from).map_err(what(path))?, open(upper).map_err(what(path))?);
            resemble(from.as_fd(), to.as_fd())
                .map_err(|(call, errno)| what(path)(Failed::new(call, &upper.path().join(path), errno)))?;
        }
        Ok(())
    }
}

fn root(layers: &[Layer], meant: usize) -> Result<RootDir> {
    let Some(layer) = layers.get(meant) else { return Ok(RootDir { mode: 0o755, uid: 0, gid: 0 }) };
    let stat = layer.files()?.stat("").map_err(io("the image's root directory cannot be seen"))?;
    Ok(RootDir { mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid })
}

/// Writes the names beside a layer's files.
pub(crate) fn write(layer: &Dir, names: &BTreeSet<Vec<u8>>) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let bytes: Vec<u8> = names.iter().flat_map(|name| name.iter().copied().chain([0])).collect();
    if bytes.len() > LIMIT {
        return Err(Error::new(codes::UR0705, "the archive has too many directories that no entry is about"));
    }
    layer.write("implied", &bytes, 0o600).map_err(io("what is known about a layer cannot be written"))
}

fn read(layer: &Layer) -> Result<BTreeSet<Vec<u8>>> {
    let bytes = match layer.dir.read("implied", LIMIT) {
        Err(failed) if failed.errno == Errno::NOENT => return Ok(BTreeSet::new()),
        bytes => bytes.map_err(io(format!("what is known about layer {} cannot be read", layer.digest)))?,
    };
    Ok(bytes.split_inclusive(|byte| *byte == 0).filter_map(|name| Some(name.strip_suffix(&[0])?.to_vec())).collect())
}

/// Layers, the uppermost first, and what each of them implies.
struct Stack {
    files: Vec<Dir>,
    implied: Vec<BTreeSet<Vec<u8>>>,
}

/// What a layer has by a name.
enum Seen {
    /// A directory; `last` if what lies below cannot be seen through it.
    Dir { last: bool },
    /// Nothing; `last` if what lies below cannot be seen by this name.
    Nothing { last: bool },
}

/// Where a directory comes from.
struct Origin {
    /// The uppermost layer that has it.
    top: usize,
    /// The layer whose attributes are meant.
    meant: usize,
    /// How many layers have it.
    count: usize,
}

impl Stack {
    /// `None` if no layer implies anything.
    fn of(layers: &[Layer]) -> Result<Option<Stack>> {
        let implied = layers.iter().map(read).collect::<Result<Vec<_>>>()?;
        if implied.iter().all(BTreeSet::is_empty) {
            return Ok(None);
        }
        let files = layers.iter().map(Layer::files).collect::<Result<_>>()?;
        Ok(Some(Stack { files, implied }))
    }

    /// The directories below the root that look otherwise in the uppermost layer that has them.
    fn implied(&self) -> Result<Vec<Implied>> {
        let names: BTreeSet<&Vec<u8>> = self.implied.iter().flatten().filter(|name| !name.is_empty()).collect();
        let mut found: Vec<Implied> = Vec::new();
        let mut alone: Option<&[u8]> = None;
        for name in names {
            // Below a directory that one layer only has, nothing is merged.
            if alone.is_some_and(|above| name.strip_prefix(above).is_some_and(|rest| rest.starts_with(b"/"))) {
                continue;
            }
            let origin = self.origin(name)?;
            alone = origin.as_ref().filter(|origin| origin.count == 1).map(|_| name.as_slice());
            if let Some(origin) = origin.filter(|origin| origin.meant != origin.top) {
                self.add(name, origin.meant, &mut found)?;
            }
        }
        Ok(found)
    }

    /// `None` if the image has no such directory.
    fn origin(&self, name: &[u8]) -> Result<Option<Origin>> {
        let mut found: Option<Origin> = None;
        for (index, files) in self.files.iter().enumerate() {
            let (is_dir, last) = match seen(files, name).map_err(io("a layer's directory cannot be seen"))? {
                Seen::Dir { last } => (true, last),
                Seen::Nothing { last } => (false, last),
            };
            if is_dir {
                let origin = found.get_or_insert(Origin { top: index, meant: index, count: 0 });
                origin.count += 1;
                if !self.implied[index].contains(name) {
                    origin.meant = index;
                    break;
                }
            }
            if last {
                break;
            }
        }
        Ok(found)
    }

    /// Adds a directory, and those above it as they are, which have to be there too.
    fn add(&self, name: &[u8], layer: usize, found: &mut Vec<Implied>) -> Result<()> {
        let ends = name.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for above in ends.map(|end| &name[..end]) {
            let path = PathBuf::from(OsStr::from_bytes(above));
            if found.iter().rev().any(|known| known.path == path) {
                continue;
            }
            if let Some(origin) = self.origin(above)? {
                found.push(Implied { path, layer: origin.meant });
            }
        }
        found.push(Implied { path: PathBuf::from(OsStr::from_bytes(name)), layer });
        Ok(())
    }
}

/// Looks for a directory in one layer, component by component.
fn seen(files: &Dir, name: &[u8]) -> Result<Seen, Failed> {
    let failed = |call, errno| Failed::new(call, &files.path().join(OsStr::from_bytes(name)), errno);
    let mut fd: OwnedFd = files.open_at(".", OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
    let mut last = false;
    for part in name.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        let stat = match statat(&fd, part, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(Seen::Nothing { last }),
            stat => stat.map_err(|errno| failed("fstatat", errno))?,
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Ok(Seen::Nothing { last: true });
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        fd = openat(&fd, part, flags, Mode::empty()).map_err(|errno| failed("openat", errno))?;
        last |= is_opaque(fd.as_fd());
    }
    Ok(Seen::Dir { last })
}

fn is_opaque(dir: BorrowedFd<'_>) -> bool {
    let says = |key: &std::ffi::CStr| {
        let mut value = [0; 1];
        fgetxattr(dir, key, &mut value) == Ok(1) && value == *b"y"
    };
    says(c"trusted.overlay.opaque") || says(c"user.overlay.opaque")
}

fn resemble(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), (&'static str, Errno)> {
    let call = |name: &'static str| move |errno| (name, errno);
    let stat = fstat(from).map_err(call("fstat"))?;
    fchown(to, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid))).map_err(call("fchown"))?;
    let mut names = vec![0; XATTR_LIMIT];
    let mut value = vec![0; XATTR_LIMIT];
    let length = match flistxattr(from, &mut *names) {
        Err(Errno::OPNOTSUPP) => 0,
        length => length.map_err(call("flistxattr"))?,
    };
    for name in names[..length].split(|byte| *byte == 0) {
        // What speaks to overlayfs speaks of that layer.
        let kept = name.starts_with(b"user.") && !name.starts_with(b"user.overlay.");
        if kept || name.starts_with(b"system.posix_acl_") {
            let length = fgetxattr(from, name, &mut *value).map_err(call("fgetxattr"))?;
            fsetxattr(to, name, &value[..length], XattrFlags::empty()).map_err(call("fsetxattr"))?;
        }
    }
    fchmod(to, Mode::from_raw_mode(stat.st_mode & 0o7777)).map_err(call("fchmod"))?;
    let time =
        |seconds, nanoseconds: u64| Timespec { tv_sec: seconds, tv_nsec: i64::try_from(nanoseconds).unwrap_or(0) };
    let times = Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    };
    futimens(to, &times).map_err(call("futimens"))
}

#[cfg(test)]
#[path = "implied_tests.rs"]
mod tests;
