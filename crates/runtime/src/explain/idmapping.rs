//! Why a mount cannot be idmapped. `mount_setattr` says EINVAL and EPERM for eight causes; they are told apart by looking.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    path::{Path, PathBuf},
};

use diag::{Error, Pointer, codes};
use oci::Bundle;
use rustix::{
    fs::{CWD, fstatfs},
    io::Errno,
    mount::{OpenTreeFlags, open_tree},
};
use sys::mount::{Attr, Change, set_attributes};

use crate::state::read_proc;

/// The path on the host of what config.json says at a pointer: the root filesystem's, or a mount's source.
pub fn source_of(bundle: &Bundle, from: &Pointer) -> PathBuf {
    let index = from.as_str().strip_prefix("/mounts/").and_then(|index| index.parse::<usize>().ok());
    let source = match index {
        Some(index) => bundle.spec.mounts.get(index).and_then(|mount| mount.source.clone()),
        None => bundle.spec.root.as_ref().map(|root| root.path.clone()),
    };
    bundle.path.join(source.unwrap_or_default())
}

/// The diagnosis of a tree of mounts that could not be idmapped as a whole: one of them is at fault, and each is tried alone.
pub fn idmap_tree(mount: impl AsFd, path: &Path, userns: BorrowedFd<'_>, errno: Errno) -> Error {
    let guilty = below(path).into_iter().find(|(submount, _)| refuses(submount, userns));
    match guilty {
        Some((submount, fs)) if errno == Errno::INVAL && !refuses(path, userns) => {
            let (shown, whole) = (submount.display(), path.display());
            Error::new(codes::UR0306, format!("`{whole}` cannot be idmapped as a whole: `{shown}` is mounted below it"))
                .os(format!("mount_setattr({whole}, AT_RECURSIVE, IDMAP)"), errno.raw_os_error())
                .fact(format!("the file system of `{shown}`, {fs}, cannot be idmapped on this kernel"))
                .help(format!(
                    "unmount `{shown}`, or use `idmap` instead of `ridmap`: that leaves what is mounted below as it is"
                ))
        }
        _ => idmap(mount, path, "mount_setattr", errno),
    }
}

/// The mounts below a path, with their file systems.
fn below(path: &Path) -> Vec<(PathBuf, String)> {
    let mountinfo = read_proc("/proc/self/mountinfo").unwrap_or_default();
    let mount = |line: &str| {
        let point = PathBuf::from(line.split(' ').nth(4)?);
        let fs = line.split(" - ").nth(1)?.split(' ').next()?.to_owned();
        (point.starts_with(path) && point != path).then_some((point, fs))
    };
    mountinfo.lines().filter_map(mount).collect()
}

/// Whether a mount, taken alone, cannot be idmapped.
fn refuses(path: &Path, userns: BorrowedFd<'_>) -> bool {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let change = Change { set: Attr::IDMAP, userns: Some(userns), ..Change::default() };
    open_tree(CWD, path, flags).is_ok_and(|mount| set_attributes(&mount, &change).is_err())
}

/// The diagnosis of a mount that could not be idmapped.
pub fn idmap(mount: impl AsFd, path: &Path, call: &str, errno: Errno) -> Error {
    let shown = path.display();
    let fs = fs_name(&mount);
    let error = match errno {
        Errno::NOSYS => {
            Error::new(codes::UR0301, "this kernel cannot idmap mounts").fact("mount_setattr came with Linux 5.12")
        }
        Errno::PERM if is_idmapped(&mount) => {
            Error::new(codes::UR0304, format!("`{shown}` is on a mount that is idmapped already"))
        }
        Errno::PERM => Error::new(
            codes::UR0302,
            format!("`{shown}` cannot be idmapped: its file system belongs to another user namespace"),
        )
        .fact("only who owns a file system's superblock may idmap its mounts: for a disk that is root of the host"),
        Errno::INVAL => Error::new(
            codes::UR0303,
            format!("`{shown}` cannot be idmapped: its file system, {fs}, does not allow it on this kernel"),
        ),
        _ => Error::new(codes::UR0303, format!("`{shown}` cannot be idmapped")),
    };
    error.os(format!("{call}([{}]<{shown}>, IDMAP)", mount.as_fd().as_raw_fd()), errno.raw_os_error())
}

fn fs_name(mount: impl AsFd) -> String {
    let Ok(stat) = fstatfs(mount) else { return "unknown".to_owned() };
    match stat.f_type {
        0xef53 => "ext4",
        0x0102_1994 => "tmpfs",
        0x5846_5342 => "xfs",
        0x9123_683e => "btrfs",
        0x794c_7630 => "overlay",
        0x6969 => "nfs",
        0x0102_1997 => "9p",
        0x6573_5546 => "fuse",
        0x9fa0 => "proc",
        0x6265_6572 => "sysfs",
        0x2fc1_2fc1 => "zfs",
        other => return format!("type {other:#x}"),
    }
    .to_owned()
}

/// Whether the mount that a descriptor lies on has a map: mountinfo says `idmapped` among its options.
fn is_idmapped(mount: impl AsFd) -> bool {
    let Ok(info) = read_proc(&format!("/proc/self/fdinfo/{}", mount.as_fd().as_raw_fd())) else { return false };
    let Some(id) = info.lines().find_map(|line| line.strip_prefix("mnt_id:")) else { return false };
    let mountinfo = read_proc("/proc/self/mountinfo").unwrap_or_default();
    let line = mountinfo.lines().find(|line| line.split(' ').next() == Some(id.trim()));
    line.is_some_and(|line| {
        line.split(' ').nth(5).is_some_and(|options| options.split(',').any(|word| word == "idmapped"))
    })
}
