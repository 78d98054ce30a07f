//! What version 1 wants done differently: cpusets that are born empty, device lists, and a freezer to kill a crowd with.
//!
//! Source: Documentation/admin-guide/cgroup-v1 of the kernel.

use diag::{Error, Pointer, Result};
use oci::Source;
use rustix::io::Errno;
use sys::{Dir, Failed};

use super::{resources::DeviceRule, write};

/// Whether a hierarchy, by its controllers, has one.
pub(super) fn has(controllers: &str, name: &str) -> bool {
    controllers.split(',').any(|controller| controller == name)
}

/// Gives a new cpuset its parent's processors and memory nodes: it is born without any, and then takes no process (ENOSPC).
pub(super) fn inherit_cpuset(parent: &Dir, child: &Dir) -> Result<(), Failed> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let own = child.read(file, 1 << 16)?;
        if own.trim_ascii().is_empty() {
            let given = parent.read(file, 1 << 16)?;
            write(child, file, given.trim_ascii())?;
        }
    }
    Ok(())
}

/// Writes the device lists of a container to its group of the devices hierarchy.
///
/// A rule of config.json that the kernel refuses is an error; one of the defaults is not: what the parent's group denies to
/// everybody below, it denies to this container too.
pub(super) fn set_devices(dir: &Dir, rules: &[DeviceRule], source: &Source) -> Result<()> {
    for rule in rules {
        let file = if rule.allow { "devices.allow" } else { "devices.deny" };
        let Err(failed) = write(dir, file, rule.line.as_bytes()) else { continue };
        let Some(index) = rule.index else { continue };
        return Err(refused(rule, &failed).at(source.at(Pointer::new("/linux/resources/devices").child(index))));
    }
    Ok(())
}

fn refused(rule: &DeviceRule, failed: &Failed) -> Error {
    let error = super::error(format!("the device rule `{}` cannot be set", rule.line), failed);
    match failed.errno {
        Errno::PERM => error.help("the group above this one denies it: leave the rule out, or allow it there"),
        _ => error,
    }
}

/// Stops a crowd from multiplying while it is killed; `false` if this hierarchy cannot.
pub(super) fn freeze(controllers: &str, dir: &Dir) -> bool {
    has(controllers, "freezer") && write(dir, "freezer.state", b"FROZEN").is_ok()
}

/// Lets the frozen go on: into the signals that wait for them.
pub(super) fn thaw(dir: &Dir) -> Result<()> {
    write(dir, "freezer.state", b"THAWED")
        .map_err(|failed| super::error("a frozen control group cannot be thawed".to_owned(), &failed))
}
