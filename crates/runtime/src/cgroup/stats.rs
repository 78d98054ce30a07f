//! What a container uses: the figures of its groups, of either version.
//!
//! Times are in nanoseconds, sizes in bytes. A figure that a controller does not give, or that this user may not see, is missing.

mod v1;
mod v2;

use std::collections::BTreeMap;

use diag::Result;

use super::{Cgroup, Member, Record};

/// The figures of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Time on processors.
    pub cpu: Cpu,
    /// Memory without swap.
    pub memory: Memory,
    /// Swap; with version 1 it is counted together with the memory.
    pub swap: Usage,
    /// The kernel's memory for the container (version 1).
    pub kernel: Usage,
    /// The kernel's memory for its TCP buffers (version 1).
    pub kernel_tcp: Usage,
    /// Processes and threads.
    pub pids: Count,
    /// Input and output of block devices.
    pub io: Vec<Io>,
    /// Huge pages, by their size as the files name it: `2MB`.
    pub hugetlb: BTreeMap<String, Usage>,
    /// How often the kernel killed a process because the memory's limit was reached.
    pub oom_kills: Option<u64>,
}

/// Time on processors, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// In all.
    pub total: u64,
    /// In programs.
    pub user: u64,
    /// In the kernel.
    pub system: u64,
    /// In all, by processor (version 1).
    pub by_processor: Vec<u64>,
    /// How many periods of a quota there were.
    pub periods: u64,
    /// In how many of them the quota was used up.
    pub throttled_periods: u64,
    /// For how long processes waited then.
    pub throttled: u64,
}

/// How much of something is used, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Now.
    pub used: u64,
    /// At most so far, if that is known.
    pub most: Option<u64>,
    /// The limit; `None` if there is none.
    pub limit: Option<u64>,
    /// How often the limit was hit.
    pub hits: u64,
}

/// Memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// How much.
    pub usage: Usage,
    /// Of that, contents of files that are kept because there is room (`cache`, `file`).
    pub cache: u64,
    /// Of that, what could go at once (`total_inactive_file`, `inactive_file`): Podman and Docker do not count it as used.
    pub inactive_file: u64,
    /// All of `memory.stat`, by the kernel's names.
    pub raw: BTreeMap<String, u64>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Now.
    pub current: u64,
    /// The limit; `None` if there is none.
    pub limit: Option<u64>,
}

/// Input and output of one block device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// The device's major number.
    pub major: u64,
    /// Its minor number.
    pub minor: u64,
    /// Bytes that were read.
    pub read_bytes: u64,
    /// Bytes that were written.
    pub written_bytes: u64,
    /// How often was read.
    pub reads: u64,
    /// How often was written.
    pub writes: u64,
}

/// Reads the figures of a container's groups, by what its state keeps of them. Errors: UR0607, if a group is there and cannot be opened;
/// groups that are gone give no figures.
pub fn stats(records: &[Record]) -> Result<Stats> {
    let cgroup = Cgroup::reopen(records)?;
    let mut stats = Stats::default();
    for member in &cgroup.members {
        if member.is_v2() { v2::read(member, &mut stats) } else { v1::read(member, &mut stats) }
    }
    Ok(stats)
}

/// How often the kernel has killed processes of a container's groups because the memory's limit was reached; `None` if it is not known.
pub fn oom_kills(records: &[Record]) -> Option<u64> {
    let cgroup = Cgroup::reopen(records).ok()?;
    cgroup.members.iter().find_map(oom_kills_of)
}

fn oom_kills_of(member: &Member) -> Option<u64> {
    let file = if member.is_v2() { "memory.events" } else { "memory.oom_control" };
    table(member, file).get("oom_kill").copied()
}

/// A file with one number; `max` is no number.
fn number(member: &Member, file: &str) -> Option<u64> {
    member.dir.read_text(file, 64).ok()?.trim_end().parse().ok()
}

/// A file with a name and a number on each line.
fn table(member: &Member, file: &str) -> BTreeMap<String, u64> {
    let text = member.dir.read_text(file, 1 << 16).unwrap_or_default();
    let line = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.trim_end().parse().ok()?))
    };
    text.lines().filter_map(line).collect()
}

/// The sizes of huge pages that a group has files of.
fn page_sizes(member: &Member, end: &str) -> Vec<String> {
    let mut sizes = Vec::new();
    let _ = member.dir.each(|name, _| {
        let size = name.to_str().and_then(|name| name.strip_prefix("hugetlb.")?.strip_suffix(end).map(str::to_owned));
        sizes.extend(size.filter(|size| !size.contains('.')));
        Ok(())
    });
    sizes
}

/// `8:16`
fn device(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The entry of a device, made if there is none yet.
fn entry(io: &mut Vec<Io>, major: u64, minor: u64) -> &mut Io {
    let at = io.iter().position(|one| (one.major, one.minor) == (major, minor)).unwrap_or_else(|| {
        io.push(Io { major, minor, ..Io::default() });
        io.len() - 1
    });
    &mut io[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_processes_own_groups_have_figures() {
        let host = super::super::CgroupHost::read().unwrap();
        let record = |hierarchy: &super::super::Hierarchy| Record {
            controllers: hierarchy.controllers.clone(),
            path: hierarchy.mount.join(&hierarchy.own),
            parents: 0,
        };
        let records: Vec<_> = host.hierarchies.iter().map(record).collect();
        let stats = stats(&records).unwrap();
        if records.iter().any(|record| super::super::v1::has(&record.controllers, "cpuacct")) {
            assert!(stats.cpu.total > 0 && !stats.cpu.by_processor.is_empty());
        }
        if records.iter().any(|record| super::super::v1::has(&record.controllers, "memory")) {
            assert!(stats.memory.usage.used > 0 && !stats.memory.raw.is_empty());
        }
    }

    #[test]
    fn devices_have_one_entry_each() {
        let mut io = Vec::new();
        entry(&mut io, 8, 0).reads += 1;
        entry(&mut io, 8, 16).reads += 1;
        entry(&mut io, 8, 0).reads += 1;
        assert_eq!(io.iter().map(|one| one.reads).collect::<Vec<_>>(), [2, 1]);
        assert_eq!((device("8:16"), device("Total")), (Some((8, 16)), None));
    }
}
