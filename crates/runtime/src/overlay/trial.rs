//! Whether an overlay by a user's own namespace shows inodes with contents from a data-only layer: Linux 6.16 and later, over a file
//! system with `user.` attributes. Tried with a file of one byte, since neither can be asked for.

use std::os::fd::OwnedFd;

use rustix::{
    fs::{Mode, OFlags, XattrFlags, fsetxattr, ftruncate, openat},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_fd, fsconfig_set_flag, fsmount, fsopen,
    },
};
use sys::{Dir, Failed, dir::read_all};

use crate::host::Host;

/// The ability's name in [`crate::host::ABILITIES`].
pub const ABILITY: &str = "metadata-layers";

/// Why there is another way to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// [`crate::host::WITHOUT`] says so.
    TakenAway,
    /// The kernel does not do it: which call failed, and how.
    Refused {
        /// The call, with its arguments.
        call: String,
        /// Its answer.
        errno: Errno,
    },
    /// It mounts it, but shows other contents.
    Wrong,
}

type Tried<T> = Result<T, Lack>;

fn refused(call: &str) -> impl FnOnce(Errno) -> Lack {
    move |errno| Lack::Refused { call: call.to_owned(), errno }
}

fn failed(Failed { call, path, errno }: Failed) -> Lack {
    Lack::Refused { call: format!("{call}({})", path.display()), errno }
}

/// Tries it in an empty directory that lies where the layers do.
pub fn try_out(dir: &Dir, host: &Host) -> Tried<()> {
    if !host.may_use(ABILITY) {
        return Err(Lack::TakenAway);
    }
    let (layer, data) = (dir.make_dir("layer", 0o700).map_err(failed)?, dir.make_dir("data", 0o700).map_err(failed)?);
    data.write("contents", b"1", 0o600).map_err(failed)?;
    let file = layer.open_at("file", OFlags::WRONLY | OFlags::CREATE, Mode::RUSR).map_err(failed)?;
    ftruncate(&file, 1).map_err(refused("ftruncate(file)"))?;
    for (name, value) in [("user.overlay.metacopy", ""), ("user.overlay.redirect", "/contents")] {
        fsetxattr(&file, name, value.as_bytes(), XattrFlags::empty())
            .map_err(refused(&format!("fsetxattr({name})")))?;
    }
    drop(file);
    let mount = mount(&layer, &data)?;
    let shown =
        openat(&mount, "file", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map_err(refused("open(file)"))?;
    let contents = read_all(&shown, 16).map_err(refused("read(file)"))?;
    if contents == b"1" { Ok(()) } else { Err(Lack::Wrong) }
}

fn mount(layer: &Dir, data: &Dir) -> Tried<OwnedFd> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(refused("fsopen(overlay)"))?;
    for (key, dir) in [("lowerdir+", layer), ("datadir+", data)] {
        fsconfig_set_fd(&context, key, dir).map_err(refused(&format!("fsconfig(overlay, {key})")))?;
    }
    fsconfig_set_flag(&context, "userxattr").map_err(refused("fsconfig(overlay, userxattr)"))?;
    fsconfig_create(&context).map_err(refused("fsconfig(overlay, CMD_CREATE)"))?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).map_err(refused("fsmount(overlay)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_away_is_not_tried() {
        let home = tempfile::tempdir().unwrap();
        let dir = Dir::open(home.path()).unwrap();
        assert_eq!(try_out(&dir, &Host::new(Some(ABILITY)).unwrap()), Err(Lack::TakenAway));
        assert!(dir.names().unwrap().is_empty());
    }

    /// Root may mount it by any kernel that has the feature at all; others learn why they may not.
    #[test]
    fn a_trial_says_which_call_failed() {
        let home = tempfile::tempdir().unwrap();
        match try_out(&Dir::open(home.path()).unwrap(), &Host::default()) {
            Ok(()) => {}
            Err(Lack::Refused { call, .. }) => assert!(call.contains('('), "{call}"),
            Err(lack) => panic!("{lack:?}"),
        }
    }
}
