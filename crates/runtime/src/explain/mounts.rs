//! Why a mount failed.

use std::path::Path;

use diag::{Error, Pointer, codes};
use idmap::{IdMap, Kind};
use oci::Bundle;
use rustix::io::Errno;

use crate::state::read_proc;

/// A file system that could not be made. `words` is what it said itself.
pub(super) fn fresh(fs: &str, errno: Errno, words: &str) -> Error {
    let error = match (fs, errno) {
        ("proc" | "sysfs", Errno::PERM) => masked(fs),
        (_, Errno::NODEV) => Error::new(codes::UR0307, format!("this kernel has no file system `{fs}`")),
        (_, Errno::PERM) => Error::new(codes::UR0307, format!("a user namespace may not mount `{fs}`"))
            .help("bind the host's into the container: `\"type\": \"bind\"`"),
        (_, Errno::INVAL) => Error::new(codes::UR0316, format!("the file system `{fs}` does not accept its options")),
        _ => Error::new(codes::UR0307, format!("the file system `{fs}` cannot be mounted")),
    };
    words.lines().fold(error, |error, line| error.fact(format!("the kernel says: {line}")))
}

/// The option of a mount that the kernel did not accept, by the call that it refused.
pub(super) fn option_at(bundle: &Bundle, mount: &Pointer, call: &str) -> Option<Pointer> {
    let (_, option) = call.strip_prefix("fsconfig(")?.strip_suffix(')')?.split_once(", ")?;
    let index: usize = mount.as_str().strip_prefix("/mounts/")?.parse().ok()?;
    let place = bundle.spec.mounts.get(index)?.options.iter().position(|word| word == option)?;
    Some(mount.child("options").child(place))
}

/// A new proc must not show more than the one that is there: the kernel compares them.
fn masked(fs: &str) -> Error {
    let root = if fs == "proc" { "/proc" } else { "/sys" };
    let error = Error::new(codes::UR0318, format!("{fs} is masked on this host, so a new one cannot be mounted"))
        .fact(format!("the kernel allows a new {fs} in a user namespace only if the host's own is fully visible"));
    let hiding = hiding(root);
    if hiding.is_empty() {
        return error;
    }
    error.fact(format!("these mounts hide parts of it: {}", hiding.join(", "))).help(
        "if this host is a container itself, start it with an unmasked /proc: podman run --security-opt unmask=ALL",
    )
}

/// The mounts over parts of a tree.
fn hiding(root: &str) -> Vec<String> {
    let mountinfo = read_proc("/proc/self/mountinfo").unwrap_or_default();
    let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
    points
        .filter(|point| point.strip_prefix(root).is_some_and(|rest| rest.starts_with('/')))
        .map(str::to_owned)
        .collect()
}

/// A place in the root filesystem that cannot be a mount target.
pub(super) fn target(target: &Path, errno: Errno, call: &str, map: Option<&IdMap>) -> Error {
    let shown = target.display();
    let error = Error::new(codes::UR0317, format!("nothing can be mounted on `{shown}`"));
    match errno {
        Errno::ACCESS | Errno::PERM if call.starts_with("mk") => {
            let error = error.fact("the target does not exist, and the container's root may not make it there");
            match map.and_then(|map| map.get(Kind::Uid).to_outside(idmap::Inside(0))) {
                Some(root) => error.fact(format!("container 0 (root) = host {}", root.0)),
                None => error,
            }
        }
        Errno::ROFS => error
            .fact("the target does not exist, and the root filesystem is read-only")
            .help(format!("make it in the image: mkdir -p {shown}")),
        Errno::LOOP if ["/proc", "/sys", "/dev"].contains(&&*target.to_string_lossy()) => error
            .fact("it is a symbolic link in the root filesystem: the mount would land where that leads")
            .help(format!("make `{shown}` a directory in the root filesystem")),
        Errno::LOOP => error.fact("symbolic links on the way to it lead in a circle"),
        Errno::NOENT => error.fact("it is a symbolic link to something that does not exist"),
        Errno::INVAL | Errno::NOTDIR if call.starts_with("move_mount") => {
            error.fact("a directory is to be mounted on a file, or a file on a directory")
        }
        Errno::NOTDIR => error.fact("a component of its path is a file"),
        Errno::OVERFLOW => error.fact("the directory above belongs to an id that the map leaves out"),
        _ => error,
    }
}
