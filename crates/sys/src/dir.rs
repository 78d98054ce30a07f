//! Directories as file descriptors. Everything that unroot keeps on disk is reached through a [`Dir`],
//! so that no path is walked twice and no walk leaves the tree that it began in.

use std::{
    ffi::OsStr,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use rustix::{
    fs::{self, AtFlags, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat},
    io::Errno,
};

/// An open directory, and the path by which people know it.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// Opens a directory by path. Symbolic links are followed: the path is the user's own.
    pub fn open(path: impl Into<PathBuf>) -> Result<Dir, Failed> {
        let path = path.into();
        let fd = fs::open(&path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| Failed::new("open", &path, errno))?;
        Ok(Dir { fd, path })
    }

    /// Takes over a directory that is open already.
    pub fn from_fd(fd: OwnedFd, path: impl Into<PathBuf>) -> Dir {
        Dir { fd, path: path.into() }
    }

    /// The path by which it was opened; for messages, and for nothing else.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another descriptor of the same directory.
    pub fn try_clone(&self) -> Result<Dir, Failed> {
        let fd = rustix::io::fcntl_dupfd_cloexec(&self.fd, 0).map_err(|errno| Failed::new("dup", &self.path, errno))?;
        Ok(Dir { fd, path: self.path.clone() })
    }

    /// Opens a directory below this one. No symbolic link is followed and nothing outside is reached.
    pub fn dir(&self, name: impl AsRef<Path>) -> Result<Dir, Failed> {
        let fd = self.open_at(name.as_ref(), OFlags::DIRECTORY, Mode::empty())?;
        Ok(Dir { fd, path: self.path.join(name) })
    }

    /// Makes a directory; `EEXIST` if the name is taken.
    pub fn make_dir(&self, name: impl AsRef<Path>, mode: u32) -> Result<Dir, Failed> {
        let name = name.as_ref();
        fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)).map_err(|errno| self.failed("mkdir", name, errno))?;
        self.dir(name)
    }

    /// Makes a directory unless it is there.
    pub fn ensure_dir(&self, name: impl AsRef<Path>, mode: u32) -> Result<Dir, Failed> {
        match self.make_dir(name.as_ref(), mode) {
            Err(failed) if failed.errno == Errno::EXIST => self.dir(name),
            result => result,
        }
    }

    /// Opens a file below this directory: no symbolic link is followed, nothing outside is reached.
    pub fn open_at(&self, name: impl AsRef<Path>, flags: OFlags, mode: Mode) -> Result<OwnedFd, Failed> {
        let name = name.as_ref();
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        loop {
            match fs::openat2(&self.fd, name, flags | OFlags::CLOEXEC, mode, resolve) {
                // The kernel could not prove that a rename meanwhile did not lead outside; it asks to be asked again.
                Err(Errno::AGAIN) => {}
                Ok(fd) => return Ok(fd),
                Err(errno) => return Err(self.failed("openat2", name, errno)),
            }
        }
    }

    /// Reads a whole file, up to `limit` bytes; a longer one is refused with `EFBIG`.
    pub fn read(&self, name: impl AsRef<Path>, limit: usize) -> Result<Vec<u8>, Failed> {
        let name = name.as_ref();
        let fd = self.open_at(name, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
        read_all(fd, limit).map_err(|errno| self.failed("read", name, errno))
    }

    /// Reads a whole text file; what is not UTF-8 is refused with `EILSEQ`.
    pub fn read_text(&self, name: impl AsRef<Path>, limit: usize) -> Result<String, Failed> {
        let name = name.as_ref();
        String::from_utf8(self.read(name, limit)?).map_err(|_| self.failed("read", name, Errno::ILSEQ))
    }

    /// Writes a whole file so that others see either the old one or the new one: a temporary file, then a rename. After a power
    /// failure it may be empty: see [`Dir::write_synced`].
    pub fn write(&self, name: impl AsRef<Path>, contents: &[u8], mode: u32) -> Result<(), Failed> {
        self.replace(name.as_ref(), contents, mode, false)
    }

    /// As [`Dir::write`], and the contents are on the disk before the name leads to them (`fdatasync`): whatever happens, it leads to the
    /// old ones or the new ones.
    pub fn write_synced(&self, name: impl AsRef<Path>, contents: &[u8], mode: u32) -> Result<(), Failed> {
        self.replace(name.as_ref(), contents, mode, true)
    }

    fn replace(&self, name: &Path, contents: &[u8], mode: u32, synced: bool) -> Result<(), Failed> {
        let temporary = temporary_name(name, std::process::id());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let fd = self.open_at(&temporary, flags, Mode::from_raw_mode(mode))?;
        let written = write_all(&fd, contents).map_err(|errno| self.failed("write", name, errno)).and_then(|()| {
            if synced { fs::fdatasync(&fd).map_err(|errno| self.failed("fdatasync", name, errno)) } else { Ok(()) }
        });
        let renamed = written.and_then(|()| {
            fs::renameat(&self.fd, &temporary, &self.fd, name).map_err(|errno| self.failed("rename", name, errno))
        });
        renamed.inspect_err(|_| {
            // The failure that counts is the first one.
            let _ = fs::unlinkat(&self.fd, &temporary, AtFlags::empty());
        })
    }

    /// Moves an entry to another directory; with `replace`, over what is there, otherwise `EEXIST`.
    pub fn rename(&self, name: &str, to: &Dir, new: &str, replace: bool) -> Result<(), Failed> {
        let flags = if replace { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        fs::renameat_with(&self.fd, name, &to.fd, new, flags)
            .map_err(|errno| to.failed("renameat2", Path::new(new), errno))
    }

    /// Makes a symbolic link; `EEXIST` if the name is taken.
    pub fn symlink(&self, name: &str, target: &str) -> Result<(), Failed> {
        fs::symlinkat(target, &self.fd, name).map_err(|errno| self.failed("symlink", Path::new(name), errno))
    }

    /// What a symbolic link holds.
    pub fn read_link(&self, name: impl AsRef<Path>) -> Result<PathBuf, Failed> {
        use std::os::unix::ffi::OsStringExt;
        let name = name.as_ref();
        let target =
            fs::readlinkat(&self.fd, name, Vec::new()).map_err(|errno| self.failed("readlink", name, errno))?;
        Ok(PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes())))
    }

    /// `lstat` of an entry, or of the directory itself for an empty name.
    pub fn stat(&self, name: impl AsRef<Path>) -> Result<Stat, Failed> {
        let name = name.as_ref();
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
        fs::statat(&self.fd, name, flags).map_err(|errno| self.failed("stat", name, errno))
    }

    /// Whether an entry of this name is there.
    pub fn has(&self, name: impl AsRef<Path>) -> bool {
        self.stat(name).is_ok()
    }

    /// The names of its entries, without `.` and `..`, sorted.
    pub fn names(&self) -> Result<Vec<std::ffi::OsString>, Failed> {
        let mut names = Vec::new();
        self.each(|name, _| {
            names.push(name.to_owned());
            Ok(())
        })?;
        names.sort();
        Ok(names)
    }

    /// Removes a file; that it is gone already is no failure.
    pub fn remove_file(&self, name: impl AsRef<Path>) -> Result<(), Failed> {
        match fs::unlinkat(&self.fd, name.as_ref(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.failed("unlink", name.as_ref(), errno)),
        }
    }

    /// Removes an empty directory; that it is gone already is no failure.
    pub fn remove_dir(&self, name: impl AsRef<Path>) -> Result<(), Failed> {
        match fs::unlinkat(&self.fd, name.as_ref(), AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(self.failed("rmdir", name.as_ref(), errno)),
        }
    }

    /// Removes an entry and everything below it, crossing no mount and following no link.
    pub fn remove_tree(&self, name: impl AsRef<Path>) -> Result<(), Failed> {
        let name = name.as_ref();
        match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::ISDIR | Errno::PERM) => {}
            Err(errno) => return Err(self.failed("unlink", name, errno)),
        }
        let dir = match self.dir(name) {
            // A directory without permissions for its owner, as tar archives may bring: it is ours, so it can be opened up.
            Err(failed) if failed.errno == Errno::ACCESS => {
                fs::chmodat(&self.fd, name, Mode::RWXU, AtFlags::empty())
                    .map_err(|errno| self.failed("chmod", name, errno))?;
                self.dir(name)?
            }
            opened => opened?,
        };
        dir.empty_out()?;
        self.remove_dir(name)
    }

    /// Removes everything below this directory.
    fn empty_out(&self) -> Result<(), Failed> {
        // An ordinary user's directory may lack the write permission that removing its entries needs.
        let stat = self.stat("")?;
        if Mode::from_raw_mode(stat.st_mode) & Mode::RWXU != Mode::RWXU {
            let _ = fs::fchmod(&self.fd, Mode::RWXU);
        }
        self.names()?.iter().try_for_each(|name| self.remove_tree(name))
    }

    /// Calls `found` with each entry's name and type, in the directory's own order.
    pub fn each(&self, mut found: impl FnMut(&OsStr, FileType) -> Result<(), Failed>) -> Result<(), Failed> {
        use std::os::unix::ffi::OsStrExt;
        let entries = fs::Dir::read_from(&self.fd).map_err(|errno| Failed::new("getdents", &self.path, errno))?;
        for entry in entries {
            let entry = entry.map_err(|errno| Failed::new("getdents", &self.path, errno))?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                found(name, entry.file_type())?;
            }
        }
        Ok(())
    }

    fn failed(&self, call: &'static str, name: &Path, errno: Errno) -> Failed {
        Failed::new(call, &self.path.join(name), errno)
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What a file is called while it is written.
fn temporary_name(name: &Path, pid: u32) -> String {
    format!(".{}.{pid}", name.display())
}

/// The process that writes, or wrote, what has this name, if it is one that [`Dir::write`] gives: `.NAME.PID`.
pub fn writer_of(temporary: &OsStr) -> Option<u32> {
    let (name, pid) = temporary.to_str()?.strip_prefix('.')?.rsplit_once('.')?;
    pid.parse().ok().filter(|pid| {
        !name.is_empty() && temporary.as_encoded_bytes() == temporary_name(Path::new(name), *pid).as_bytes()
    })
}

/// Reads a descriptor to its end, up to `limit` bytes (`EFBIG` beyond).
pub fn read_all(fd: impl AsFd, limit: usize) -> rustix::io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        match rustix::io::read(&fd, &mut buffer) {
            Ok(0) => return Ok(contents),
            Ok(n) if contents.len() + n > limit => return Err(Errno::FBIG),
            Ok(n) => contents.extend_from_slice(&buffer[..n]),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// Writes all bytes to a descriptor.
pub fn write_all(fd: impl AsFd, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&fd, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// A call on a path that failed. Callers match [`Failed::errno`] or turn it into an [`Error`] with a code of their room.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The system call.
    pub call: &'static str,
    /// What it was asked to act on.
    pub path: PathBuf,
    /// What the kernel answered.
    pub errno: Errno,
}

impl Failed {
    /// Notes a failed call.
    pub fn new(call: &'static str, path: &Path, errno: Errno) -> Failed {
        Failed { call, path: path.to_owned(), errno }
    }

    /// As a diagnostic: `what` says in the caller's words what did not work. A full disk always gets its own code.
    pub fn into_error(self, code: diag::Code, what: impl Into<String>) -> Error {
        let code = if matches!(self.errno, Errno::NOSPC | Errno::DQUOT) { codes::UR0711 } else { code };
        Error::new(code, what.into()).os(format!("{}({})", self.call, self.path.display()), self.errno.raw_os_error())
    }
}

impl From<Failed> for io::Error {
    fn from(failed: Failed) -> io::Error {
        failed.errno.into()
    }
}
