//! Steps that mount.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{CWD, FileType, Mode, fstat, makedev, mknodat, symlinkat},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
        fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree, unmount,
    },
    process::{chroot, fchdir, pivot_root},
};
use sys::mount::{Attr, Change, Propagation, set_attributes, set_attributes_at};

use super::{
    Call, Child, Done, Fault, copy_up,
    place::{self, Places},
};
use crate::step::{Act, MountChange, Node, Slot, TargetKind};

/// How many spent descriptors are kept; the usual limit of open files is 1024.
const MOST_SPENT: usize = 256;

impl Child<'_> {
    pub(super) fn mount(&mut self, act: &Act) -> Done {
        match act {
            Act::Fresh { slot, .. } => {
                let (mount, context) = fresh(act)?;
                self.slots.put(*slot, mount);
                self.spend(context);
                Ok(())
            }
            Act::CutPropagation => {
                let change = Change { propagation: Some(Propagation::Private), recursive: true, ..Change::default() };
                set_attributes_at(c"/", &change).call(|| "mount_setattr(/, private)".into())
            }
            Act::EnterRoot(slot) => self.enter_root(*slot),
            Act::Attach { slot, target, kind, propagation, copy_up } => {
                let mount = self.slots.take(*slot)?;
                propagate(&mount, *propagation)?;
                self.attach(mount, target, *kind, *copy_up, *slot)
            }
            Act::Remount { target, change } => {
                let at = self.places()?.open(target)?;
                apply(&at, change).call(|| format!("mount_setattr({})", target.display()))?;
                self.spend(at);
                Ok(())
            }
            Act::Directory(path) => self.places()?.open_or_make(path, TargetKind::Directory).map(drop),
            Act::Link { to, at } => self.link(to, at),
            Act::Node(node) => self.node(node),
            Act::Mask(path) => self.hide(path),
            Act::ReadonlyPath(path) => self.make_readonly(path),
            Act::RootPropagation(propagation, recursive) => {
                propagate(&self.places()?.root(), Some((*propagation, *recursive)))
            }
            Act::ReadonlyRoot => {
                let change = Change { set: Attr::RDONLY, ..Change::default() };
                set_attributes(self.places()?.root(), &change).call(|| "mount_setattr(/, ro)".into())
            }
            Act::PivotRoot => pivot(),
            Act::MoveRoot => self.move_root(),
            _ => Err(Fault::new("step", Errno::NOSYS)),
        }
    }

    pub(super) fn places(&mut self) -> Done<&mut Places> {
        self.way.places.as_mut().ok_or_else(|| Fault::new("root", Errno::BADF))
    }

    /// Lets go of a descriptor that is no longer needed, which the exec closes: one by one would be a call each.
    fn spend(&mut self, fd: OwnedFd) {
        if self.way.spent.len() >= MOST_SPENT {
            self.way.spent.clear();
        }
        self.way.spent.push(fd);
    }

    /// The mount is laid over the root directory: a place that exists and can be reached in every container, whatever the modes of
    /// the directories above the root filesystem. The root directory of this process stays the host's until the pivot.
    fn enter_root(&mut self, slot: Slot) -> Done {
        let mount = self.slots.take(slot)?;
        lay(&mount, CWD, "/").call(|| "move_mount(root filesystem, /)".into())?;
        fchdir(&mount).call(|| "fchdir(root filesystem)".into())?;
        self.way.places = Some(Places::new(mount));
        Ok(())
    }

    fn attach(&mut self, mount: OwnedFd, target: &Path, kind: TargetKind, copy: bool, slot: Slot) -> Done {
        let at = self.places()?.open_or_make(target, kind)?;
        if copy {
            copy_up::copy(&at, &mount).map_err(|(call, errno)| place::fault(call, target, errno))?;
        }
        lay(&mount, &at, "").call(|| format!("move_mount({})", target.display()))?;
        // It stays at hand: the terminal is opened in the mount of devpts itself, not through a path of the container's.
        self.slots.put(slot, mount);
        self.places()?.covered(target);
        self.spend(at);
        Ok(())
    }

    fn link(&mut self, to: &Path, at: &Path) -> Done {
        let (above, name) = self.places()?.above(at)?;
        match symlinkat(to, above, name) {
            Ok(()) | Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(place::fault("symlinkat", at, errno)),
        }
    }

    fn node(&mut self, node: &Node) -> Done {
        let (above, name) = self.places()?.above(&node.path)?;
        let device = makedev(node.device.0, node.device.1);
        match mknodat(above, name, FileType::from_raw_mode(node.mode), Mode::from_raw_mode(node.mode), device) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Ok(()),
            Err(errno) => return Err(place::fault("mknodat", &node.path, errno)),
        }
        // The mask of file mode creation and the process's ids had their say; the configuration has the last word.
        let flags = rustix::fs::AtFlags::empty();
        rustix::fs::chmodat(above, name, Mode::from_raw_mode(node.mode), flags)
            .map_err(|errno| place::fault("chmodat", &node.path, errno))?;
        let (uid, gid) = node.owner;
        let (uid, gid) = (rustix::fs::Uid::from_raw(uid), rustix::fs::Gid::from_raw(gid));
        rustix::fs::chownat(above, name, Some(uid), Some(gid), rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| place::fault("chownat", &node.path, errno))
    }

    /// A file is hidden by the host's null device, a directory by an empty tmpfs that all hidden directories share.
    fn hide(&mut self, path: &Path) -> Done {
        let Some(at) = self.places()?.open_if_there(path)? else { return Ok(()) };
        let stat = fstat(&at).map_err(|errno| place::fault("fstat", path, errno))?;
        let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        let mount = if !is_directory {
            null_device()?
        } else if let Some(mask) = &self.way.mask {
            clone_of(mask, false).map_err(|errno| place::fault("open_tree", path, errno))?
        } else {
            empty_directory()?
        };
        lay(&mount, &at, "").map_err(|errno| place::fault("move_mount", path, errno))?;
        self.spend(at);
        if is_directory && self.way.mask.is_none() {
            self.way.mask = Some(mount);
        } else {
            self.spend(mount);
        }
        Ok(())
    }

    fn make_readonly(&mut self, path: &Path) -> Done {
        let Some(at) = self.places()?.open_if_there(path)? else { return Ok(()) };
        let mount = clone_of(&at, true).map_err(|errno| place::fault("open_tree", path, errno))?;
        let change = Change { set: Attr::RDONLY, recursive: true, ..Change::default() };
        set_attributes(&mount, &change).map_err(|errno| place::fault("mount_setattr", path, errno))?;
        lay(&mount, &at, "").map_err(|errno| place::fault("move_mount", path, errno))?;
        self.spend(at);
        self.spend(mount);
        Ok(())
    }

    fn move_root(&mut self) -> Done {
        // The mount lies over / already; what is left is to make it this process's root.
        fchdir(self.places()?.root()).call(|| "fchdir(root filesystem)".into())?;
        chroot(".").call(|| "chroot(.)".into())?;
        rustix::process::chdir("/").call(|| "chdir(/)".into())
    }
}

/// Makes a file system: its mount, and the context that it came from.
fn fresh(act: &Act) -> Done<(OwnedFd, OwnedFd)> {
    let Act::Fresh { fs, source, options, attr, .. } = act else { return Err(Fault::new("step", Errno::NOSYS)) };
    let name = fs.to_string_lossy();
    let context = fsopen(fs.as_c_str(), FsOpenFlags::FSOPEN_CLOEXEC).call(|| format!("fsopen({name})"))?;
    let said = |call: String, errno: Errno| Fault::new(call, errno).with_text(kernel_words(&context));
    if name != "proc" && name != "sysfs" {
        let source = source.as_c_str();
        fsconfig_set_string(&context, "source", source)
            .map_err(|errno| said(format!("fsconfig({name}, source={})", source.to_string_lossy()), errno))?;
    }
    for (key, value) in options {
        let set = match value {
            Some(value) => fsconfig_set_string(&context, key.as_c_str(), value.as_c_str()),
            None => fsconfig_set_flag(&context, key.as_c_str()),
        };
        set.map_err(|errno| {
            let value = value.as_ref().map(|value| format!("={}", value.to_string_lossy())).unwrap_or_default();
            said(format!("fsconfig({name}, {}{value})", key.to_string_lossy()), errno)
        })?;
    }
    fsconfig_create(&context).map_err(|errno| said(format!("fsconfig({name}, CMD_CREATE)"), errno))?;
    let attr = MountAttrFlags::from_bits_retain(u32::try_from(attr.bits()).unwrap_or_default());
    let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attr)
        .map_err(|errno| said(format!("fsmount({name})"), errno))?;
    Ok((mount, context))
}

/// What the file system said about the failure, if it says anything.
pub(crate) fn kernel_words(context: impl AsFd) -> String {
    let mut words = String::new();
    let mut buffer = [0; 1024];
    while let Ok(n @ 1..) = rustix::io::read(&context, &mut buffer) {
        let line = String::from_utf8_lossy(&buffer[..n]);
        words.push_str(line.trim_start_matches("e ").trim_start_matches("w ").trim_end());
        words.push('\n');
    }
    words.trim_end().to_owned()
}

fn pivot() -> Done {
    // The old root comes to lie over the new one, at the same place; then it is taken off.
    pivot_root(".", ".").call(|| "pivot_root(., .)".into())?;
    unmount(".", UnmountFlags::DETACH).call(|| "umount2(., MNT_DETACH)".into())?;
    rustix::process::chdir("/").call(|| "chdir(/)".into())
}

fn lay(mount: impl AsFd, at: impl AsFd, path: &str) -> rustix::io::Result<()> {
    let mut flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    if path.is_empty() {
        flags |= MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    }
    move_mount(mount, "", at, path, flags)
}

/// Clones the mount that a descriptor lies on, detached, from there on.
pub(crate) fn clone_of(mount: impl AsFd, recursive: bool) -> rustix::io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(mount, "", flags)
}

/// A mount of the host's null device. It is the host's, not the container's, and it is looked at: a masking mount of something
/// else would hide nothing (CVE-2025-31133).
fn null_device() -> Done<OwnedFd> {
    let call = || "open_tree(/dev/null)".to_owned();
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let mount = open_tree(CWD, "/dev/null", flags).call(call)?;
    let stat = fstat(&mount).call(call)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::CharacterDevice || stat.st_rdev != makedev(1, 3) {
        return Err(Fault::new(call(), Errno::NODEV).with_text("/dev/null of the host is not the null device"));
    }
    Ok(mount)
}

fn empty_directory() -> Done<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).call(|| "fsopen(tmpfs)".into())?;
    fsconfig_set_string(&context, "mode", "555").call(|| "fsconfig(tmpfs, mode)".into())?;
    fsconfig_set_string(&context, "nr_inodes", "1").call(|| "fsconfig(tmpfs, nr_inodes)".into())?;
    fsconfig_create(&context).call(|| "fsconfig(tmpfs, CMD_CREATE)".into())?;
    let attr = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attr).call(|| "fsmount(tmpfs)".into())
}

fn propagate(mount: &impl AsFd, propagation: Option<(Propagation, bool)>) -> Done {
    let Some((propagation, recursive)) = propagation else { return Ok(()) };
    let change = Change { propagation: Some(propagation), recursive, ..Change::default() };
    set_attributes(mount, &change).call(|| format!("mount_setattr({propagation:?})"))
}

/// Applies a change: first what goes for all mounts below, then what goes for this one.
pub(crate) fn apply(mount: impl AsFd, change: &MountChange) -> rustix::io::Result<()> {
    let all = Change { set: change.set_all, clear: change.clear_all, recursive: true, ..Change::default() };
    let own = Change { set: change.set, clear: change.clear, ..Change::default() };
    let spread = change.propagation.map(|(propagation, recursive)| Change {
        propagation: Some(propagation),
        recursive,
        ..Change::default()
    });
    [Some(all), Some(own), spread]
        .iter()
        .flatten()
        .filter(|change| !change.is_empty())
        .try_for_each(|change| set_attributes(&mount, change))
}
