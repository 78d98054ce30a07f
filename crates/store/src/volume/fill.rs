//! The first contents of a volume: what the image has where the volume is mounted.

use std::os::fd::{AsFd, OwnedFd};

use diag::{Error, Result, codes};
use idmap::IdMap;
use sys::{
    Dir, Failed,
    rustix::{
        fs::{Gid, Mode, Uid, fchmod, fchown},
        io::Errno,
    },
};

use super::{DATA, Volume, merge::Merge, record::Record};
use crate::{RootDir, Store, draft::Draft, io};

impl Volume {
    /// Gives an empty volume its first contents: the files of `layers`, directories that an overlay would show as one, the uppermost
    /// first, with their owners, modes, times, attributes and links. Without any, it stays empty. `root` is what the volume's own directory is
    /// given. All or nothing; a volume that has anything in it stays as it is.
    ///
    /// `current` is the map of this process's user namespace. Errors: UR0707 and UR0711 for the disk.
    pub fn fill(
        &mut self,
        store: &Store,
        layers: &[Dir],
        root: Option<RootDir>,
        current: &IdMap,
        _alone: &OwnedFd,
    ) -> Result<()> {
        // Somebody else may have been quicker.
        self.record = Record::read(self.name(), &self.dir)?;
        if self.record.filled {
            return Ok(());
        }
        let what = || format!("the volume `{}` cannot be given its first contents", self.record.name);
        if self.data()?.names().map_err(io(what()))?.is_empty() {
            let root = root.filter(|_| self.record.uid.is_none() && self.record.gid.is_none());
            if layers.is_empty() {
                root.map_or(Ok(()), |root| own(&self.data()?, root).map_err(io(what())))?;
            } else {
                self.replace(store, layers, root, current, &what)?;
            }
        }
        self.record.filled = true;
        self.record.write(&self.dir)
    }

    fn replace(
        &self,
        store: &Store,
        layers: &[Dir],
        root: Option<RootDir>,
        current: &IdMap,
        what: &dyn Fn() -> String,
    ) -> Result<()> {
        let before = self.data()?.stat("").map_err(io(what()))?;
        let (draft, home) = Draft::dir(store)?;
        let new = home.make_dir(DATA, 0o700).map_err(io(what()))?;
        Merge::new(&new, current).all(layers).map_err(|failed| overflow(failed, what()))?;
        let kept = RootDir { mode: before.st_mode & 0o7777, uid: before.st_uid, gid: before.st_gid };
        own(&new, root.unwrap_or(kept)).map_err(|failed| overflow(failed, what()))?;
        // What has a name is complete, also after a power failure.
        store.sync()?;
        home.rename(DATA, &self.dir, DATA, true).map_err(io(what()))?;
        draft.remove().map_err(io(what()))
    }
}

fn own(dir: &Dir, root: RootDir) -> Result<(), Failed> {
    let failed = |call| move |errno| Failed::new(call, dir.path(), errno);
    fchown(dir.as_fd(), Some(Uid::from_raw(root.uid)), Some(Gid::from_raw(root.gid))).map_err(failed("fchown"))?;
    fchmod(dir.as_fd(), Mode::from_raw_mode(root.mode & 0o7777)).map_err(failed("fchmod"))
}

/// EINVAL is the kernel's word for an owner that this user namespace does not have.
fn overflow(failed: Failed, what: String) -> Error {
    if failed.errno != Errno::INVAL {
        return io(what)(failed);
    }
    failed.into_error(codes::UR0107, what).fact("a file of the image belongs to an id that is not available here")
}
