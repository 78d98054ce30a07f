//! The controllers of version 2: they are handed down from a group to those below it (`cgroup.subtree_control`).
//!
//! A group that has processes of its own, but for the root, hands nothing down ("no internal processes"). All that can be had are
//! enabled on the way to a container's group: limits need them, and so do figures of what it uses.

use std::path::{Path, PathBuf};

use sys::{Dir, Failed};

use super::write;

/// The controller of version 2 for one of version 1.
pub(super) fn of(name: &str) -> &str {
    if name == "blkio" { "io" } else { name }
}

/// What a group has got from above.
pub(super) fn available(path: &Path) -> Vec<String> {
    Dir::open(path).map(|dir| words(&dir, "cgroup.controllers")).unwrap_or_default()
}

fn words(dir: &Dir, file: &str) -> Vec<String> {
    let text = dir.read_text(file, 4096).unwrap_or_default();
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

/// Has a group hand down all that it has got. What cannot be handed down is missed by whoever needs it, and told then ([`gap`]).
///
/// A group with processes of its own would refuse most; and those controllers that it could hand down (`cpu`, `pids`: the threaded ones) would
/// make it one whose groups below take no processes any more (EOPNOTSUPP). Only the root, which has no type, may have both.
pub(super) fn hand_down(dir: &Dir) {
    if dir.has("cgroup.type") && dir.read("cgroup.procs", 1 << 20).is_ok_and(|processes| !processes.is_empty()) {
        return;
    }
    let enabled = words(dir, "cgroup.subtree_control");
    let missing: Vec<_> = words(dir, "cgroup.controllers").into_iter().filter(|name| !enabled.contains(name)).collect();
    if missing.is_empty() {
        return;
    }
    let all = format!("+{}", missing.join(" +"));
    let refused: Result<(), Failed> = write(dir, "cgroup.subtree_control", all.as_bytes());
    if refused.is_err() {
        // One that is refused takes all of a line with it.
        for name in missing {
            let _ = write(dir, "cgroup.subtree_control", format!("+{name}").as_bytes());
        }
    }
}

/// Why a group has not got a controller.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// It has.
    None,
    /// No group has.
    Nowhere,
    /// The nearest group above that has processes, or that nobody let hand it down.
    NotEnabled(PathBuf),
    /// The uppermost group that is ours has not got it.
    NotAbove(PathBuf),
}

/// Looks for the group at which a controller ends.
pub(super) fn gap(path: &Path, controller: &str) -> Gap {
    if available(path).iter().any(|name| name == controller) {
        return Gap::None;
    }
    let mut lacking = path.to_owned();
    for above in path.ancestors().skip(1) {
        match Dir::open(above) {
            Ok(dir) if dir.has("cgroup.controllers") => {
                if available(above).iter().any(|name| name == controller) {
                    let ours = dir.has("cgroup.procs") && super::v2::may_move_below(&dir);
                    return if ours { Gap::NotEnabled(above.to_owned()) } else { Gap::NotAbove(lacking) };
                }
                above.clone_into(&mut lacking);
            }
            _ => break,
        }
    }
    Gap::Nowhere
}
