//! A mount of the type `cgroup`: the view that a container has of its control groups.
//!
//! The container, in a cgroup namespace of its own, mounts the hierarchies itself and sees its own group as their root. Version 2 is one mount; version 1 is a tmpfs with one mount a hierarchy.

use std::{ffi::CString, path::Path};

use diag::{Error, Pointer, Result, codes};
use sys::{clone::Namespaces, mount::Attr};

use super::{Context, options::MountOptions};
use crate::{
    cgroup::Hierarchy,
    step::{Act, MountChange, TargetKind},
};

/// Decides the view at `target`.
pub(super) fn decide(context: &mut Context<'_>, options: &MountOptions, target: &Path, from: &Pointer) -> Result<()> {
    if !context.namespaces.owns(Namespaces::CGROUP) {
        return Err(needs_namespace(context, from));
    }
    let hierarchies = context.host.cgroups()?.hierarchies;
    let (v1, v2): (Vec<_>, Vec<_>) = hierarchies.into_iter().partition(|hierarchy| !hierarchy.is_v2());
    if let ([], [unified]) = (&v1[..], &v2[..]) {
        place(context, unified, target, options, from);
        return Ok(());
    }
    directory(context, options, target, from);
    for hierarchy in v1.iter().chain(&v2) {
        let at = target.join(hierarchy.mount.file_name().unwrap_or_default());
        place(context, hierarchy, &at, options, from);
        for name in hierarchy.controllers.split(',').filter(|_| hierarchy.controllers.contains(',')) {
            let to = hierarchy.mount.file_name().unwrap_or_default().into();
            context.step(Act::Link { to, at: target.join(name) }, from.clone());
        }
    }
    let readonly = options.change.set & Attr::RDONLY;
    if !readonly.is_empty() {
        let change = MountChange { set: readonly, ..MountChange::default() };
        context.step(Act::Remount { target: target.to_owned(), change }, from.clone());
    }
    Ok(())
}

/// The directory in which the hierarchies of version 1 lie side by side; it becomes read-only once they are there.
fn directory(context: &mut Context<'_>, options: &MountOptions, target: &Path, from: &Pointer) {
    let mode = vec![(c"mode".to_owned(), Some(c"755".to_owned()))];
    let slot = context.fresh_slot(c"tmpfs", mode, options.change.set - Attr::RDONLY, from);
    let attach = Act::Attach {
        slot,
        target: target.to_owned(),
        kind: TargetKind::Directory,
        propagation: options.change.propagation,
        copy_up: false,
    };
    context.step(attach, from.clone());
}

fn place(context: &mut Context<'_>, hierarchy: &Hierarchy, at: &Path, options: &MountOptions, from: &Pointer) {
    let fs = if hierarchy.is_v2() { c"cgroup2" } else { c"cgroup" };
    let slot = context.fresh_slot(fs, hierarchy_options(&hierarchy.controllers), options.change.set, from);
    let (target, kind, propagation) = (at.to_owned(), TargetKind::Directory, options.change.propagation);
    context.step(Act::Attach { slot, target, kind, propagation, copy_up: false }, from.clone());
}

fn needs_namespace(context: &Context<'_>, from: &Pointer) -> Error {
    Error::new(codes::UR0411, "a mount of the type `cgroup` needs a cgroup namespace of the container's own")
        .at(context.bundle.at(from.clone()))
        .fact("without one it would show the groups of the whole host")
        .help("add `{\"type\": \"cgroup\"}` to linux.namespaces")
}

/// The options that name a hierarchy of version 1, which exists already.
fn hierarchy_options(controllers: &str) -> Vec<(CString, Option<CString>)> {
    let named = controllers.strip_prefix("name=");
    let words: Vec<(&str, Option<&str>)> = match named {
        Some(name) => vec![("none", None), ("name", Some(name))],
        None => controllers.split(',').filter(|name| !name.is_empty()).map(|name| (name, None)).collect(),
    };
    // The kernel's own names of controllers have no NUL.
    let text = |text: &str| CString::new(text).unwrap_or_default();
    words.into_iter().map(|(key, value)| (text(key), value.map(text))).collect()
}
