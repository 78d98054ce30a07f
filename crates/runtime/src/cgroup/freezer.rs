//! A container that is paused: all of its processes stand still until they are let go on.

use std::{thread::sleep, time::Duration};

use diag::{Error, Result, codes};
use sys::Failed;

use super::{Cgroup, Member, Record, v1, write};

/// How often it is looked whether all processes stand still, with a millisecond between: one in an uninterruptible sleep takes its time.
const TRIES: u32 = 2000;

/// Stops all processes of a container's groups, or lets them go on; returns when they have. Errors: UR0621.
pub fn freeze(records: &[Record], frozen: bool) -> Result<()> {
    let cgroup = Cgroup::reopen(records)?;
    let Some(member) = freezer(&cgroup) else {
        return Err(Error::new(codes::UR0621, "the container cannot be paused: it has no control group that can")
            .fact(
                "version 1 of control groups has the controller `freezer` for it, and version 2 the file cgroup.freeze",
            ));
    };
    let (file, word) = match (member.is_v2(), frozen) {
        (true, true) => ("cgroup.freeze", "1"),
        (true, false) => ("cgroup.freeze", "0"),
        (false, true) => ("freezer.state", "FROZEN"),
        (false, false) => ("freezer.state", "THAWED"),
    };
    let failed = |failed: Failed| {
        let what = if frozen { "the container cannot be paused" } else { "the container cannot be resumed" };
        Error::new(codes::UR0621, what)
            .os(format!("{}({})", failed.call, failed.path.display()), failed.errno.raw_os_error())
    };
    for _ in 0..TRIES {
        // Version 1 may stay at FREEZING while processes are born; writing again makes it look for them.
        write(&member.dir, file, word.as_bytes()).map_err(failed)?;
        if stands_still(member) == Some(frozen) {
            return Ok(());
        }
        sleep(Duration::from_millis(1));
    }
    if frozen {
        // What does not stand still must not stay half frozen.
        let word = if member.is_v2() { "0" } else { "THAWED" };
        let _ = write(&member.dir, file, word.as_bytes());
    }
    Err(Error::new(codes::UR0621, "the processes of the container do not come to a standstill")
        .fact("one of them is in an uninterruptible sleep, as of a disk that does not answer"))
}

/// Whether a container's processes stand still.
pub fn is_frozen(records: &[Record]) -> bool {
    let reopened = Cgroup::reopen(records);
    reopened.is_ok_and(|cgroup| freezer(&cgroup).and_then(stands_still) == Some(true))
}

fn freezer(cgroup: &Cgroup) -> Option<&Member> {
    let old = cgroup.members.iter().find(|member| v1::has(&member.record.controllers, "freezer"));
    old.or_else(|| cgroup.members.iter().find(|member| member.is_v2() && member.dir.has("cgroup.freeze")))
}

fn stands_still(member: &Member) -> Option<bool> {
    if member.is_v2() {
        let events = member.dir.read_text("cgroup.events", 4096).ok()?;
        return events.lines().find_map(|line| line.strip_prefix("frozen ")).map(|frozen| frozen == "1");
    }
    let state = member.dir.read_text("freezer.state", 64).ok()?;
    match state.trim_end() {
        "FROZEN" => Some(true),
        "THAWED" => Some(false),
        _ => None,
    }
}
