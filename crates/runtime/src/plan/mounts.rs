//! `mounts`: what the parent opens, and what the child mounts where.

use std::{
    ffi::CString,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use diag::{Error, Pointer, Result, codes};
use idmap::{Inside, Kind};
use oci::{Bundle, spec::Mount};
use rustix::{
    fs::{CWD, FileType, fstat},
    io::Errno,
    mount::{OpenTreeFlags, open_tree},
};
use sys::{
    clone::Namespaces,
    mount::{Attr, Propagation},
};

use super::{Context, Idmap, Mounted, cgroup_view, idmapped, options::MountOptions};
use crate::{
    child::apply,
    step::{Act, MountChange, Slot, TargetKind},
};

/// Decides all mounts, in their order.
pub(super) fn decide(context: &mut Context<'_>) -> Result<()> {
    let bundle = context.bundle;
    for (index, mount) in bundle.spec.mounts.iter().enumerate() {
        let from = Pointer::new("/mounts").child(index);
        let options = MountOptions::read(&mount.options, &from.child("options"), bundle)?;
        decide_one(context, mount, &options, from)?;
    }
    Ok(())
}

fn decide_one(context: &mut Context<'_>, mount: &Mount, options: &MountOptions, from: Pointer) -> Result<()> {
    let target = Path::new("/").join(&mount.destination);
    let kind = mount.kind.as_deref().unwrap_or_default();
    if options.remount {
        context.step(Act::Remount { target, change: options.change }, from);
        return Ok(());
    }
    if options.bind || kind == "bind" {
        return bind(context, mount, options, target, from);
    }
    if idmapped::asked(mount, options) {
        return Err(
            Error::new(codes::UR0411, "only bind mounts can be idmapped by this version").at(context.bundle.at(from))
        );
    }
    match kind {
        "" => {
            Err(Error::new(codes::UR0413, format!("the mount on `{}` has neither a type nor `bind`", target.display()))
                .at(context.bundle.at(from))
                .help("add `\"type\": \"tmpfs\"` (or another file system), or the option `bind`"))
        }
        "cgroup" => cgroup_view::decide(context, options, &target, &from),
        "sysfs" if context.userns_without(Namespaces::NET) => bound_sysfs(context, options, target, from),
        _ => {
            check_ownership(context, kind, &from)?;
            fresh(context, mount, kind, options, target, from)
        }
    }
}

/// A new file system.
fn fresh(
    context: &mut Context<'_>,
    mount: &Mount,
    kind: &str,
    options: &MountOptions,
    target: PathBuf,
    from: Pointer,
) -> Result<()> {
    let slot = context.new_slot();
    let source = mount.source.as_ref().map_or_else(|| kind.to_owned(), |source| source.display().to_string());
    let data = file_system_options(context, kind, options, &from)?;
    let text = |text: &str| c_string(context.bundle, text, &from);
    let act = Act::Fresh { fs: text(kind)?, source: text(&source)?, options: data, attr: options.change.set, slot };
    context.prepare(act, from.clone());
    if kind == "devpts" && target == Path::new("/dev/pts") {
        context.devpts = Some(slot);
    }
    if options.copy_up && kind != "tmpfs" {
        return Err(Error::new(codes::UR0316, "`tmpcopyup` is an option of tmpfs alone")
            .at(context.bundle.at(from.child("options"))));
    }
    let attach = Act::Attach {
        slot,
        target: target.clone(),
        kind: TargetKind::Directory,
        propagation: options.change.propagation,
        copy_up: options.copy_up,
    };
    context.step(attach, from.clone());
    let all = MountChange { set: Attr::empty(), clear: Attr::empty(), propagation: None, ..options.change };
    if all != MountChange::default() {
        context.step(Act::Remount { target, change: all }, from);
    }
    Ok(())
}

/// The options of the file system itself. Those that name ids are in ids of the container, and must be in its map.
fn file_system_options(
    context: &Context<'_>,
    kind: &str,
    options: &MountOptions,
    from: &Pointer,
) -> Result<Vec<(CString, Option<CString>)>> {
    let mut data = Vec::new();
    for (index, key, value) in &options.data {
        let at = from.child("options").child(index);
        check_mapped(context, kind, key, value.as_deref(), &at)?;
        let key = c_string(context.bundle, key, &at)?;
        let value = value.as_deref().map(|value| c_string(context.bundle, value, &at)).transpose()?;
        data.push((key, value));
    }
    Ok(data)
}

fn check_mapped(context: &Context<'_>, fs: &str, key: &str, value: Option<&str>, at: &Pointer) -> Result<()> {
    let (Some(map), "devpts" | "tmpfs", Some(value)) = (context.map, fs, value) else { return Ok(()) };
    let kind = match key {
        "uid" => Kind::Uid,
        "gid" => Kind::Gid,
        _ => return Ok(()),
    };
    let name = kind.name();
    let id: u32 = value.parse().map_err(|_| {
        Error::new(codes::UR0316, format!("`{key}={value}` is no {name}")).at(context.bundle.at(at.clone()))
    })?;
    if map.get(kind).contains(Inside(id)) {
        return Ok(());
    }
    Err(Error::new(codes::UR0313, format!("the mount option `{key}={value}` names a {name} that the map leaves out"))
        .at(context.bundle.at(at.clone()))
        .label(format!("the map has container {name}s {}", map.get(kind).inside_ids()))
        .help(format!("take the option away, or map container {name} {id}")))
}

/// File systems that show a namespace can be mounted only by the user namespace that owns it.
fn check_ownership(context: &Context<'_>, kind: &str, from: &Pointer) -> Result<()> {
    let (needed, name, code) = match kind {
        "proc" => (Namespaces::PID, "pid", codes::UR0311),
        "mqueue" => (Namespaces::IPC, "ipc", codes::UR0314),
        _ => return Ok(()),
    };
    if !context.userns_without(needed) {
        return Ok(());
    }
    let whose = if context.namespaces.has(needed) { "it joins another's" } else { "it has the host's" };
    Err(Error::new(
        code,
        format!("{kind} cannot be mounted: the container has a user namespace, but no {name} namespace of its own"),
    )
    .at(context.bundle.at(from.clone()))
    .fact(format!(
        "{kind} shows the {name} namespace, and only the user namespace that owns that may mount it; {whose}"
    ))
    .help(format!("add `{{\"type\": \"{name}\"}}` to linux.namespaces"))
    .help(format!(
        "or bind the host's: `\"type\": \"bind\", \"source\": \"/{}\", \"options\": [\"rbind\"]`",
        if kind == "proc" { "proc" } else { "dev/mqueue" }
    )))
}

/// sysfs shows the network namespace. Where that is not the container's own, the host's /sys is bound, read-only.
fn bound_sysfs(context: &mut Context<'_>, options: &MountOptions, target: PathBuf, from: Pointer) -> Result<()> {
    let at = context.bundle.at(from.clone());
    let warning = Error::warning(
        codes::UR0312,
        "sysfs is the host's, read-only: the container has no network namespace of its own",
    )
    .at(at)
    .fact("sysfs shows the network namespace, and only the user namespace that owns that may mount it")
    .help("that is as it must be with the host's network; otherwise add `{\"type\": \"network\"}` to linux.namespaces");
    context.warnings.push(warning);
    let change = MountChange {
        set_all: Attr::RDONLY | options.change.set,
        propagation: Some((Propagation::Private, true)),
        ..MountChange::default()
    };
    let mount = open_source(context.bundle, Path::new("/sys"), true, &from)?;
    attach_opened(context, (mount, TargetKind::Directory), &change, None, target, from)
}

/// Something of the host's.
fn bind(
    context: &mut Context<'_>,
    mount: &Mount,
    options: &MountOptions,
    target: PathBuf,
    from: Pointer,
) -> Result<()> {
    if let Some((index, key, _)) = options.data.iter().find(|(_, key, value)| value.is_some() || !is_flag(key)) {
        return Err(Error::new(codes::UR0316, format!("a bind mount has no option `{key}`"))
            .at(context.bundle.at(from.child("options").child(index)))
            .help("it has `ro`, `nosuid`, `nodev`, `noexec`, `noatime`, `rprivate`, `idmap` and their like: see `unroot-runtime features`"));
    }
    let Some(source) = &mount.source else {
        return Err(Error::new(codes::UR0315, format!("the bind mount on `{}` has no source", target.display()))
            .at(context.bundle.at(from)));
    };
    let source = context.bundle.path.join(source);
    let opened = open_source(context.bundle, &source, options.recursive, &from)?;
    let mut change = options.change;
    change.propagation.get_or_insert((Propagation::Private, true));
    let idmap = idmapped::decide(context, mount, options, &from)?;
    let kind = match fstat(&opened).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        Ok(FileType::Directory) => TargetKind::Directory,
        _ => TargetKind::File,
    };
    attach_opened(context, (opened, kind), &change, idmap, target, from)
}

fn is_flag(key: &str) -> bool {
    matches!(key, "sync" | "dirsync" | "lazytime" | "mand")
}

/// Opens a source as a detached mount, with the runtime's own rights.
pub(super) fn open_source(bundle: &Bundle, source: &Path, recursive: bool, from: &Pointer) -> Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(CWD, source, flags).map_err(|errno| {
        let shown = source.display();
        let what = format!("the source `{shown}` of a mount");
        let error = match errno {
            Errno::NOENT | Errno::ACCESS | Errno::NOTDIR => oci::way::find(source).into_error(codes::UR0315, &what),
            Errno::INVAL if !recursive => {
                Error::new(codes::UR0315, format!("{what} has mounts below it that must come along"))
                    .help("use `rbind` instead of `bind`: here what lies under those mounts may not be shown")
            }
            _ => Error::new(codes::UR0315, format!("{what} cannot be opened")),
        };
        error.os(format!("open_tree({shown})"), errno.raw_os_error()).moved_to(bundle.at(from.child("source")))
    })
}

/// Changes an opened mount and plans where it goes.
pub(super) fn attach_opened(
    context: &mut Context<'_>,
    (mount, kind): (OwnedFd, TargetKind),
    change: &MountChange,
    idmap: Option<Idmap>,
    target: PathBuf,
    from: Pointer,
) -> Result<()> {
    let refused = |errno: Errno| {
        Error::new(codes::UR0307, format!("the attributes of the mount on `{}` cannot be set", target.display()))
            .os(format!("mount_setattr({change:?})"), errno.raw_os_error())
            .at(context.bundle.at(from.clone()))
    };
    match apply(&mount, change) {
        // Attributes that another user namespace has locked (ro, nosuid, nodev, noexec) cannot be cleared here, and are kept.
        Err(Errno::PERM) => {
            let kept = MountChange { clear: Attr::empty(), clear_all: Attr::empty(), ..*change };
            apply(&mount, &kept).map_err(refused)?;
        }
        applied => applied.map_err(refused)?,
    }
    let slot = context.open_slot(mount);
    if let Some(idmap) = idmap {
        context.idmapped.push(Mounted { slot, idmap, from: from.clone() });
    }
    context.step(Act::Attach { slot, target, kind, propagation: None, copy_up: false }, from);
    Ok(())
}

pub(super) fn c_string(bundle: &Bundle, text: &str, at: &Pointer) -> Result<CString> {
    CString::new(text).map_err(|_| Error::new(codes::UR0402, "a text has a NUL in it").at(bundle.at(at.clone())))
}

impl Context<'_> {
    /// Whether the container has a user namespace, but no namespace of this kind that belongs to it.
    pub(super) fn userns_without(&self, kind: Namespaces) -> bool {
        (self.namespaces.has_new_user() || self.namespaces.joined_user().is_some())
            && !self.namespaces.owns(kind)
            && !self.joins_together(kind)
    }

    /// A user namespace and another namespace that are both joined: they may belong together, and the kernel will tell.
    fn joins_together(&self, kind: Namespaces) -> bool {
        self.namespaces.joined_user().is_some() && self.namespaces.joined.iter().any(|joined| joined.kind == kind)
    }

    fn new_slot(&mut self) -> Slot {
        self.slots.push(None);
        Slot(self.slots.len() - 1)
    }

    /// Gives an open mount its number.
    pub(super) fn open_slot(&mut self, mount: OwnedFd) -> Slot {
        self.slots.push(Some(mount));
        Slot(self.slots.len() - 1)
    }

    /// Plans a new file system of the runtime's own wish.
    pub(super) fn fresh_slot(
        &mut self,
        fs: &std::ffi::CStr,
        options: Vec<(CString, Option<CString>)>,
        attr: Attr,
        from: &Pointer,
    ) -> Slot {
        let slot = self.new_slot();
        self.prepare(Act::Fresh { fs: fs.to_owned(), source: fs.to_owned(), options, attr, slot }, from.clone());
        slot
    }
}
