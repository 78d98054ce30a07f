//! The root filesystem of an engine's container: an overlay of layers, idmapped, that no path leads to.
//!
//! # Theory of operation
//! Every layer's directory is cloned as a mount of its own and idmapped by the container's user namespace; so is the directory that
//! holds upper and work. The overlay is given them as descriptors. Nothing is attached: the result is a detached mount, which the child
//! receives over the wire and puts into its own mount namespace. Whether a directory above a layer can be searched by a mapped id
//! does not matter, because no path is walked ("failed to resolve '…': -13" cannot happen).
//!
//! Kernels before 6.15 take no detached mounts as layers. There the clones are attached, to numbered directories of a tmpfs in a mount
//! namespace that this process makes for itself, and the overlay is given their names.
//!
//! An ordinary user's mounts of the host's file systems cannot be idmapped. What lies there comes with other owners already and is taken as
//! it is ([`Idmapped`]); the contents of a layer's inodes may then lie in data-only layers.
//!
//! overlayfs keeps its mounter's ids and makes its own files by them. So while it is made, this thread's file system ids are the
//! container's root: otherwise the overlay comes up read-only, and only the kernel's log says why.

pub mod memory;
pub mod trial;

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use diag::{Error, Result, codes};
use idmap::{IdMap, Inside, Kind};
use rustix::{
    fs::{CWD, Mode, OFlags, StatVfsMountFlags, fstatvfs, mkdir, open, openat},
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, UnmountFlags, fsconfig_create, fsconfig_set_fd,
        fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, unmount,
    },
    process::{chdir, fchdir},
};
use sys::{
    Alone, FilesystemIds,
    clone::{Namespaces, unshare},
    mount::{Attr, Change, Propagation, clone_with_attributes, set_attributes, set_attributes_at},
};

use crate::{
    child::{clone_of, kernel_words},
    explain,
    host::Host,
    job::Idmapped,
};

/// What an overlay is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// The layers' directories, the uppermost first.
    pub lower: &'a [PathBuf],
    /// Directories with the contents of inodes that have none of their own (data-only layers).
    pub data: &'a [PathBuf],
    /// The directory with `upper` and `work`; without one, the overlay is read-only.
    pub writable: Option<&'a Path>,
    /// Whether what is written may be lost in a crash.
    pub volatile: bool,
    /// What a view is for.
    pub idmapped: Idmapped,
}

/// Who sees the layers how.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The container's map.
    pub map: &'a IdMap,
    /// Its user namespace.
    pub userns: &'a OwnedFd,
}

/// A call that failed while the overlay was made.
struct Refused {
    call: String,
    errno: Errno,
    words: String,
}

type Made<T> = Result<T, Refused>;

fn refused(call: impl Into<String>) -> impl FnOnce(Errno) -> Refused {
    let call = call.into();
    move |errno| Refused { call, errno, words: String::new() }
}

/// Makes the overlay as a detached mount. Without a view the layers are taken as they are.
pub fn make(alone: &Alone, parts: Parts<'_>, view: Option<View<'_>>, host: &Host) -> Result<OwnedFd> {
    let (layers_view, view) = match parts.idmapped {
        Idmapped::All => (view, view),
        Idmapped::Layers => (view, None),
        Idmapped::Nothing => (None, None),
    };
    let lower = parts.lower.iter().map(|path| layer(path, layers_view, host)).collect::<Result<Vec<_>>>()?;
    let data = parts.data.iter().map(|path| layer(path, None, host)).collect::<Result<Vec<_>>>()?;
    let writable = parts.writable.map(|path| layer(path, view, host)).transpose()?;
    // The kernel refuses a mount by the superuser of a namespace of his own that hides what `trusted.` attributes mark.
    let layers =
        Layers { lower, data, writable, volatile: parts.volatile, user_attributes: !host.is_initial_user_namespace() };
    let ids =
        ids_for(view).map_err(|errno| failure(Refused { call: "capset()".into(), errno, words: String::new() }))?;
    let by_descriptors = if host.may_use("overlay-fds") && host.may_use("detached-layers") {
        by_descriptors(&layers)
    } else {
        Err(Refused { call: String::new(), errno: Errno::INVAL, words: String::new() })
    };
    let mount = match by_descriptors {
        // What older kernels say to descriptors (6.1: EOPNOTSUPP, 6.12: EBADF) and to layers that are not attached (EINVAL).
        Err(Refused { errno: Errno::OPNOTSUPP | Errno::BADF | Errno::INVAL, .. }) => by_names(alone, layers),
        result => result,
    };
    drop(ids);
    let mount = mount.map_err(failure)?;
    check_writable(&mount, parts.writable.is_some())?;
    Ok(mount)
}

struct Layers {
    lower: Vec<Layer>,
    data: Vec<Layer>,
    writable: Option<Layer>,
    volatile: bool,
    user_attributes: bool,
}

/// An open directory.
struct Layer {
    fd: OwnedFd,
    /// Whether it is a mount of its own.
    mounted: bool,
}

impl AsFd for Layer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Opens a directory; with a view, as a mount of its own that is idmapped.
fn layer(path: &Path, view: Option<View<'_>>, host: &Host) -> Result<Layer> {
    let shown = path.display();
    let opened = open(path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let dir = opened.map_err(|errno| {
        let what = format!("the layer `{shown}`");
        oci::way::find(path).into_error(codes::UR0707, &what).os(format!("open({shown})"), errno.raw_os_error())
    })?;
    let Some(view) = view else { return Ok(Layer { fd: dir, mounted: false }) };
    idmapped(&dir, path, view, host).map(|fd| Layer { fd, mounted: true })
}

fn idmapped(dir: &OwnedFd, path: &Path, view: View<'_>, host: &Host) -> Result<OwnedFd> {
    let change = Change { set: Attr::IDMAP, userns: Some(view.userns.as_fd()), ..Change::default() };
    if host.may_use("open-tree-attr") {
        match clone_with_attributes(dir, &change) {
            Err(Errno::NOSYS) => {}
            result => return result.map_err(|errno| explain::idmap(dir, path, "open_tree_attr", errno)),
        }
    }
    let mount = clone_of(dir, false).map_err(|errno| explain::idmap(dir, path, "open_tree", errno))?;
    set_attributes(&mount, &change).map_err(|errno| explain::idmap(dir, path, "mount_setattr", errno))?;
    Ok(mount)
}

fn ids_for(view: Option<View<'_>>) -> rustix::io::Result<Option<FilesystemIds>> {
    let Some(View { map, .. }) = view else { return Ok(None) };
    let lowest = |kind| {
        let extents = map.get(kind);
        let id = extents.to_outside(Inside(0)).or_else(|| extents.iter().next().map(|extent| extent.outside));
        id.map_or(0, |id| id.0)
    };
    FilesystemIds::set(lowest(Kind::Uid), lowest(Kind::Gid)).map(Some)
}

fn by_descriptors(layers: &Layers) -> Made<OwnedFd> {
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(refused("fsopen(overlay)"))?;
    for lower in &layers.lower {
        fsconfig_set_fd(&context, "lowerdir+", lower).map_err(refused("fsconfig(overlay, lowerdir+)"))?;
    }
    for data in &layers.data {
        fsconfig_set_fd(&context, "datadir+", data).map_err(refused("fsconfig(overlay, datadir+)"))?;
    }
    if let Some(writable) = &layers.writable {
        for (key, name) in [("upperdir", "upper"), ("workdir", "work")] {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let dir = openat(writable, name, flags, Mode::empty()).map_err(refused(format!("openat({name})")))?;
            fsconfig_set_fd(&context, key, &dir).map_err(refused(format!("fsconfig(overlay, {key})")))?;
        }
    }
    finish(&context, layers)
}

/// Sets what does not depend on how the layers are named, and makes the mount.
fn finish(context: &OwnedFd, layers: &Layers) -> Made<OwnedFd> {
    let set = |key: &str| fsconfig_set_flag(context, key).map_err(refused(format!("fsconfig(overlay, {key})")));
    if layers.user_attributes {
        set("userxattr")?;
    }
    if layers.volatile && layers.writable.is_some() {
        set("volatile")?;
    }
    fsconfig_set_string(context, "source", "unroot").map_err(refused("fsconfig(overlay, source)"))?;
    let said = |call: &str, errno| Refused { call: call.into(), errno, words: kernel_words(context) };
    fsconfig_create(context).map_err(|errno| said("fsconfig(overlay, CMD_CREATE)", errno))?;
    let mut attr = MountAttrFlags::MOUNT_ATTR_NODEV;
    if layers.writable.is_none() {
        attr |= MountAttrFlags::MOUNT_ATTR_RDONLY;
    }
    fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, attr).map_err(|errno| said("fsmount(overlay)", errno))
}

/// The way of older kernels. This process gets a mount namespace of its own for it, and keeps it; the attached clones do not stay.
fn by_names(alone: &Alone, mut layers: Layers) -> Made<OwnedFd> {
    // From the new mount namespace the directories of this one cannot be cloned any more.
    for dir in layers.lower.iter_mut().chain(&mut layers.data).chain(&mut layers.writable) {
        if !dir.mounted {
            dir.fd = clone_of(&dir.fd, false).map_err(refused("open_tree(layer)"))?;
        }
    }
    let back =
        open(".", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(refused("open(.)"))?;
    unshare(alone, Namespaces::MOUNT).map_err(refused("unshare(CLONE_NEWNS)"))?;
    let private = Change { propagation: Some(Propagation::Private), recursive: true, ..Change::default() };
    set_attributes_at(c"/", &private).map_err(refused("mount_setattr(/, private)"))?;
    attach_stage()?;
    let mount = stage_and_mount(&layers);
    // The overlay holds its layers itself.
    unmount("/proc", UnmountFlags::DETACH).map_err(refused("umount2(stage)"))?;
    fchdir(&back).map_err(refused("fchdir()"))?;
    mount
}

/// A tmpfs over /proc: a directory that every host has, hidden for a moment from this process alone.
fn attach_stage() -> Made<()> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).map_err(refused("fsopen(tmpfs)"))?;
    fsconfig_set_string(&context, "mode", "755").map_err(refused("fsconfig(tmpfs, mode)"))?;
    fsconfig_create(&context).map_err(refused("fsconfig(tmpfs, CMD_CREATE)"))?;
    let stage =
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).map_err(refused("fsmount(tmpfs)"))?;
    move_mount(&stage, "", CWD, "/proc", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .map_err(refused("move_mount(stage)"))?;
    chdir("/proc").map_err(refused("chdir(stage)"))
}

fn stage_and_mount(layers: &Layers) -> Made<OwnedFd> {
    let mut names = Vec::new();
    for (index, lower) in layers.lower.iter().chain(&layers.data).enumerate() {
        stage(lower, &index.to_string())?;
        names.push(index.to_string());
    }
    let (names, contents) = names.split_at(layers.lower.len());
    let context = fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(refused("fsopen(overlay)"))?;
    let all = names.join(":");
    // A string of fsconfig has at most 255 bytes; kernels from 6.5 on take the layers one by one.
    if all.len() <= 255 && contents.is_empty() {
        fsconfig_set_string(&context, "lowerdir", all.as_str()).map_err(refused("fsconfig(overlay, lowerdir)"))?;
    } else {
        for name in names {
            fsconfig_set_string(&context, "lowerdir+", name.as_str())
                .map_err(refused("fsconfig(overlay, lowerdir+)"))?;
        }
        for name in contents {
            fsconfig_set_string(&context, "datadir+", name.as_str()).map_err(refused("fsconfig(overlay, datadir+)"))?;
        }
    }
    if let Some(writable) = &layers.writable {
        stage(writable, "w")?;
        fsconfig_set_string(&context, "upperdir", "w/upper").map_err(refused("fsconfig(overlay, upperdir)"))?;
        fsconfig_set_string(&context, "workdir", "w/work").map_err(refused("fsconfig(overlay, workdir)"))?;
    }
    finish(&context, layers)
}

/// Attaches a layer.
fn stage(layer: &Layer, name: &str) -> Made<()> {
    mkdir(name, Mode::from_raw_mode(0o755)).map_err(refused("mkdir(stage)"))?;
    move_mount(layer, "", CWD, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH).map_err(refused("move_mount(layer)"))
}

/// overlayfs mounts read-only, and says nothing, if it cannot make its own files in the work directory.
fn check_writable(mount: &OwnedFd, wanted: bool) -> Result<()> {
    let readonly = fstatvfs(mount).is_ok_and(|fs| fs.f_flag.contains(StatVfsMountFlags::RDONLY));
    if !wanted || !readonly {
        return Ok(());
    }
    Err(Error::new(codes::UR0305, "the overlay of the root filesystem came up read-only")
        .fact("overlayfs does this when it cannot write to its work directory")
        .help_run("read what the kernel has to say", "dmesg | grep overlayfs | tail"))
}

fn failure(refused: Refused) -> Error {
    let error = Error::new(codes::UR0307, "the overlay of the root filesystem cannot be mounted")
        .os(refused.call, refused.errno.raw_os_error());
    match (refused.words.is_empty(), refused.errno) {
        (false, _) => refused.words.lines().fold(error, |error, line| error.fact(format!("the kernel says: {line}"))),
        (true, Errno::NODEV) => error.fact("this kernel has no overlayfs").help_run("load it", "modprobe overlay"),
        (true, _) => error.help_run("read what the kernel has to say", "dmesg | grep overlayfs | tail"),
    }
}
