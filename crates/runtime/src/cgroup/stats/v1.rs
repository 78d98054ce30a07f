//! Figures of version 1.

use super::{Member, Stats, Usage, device, entry, number, page_sizes, table};
use crate::cgroup::v1::has;

/// What the kernel has for "no limit": the largest multiple of a page in 63 bits; nobody has that much.
const NO_LIMIT: u64 = 0x7fff_ffff_ffff_0000;
/// Nanoseconds in a tick of `cpuacct.stat` (`USER_HZ`).
const TICK: u64 = 10_000_000;

pub(super) fn read(member: &Member, stats: &mut Stats) {
    let controllers = &member.record.controllers;
    if has(controllers, "cpuacct") {
        processors(member, stats);
    }
    if has(controllers, "cpu") {
        let table = table(member, "cpu.stat");
        let of = |name: &str| table.get(name).copied().unwrap_or(0);
        (stats.cpu.periods, stats.cpu.throttled_periods) = (of("nr_periods"), of("nr_throttled"));
        stats.cpu.throttled = of("throttled_time");
    }
    if has(controllers, "memory") {
        memory(member, stats);
    }
    if has(controllers, "pids") {
        stats.pids.current = number(member, "pids.current").unwrap_or(0);
        stats.pids.limit = number(member, "pids.max");
    }
    if has(controllers, "blkio") {
        block_devices(member, stats);
    }
    if has(controllers, "hugetlb") {
        for size in page_sizes(member, ".usage_in_bytes") {
            let usage = usage(member, &format!("hugetlb.{size}"));
            stats.hugetlb.insert(size, usage);
        }
    }
}

fn processors(member: &Member, stats: &mut Stats) {
    let ticks = table(member, "cpuacct.stat");
    let time = |name: &str| ticks.get(name).copied().unwrap_or(0).saturating_mul(TICK);
    (stats.cpu.user, stats.cpu.system) = (time("user"), time("system"));
    stats.cpu.total = number(member, "cpuacct.usage").unwrap_or(0);
    let each = member.dir.read_text("cpuacct.usage_percpu", 1 << 16).unwrap_or_default();
    stats.cpu.by_processor = each.split_ascii_whitespace().filter_map(|time| time.parse().ok()).collect();
}

fn memory(member: &Member, stats: &mut Stats) {
    let raw = table(member, "memory.stat");
    let of = |name: &str| raw.get(name).copied().unwrap_or(0);
    stats.memory.cache = of("cache");
    stats.memory.inactive_file = of("total_inactive_file");
    stats.memory.usage = usage(member, "memory");
    stats.swap = usage(member, "memory.memsw");
    stats.kernel = usage(member, "memory.kmem");
    stats.kernel_tcp = usage(member, "memory.kmem.tcp");
    stats.oom_kills = super::oom_kills_of(member);
    stats.memory.raw = raw;
}

fn usage(member: &Member, name: &str) -> Usage {
    let figure = |end: &str| number(member, &format!("{name}.{end}"));
    Usage {
        used: figure("usage_in_bytes").unwrap_or(0),
        most: figure("max_usage_in_bytes"),
        limit: figure("limit_in_bytes").filter(|limit| *limit < NO_LIMIT),
        hits: figure("failcnt").unwrap_or(0),
    }
}

fn block_devices(member: &Member, stats: &mut Stats) {
    for (bytes, files) in [
        (
            true,
            [
                "blkio.bfq.io_service_bytes_recursive",
                "blkio.throttle.io_service_bytes_recursive",
                "blkio.throttle.io_service_bytes",
            ],
        ),
        (
            false,
            ["blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"],
        ),
    ] {
        // A file that counts nothing is that of a scheduler that is not in use.
        let texts = files.iter().filter_map(|file| member.dir.read_text(file, 1 << 16).ok());
        let Some(text) = texts.into_iter().find(|text| text.lines().any(|line| line.contains(':'))) else { continue };
        for line in text.lines() {
            let words: Vec<_> = line.split_ascii_whitespace().collect();
            let [name, operation, value] = words[..] else { continue };
            let (Some((major, minor)), Ok(value)) = (device(name), value.parse::<u64>()) else { continue };
            let io = entry(&mut stats.io, major, minor);
            match (operation, bytes) {
                ("Read", true) => io.read_bytes = value,
                ("Write", true) => io.written_bytes = value,
                ("Read", false) => io.reads = value,
                ("Write", false) => io.writes = value,
                _ => {}
            }
        }
    }
}
