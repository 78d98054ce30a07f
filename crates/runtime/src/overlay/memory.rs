//! A file system in memory that belongs to this process's user namespace, so that its mounts can be idmapped by whoever is root in it.
//!
//! It hangs in this mount namespace and goes with it: with the last process of the user's containers.

use std::os::fd::OwnedFd;

use rustix::{
    fs::{AtFlags, Mode, OFlags, openat, statat},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, fsconfig_create, fsconfig_set_string, fsmount,
        fsopen, move_mount,
    },
};
use sys::{Dir, Failed};

/// The directory `name` of `parent` with the file system on it; it is mounted if that has not been done.
pub fn on(parent: &Dir, name: &str) -> Result<Dir, Failed> {
    let path = parent.path().join(name);
    let failed = |call: &'static str| {
        let path = path.clone();
        move |errno: Errno| Failed::new(call, &path, errno)
    };
    parent.ensure_dir(name, 0o700)?;
    let device = |name: &str| statat(parent, name, AtFlags::EMPTY_PATH).map(|stat| stat.st_dev);
    if device(name).map_err(failed("fstatat"))? == device("").map_err(failed("fstatat"))? {
        let mount = new().map_err(failed("fsopen"))?;
        move_mount(&mount, "", parent, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).map_err(failed("move_mount"))?;
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = openat(parent, name, flags, Mode::empty()).map_err(failed("openat"))?;
    Ok(Dir::from_fd(dir, path))
}

/// As many inodes as there is memory for: they have no contents.
fn new() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [("mode", "700"), ("nr_inodes", "0"), ("source", "unroot")] {
        fsconfig_set_string(&context, key, value)?;
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOSUID;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}
