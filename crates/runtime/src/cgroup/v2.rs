//! What version 2 does better: it kills a whole group at once, and a clone can be born in one.
//!
//! On the way to a container's group all controllers are handed down that can be ([`super::controllers`]).
//!
//! Source: Documentation/admin-guide/cgroup-v2.rst of the kernel.

use rustix::{
    fs::{Access, AtFlags, accessat},
    io::Errno,
};
use sys::{Dir, Failed};

use super::write;

/// Kills every process in a group and below it. `false` if the kernel (before 5.14) cannot.
pub(super) fn kill(dir: &Dir) -> Result<bool, Failed> {
    match write(dir, "cgroup.kill", b"1") {
        Ok(()) => Ok(true),
        Err(failed) if failed.errno == Errno::NOENT => Ok(false),
        Err(failed) => Err(failed),
    }
}

/// Whether processes of a group may be moved to groups below it: who moves one must be allowed to write to the nearest
/// group above both ends ("Delegation Containment"). A directory that can be made does not say so.
pub(super) fn may_move_below(dir: &Dir) -> bool {
    accessat(dir, "cgroup.procs", Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}
