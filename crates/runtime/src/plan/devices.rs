//! `linux.devices`, and the devices and links that every container has (OCI runtime specification, config-linux.md "Default Devices").

use std::path::{Path, PathBuf};

use diag::{Error, Pointer, Result, codes};
use oci::spec::{Device, DeviceKind};
use rustix::fs::{FileType, fstat, major, makedev, minor};

use super::{
    Context,
    mounts::{attach_opened, open_source},
};
use crate::step::{Act, MountChange, Node, TargetKind};

const DEFAULT: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
];

/// Decides the devices. A /dev that is bound from the host has what it has.
pub(super) fn decide(context: &mut Context<'_>) -> Result<()> {
    if is_dev_bound(context) {
        return Ok(());
    }
    let linux = context.bundle.spec.linux.as_ref();
    let listed = linux.map_or(&[][..], |linux| &linux.devices);
    for (index, device) in listed.iter().enumerate() {
        let from = Pointer::new("/linux/devices").child(index);
        let node = read(context, device, &from)?;
        place(context, node, from)?;
    }
    for (path, major, minor) in DEFAULT {
        if listed.iter().any(|device| device.path == Path::new(path)) {
            continue;
        }
        let mode = FileType::CharacterDevice.as_raw_mode() | 0o666;
        let node = Node { path: path.into(), mode, device: (major, minor), owner: (0, 0) };
        place(context, node, Pointer::root())?;
    }
    for (to, at) in LINKS {
        context.step(Act::Link { to: to.into(), at: at.into() }, Pointer::root());
    }
    Ok(())
}

fn is_dev_bound(context: &Context<'_>) -> bool {
    let is_bind = |options: &[String]| options.iter().any(|word| word == "bind" || word == "rbind");
    context.bundle.spec.mounts.iter().any(|mount| {
        mount.destination == Path::new("/dev") && (mount.kind.as_deref() == Some("bind") || is_bind(&mount.options))
    })
}

fn read(context: &Context<'_>, device: &Device, from: &Pointer) -> Result<Node> {
    let refuse =
        |what: String, member: &str| Err(Error::new(codes::UR0412, what).at(context.bundle.at(from.child(member))));
    let path = &device.path;
    if !path.is_absolute() {
        return refuse(format!("the path `{}` of a device is not absolute", path.display()), "path");
    }
    let kind = match device.kind {
        DeviceKind::Character | DeviceKind::Unbuffered => FileType::CharacterDevice,
        DeviceKind::Block => FileType::BlockDevice,
        DeviceKind::Fifo => FileType::Fifo,
        DeviceKind::All => return refuse("a device is of type `c`, `b`, `u` or `p`".to_owned(), "type"),
    };
    let (major, minor) = match (device.major, device.minor) {
        (Some(major), Some(minor)) => (major, minor),
        _ if kind == FileType::Fifo => (0, 0),
        (major, _) => {
            let missing = if major.is_none() { "major" } else { "minor" };
            let what = format!("the device `{}` has no {missing} number", path.display());
            return Err(Error::new(codes::UR0412, what).at(context.bundle.at(from.clone())));
        }
    };
    let (Ok(major), Ok(minor)) = (u32::try_from(major), u32::try_from(minor)) else {
        return refuse(format!("{major}:{minor} are no numbers of a device"), "major");
    };
    Ok(Node {
        path: path.clone(),
        mode: kind.as_raw_mode() | (device.file_mode.unwrap_or(0o666) & 0o7777),
        device: (major, minor),
        owner: (device.uid.unwrap_or(0), device.gid.unwrap_or(0)),
    })
}

/// A user namespace may not make device nodes (EPERM), so the host's are bound; a FIFO it may make.
fn place(context: &mut Context<'_>, node: Node, from: Pointer) -> Result<()> {
    if !context.has_user_namespace() || FileType::from_raw_mode(node.mode) == FileType::Fifo {
        context.step(Act::Node(node), from);
        return Ok(());
    }
    bind(context, &node, from)
}

fn bind(context: &mut Context<'_>, node: &Node, from: Pointer) -> Result<()> {
    let path: PathBuf = node.path.clone();
    let shown = path.display();
    let mount = open_source(context.bundle, &path, false, &from).map_err(|error| {
        let error = error.into_report();
        let mut refused = Error::new(codes::UR0412, format!("the device `{shown}` cannot be bound from the host"));
        refused = refused.at(context.bundle.at(from.clone()));
        if let Some(diag::Cause::Os { call, errno }) = error.cause {
            refused = refused.os(call, errno);
        }
        refused.fact("in a user namespace device nodes cannot be made, so the host's of the same path is bound")
    })?;
    let wanted = makedev(node.device.0, node.device.1);
    let found = fstat(&mount).ok().filter(|stat| {
        FileType::from_raw_mode(stat.st_mode) == FileType::from_raw_mode(node.mode) && stat.st_rdev == wanted
    });
    if found.is_none() {
        let is = fstat(&mount).map_or(0, |stat| stat.st_rdev);
        return Err(Error::new(
            codes::UR0412,
            format!("`{shown}` of the host is not the device {}:{}", node.device.0, node.device.1),
        )
        .at(context.bundle.at(from))
        .fact(format!("it is {}:{}", major(is), minor(is))));
    }
    attach_opened(context, (mount, TargetKind::File), &MountChange::default(), None, path, from)
}
