//! The files of version 1 (Documentation/admin-guide/cgroup-v1 of the kernel).

use oci::spec::{BlockIo, Cpu, Memory, Resources, ThrottleDevice};

use super::{Group, Setting};

/// The controllers, in the order in which their files are written.
pub(super) const CONTROLLERS: [&str; 9] =
    ["cpuset", "memory", "cpu", "pids", "blkio", "hugetlb", "rdma", "net_cls", "net_prio"];

/// What is written for a controller.
pub(super) fn groups(resources: &Resources, controller: &str) -> Vec<Group> {
    match controller {
        "cpuset" => resources.cpu.as_ref().map(cpuset).into_iter().collect(),
        "memory" => resources.memory.as_ref().map(memory).unwrap_or_default(),
        "cpu" => resources.cpu.as_ref().map(cpu).unwrap_or_default(),
        "pids" => super::v2::pids(resources),
        "blkio" => resources.block_io.as_ref().map(blkio).unwrap_or_default(),
        "hugetlb" => hugetlb(resources),
        "rdma" => super::v2::rdma(resources),
        "net_cls" => net_cls(resources),
        "net_prio" => net_prio(resources),
        _ => Vec::new(),
    }
}

/// A number that asks for something: 0 is what Go writes for "not said".
fn some<T: Copy + Default + PartialEq>(value: Option<T>) -> Option<T> {
    value.filter(|value| *value != T::default())
}

fn cpuset(cpu: &Cpu) -> Group {
    let mut group = Group::new("cpuset");
    group.push(
        cpu.cpus.as_ref().filter(|list| !list.is_empty()).map(|list| Setting::new("cpuset.cpus", list, "cpu/cpus")),
    );
    group.push(
        cpu.mems.as_ref().filter(|list| !list.is_empty()).map(|list| Setting::new("cpuset.mems", list, "cpu/mems")),
    );
    group
}

fn memory(memory: &Memory) -> Vec<Group> {
    let mut limits = Group::new("memory");
    limits.push(some(memory.limit).map(|limit| Setting::new("memory.limit_in_bytes", limit, "memory/limit")));
    limits.push(some(memory.swap).map(|swap| Setting::new("memory.memsw.limit_in_bytes", swap, "memory/swap")));
    let one = |setting: Option<Setting>| setting.map(|setting| Group::one("memory", setting));
    let reservation = some(memory.reservation);
    let others = [
        reservation.map(|bytes| Setting::new("memory.soft_limit_in_bytes", bytes, "memory/reservation")),
        some(memory.kernel).map(|bytes| Setting::new("memory.kmem.limit_in_bytes", bytes, "memory/kernel")),
        some(memory.kernel_tcp).map(|bytes| Setting::new("memory.kmem.tcp.limit_in_bytes", bytes, "memory/kernelTCP")),
        memory.swappiness.map(|percent| Setting::new("memory.swappiness", percent, "memory/swappiness")),
        some(memory.disable_oom_killer).map(|_| Setting::new("memory.oom_control", 1, "memory/disableOOMKiller")),
        some(memory.use_hierarchy).map(|_| Setting::new("memory.use_hierarchy", 1, "memory/useHierarchy")),
    ];
    std::iter::once(limits).chain(others.into_iter().filter_map(one)).collect()
}

fn cpu(cpu: &Cpu) -> Vec<Group> {
    let mut bandwidth = Group::new("cpu");
    bandwidth.push(some(cpu.period).map(|time| Setting::new("cpu.cfs_period_us", time, "cpu/period")));
    bandwidth.push(some(cpu.quota).map(|time| Setting::new("cpu.cfs_quota_us", time, "cpu/quota")));
    bandwidth.push(cpu.burst.map(|time| Setting::new("cpu.cfs_burst_us", time, "cpu/burst")));
    let mut realtime = Group::new("cpu");
    let period = some(cpu.realtime_period);
    realtime.push(period.map(|time| Setting::new("cpu.rt_period_us", time, "cpu/realtimePeriod")));
    let runtime = some(cpu.realtime_runtime);
    realtime.push(runtime.map(|time| Setting::new("cpu.rt_runtime_us", time, "cpu/realtimeRuntime")));
    let mut share = Group::new("cpu");
    share.push(some(cpu.shares).map(|shares| Setting::new("cpu.shares", shares, "cpu/shares")));
    share.push(some(cpu.idle).map(|idle| Setting::new("cpu.idle", idle, "cpu/idle")));
    vec![share, bandwidth, realtime]
}

fn blkio(io: &BlockIo) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut push = |setting| groups.push(Group::one("blkio", setting));
    if let Some(weight) = some(io.weight) {
        push(Setting::new("blkio.bfq.weight", weight, "blockIO/weight").or("blkio.weight", weight));
    }
    if let Some(weight) = some(io.leaf_weight) {
        push(Setting::new("blkio.leaf_weight", weight, "blockIO/leafWeight"));
    }
    for (index, device) in io.weight_device.iter().enumerate() {
        let at = format!("blockIO/weightDevice/{index}");
        let text = |weight: u16| format!("{}:{} {weight}", device.major, device.minor);
        if let Some(weight) = some(device.weight) {
            push(Setting::new("blkio.bfq.weight_device", text(weight), &at).or("blkio.weight_device", text(weight)));
        }
        if let Some(weight) = some(device.leaf_weight) {
            push(Setting::new("blkio.leaf_weight_device", text(weight), &at));
        }
    }
    for (file, member, list) in throttles(io) {
        for (index, ThrottleDevice { major, minor, rate }) in list.iter().enumerate() {
            let file = format!("blkio.throttle.{file}");
            push(Setting::new(file, format!("{major}:{minor} {rate}"), format!("blockIO/{member}/{index}")));
        }
    }
    groups
}

/// The four lists of rates: the file of version 1, the member of config.json, the list.
fn throttles(io: &BlockIo) -> [(&'static str, &'static str, &[ThrottleDevice]); 4] {
    [
        ("read_bps_device", "throttleReadBpsDevice", &io.throttle_read_bps_device),
        ("write_bps_device", "throttleWriteBpsDevice", &io.throttle_write_bps_device),
        ("read_iops_device", "throttleReadIOPSDevice", &io.throttle_read_iops_device),
        ("write_iops_device", "throttleWriteIOPSDevice", &io.throttle_write_iops_device),
    ]
}

fn hugetlb(resources: &Resources) -> Vec<Group> {
    let page = |(index, page): (usize, &oci::spec::HugepageLimit)| {
        let file = format!("hugetlb.{}.limit_in_bytes", page.page_size);
        Group::one("hugetlb", Setting::new(file, page.limit, format!("hugepageLimits/{index}/limit")))
    };
    resources.hugepage_limits.iter().enumerate().map(page).collect()
}

fn net_cls(resources: &Resources) -> Vec<Group> {
    let class = resources.network.as_ref().and_then(|network| some(network.class_id));
    class
        .map(|class| Group::one("net_cls", Setting::new("net_cls.classid", class, "network/classID")))
        .into_iter()
        .collect()
}

fn net_prio(resources: &Resources) -> Vec<Group> {
    let interfaces = resources.network.iter().flat_map(|network| network.priorities.iter().enumerate());
    let one = |(index, interface): (usize, &oci::spec::InterfacePriority)| {
        let text = format!("{} {}", interface.name, interface.priority);
        Group::one("net_prio", Setting::new("net_prio.ifpriomap", text, format!("network/priorities/{index}")))
    };
    interfaces.map(one).collect()
}
