//! The files of version 2 (Documentation/admin-guide/cgroup-v2.rst of the kernel).

use oci::spec::{BlockIo, Cpu, Memory, Resources, ThrottleDevice};

use super::{Group, Groups, Lacking, Setting};

/// The controllers by the names of version 1, in the order in which their files are written.
pub(super) const CONTROLLERS: [&str; 8] = ["cpuset", "memory", "cpu", "pids", "blkio", "hugetlb", "rdma", "net_cls"];

/// The period of `cpu.max` where none is said, in microseconds.
const PERIOD: u64 = 100_000;

/// What is written for a controller.
pub(super) fn groups(resources: &Resources, controller: &str) -> Groups {
    Ok(match controller {
        "cpuset" => resources.cpu.as_ref().map(cpuset).unwrap_or_default(),
        "memory" => resources.memory.as_ref().map(memory).transpose()?.into_iter().collect(),
        "cpu" => resources.cpu.as_ref().map(cpu).transpose()?.unwrap_or_default(),
        "pids" => pids(resources),
        "blkio" => resources.block_io.as_ref().map(io).transpose()?.unwrap_or_default(),
        "hugetlb" => hugetlb(resources),
        "rdma" => rdma(resources),
        "net_cls" => network(resources)?,
        _ => Vec::new(),
    })
}

fn some<T: Copy + Default + PartialEq>(value: Option<T>) -> Option<T> {
    value.filter(|value| *value != T::default())
}

/// A number of bytes; below zero it is no limit.
fn bytes(value: i64) -> String {
    if value < 0 { "max".to_owned() } else { value.to_string() }
}

fn cpuset(cpu: &Cpu) -> Vec<Group> {
    let list = |file: &str, list: &Option<String>, from: &str| {
        let list = list.as_ref().filter(|list| !list.is_empty())?;
        Some(Group::one("cpuset", Setting::new(file, list, from)))
    };
    [list("cpuset.cpus", &cpu.cpus, "cpu/cpus"), list("cpuset.mems", &cpu.mems, "cpu/mems")]
        .into_iter()
        .flatten()
        .collect()
}

fn memory(memory: &Memory) -> Result<Group, Lacking> {
    let lacking = |from, why| Err(Lacking { from, why });
    let nothing = "version 2 of control groups has nothing like it";
    if memory.swappiness.is_some() {
        return lacking("memory/swappiness", nothing);
    }
    if memory.disable_oom_killer == Some(true) {
        return lacking("memory/disableOOMKiller", nothing);
    }
    if some(memory.kernel).is_some_and(|bytes| bytes > 0) {
        return lacking("memory/kernel", "the kernel's memory is part of the whole in version 2 of control groups");
    }
    if some(memory.kernel_tcp).is_some_and(|bytes| bytes > 0) {
        return lacking("memory/kernelTCP", "the kernel's memory is part of the whole in version 2 of control groups");
    }
    let mut group = Group::new("memory");
    group.push(some(memory.limit).map(|limit| Setting::new("memory.max", bytes(limit), "memory/limit")));
    group.push(swap(memory)?.map(|swap| Setting::new("memory.swap.max", bytes(swap), "memory/swap")));
    let reservation = some(memory.reservation);
    group.push(reservation.map(|reserved| Setting::new("memory.low", bytes(reserved), "memory/reservation")));
    Ok(group)
}

/// Version 1 and config.json count memory and swap together, version 2 swap alone.
fn swap(memory: &Memory) -> Result<Option<i64>, Lacking> {
    let lacking = |why| Err(Lacking { from: "memory/swap", why });
    match (some(memory.swap), some(memory.limit)) {
        (None, _) => Ok(None),
        (Some(..0), _) => Ok(Some(-1)),
        (Some(_), None | Some(..0)) => {
            lacking("it counts memory and swap together, so `memory.limit` must be given too")
        }
        (Some(swap), Some(limit)) if swap < limit => {
            lacking("it counts memory and swap together, so it is at least `memory.limit`")
        }
        (Some(swap), Some(limit)) => Ok(Some(swap - limit)),
    }
}

fn cpu(cpu: &Cpu) -> Result<Vec<Group>, Lacking> {
    if some(cpu.realtime_runtime).is_some() || some(cpu.realtime_period).is_some() {
        let from = if some(cpu.realtime_runtime).is_some() { "cpu/realtimeRuntime" } else { "cpu/realtimePeriod" };
        return Err(Lacking { from, why: "version 2 of control groups has nothing like it" });
    }
    let mut groups = Vec::new();
    let mut push = |setting| groups.push(Group::one("cpu", setting));
    if let Some(shares) = some(cpu.shares) {
        push(Setting::new("cpu.weight", weight(shares), "cpu/shares"));
    }
    if let Some(idle) = some(cpu.idle) {
        push(Setting::new("cpu.idle", idle, "cpu/idle"));
    }
    let mut bandwidth = Group::new("cpu");
    let (quota, period) = (some(cpu.quota), some(cpu.period));
    if quota.is_some() || period.is_some() {
        let text = match quota {
            Some(quota @ 1..) => format!("{quota} {}", period.unwrap_or(PERIOD)),
            _ => format!("max {}", period.unwrap_or(PERIOD)),
        };
        bandwidth.push(Some(Setting::new("cpu.max", text, if quota.is_some() { "cpu/quota" } else { "cpu/period" })));
    }
    bandwidth.push(cpu.burst.map(|time| Setting::new("cpu.max.burst", time, "cpu/burst")));
    groups.push(bandwidth);
    Ok(groups)
}

/// Shares of version 1 (2 to 262144, 1024 is usual) as a weight of version 2 (1 to 10000, 100 is usual): the ends and what is usual meet.
/// A parabola of the logarithms, as the peers have it since 2025.
pub(super) fn weight(shares: u64) -> u64 {
    if shares <= 2 {
        return 1;
    }
    if shares >= 262_144 {
        return 10_000;
    }
    #[allow(clippy::cast_precision_loss, reason = "it is below 2^18")]
    let log = (shares as f64).log2();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 1 and 10000")]
    let weight = 10_f64.powf((log * log + 125.0 * log) / 612.0 - 7.0 / 34.0).ceil() as u64;
    weight.clamp(1, 10_000)
}

pub(super) fn pids(resources: &Resources) -> Vec<Group> {
    let limit = resources.pids.and_then(|pids| some(pids.limit));
    limit.map(|limit| Group::one("pids", Setting::new("pids.max", bytes(limit), "pids/limit"))).into_iter().collect()
}

fn io(io: &BlockIo) -> Result<Vec<Group>, Lacking> {
    let leaf = "version 2 of control groups has no leaves of their own weight";
    if some(io.leaf_weight).is_some() {
        return Err(Lacking { from: "blockIO/leafWeight", why: leaf });
    }
    if io.weight_device.iter().any(|device| some(device.leaf_weight).is_some()) {
        return Err(Lacking { from: "blockIO/weightDevice", why: leaf });
    }
    let mut groups = Vec::new();
    let mut push = |setting| groups.push(Group::one("blkio", setting));
    if let Some(weight) = some(io.weight) {
        // Where the scheduler BFQ is not there, `io.weight` is: it goes from 1 to 10000 where BFQ's goes from 10 to 1000.
        let other = format!("default {}", io_weight(weight.into()));
        push(Setting::new("io.bfq.weight", weight, "blockIO/weight").or("io.weight", other));
    }
    for (index, device) in io.weight_device.iter().enumerate() {
        let Some(weight) = some(device.weight) else { continue };
        let text = format!("{}:{} {weight}", device.major, device.minor);
        let other = format!("{}:{} {}", device.major, device.minor, io_weight(weight.into()));
        push(Setting::new("io.bfq.weight", text, format!("blockIO/weightDevice/{index}")).or("io.weight", other));
    }
    let rates: [(&str, &str, &[ThrottleDevice]); 4] = [
        ("rbps", "throttleReadBpsDevice", &io.throttle_read_bps_device),
        ("wbps", "throttleWriteBpsDevice", &io.throttle_write_bps_device),
        ("riops", "throttleReadIOPSDevice", &io.throttle_read_iops_device),
        ("wiops", "throttleWriteIOPSDevice", &io.throttle_write_iops_device),
    ];
    for (key, member, list) in rates {
        for (index, ThrottleDevice { major, minor, rate }) in list.iter().enumerate() {
            let rate = if *rate == 0 { "max".to_owned() } else { rate.to_string() };
            push(Setting::new("io.max", format!("{major}:{minor} {key}={rate}"), format!("blockIO/{member}/{index}")));
        }
    }
    Ok(groups)
}

/// A weight of BFQ as one of `io.weight`.
pub(super) fn io_weight(bfq: u64) -> u64 {
    1 + bfq.saturating_sub(10) * 9999 / 990
}

fn hugetlb(resources: &Resources) -> Vec<Group> {
    let page = |(index, page): (usize, &oci::spec::HugepageLimit)| {
        let file = format!("hugetlb.{}.max", page.page_size);
        Group::one("hugetlb", Setting::new(file, page.limit, format!("hugepageLimits/{index}/limit")))
    };
    resources.hugepage_limits.iter().enumerate().map(page).collect()
}

pub(super) fn rdma(resources: &Resources) -> Vec<Group> {
    let device = |(name, limit): (&String, &oci::spec::Rdma)| {
        let handles = limit.hca_handles.map(|handles| format!(" hca_handle={handles}"));
        let objects = limit.hca_objects.map(|objects| format!(" hca_object={objects}"));
        let text = format!("{name}{}{}", handles.unwrap_or_default(), objects.unwrap_or_default());
        Group::one("rdma", Setting::new("rdma.max", text, format!("rdma/{name}")))
    };
    resources.rdma.iter().map(device).collect()
}

fn network(resources: &Resources) -> Groups {
    let Some(network) = &resources.network else { return Ok(Vec::new()) };
    let why = "version 2 of control groups marks no packets: a firewall does it by the group's path";
    if some(network.class_id).is_some() {
        return Err(Lacking { from: "network/classID", why });
    }
    if !network.priorities.is_empty() {
        return Err(Lacking { from: "network/priorities", why });
    }
    Ok(Vec::new())
}
