//! What dead processes may have left on the host.

use std::{fs, path::Path};

use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    process::Pid,
};

use crate::home::{Home, MARK};

/// The parent of a process that lives.
pub fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Pid::from_raw(rest.split_whitespace().nth(1)?.parse().ok()?)
}

/// The children of a process.
pub fn children(pid: Pid) -> Vec<Pid> {
    let pid = pid.as_raw_nonzero();
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Whether a process has the mark of a home. A zombie has nothing any more.
pub fn has_mark(pid: &str, home: &Home) -> bool {
    let mark = format!("{MARK}={}", home.path("").display());
    let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environ.split(|byte| *byte == 0).any(|entry| entry == mark.trim_end_matches('/').as_bytes())
}

/// All processes with the mark of a home, and what they are.
pub fn marked(home: &Home) -> Vec<String> {
    let pids = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let of_home = pids.filter(|pid| pid.parse::<u32>().is_ok() && has_mark(pid, home));
    let shown = |pid: String| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        format!("{pid}: {}", String::from_utf8_lossy(&line).replace('\0', " "))
    };
    of_home.map(shown).collect()
}

/// The slots that somebody holds.
pub fn held_slots(home: &Home) -> Vec<String> {
    let mut slots = home.entries("run/ids");
    slots.retain(|slot| {
        let file = open(home.path("run/ids").join(slot), OFlags::RDWR, Mode::empty()).expect("a slot's file");
        flock(&file, FlockOperation::NonBlockingLockExclusive).is_err()
    });
    slots
}

/// The control groups of these containers, in every hierarchy, and who is in them.
pub fn groups<'a>(ids: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let top = Path::new("/sys/fs/cgroup");
    let below = fs::read_dir(top).into_iter().flatten().flatten().map(|entry| entry.path());
    let hierarchies: Vec<_> = below.chain([top.to_owned()]).collect();
    let places = ids.into_iter().flat_map(|id| hierarchies.iter().map(move |top| top.join("unroot").join(id)));
    places.filter(|place| place.exists()).map(|place| format!("{}: {:?}", place.display(), members(&place))).collect()
}

/// What `/proc` says of the processes in a control group.
fn members(group: &Path) -> Vec<String> {
    let pids = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let stat = |pid: &str| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    pids.lines().map(|pid| stat(pid).chars().take(60).collect()).collect()
}
