//! Why a mount cannot be idmapped. `mount_setattr` says EINVAL and EPERM for eight causes; they are told apart by looking.

use std::{
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
};

use diag::{Error, codes};
use rustix::{fs::fstatfs, io::Errno};

use crate::state::read_proc;

/// The path of an open file, for messages.
pub fn path_of(fd: impl AsFd) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    let link = rustix::fs::readlink(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()), Vec::new());
    link.map(|path| PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes()))).unwrap_or_default()
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
        )
        .fact("or a mount below it does not: then `idmap` instead of `ridmap` leaves that one as it is"),
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
