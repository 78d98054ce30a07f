//! The runtime's containers: one directory each, below a root directory on a tmpfs.
//!
//! ```text
//! <root>/<id>/state.json   what is known of it; replaced by rename
//! <root>/<id>/start        the socket of a container that waits to be started
//! <root>/<id>/lock         held (flock) by whoever changes the container: create, start, kill, delete;
//!                          it holds linux.cgroupsPath, so that `delete` finds the groups of a create that was killed
//! ```
//!
//! A directory is made by `mkdir`, whose EEXIST says that the id is taken, and is removed last. One without a state.json is a create that
//! goes on (its lock is held) or that was killed (it is not): `delete` clears such a one away.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock},
    io::Errno,
};
use sys::Dir;

use crate::state::State;

/// The longest id.
const LONGEST_ID: usize = 128;
const LOCK: &str = "lock";
/// The kernel takes no longer path.
const LONGEST_NOTE: usize = 4096;

/// The root directory.
#[derive(Debug)]
pub struct Containers {
    dir: Dir,
}

/// One container's directory, and the lock that is held on it.
#[derive(Debug)]
pub struct Held {
    /// Its directory.
    pub dir: Dir,
    lock: OwnedFd,
}

impl Held {
    /// Notes where the control groups of a container will be, before they are made. Without a note they are where its id says.
    pub fn note_cgroup(&self, path: &Path) -> Result<()> {
        use std::os::unix::ffi::OsStrExt;
        sys::dir::write_all(&self.lock, path.as_os_str().as_bytes()).map_err(|errno| {
            Error::new(codes::UR0606, "the lock of the container cannot be written")
                .os("write(lock)", errno.raw_os_error())
        })
    }

    /// What was noted.
    pub fn noted_cgroup(&self) -> Option<PathBuf> {
        use std::os::unix::ffi::OsStringExt;
        let note = self.dir.read(LOCK, LONGEST_NOTE).ok().filter(|note| !note.is_empty())?;
        Some(PathBuf::from(std::ffi::OsString::from_vec(note)))
    }
}

impl Containers {
    /// Opens the root directory; it is made if it is missing, for its owner alone.
    pub fn open(root: &Path) -> Result<Containers> {
        let failed = |failed: sys::Failed| {
            let what = format!("the directory `{}` of the containers' states cannot be used", root.display());
            let denied = failed.errno == Errno::ACCESS;
            let error = failed.into_error(codes::UR0606, what);
            if denied { error.help("give another one that is yours: --root DIR") } else { error }
        };
        let dir = match Dir::open(root) {
            Err(missing) if missing.errno == Errno::NOENT => make_all(root).map_err(failed)?,
            opened => opened.map_err(failed)?,
        };
        Ok(Containers { dir })
    }

    /// Makes a container's directory. UR0601 if the id is in use.
    pub fn make(&self, id: &str) -> Result<Held> {
        check_id(id)?;
        let dir = match self.dir.make_dir(id, 0o700) {
            Err(failed) if failed.errno == Errno::EXIST => {
                return Err(Error::new(codes::UR0601, format!("a container with the id `{id}` exists already"))
                    .fact(format!("its state is in {}", self.dir.path().join(id).display()))
                    .help_run("remove it", format!("unroot-runtime delete {id}")));
            }
            made => made.map_err(|failed| {
                failed.into_error(codes::UR0606, format!("the directory of the container `{id}` cannot be made"))
            })?,
        };
        let lock = lock(&dir, id)?;
        Ok(Held { dir, lock })
    }

    /// Opens a container's directory. UR0602 if there is none of this id.
    pub fn get(&self, id: &str) -> Result<Dir> {
        check_id(id)?;
        self.dir.dir(id).map_err(|failed| match failed.errno {
            Errno::NOENT => Error::new(codes::UR0602, format!("there is no container with the id `{id}`"))
                .fact(format!("it was looked for in {}", self.dir.path().display()))
                .help_run("see which there are", format!("unroot-runtime --root {} list", self.dir.path().display())),
            _ => failed.into_error(codes::UR0606, format!("the directory of the container `{id}` cannot be opened")),
        })
    }

    /// Opens a container's directory and waits for its lock.
    pub fn hold(&self, id: &str) -> Result<Held> {
        let dir = self.get(id)?;
        let lock = lock(&dir, id)?;
        // Whoever held the lock may have removed it.
        if !dir.has(LOCK) {
            return self
                .get(id)
                .and(Err(Error::new(codes::UR0602, format!("the container `{id}` was removed meanwhile"))));
        }
        Ok(Held { dir, lock })
    }

    /// The states of all containers, by id. Those that cannot be read are left out: they are being made, or removed.
    pub fn all(&self) -> Result<Vec<State>> {
        let names =
            self.dir.names().map_err(|failed| failed.into_error(codes::UR0606, "the containers cannot be listed"))?;
        let state = |name: &std::ffi::OsString| State::read(&self.dir.dir(name).ok()?).ok();
        Ok(names.iter().filter_map(state).collect())
    }

    /// Removes a container's directory.
    pub fn remove(&self, id: &str, held: Held) -> Result<()> {
        let removed = self.dir.remove_tree(id);
        drop(held);
        removed.map_err(|failed| {
            failed.into_error(codes::UR0606, format!("the directory of the container `{id}` cannot be removed"))
        })
    }
}

fn make_all(root: &Path) -> std::result::Result<Dir, sys::Failed> {
    let mut made = PathBuf::new();
    for component in root.components() {
        made.push(component);
        match rustix::fs::mkdir(&made, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            // What cannot be made (a read-only /run) may be there: the open tells.
            Err(_) if Dir::open(&made).is_ok() => {}
            Err(errno) => return Err(sys::Failed::new("mkdir", &made, errno)),
        }
    }
    Dir::open(root)
}

fn lock(dir: &Dir, id: &str) -> Result<OwnedFd> {
    let failed = |call: &str, errno: Errno| {
        Error::new(codes::UR0606, format!("the container `{id}` cannot be locked"))
            .os(call.to_owned(), errno.raw_os_error())
    };
    let opened = dir.open_at(LOCK, OFlags::RDWR | OFlags::CREATE, Mode::from_raw_mode(0o600));
    let file = opened.map_err(|error| failed("open(lock)", error.errno))?;
    loop {
        match flock(&file, FlockOperation::LockExclusive) {
            Err(Errno::INTR) => {}
            locked => return locked.map(|()| file).map_err(|errno| failed("flock(lock)", errno)),
        }
    }
}

/// An id is the name of a directory, and goes into the names of control groups: letters, digits and `_ + - .`, as runc has it.
pub fn check_id(id: &str) -> Result<()> {
    let good = |c: char| c.is_ascii_alphanumeric() || "_+-.".contains(c);
    if !id.is_empty() && id.len() <= LONGEST_ID && id.chars().all(good) && id != "." && id != ".." {
        return Ok(());
    }
    Err(Error::new(codes::UR0604, format!("`{id}` cannot be the id of a container"))
        .fact(format!("an id has 1 to {LONGEST_ID} of the characters a-z A-Z 0-9 _ + - .")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_names_and_no_paths() {
        for good in ["a", "web-1", "A_b+c.d", &"x".repeat(128)] {
            check_id(good).unwrap();
        }
        for bad in ["", ".", "..", "a/b", "../x", "a b", "ä", "a\0", &"x".repeat(129)] {
            assert_eq!(check_id(bad).unwrap_err().code(), codes::UR0604, "{bad}");
        }
    }

    #[test]
    fn an_id_is_taken_once() {
        let root = tempfile::tempdir().unwrap();
        let containers = Containers::open(&root.path().join("a/b")).unwrap();
        let held = containers.make("one").unwrap();
        assert_eq!(containers.make("one").unwrap_err().code(), codes::UR0601);
        assert_eq!(containers.get("two").unwrap_err().code(), codes::UR0602);
        containers.remove("one", held).unwrap();
        containers.make("one").unwrap();
    }
}
