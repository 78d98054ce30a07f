//! Named volumes: directories that outlive containers, with the ids that containers see.
//!
//! # On disk
//! * `volumes/<name>/volume.json`: the [`Record`].
//! * `volumes/<name>/data/`: what containers see. A file system may be mounted on it, if the volume's options say so.
//! * `volumes/<name>/lock`: never written.
//! * `volumes/<name>/owners.json`: whose ids `data/` has, where no mount can translate them (`mapped`).
//!
//! # Locks
//! * `volumes/` itself: shared by whoever makes a container that names volumes, until the container's record is there; exclusive for
//!   whoever removes volumes. So nobody removes what a container that is just being made will need, and who uses a volume is
//!   what the containers' records say.
//! * `lock`: shared by the monitor of every container that has the volume mounted, for as long as it lives; exclusive for
//!   whoever gives `data/` its first contents or other owners.
//!
//! # After a crash
//! A volume is born in `tmp/`. Its first contents are, too, and replace the empty `data/` by one rename: it is empty or full. The record says
//! so afterwards; if it could not, a volume that is not empty is not filled again.

mod contents;
mod export;
mod fill;
mod merge;
mod record;

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use sys::{
    Dir, Failed,
    rustix::{
        fs::{FlockOperation, Gid, Mode, OFlags, Uid, fchown, flock},
        io::Errno,
    },
};

pub use record::{DRIVER, Record};

use crate::{
    Mapping, RootDir, Store,
    draft::{Draft, hex, random},
    io,
    layout::wait,
};

/// The directory of a volume's files.
const DATA: &str = "data";

/// A volume.
#[derive(Debug)]
pub struct Volume {
    record: Record,
    dir: Dir,
}

/// The right to make containers that name volumes, or with [`Store::remove_volume`] to remove volumes.
#[derive(Debug)]
#[must_use = "the lock is released at once"]
pub struct VolumesLock {
    exclusive: bool,
    _dir: Dir,
}

/// Whether this can be a volume's name: as a container's, so that it is no path; UR0804 otherwise.
pub fn check_volume_name(name: &str) -> Result<()> {
    crate::check_name(name).map_err(|_| {
        Error::new(codes::UR0804, format!("`{name}` cannot be a volume's name"))
            .help("begin with a letter or a digit and go on with letters, digits, `_`, `.` and `-`, 255 at most")
            .help("a directory of the host is written as an absolute path, or with `./` before it")
    })
}

/// The name of a volume that nobody has named: 64 hexadecimal digits.
pub fn anonymous_volume_name() -> String {
    hex(&random::<32>())
}

impl Store {
    /// Keeps volumes from being removed for as long as the value lives.
    pub fn share_volumes(&self) -> Result<VolumesLock> {
        self.lock_volumes(FlockOperation::LockShared)
    }

    /// Waits until nobody makes containers or removes volumes, and keeps it so for as long as the value lives.
    pub fn exclude_volumes(&self) -> Result<VolumesLock> {
        self.lock_volumes(FlockOperation::LockExclusive)
    }

    fn lock_volumes(&self, how: FlockOperation) -> Result<VolumesLock> {
        let held = self.volumes().dir(".").and_then(|dir| {
            wait(&dir, how).map_err(|errno| Failed::new("flock", dir.path(), errno))?;
            Ok(dir)
        });
        let dir = held.map_err(io("the volumes cannot be locked"))?;
        Ok(VolumesLock { exclusive: matches!(how, FlockOperation::LockExclusive), _dir: dir })
    }

    /// Makes a volume; `None` if there is one of that name.
    pub fn create_volume(&self, record: &Record) -> Result<Option<Volume>> {
        check_volume_name(&record.name)?;
        if self.volumes().has(&record.name) {
            return Ok(None);
        }
        let what = || format!("the volume `{}` cannot be made", record.name);
        let (draft, dir) = Draft::dir(self)?;
        record.write(&dir)?;
        let data = dir.make_dir(DATA, 0o755).map_err(io(what()))?;
        let (uid, gid) = (record.uid.map(Uid::from_raw), record.gid.map(Gid::from_raw));
        if uid.is_some() || gid.is_some() {
            fchown(&data, uid, gid).map_err(|errno| io(what())(Failed::new("fchown", data.path(), errno)))?;
        }
        if !draft.publish(self.volumes(), &record.name).map_err(io(what()))? {
            return Ok(None);
        }
        self.volume(&record.name).map(Some)
    }

    /// Finds a volume by its whole name; UR0840 if there is none.
    pub fn volume(&self, name: &str) -> Result<Volume> {
        if crate::check_name(name).is_err() {
            return Err(no_such(name));
        }
        let dir = self.volumes().dir(name).map_err(|failed| match failed.errno {
            Errno::NOENT => no_such(name),
            _ => io(format!("the volume `{name}` cannot be opened"))(failed),
        })?;
        let record = Record::read(name, &dir)?;
        Ok(Volume { record, dir })
    }

    /// Finds a volume by its name or the beginning of it, as Podman does; UR0840 if there is none, UR0809 if there are several.
    pub fn find_volume(&self, key: &str) -> Result<Volume> {
        match self.volume(key) {
            Err(error) if error.code() == codes::UR0840 => {}
            found => return found,
        }
        let names: Vec<String> = self.volume_names()?.into_iter().filter(|name| name.starts_with(key)).collect();
        match names.as_slice() {
            _ if key.is_empty() => Err(no_such(key)),
            [] => Err(no_such(key)),
            [one] => self.volume(one),
            [first, second, ..] => Err(Error::new(codes::UR0809, format!("`{key}` fits {} volumes", names.len()))
                .fact(format!("two of them are `{first}` and `{second}`"))
                .help("write more of the name")),
        }
    }

    /// The names of all volumes, sorted.
    pub fn volume_names(&self) -> Result<Vec<String>> {
        let names = self.volumes().names().map_err(io("the volumes cannot be listed"))?;
        Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
    }

    /// Removes a volume and its files. Who holds `lock` has seen that no container's record names it; one that is mounted in a
    /// container all the same is UR0842.
    pub fn remove_volume(&self, volume: &Volume, lock: &VolumesLock) -> Result<()> {
        debug_assert!(lock.exclusive, "whoever removes volumes keeps others from making containers");
        let name = &volume.record.name;
        if volume.alone()?.is_none() {
            return Err(Error::new(codes::UR0842, format!("the volume `{name}` is mounted in a container that runs")));
        }
        let what = || format!("the volume `{name}` cannot be removed");
        let gone = match Draft::withdraw(self, self.volumes(), name) {
            Err(failed) if failed.errno == Errno::NOENT => return Err(no_such(name)),
            gone => gone.map_err(io(what()))?,
        };
        gone.remove().map_err(io(what()))
    }
}

impl Volume {
    /// What is known of it.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Where its files are: what is mounted.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(DATA)
    }

    /// Its files.
    pub fn data(&self) -> Result<Dir> {
        self.dir.dir(DATA).map_err(io(format!("the files of the volume `{}` cannot be opened", self.name())))
    }

    /// A directory or file below [`Volume::data`], opened as a path; no link is followed on the way, and nothing outside is reached.
    /// UR0315 if it is not there.
    pub fn below(&self, subpath: &Path) -> Result<OwnedFd> {
        self.data()?.open_at(subpath, OFlags::PATH, Mode::empty()).map_err(|failed| {
            let (shown, name) = (subpath.display(), self.name());
            let error =
                failed.clone().into_error(codes::UR0315, format!("`{shown}` in the volume `{name}` cannot be opened"));
            match failed.errno {
                Errno::LOOP => error.fact(
                    "a part of the path is a symbolic link, which is not followed: a container could lead it anywhere",
                ),
                Errno::NOENT => {
                    error.help("make it first: the container that should have it is not started without it")
                }
                _ => error,
            }
        })
    }

    /// Keeps the volume's owners and first contents as they are for as long as the descriptor is open: for a container that runs.
    pub fn hold(&self) -> Result<OwnedFd> {
        let what = || format!("the volume `{}` cannot be locked", self.name());
        let lock = self.open_lock()?;
        wait(&lock, FlockOperation::LockShared).map_err(|errno| io(what())(self.failed("flock", errno)))?;
        Ok(lock)
    }

    /// The volume for oneself; `None` while a container that has it runs.
    pub fn alone(&self) -> Result<Option<OwnedFd>> {
        let lock = self.open_lock()?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Ok(None),
            done => done.map(|()| Some(lock)).map_err(|errno| {
                io(format!("the volume `{}` cannot be locked", self.name()))(self.failed("flock", errno))
            }),
        }
    }

    /// Gives the files the owners that a map asks for, where no mount can translate them; as for a container's own files
    /// ([`crate::Container::own_upper`]). The caller has the volume for itself.
    ///
    /// Errors: UR0302 if the map leaves out an owner and takes every id; UR0707 and UR0711 for the disk.
    pub fn own(&self, mapping: &Mapping<'_>, _alone: &OwnedFd) -> Result<()> {
        let data = self.data()?;
        let stat = data.stat("").map_err(io(format!("the volume `{}` cannot be seen", self.name())))?;
        let root = RootDir { mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid };
        let what = || format!("the owners of the files of the volume `{}` cannot be changed", self.name());
        crate::mapped::own(&data, &self.dir, root, mapping, &what)
    }

    /// Whether the files have the owners that a map asks for.
    pub fn is_owned_for(&self, mapping: &Mapping<'_>) -> Result<bool> {
        crate::mapped::is_owned_for(&self.dir, mapping)
    }

    fn open_lock(&self) -> Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::CREATE;
        self.dir.open_at("lock", flags, Mode::RUSR | Mode::WUSR).map_err(|failed| match failed.errno {
            Errno::NOENT => no_such(self.name()),
            _ => io(format!("the lock of the volume `{}` cannot be opened", self.name()))(failed),
        })
    }

    fn failed(&self, call: &'static str, errno: Errno) -> Failed {
        Failed::new(call, self.dir.path(), errno)
    }
}

fn no_such(name: &str) -> Error {
    Error::new(codes::UR0840, format!("there is no volume `{name}`"))
        .help_run("see which volumes there are", "unroot volume ls")
}

#[cfg(test)]
mod tests;
