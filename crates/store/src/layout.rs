//! The two roots: what is created, what is checked, what is refused, and who holds which lock.
//!
//! # On disk
//! `version` holds the number of the layout as decimal text. It is written last, by rename: a root without it is one whose
//! making was interrupted, and is simply made again.
//!
//! # Locks
//! `lock` is never written. Whoever uses content (creates a container from an image, pulls) holds it shared; whoever
//! removes content that might be in use holds it exclusively. The kernel drops the lock with its holder.
//!
//! # After a crash
//! Directories that exist are right; `tmp/` has remains that the next [`Store::open`] sweeps.

use std::path::Path;

use diag::{Error, Result, codes};
use sys::{
    Dir, Failed,
    rustix::{
        fs::{FlockOperation, Mode, OFlags, flock, syncfs},
        io::Errno,
        process::geteuid,
    },
};

use crate::{draft, io, removal};

/// The layout that this version writes, and the newest that it reads.
const VERSION: u32 = 1;

/// What is ours in the root, the number of the layout last: without it, the rest is made again …
const OWN: &str = "containers names images layers blobs volumes networks tmp lock version";

/// … and in the run root.
const OWN_RUN: &str = "containers events ids layers ns swept";

/// The longest `version` file that is looked at.
const VERSION_LIMIT: usize = 64;

/// An open store.
#[derive(Debug)]
pub struct Store {
    pub(crate) root: Dir,
    pub(crate) tmp: Dir,
    pub(crate) blobs: Dir,
    pub(crate) layers: Dir,
    pub(crate) containers: Dir,
    pub(crate) names: Dir,
    pub(crate) ids: Dir,
    images: Dir,
    volumes: Dir,
    networks: Dir,
    run: Dir,
    running: Dir,
}

impl Store {
    /// Opens the store below `root`, making it if it is not there, and the directory of what is alive below `run_root`.
    ///
    /// Both belong to the caller with mode 0700 or are refused (UR0709); a newer layout is refused (UR0708).
    pub fn open(root: &Path, run_root: &Path) -> Result<Store> {
        let root = private(root)?;
        let run = private(run_root)?;
        let known = version(&root)?;
        let part = |name: &str| own(&root, name);
        let store = Store {
            tmp: part("tmp")?,
            blobs: own(&part("blobs")?, "sha256")?,
            layers: part("layers")?,
            containers: part("containers")?,
            names: part("names")?,
            images: part("images")?,
            volumes: part("volumes")?,
            networks: part("networks")?,
            ids: own(&run, "ids")?,
            running: own(&run, "containers")?,
            run,
            root,
        };
        if !known {
            let text = format!("{VERSION}\n");
            store
                .root
                .write_synced("version", text.as_bytes(), 0o600)
                .map_err(io("cannot write the store's version"))?;
        }
        draft::sweep(&store.tmp);
        Ok(store)
    }

    /// The root itself.
    pub fn root(&self) -> &Dir {
        &self.root
    }

    /// The run root: what is lost at a reboot.
    pub fn run_root(&self) -> &Dir {
        &self.run
    }

    /// `containers/` in the run root: a directory a container, `<id>/{state.json, lock, exit, attach}`.
    pub fn running(&self) -> &Dir {
        &self.running
    }

    /// `images/`.
    pub fn images(&self) -> &Dir {
        &self.images
    }

    /// `volumes/`.
    pub fn volumes(&self) -> &Dir {
        &self.volumes
    }

    /// `networks/`.
    pub fn networks(&self) -> &Dir {
        &self.networks
    }

    /// Waits until nobody removes content, and keeps it so for as long as the value lives.
    pub fn share(&self) -> Result<StoreLock> {
        self.lock(FlockOperation::LockShared)
    }

    /// Waits until nobody else uses or removes content, and keeps it so for as long as the value lives.
    pub fn exclude(&self) -> Result<StoreLock> {
        self.lock(FlockOperation::LockExclusive)
    }

    /// Writes everything out that the store's file system holds in memory: one `syncfs`.
    pub fn sync(&self) -> Result<()> {
        syncfs(&self.root).map_err(|errno| {
            io("the store cannot be written to the disk")(Failed::new("syncfs", self.root.path(), errno))
        })
    }

    /// Removes what is the store's in both roots: all containers, images and volumes. That none is used is for the caller to see
    /// to. What somebody else keeps beside it stays.
    pub fn clear(self) -> Result<()> {
        let _lock = self.exclude()?;
        for (dir, own) in [(&self.root, OWN), (&self.run, OWN_RUN)] {
            for name in own.split(' ') {
                let what = format!("`{}` cannot be removed", dir.path().join(name).display());
                removal::remove(dir, name.as_ref()).map_err(io(what))?;
            }
        }
        Ok(())
    }

    fn lock(&self, how: FlockOperation) -> Result<StoreLock> {
        let flags = OFlags::RDWR | OFlags::CREATE;
        let file = self
            .root
            .open_at("lock", flags, Mode::RUSR | Mode::WUSR)
            .map_err(io("the store's lock cannot be opened"))?;
        wait(&file, how).map_err(|errno| {
            io("the store cannot be locked")(Failed::new("flock", &self.root.path().join("lock"), errno))
        })?;
        Ok(StoreLock { _file: file })
    }
}

/// The store's lock, held until it is dropped.
#[derive(Debug)]
#[must_use = "the lock is released at once"]
pub struct StoreLock {
    _file: std::os::fd::OwnedFd,
}

/// `flock` that is not disturbed by signals, except by one that asks this process to stop: `EINTR`.
pub(crate) fn wait(file: impl std::os::fd::AsFd, how: FlockOperation) -> Result<(), Errno> {
    loop {
        match flock(&file, how) {
            Err(Errno::INTR) if sys::interruption::came().is_none() => {}
            done => return done,
        }
    }
}

/// Opens a root, making it and the directories above it if they are missing; refuses one that others can enter.
fn private(path: &Path) -> Result<Dir> {
    let dir = make_way(path).map_err(io(format!("`{}` cannot be opened", path.display())))?;
    let stat = dir.stat("").map_err(io("the store's owner cannot be seen"))?;
    let caller = geteuid().as_raw();
    let shown = path.display();
    if stat.st_uid != caller {
        return Err(Error::new(
            codes::UR0709,
            format!("`{shown}` belongs to uid {}, not to uid {caller}", stat.st_uid),
        )
        .fact("whoever owns the store can change every container's files")
        .help(format!("choose another directory with --root, or run this as uid {}", stat.st_uid)));
    }
    let mode = stat.st_mode & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::new(codes::UR0709, format!("`{shown}` has mode {mode:04o}, so others can enter it"))
            .fact("containers may leave setuid files in the store; whoever reaches one by its path runs it on the host")
            .help_run("close the directory", format!("chmod 700 {shown}")));
    }
    Ok(dir)
}

/// Opens a directory by the user's path; what is missing of it is made, for the caller alone.
fn make_way(path: &Path) -> Result<Dir, Failed> {
    match Dir::open(path) {
        Err(failed) if failed.errno == Errno::NOENT => {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return Err(failed) };
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            make_way(parent)?.ensure_dir(name, 0o700)
        }
        opened => opened,
    }
}

/// A directory of the layout.
fn own(parent: &Dir, name: &str) -> Result<Dir> {
    parent
        .ensure_dir(name, 0o700)
        .map_err(|failed| io(format!("`{}` cannot be made", parent.path().join(name).display()))(failed))
}

/// Whether the root has a version, which is then one that this program can read.
fn version(root: &Dir) -> Result<bool> {
    let text = match root.read_text("version", VERSION_LIMIT) {
        Err(failed) if failed.errno == Errno::NOENT => return Ok(false),
        read => read.map_err(io("the store's version cannot be read"))?,
    };
    match text.trim_end().parse::<u32>() {
        Ok(number) if number > VERSION => Err(Error::new(
            codes::UR0708,
            format!(
                "the store in `{}` has layout {number}, and this version knows layout {VERSION}",
                root.path().display()
            ),
        )
        .help("use the newer version of unroot that wrote it, or another --root")),
        Ok(_) => Ok(true),
        Err(error) => {
            Err(Error::new(codes::UR0707, format!("the store's version `{}` is not a number", text.trim_end()))
                .words(error)
                .fact(format!("it is in `{}`", root.path().join("version").display())))
        }
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
