//! Control groups: where a container's processes are counted, and how all of them are found.
//!
//! # Theory of operation
//! A host has hierarchies: several of version 1 with a controller or two each, one of version 2, or both kinds side by
//! side. [`decide`] names a directory in each of them, [`CgroupPlan::make`] makes them, [`Cgroup::place`] puts init into all
//! of them (into the one of version 2 init can be born: [`Cgroup::fd_for_clone`]), and [`Cgroup::delete`] removes them. In
//! between, state.json keeps the paths as [`Record`]s.
//!
//! A hierarchy that refuses (EACCES, EPERM, EROFS) is one that nobody delegated to us; it is left out. When all do, the
//! container runs without a group, and a warning says so (UR0611): everything that a group secures here, a pid namespace
//! secures too.
//!
//! * *must*: undo what is half made; leave nothing behind that this container brought, and everything else as it was.
//! * *must not*: follow a symbolic link below a mount; wait without a bound; move a process that is not the container's.
//!
//! Limits are written to the groups' files (`limits`) before init is in them; [`update`] changes them, [`stats()`] and [`oom_kills`] read what
//! is used, [`freeze`] has all processes stand still. These work by the [`Record`]s that a container's state keeps.

mod controllers;
mod devices;
mod entering;
mod freezer;
mod host;
mod killing;
mod limits;
mod making;
mod plan;
pub mod resources;
mod stats;
mod v1;
mod v2;

use std::{
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    thread::sleep,
    time::Duration,
};

use diag::{Error, Result, codes};
use oci::{
    Source,
    spec::{DeviceRule, Resources},
};
use rustix::{
    fs::{FileType, Mode, OFlags},
    io::Errno,
};
use serde::{Deserialize, Serialize};
use sys::{Dir, Failed};

pub use freezer::{freeze, is_frozen};
pub use host::{CgroupHost, Hierarchy};
pub use limits::Place;
pub use plan::{CgroupPlan, decide};
pub use stats::{Count, Cpu, Io, Memory, Stats, Usage, oom_kills, stats};

/// How often a busy directory is tried again: after 1, 2, 4 … milliseconds, about a second in all. A group is busy until
/// its last process has been torn down, which is a moment after its parent saw it end.
const RETRIES: u32 = 10;

/// How deep below a container's group others are looked for.
const DEPTH: usize = 128;

/// The longest list of processes that is read: 4 MiB are half a million of them.
const PROCS_LIMIT: usize = 4 << 20;

/// A container's group in one hierarchy, as state.json keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The hierarchy's controllers; empty for version 2.
    pub controllers: String,
    /// The directory, absolute.
    pub path: PathBuf,
    /// How many directories above it go with it, as soon as they are empty.
    pub parents: usize,
}

/// A container's group in one hierarchy.
#[derive(Debug)]
struct Member {
    record: Record,
    dir: Dir,
}

impl Member {
    fn is_v2(&self) -> bool {
        self.record.controllers.is_empty()
    }
}

/// A container's groups that have been made. Dropping it removes nothing.
#[derive(Debug, Default)]
pub struct Cgroup {
    members: Vec<Member>,
}

impl Cgroup {
    /// Opens what an earlier process has made; what is gone meanwhile is left out.
    pub fn reopen(records: &[Record]) -> Result<Cgroup> {
        let mut members = Vec::new();
        for record in records {
            match Dir::open(&record.path) {
                Ok(dir) => members.push(Member { record: record.clone(), dir }),
                Err(failed) if failed.errno == Errno::NOENT => {}
                Err(failed) => return Err(error("a control group cannot be opened".to_owned(), &failed)),
            }
        }
        Ok(Cgroup { members })
    }

    /// What state.json is to keep.
    pub fn records(&self) -> Vec<Record> {
        self.members.iter().map(|member| member.record.clone()).collect()
    }

    /// Whether the container has no group at all.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The directory of version 2, for `CLONE_INTO_CGROUP`. A clone that is born there still needs [`Cgroup::place`] for
    /// the other hierarchies of a hybrid host.
    pub fn fd_for_clone(&self) -> Option<BorrowedFd<'_>> {
        self.members.iter().find(|member| member.is_v2()).map(|member| member.dir.as_fd())
    }

    /// Puts a process, with all its threads, into the groups; `born_in_v2` spares those where it is already.
    /// Errors: UR0607.
    pub fn place(&self, pid: i32, born_in_v2: bool) -> Result<()> {
        let pid = pid.to_string();
        for member in self.members.iter().filter(|member| !(born_in_v2 && member.is_v2())) {
            write(&member.dir, "cgroup.procs", pid.as_bytes()).map_err(|failed| {
                error("the container cannot be put into its control group".to_owned(), &failed)
                    .fact(format!("the group is {}", member.record.path.display()))
            })?;
        }
        Ok(())
    }

    /// Allows and denies devices as `linux.resources.devices` says. Errors: UR0402, UR0607.
    ///
    /// Version 2 has a BPF program for it, which only the host's root may load. With a user namespace none is missed: the kernel
    /// refuses mknod there, and all mounts of the container are nodev but for the devices that were bound one by one. Without
    /// either the answer is a warning (UR0411).
    pub fn set_devices(&self, list: &[DeviceRule], source: &Source, user_namespace: bool) -> Result<Option<Error>> {
        let rules = resources::device_rules(list, source)?;
        let devices = self.members.iter().find(|member| v1::has(&member.record.controllers, "devices"));
        match devices {
            Some(member) => v1::set_devices(&member.dir, &rules, source).map(|()| None),
            None if user_namespace || rules.is_empty() => Ok(None),
            None if self.members.iter().any(Member::is_v2) => self.attach_devices(&rules).map(|()| None),
            None => Ok(Some(Error::warning(
                codes::UR0411,
                "the device rules are not enforced: that needs a user namespace, or version 1 of control groups",
            ))),
        }
    }

    /// Puts the program of a container's rules in the place of the one that it had.
    fn attach_devices(&self, rules: &[resources::DeviceRule]) -> Result<()> {
        let Some(member) = self.members.iter().find(|member| member.is_v2()) else { return Ok(()) };
        let rules: Vec<_> = rules.iter().map(|rule| rule.rule).collect();
        let failed = |call: &str, errno: Errno| {
            Error::new(codes::UR0607, "the device rules cannot be enforced")
                .os(call.to_owned(), errno.raw_os_error())
                .fact("version 2 of control groups takes a BPF program for them, which takes CAP_BPF on the host")
        };
        let before = sys::bpf::device_programs(&member.dir).unwrap_or_default();
        let program = sys::bpf::load_device_program(&devices::compile(&rules))
            .map_err(|errno| failed("bpf(BPF_PROG_LOAD)", errno))?;
        sys::bpf::attach_device_program(&member.dir, &program)
            .map_err(|errno| failed("bpf(BPF_PROG_ATTACH)", errno))?;
        before
            .iter()
            .try_for_each(|old| sys::bpf::detach_device_program(&member.dir, old))
            .map_err(|errno| failed("bpf(BPF_PROG_DETACH)", errno))
    }

    /// Sets the limits of `linux.resources`, but for the devices. Errors: UR0620, UR0402.
    pub fn limit(&self, resources: &Resources, place: Place<'_>) -> Result<()> {
        limits::apply(self, resources, place)
    }

    /// The processes in the groups and below them, each once, as this process's pid namespace numbers them. Errors: UR0607.
    pub fn procs(&self) -> Result<Vec<i32>> {
        let mut pids = Vec::new();
        for member in &self.members {
            collect_procs(&member.dir, DEPTH, &mut pids)
                .map_err(|failed| error("the processes of a control group cannot be listed".to_owned(), &failed))?;
        }
        pids.sort_unstable();
        pids.dedup();
        Ok(pids)
    }

    /// Kills every process of the groups and waits until none is left. Errors: UR0607, when some do not end in a second.
    pub fn kill(&self) -> Result<()> {
        killing::kill(self)
    }

    /// Removes the groups and those below them. A second time it does nothing. Errors: UR0607; everything else is
    /// removed all the same.
    pub fn delete(&self) -> Result<()> {
        let mut first = Ok(());
        for member in &self.members {
            let deleted = delete_member(&member.record)
                .map_err(|failed| error("a control group cannot be removed".to_owned(), &failed));
            first = first.and(deleted);
        }
        first
    }
}

/// Changes the limits of a container's groups, by what its state keeps of them; -1 takes one away where it can be. Devices stay as they
/// are unless there are rules for them. `source` and `at` are where the resources are said: a document and the place in it.
/// Errors: UR0620, UR0402, UR0607.
pub fn update(records: &[Record], resources: &Resources, source: &Source, at: &diag::Pointer) -> Result<()> {
    let cgroup = Cgroup::reopen(records)?;
    cgroup.limit(resources, Place { source, at })?;
    if resources.devices.is_empty() {
        return Ok(());
    }
    cgroup.set_devices(&resources.devices, source, false).map(drop)
}

/// A failed call on a group. (Not by [`Failed::into_error`]: ENOSPC has nothing to do with a disk here.)
fn error(what: String, failed: &Failed) -> Error {
    let call = format!("{}({})", failed.call, failed.path.display());
    Error::new(codes::UR0607, what).os(call, failed.errno.raw_os_error())
}

/// Writes to a file of the kernel's, which takes a text in one call or not at all.
fn write(dir: &Dir, name: &str, text: &[u8]) -> Result<(), Failed> {
    let fd = dir.open_at(name, OFlags::WRONLY, Mode::empty())?;
    rustix::io::write(fd, text).map(|_| ()).map_err(|errno| Failed::new("write", &dir.path().join(name), errno))
}

fn collect_procs(dir: &Dir, depth: usize, pids: &mut Vec<i32>) -> Result<(), Failed> {
    match dir.read("cgroup.procs", PROCS_LIMIT) {
        // A process outside of our pid namespace shows as 0: it is not the container's.
        Ok(text) => pids.extend(
            String::from_utf8_lossy(&text).lines().filter_map(|pid| pid.parse().ok()).filter(|&pid: &i32| pid > 0),
        ),
        // Removed meanwhile; or (EOPNOTSUPP) a threaded group, whose processes are listed at its root.
        Err(failed) if matches!(failed.errno, Errno::NOENT | Errno::NODEV | Errno::OPNOTSUPP) => return Ok(()),
        Err(failed) => return Err(failed),
    }
    if depth == 0 {
        return Ok(());
    }
    each_child(dir, |child, _| collect_procs(child, depth - 1, pids))
}

/// Calls `visit` with each group right below one; those that vanish meanwhile are passed over.
fn each_child(dir: &Dir, mut visit: impl FnMut(&Dir, &Path) -> Result<(), Failed>) -> Result<(), Failed> {
    dir.each(|name, kind| {
        if kind != FileType::Directory {
            return Ok(());
        }
        match dir.dir(name) {
            Ok(child) => visit(&child, Path::new(name)),
            Err(failed) if failed.errno == Errno::NOENT => Ok(()),
            Err(failed) => Err(failed),
        }
    })
}

fn delete_member(record: &Record) -> Result<(), Failed> {
    let mut ancestors = record.path.ancestors().map(Path::to_owned);
    let (Some(path), parents) = (ancestors.next(), ancestors.take(record.parents)) else { return Ok(()) };
    remove(&path)?;
    for parent in parents {
        // Another container may live there; then it is that one's to remove.
        let (Some(above), Some(name)) = (parent.parent(), parent.file_name()) else { break };
        if Dir::open(above).and_then(|above| above.remove_dir(name)).is_err() {
            break;
        }
    }
    Ok(())
}

/// Removes a group and those below it.
fn remove(path: &Path) -> Result<(), Failed> {
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    match Dir::open(above) {
        Ok(above) => remove_below(&above, Path::new(name), DEPTH),
        Err(failed) if failed.errno == Errno::NOENT => Ok(()),
        Err(failed) => Err(failed),
    }
}

fn remove_below(above: &Dir, name: &Path, depth: usize) -> Result<(), Failed> {
    let mut pause = Duration::from_millis(1);
    for _ in 0..RETRIES {
        match above.remove_dir(name) {
            Err(failed) if failed.errno == Errno::BUSY => {}
            removed => return removed,
        }
        // Busy with groups below it, or with a process that is about to be gone.
        if let (Ok(dir), true) = (above.dir(name), depth > 0) {
            each_child(&dir, |_, child| remove_below(&dir, child, depth - 1))?;
        }
        if above.remove_dir(name).is_ok() {
            return Ok(());
        }
        sleep(pause);
        pause *= 2;
    }
    above.remove_dir(name)
}

#[cfg(test)]
mod tests;
