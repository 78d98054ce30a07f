//! `root`: the root filesystem is opened, and looked at before anything is made.
//!
//! It is opened here, by the runtime, so the directories above it need not be searchable for the container's root.

use std::{
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

use diag::{Error, Pointer, Result, codes};
use idmap::{IdMap, Inside, Kind, Outside};
use oci::Bundle;
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat, fstat, openat, openat2, statat},
    io::Errno,
    mount::{OpenTreeFlags, open_tree},
};

use super::{Carried, Context, IDMAP_ROOT, Idmap, Mounted, RootPlan, map};
use crate::{job::Root, step::Slot};

/// How the root filesystem's owners and the map go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    /// There is no map, or the files carry host ids already.
    AsTheyAre,
    /// The files carry container ids: the mount is to be idmapped.
    Idmapped,
}

/// Opens the root filesystem, or keeps a slot for the overlay that becomes it.
pub(super) fn decide(context: &mut Context<'_>, root: &Root) -> Result<RootPlan> {
    let Root::Bundle { idmap } = root else {
        let slot = Slot(context.slots.len());
        context.slots.push(None);
        return Ok(RootPlan::Overlay(slot));
    };
    let bundle = context.bundle;
    let path = path(bundle)?;
    let mount = open(bundle, &path)?;
    let annotated = bundle.spec.annotations.get(IDMAP_ROOT).is_some_and(|word| word == "true");
    let owners = if context.map.is_some() && (*idmap || annotated) { Owners::Idmapped } else { Owners::AsTheyAre };
    if let Some(map) = context.map {
        check_root_ids(context, map, &mount, owners)?;
    }
    let warnings = check(bundle, &path, &mount, context.map, owners)?;
    context.warnings.extend(warnings);
    let slot = context.open_slot(mount);
    if owners == Owners::Idmapped {
        let idmap = Idmap { carried: Carried::ByContainer, recursive: true };
        context.idmapped.push(Mounted { slot, idmap, from: Pointer::new("/root/path") });
    }
    Ok(RootPlan::Opened(slot))
}

/// A map without id 0 is accepted only where nothing needs it: the root directory belongs to another id of the map.
fn check_root_ids(context: &Context<'_>, map: &IdMap, mount: &OwnedFd, owners: Owners) -> Result<()> {
    let owner_is_mapped = fstat(mount).is_ok_and(|stat| {
        [(Kind::Uid, stat.st_uid), (Kind::Gid, stat.st_gid)].into_iter().all(|(kind, id)| match owners {
            Owners::Idmapped => map.get(kind).contains(Inside(id)),
            Owners::AsTheyAre => map.get(kind).to_inside(Outside(id)).is_some(),
        })
    });
    if owner_is_mapped { Ok(()) } else { map::check_root(context.bundle, map) }
}

/// Where `root.path` leads: the bundle's own directory is its base.
pub fn path(bundle: &Bundle) -> Result<PathBuf> {
    let root = bundle.spec.root.as_ref().filter(|root| !root.path.as_os_str().is_empty());
    match root {
        Some(root) => Ok(bundle.path.join(&root.path)),
        None => Err(Error::new(codes::UR0403, "config.json names no root filesystem: root.path is missing")
            .at(bundle.at(Pointer::new("/root")))
            .help("write `\"root\": {\"path\": \"rootfs\"}` and unpack the root filesystem there")),
    }
}

/// Opens the root filesystem as a detached mount with everything that is mounted below it.
pub fn open(bundle: &Bundle, path: &Path) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let mount = open_tree(CWD, path, flags).map_err(|errno| unreachable(bundle, path, errno))?;
    let stat = fstat(&mount).map_err(|errno| unreachable(bundle, path, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(Error::new(codes::UR0403, format!("the root filesystem `{}` is not a directory", path.display()))
            .at(origin(bundle)));
    }
    Ok(mount)
}

fn origin(bundle: &Bundle) -> diag::Origin {
    bundle.at(Pointer::new("/root/path"))
}

fn unreachable(bundle: &Bundle, path: &Path, errno: Errno) -> Error {
    let shown = path.display();
    let what = format!("the root filesystem `{shown}`");
    let error = match errno {
        Errno::NOENT | Errno::ACCESS | Errno::NOTDIR => oci::way::find(path).into_error(codes::UR0403, &what),
        Errno::PERM => {
            return Error::new(codes::UR0403, format!("{what} cannot be opened as a mount"))
                .os(format!("open_tree({shown})"), errno.raw_os_error())
                .fact("this process has no right over its mount namespace (CAP_SYS_ADMIN)")
                .at(origin(bundle));
        }
        _ => Error::new(codes::UR0403, format!("{what} cannot be opened")),
    };
    relative_advice(bundle, error.os(format!("open_tree({shown})"), errno.raw_os_error())).moved_to(origin(bundle))
}

/// containerd copies config.json into a directory of its own, and a relative path is then relative to that (PROBLEMS 1.1).
fn relative_advice(bundle: &Bundle, error: Error) -> Error {
    let Some(root) = bundle.spec.root.as_ref().filter(|root| root.path.is_relative()) else { return error };
    error
        .label(format!("relative: it leads to {}", bundle.path.join(&root.path).display()))
        .fact("a relative root.path begins at the bundle's directory; containerd copies config.json into a directory of its own")
        .help("write the absolute path of the root filesystem into root.path")
}

/// Looks at the root filesystem: whether there is one, and whether its owners fit the map.
pub fn check(bundle: &Bundle, path: &Path, mount: &OwnedFd, map: Option<&IdMap>, owners: Owners) -> Result<Vec<Error>> {
    let dir = openat(mount, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| unreachable(bundle, path, errno))?;
    if is_empty(&dir).map_err(|errno| unreachable(bundle, path, errno))? {
        let what = format!("the root filesystem `{}` is empty", path.display());
        return Err(relative_advice(bundle, Error::new(codes::UR0404, what)).at(origin(bundle)));
    }
    let Some(map) = map else { return Ok(Vec::new()) };
    for sample in ["", "bin", "etc", "usr", "lib"] {
        let Ok(stat) = statat(&dir, sample, AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let place = if sample.is_empty() { path.to_owned() } else { path.join(sample) };
        check_owner(bundle, &place, &stat, map, owners)?;
    }
    if owners == Owners::AsTheyAre && is_flattened(&dir, map) {
        return Ok(vec![flattened(bundle, path)]);
    }
    Ok(Vec::new())
}

fn is_empty(dir: &OwnedFd) -> rustix::io::Result<bool> {
    let mut space = [MaybeUninit::uninit(); 1024];
    let mut entries = RawDir::new(dir, &mut space);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            return Ok(false);
        }
    }
    Ok(true)
}

fn check_owner(bundle: &Bundle, path: &Path, stat: &Stat, map: &IdMap, owners: Owners) -> Result<()> {
    for (kind, id) in [(Kind::Uid, stat.st_uid), (Kind::Gid, stat.st_gid)] {
        let extents = map.get(kind);
        let fits = match owners {
            Owners::Idmapped => extents.contains(Inside(id)),
            Owners::AsTheyAre => extents.to_inside(Outside(id)).is_some(),
        };
        if !fits {
            return Err(misfit(path, kind, id, map, owners).at(origin(bundle)));
        }
    }
    Ok(())
}

fn misfit(path: &Path, kind: Kind, id: u32, map: &IdMap, owners: Owners) -> Error {
    let (name, shown) = (kind.name(), path.display());
    let extents = map.get(kind);
    let base = extents.to_outside(Inside(0)).map_or_else(|| "none".to_owned(), |base| base.0.to_string());
    let facts = |error: Error| {
        error
            .fact(format!("the map has container {name}s {} = host {}", extents.inside_ids(), extents.outside_ids()))
            .fact(format!("container {name} 0 = host {base}"))
    };
    if owners == Owners::Idmapped {
        let what = format!("`{shown}` belongs to {name} {id}, which is no id of the container");
        return facts(Error::new(codes::UR0406, what))
            .fact("the root filesystem is to be mounted idmapped, so its files must carry the ids that the container sees")
            .help("if its files are shifted already, take --idmap-root or the annotation org.unroot.root.idmap away");
    }
    // Ids of the container that are no host ids of the map: the files were never shifted.
    if extents.contains(Inside(id)) {
        let what = format!("the root filesystem is not shifted into the map: `{shown}` belongs to host {name} {id}");
        return facts(Error::new(codes::UR0405, what))
            .label(format!("its files carry container ids: {name} {id} instead of {name} {base}"))
            .help("mount it idmapped, so that nothing needs to be changed on disk: --idmap-root, or the annotation `\"org.unroot.root.idmap\": \"true\"`");
    }
    let what = format!("the root filesystem is shifted by another base: `{shown}` belongs to host {name} {id}");
    facts(Error::new(codes::UR0406, what))
        .help(format!("use the base of the files in the map (`\"hostID\": {id}`), or unpack the root filesystem again and mount it idmapped: --idmap-root"))
}

/// After `chown -R` every file has one owner, and set-user-id bits are gone. It is seen by what every distribution has:
/// a shadow file of the group shadow, and programs that are set-user-id root.
fn is_flattened(dir: &OwnedFd, map: &IdMap) -> bool {
    let zero = |kind, id| map.get(kind).to_inside(Outside(id)) == Some(Inside(0));
    let shadow =
        stat_inside(dir, "etc/shadow").is_some_and(|stat| zero(Kind::Gid, stat.st_gid) && has_group(dir, b"shadow:"));
    let programs = ["usr/bin/su", "bin/su", "usr/bin/passwd", "usr/bin/mount", "bin/mount", "usr/bin/newgrp"];
    let mut found = programs
        .iter()
        .filter_map(|name| stat_inside(dir, name))
        .filter(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
        .peekable();
    shadow && found.peek().is_some() && found.all(|stat| !Mode::from_raw_mode(stat.st_mode).contains(Mode::SUID))
}

fn open_inside(dir: impl AsFd, name: &str) -> Option<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    openat2(dir, name, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS).ok()
}

fn stat_inside(dir: impl AsFd, name: &str) -> Option<Stat> {
    fstat(open_inside(dir, name)?).ok()
}

fn has_group(dir: impl AsFd, line: &[u8]) -> bool {
    let contents = open_inside(dir, "etc/group").and_then(|file| sys::dir::read_all(file, 1 << 20).ok());
    contents.is_some_and(|text| text.split(|byte| *byte == b'\n').any(|group| group.starts_with(line)))
}

fn flattened(bundle: &Bundle, path: &Path) -> Error {
    Error::warning(
        codes::UR0407,
        format!("the root filesystem `{}` was flattened: every file has one owner", path.display()),
    )
    .at(bundle.at(Pointer::new("/root/path")))
    .fact("/etc/shadow does not belong to the group shadow, and no program is set-user-id: so it is after `chown -R`")
    .fact("file capabilities and the owners of services are lost too; programs such as su and passwd will not work")
    .help("unpack the root filesystem again, change no owners, and mount it idmapped: --idmap-root")
}
