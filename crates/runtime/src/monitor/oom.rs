//! Whether the kernel has killed a process of the container for want of memory: its control group counts that.

use rustix::fs::{Mode, OFlags};
use sys::Dir;

use crate::cgroup::Record;

/// Whether a process of these groups was killed so, as far as they are still there to be asked.
pub(super) fn has_killed(groups: &[Record]) -> bool {
    groups.iter().any(|group| {
        // Version 2 counts in memory.events, version 1 (since Linux 4.13) in memory.oom_control.
        let file = if group.controllers.is_empty() {
            "memory.events"
        } else if group.controllers.split(',').any(|name| name == "memory") {
            "memory.oom_control"
        } else {
            return false;
        };
        let read = |dir: Dir| dir.open_at(file, OFlags::RDONLY, Mode::empty());
        let Ok(fd) = Dir::open(&group.path).and_then(read) else { return false };
        let text = sys::dir::read_all(fd, 4096).unwrap_or_default();
        kills(&String::from_utf8_lossy(&text)) > 0
    })
}

/// The number behind `oom_kill`.
fn kills(text: &str) -> u64 {
    let number = |line: &str| line.strip_prefix("oom_kill ")?.trim().parse().ok();
    text.lines().find_map(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_read() {
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"), 2);
        assert_eq!(kills("low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n"), 1);
        assert_eq!(kills("oom_kill_disable 0\nunder_oom 0\n"), 0);
    }

    #[test]
    fn a_group_says_so() {
        let dir = tempfile::tempdir().unwrap();
        Dir::open(dir.path()).unwrap().write("memory.oom_control", b"oom_kill 1\n", 0o600).unwrap();
        let group = |controllers: &str| Record { controllers: controllers.into(), path: dir.path().into(), parents: 0 };
        assert!(has_killed(&[group("cpu"), group("memory")]));
        assert!(!has_killed(&[group("cpu"), group("")]));
    }
}
