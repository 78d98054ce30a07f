//! `:U`: the files of a directory are given to the container's user, on the disk. What is changed is counted, refused where others
//! rely on it, and noted first.

use std::{
    collections::HashSet,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, OFlags, Stat, Uid, XattrFlags, chmodat, chownat, fgetxattr, fsetxattr, openat,
        statat,
    },
    io::Errno,
};
use store::Store;
use sys::{Dir, Failed};

use super::{
    Chown, Mount, Source,
    journal::{self, Before, Journal},
};
use crate::create::now;

/// What would change.
struct Survey {
    inodes: Vec<Before>,
    /// All inodes that were seen.
    seen: u64,
    /// Those that change and have further names.
    linked: u64,
}

/// Gives everything below a path to these ids, as the mount's [`Chown`] wants it; what there is to be said.
pub(super) fn give(store: &Store, mount: &Mount, path: &Path, to: (u32, u32)) -> Result<Option<Error>> {
    let chown = mount.options.chown;
    if chown == Chown::No {
        return Ok(None);
    }
    let bind = matches!(mount.source, Source::Bind(_));
    if bind && chown != Chown::Force {
        guard(path).map_err(|error| match &mount.at {
            Some(at) => error.at(at.clone()),
            None => error,
        })?;
    }
    let mut survey = Survey { inodes: Vec::new(), seen: 0, linked: 0 };
    survey.look(path, to).map_err(failed)?;
    let (count, seen, linked) = (survey.inodes.len(), survey.seen, survey.linked);
    if count == 0 {
        return Ok(None);
    }
    let shown = path.display();
    let (uid, gid) = to;
    let mut said = Error::warning(
        codes::UR0849,
        match chown {
            Chown::Preview => {
                format!("`:U` would give {count} of {seen} files below `{shown}` to {uid}:{gid}; nothing was changed")
            }
            _ => format!("`:U` gives {count} of {seen} files below `{shown}` to {uid}:{gid}"),
        },
    );
    if linked > 0 {
        said = said.fact(format!("{linked} of them have other names, perhaps elsewhere, and change there, too"));
    }
    if chown == Chown::Preview {
        return Ok(Some(said));
    }
    let journal = Journal { top: path.to_owned(), inodes: survey.inodes };
    journal.keep(store, now())?;
    perform(&journal).map_err(failed)?;
    Ok(Some(said.help_run("to take it back", format!("unroot volume undo-chown {shown}"))))
}

fn failed(failed: Failed) -> Error {
    failed.into_error(codes::UR0846, "the owners of a mount's files cannot be changed")
}

impl Survey {
    fn look(&mut self, top: &Path, to: (u32, u32)) -> Result<(), Failed> {
        let stat =
            statat(rustix::fs::CWD, top, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| Failed::new("stat", top, errno))?;
        let device = stat.st_dev;
        let mut links = HashSet::new();
        self.note(top, Path::new(""), &stat, to, &mut links);
        let mut waiting = Vec::new();
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            waiting.push(PathBuf::new());
        }
        let root = if waiting.is_empty() { return Ok(()) } else { Dir::open(top)? };
        while let Some(path) = waiting.pop() {
            let dir = root.dir(if path.as_os_str().is_empty() { Path::new(".") } else { &path })?;
            for name in dir.names()? {
                let below = path.join(&name);
                let stat = dir.stat(&name)?;
                // What is mounted below is another's.
                if stat.st_dev != device {
                    continue;
                }
                self.note(top, &below, &stat, to, &mut links);
                if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                    waiting.push(below);
                }
            }
        }
        Ok(())
    }

    fn note(&mut self, top: &Path, path: &Path, stat: &Stat, to: (u32, u32), links: &mut HashSet<u64>) {
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let has_links = stat.st_nlink > 1 && !is_directory;
        if has_links && !links.insert(stat.st_ino) {
            return;
        }
        self.seen += 1;
        if (stat.st_uid, stat.st_gid) == to {
            return;
        }
        self.linked += u64::from(has_links);
        self.inodes.push(Before {
            owner: (stat.st_uid, stat.st_gid),
            mode: stat.st_mode & 0o7777,
            new: to,
            capability: capability(&top.join(path), stat),
            path: path.to_owned(),
        });
    }
}

/// A change of owner takes file capabilities away.
fn capability(path: &Path, stat: &Stat) -> Vec<u8> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Vec::new();
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut value = [0; 64];
    let read = rustix::fs::open(path, flags, Mode::empty())
        .and_then(|file| fgetxattr(file, c"security.capability", &mut value));
    read.map_or_else(|_| Vec::new(), |length| value[..length].to_vec())
}

fn perform(journal: &Journal) -> Result<(), Failed> {
    for inode in &journal.inodes {
        set(&journal.top, inode, inode.new)?;
    }
    Ok(())
}

/// Gives one inode an owner; one that is gone stays gone.
fn set(top: &Path, inode: &Before, owner: (u32, u32)) -> Result<(), Failed> {
    let failed = |call, errno| Failed::new(call, &top.join(&inode.path), errno);
    let Some((dir, name)) = parent(top, &inode.path)? else { return Ok(()) };
    let (uid, gid) = (Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)));
    match chownat(&dir, &name, uid, gid, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(()),
        done => done.map_err(|errno| failed("fchownat", errno)),
    }
}

/// The directory that an inode is in, and its name there; nothing if the directory is gone. No link is followed below the top.
fn parent(top: &Path, path: &Path) -> Result<Option<(Dir, PathBuf)>, Failed> {
    if path.as_os_str().is_empty() {
        let above = top.parent().unwrap_or(Path::new("/"));
        return Ok(Some((Dir::open(above)?, top.file_name().map_or_else(|| PathBuf::from("."), PathBuf::from))));
    }
    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match Dir::open(top)?.dir(above) {
        Err(failed) if matches!(failed.errno, Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        dir => dir.map(|dir| Some((dir, name))),
    }
}

/// What `undo-chown` did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undone {
    /// What it was about.
    pub path: PathBuf,
    /// Inodes that have their owners again.
    pub restored: u64,
    /// Inodes that somebody has changed since, or that are gone: they stay as they are.
    pub left: u64,
}

/// Plays the latest journal of a path back. UR0847 if there is none.
pub(crate) fn undo(store: &Store, path: &Path) -> Result<Undone> {
    let all = journal::all(store)?;
    let Some((name, journal)) = all.iter().rev().find(|(_, journal)| journal.top == path) else {
        return Err(Error::new(codes::UR0847, format!("no change of owners is known for `{}`", path.display()))
            .help_run("see what can be taken back", "unroot volume undo-chown"));
    };
    let mut undone = Undone { path: path.to_owned(), ..Undone::default() };
    for inode in &journal.inodes {
        let count = if restore(&journal.top, inode).map_err(failed)? { &mut undone.restored } else { &mut undone.left };
        *count += 1;
    }
    journal::forget(store, name)?;
    Ok(undone)
}

fn restore(top: &Path, inode: &Before) -> Result<bool, Failed> {
    let failed = |call, errno| Failed::new(call, &top.join(&inode.path), errno);
    let Some((dir, name)) = parent(top, &inode.path)? else { return Ok(false) };
    let Ok(stat) = dir.stat(&name) else { return Ok(false) };
    if (stat.st_uid, stat.st_gid) != inode.new {
        return Ok(false);
    }
    set(top, inode, inode.owner)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::Symlink {
        // Set-id bits went with the first change.
        let suid = inode.mode & 0o6000 | stat.st_mode & 0o1777;
        chmodat(&dir, &name, Mode::from_raw_mode(suid), AtFlags::empty()).map_err(|errno| failed("fchmodat", errno))?;
    }
    if kind == FileType::RegularFile && !inode.capability.is_empty() {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&dir, &name, flags, Mode::empty())
            .and_then(|file| fsetxattr(file, c"security.capability", &inode.capability, XattrFlags::empty()))
            .map_err(|errno| failed("fsetxattr", errno))?;
    }
    Ok(true)
}

/// Directories of the system, with all below.
const SYSTEM: [&str; 12] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"];

/// Why a directory is the system's, if it is: what is exchanged or changed there concerns more than a container.
pub(super) fn system(path: &Path) -> Option<&'static str> {
    match path.to_str() {
        Some("/") => Some("it is the root directory of this host"),
        Some("/home" | "/root" | "/srv" | "/opt" | "/mnt" | "/media" | "/tmp" | "/var/tmp") => {
            Some("it holds the files of many")
        }
        Some("/var" | "/var/lib" | "/var/log" | "/var/cache" | "/var/spool") => Some("it holds the files of services"),
        _ if path.starts_with("/run/user") => Some("it belongs to a session"),
        _ if SYSTEM.iter().any(|dir| path.starts_with(dir)) => Some("it belongs to the system"),
        _ => None,
    }
}

fn guard(path: &Path) -> Result<()> {
    let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let reason = system(&whole).map(str::to_owned).or_else(|| home(&whole)).or_else(|| mounted(&whole));
    let Some(reason) = reason else { return Ok(()) };
    Err(Error::new(codes::UR0846, format!("`:U` would change the owners of everything below `{}`", path.display()))
        .fact(reason)
        .help("leave `U` out: the mount translates owners, so that no file has to change; with `map=owner` the container's user is the owner")
        .help("to do it all the same, write `U=force`"))
}

fn home(path: &Path) -> Option<String> {
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    let mut lines = passwd.split(|byte| *byte == b'\n');
    let found = lines.find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let own = fields.get(5).is_some_and(|home| *home == path.as_os_str().as_bytes());
        own.then(|| String::from_utf8_lossy(fields.first().copied().unwrap_or_default()).into_owned())
    });
    let of_caller = std::env::var_os("HOME").is_some_and(|home| Path::new(&home) == path);
    found
        .map(|name| format!("it is the home directory of {name}"))
        .or_else(|| of_caller.then(|| "it is your home directory".to_owned()))
}

/// A mount point, or one that has mounts below it.
fn mounted(path: &Path) -> Option<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(Path::new);
    let point = points.find(|point| point.starts_with(path))?;
    Some(if point == path {
        "a file system is mounted on it".to_owned()
    } else {
        format!("`{}` is mounted below it", point.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_guarded() {
        for path in
            ["/", "/home", "/root", "/etc", "/etc/ssh", "/run/user/1000", "/run/user/1000/x", "/usr/lib", "/proc"]
        {
            assert_eq!(guard(Path::new(path)).unwrap_err().code(), codes::UR0846, "{path}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(guard(dir.path()).is_ok());
    }
}
