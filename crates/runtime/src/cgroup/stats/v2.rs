//! Figures of version 2.

use super::{Member, Stats, Usage, device, entry, number, page_sizes, table};

/// Nanoseconds in a microsecond.
const MICRO: u64 = 1000;

pub(super) fn read(member: &Member, stats: &mut Stats) {
    // Beside hierarchies of version 1 this one has a few figures of the processors and nothing else.
    if stats.cpu.total == 0 {
        processors(member, stats);
    }
    if member.dir.has("memory.current") {
        memory(member, stats);
    }
    if member.dir.has("pids.current") {
        stats.pids.current = number(member, "pids.current").unwrap_or(0);
        stats.pids.limit = number(member, "pids.max");
    }
    block_devices(member, stats);
    for size in page_sizes(member, ".current") {
        let usage = Usage {
            used: number(member, &format!("hugetlb.{size}.current")).unwrap_or(0),
            limit: number(member, &format!("hugetlb.{size}.max")),
            hits: table(member, &format!("hugetlb.{size}.events")).get("max").copied().unwrap_or(0),
            most: None,
        };
        stats.hugetlb.insert(size, usage);
    }
}

fn processors(member: &Member, stats: &mut Stats) {
    let table = table(member, "cpu.stat");
    let of = |name: &str| table.get(name).copied().unwrap_or(0);
    stats.cpu.total = of("usage_usec").saturating_mul(MICRO);
    stats.cpu.user = of("user_usec").saturating_mul(MICRO);
    stats.cpu.system = of("system_usec").saturating_mul(MICRO);
    if table.contains_key("nr_periods") {
        (stats.cpu.periods, stats.cpu.throttled_periods) = (of("nr_periods"), of("nr_throttled"));
        stats.cpu.throttled = of("throttled_usec").saturating_mul(MICRO);
    }
}

fn memory(member: &Member, stats: &mut Stats) {
    let raw = table(member, "memory.stat");
    let of = |name: &str| raw.get(name).copied().unwrap_or(0);
    stats.memory.cache = of("file");
    stats.memory.inactive_file = of("inactive_file");
    let hits = |file: &str| table(member, file).get("max").copied().unwrap_or(0);
    stats.memory.usage = Usage { hits: hits("memory.events"), ..usage(member, "memory") };
    stats.swap = Usage { hits: hits("memory.swap.events"), ..usage(member, "memory.swap") };
    stats.oom_kills = super::oom_kills_of(member);
    stats.memory.raw = raw;
}

fn usage(member: &Member, name: &str) -> Usage {
    Usage {
        used: number(member, &format!("{name}.current")).unwrap_or(0),
        most: number(member, &format!("{name}.peak")),
        limit: number(member, &format!("{name}.max")),
        hits: 0,
    }
}

/// `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`
fn block_devices(member: &Member, stats: &mut Stats) {
    let text = member.dir.read_text("io.stat", 1 << 18).unwrap_or_default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some((major, minor)) = words.next().and_then(device) else { continue };
        let io = entry(&mut stats.io, major, minor);
        for (key, value) in words.filter_map(|word| word.split_once('=')) {
            let value = value.parse().unwrap_or(0);
            match key {
                "rbytes" => io.read_bytes = value,
                "wbytes" => io.written_bytes = value,
                "rios" => io.reads = value,
                "wios" => io.writes = value,
                _ => {}
            }
        }
    }
}
