//! What is written for which member; that the kernel takes it is tried with whole containers.

use super::*;

/// `controller: file = text (place)`
fn written(json: &str, new: bool) -> Result<Vec<String>, Lacking> {
    let resources: Resources = serde_json::from_str(json).unwrap();
    let mut lines = Vec::new();
    let controllers = if new { v2::CONTROLLERS.as_slice() } else { v1::CONTROLLERS.as_slice() };
    for controller in controllers {
        let groups = if new { v2::groups(&resources, controller) } else { Ok(v1::groups(&resources, controller)) };
        for group in groups? {
            assert_eq!(group.controller, *controller);
            let files = |s: &Setting| s.files.iter().map(|(file, text)| format!("{file} = {text}")).collect::<Vec<_>>();
            let line = |s: &Setting| format!("{} ({})", files(s).join(" | "), s.from);
            lines.extend(group.settings.iter().map(line));
        }
    }
    Ok(lines)
}

#[test]
fn nothing_asks_for_nothing() {
    for json in [
        "{}",
        r#"{"memory":{"limit":0},"cpu":{"shares":0,"cpus":""},"pids":{"limit":0},"blockIO":{"weight":0},"network":{}}"#,
    ] {
        for new in [false, true] {
            assert_eq!(written(json, new).unwrap(), [""; 0]);
        }
    }
}

#[test]
fn memory_and_swap() {
    let json = r#"{"memory":{"limit":1000,"swap":1500,"reservation":500}}"#;
    assert_eq!(
        written(json, false).unwrap(),
        [
            "memory.limit_in_bytes = 1000 (memory/limit)",
            "memory.memsw.limit_in_bytes = 1500 (memory/swap)",
            "memory.soft_limit_in_bytes = 500 (memory/reservation)"
        ]
    );
    assert_eq!(
        written(json, true).unwrap(),
        [
            "memory.max = 1000 (memory/limit)",
            "memory.swap.max = 500 (memory/swap)",
            "memory.low = 500 (memory/reservation)"
        ]
    );
    assert_eq!(
        written(r#"{"memory":{"limit":-1,"swap":-1}}"#, true).unwrap(),
        ["memory.max = max (memory/limit)", "memory.swap.max = max (memory/swap)"]
    );
    for json in [r#"{"memory":{"swap":10}}"#, r#"{"memory":{"swap":10,"limit":20}}"#, r#"{"memory":{"swappiness":0}}"#]
    {
        assert!(written(json, true).is_err(), "{json}");
    }
}

#[test]
fn processors() {
    let json = r#"{"cpu":{"shares":1024,"quota":50000,"period":100000,"burst":1000,"cpus":"0-1","mems":"0"}}"#;
    assert_eq!(
        written(json, false).unwrap(),
        [
            "cpuset.cpus = 0-1 (cpu/cpus)",
            "cpuset.mems = 0 (cpu/mems)",
            "cpu.shares = 1024 (cpu/shares)",
            "cpu.cfs_period_us = 100000 (cpu/period)",
            "cpu.cfs_quota_us = 50000 (cpu/quota)",
            "cpu.cfs_burst_us = 1000 (cpu/burst)"
        ]
    );
    assert_eq!(
        written(json, true).unwrap(),
        [
            "cpuset.cpus = 0-1 (cpu/cpus)",
            "cpuset.mems = 0 (cpu/mems)",
            "cpu.weight = 100 (cpu/shares)",
            "cpu.max = 50000 100000 (cpu/quota)",
            "cpu.max.burst = 1000 (cpu/burst)"
        ]
    );
    assert_eq!(written(r#"{"cpu":{"quota":-1}}"#, true).unwrap(), ["cpu.max = max 100000 (cpu/quota)"]);
    assert_eq!(written(r#"{"cpu":{"realtimePeriod":1}}"#, true).unwrap_err().from, "cpu/realtimePeriod");
}

#[test]
fn weights_meet_at_the_ends_and_in_the_middle() {
    assert_eq!([2, 1024, 262_144].map(v2::weight), [1, 100, 10_000]);
    assert!((2..2000).all(|shares| v2::weight(shares) <= v2::weight(shares + 1)));
    assert_eq!([10, 1000].map(v2::io_weight), [1, 10_000]);
}

#[test]
fn devices_pages_and_the_rest() {
    let json = r#"{"blockIO":{"weight":200,"weightDevice":[{"major":8,"minor":0,"weight":300}],
        "throttleReadBpsDevice":[{"major":8,"minor":0,"rate":1000}],"throttleWriteIOPSDevice":[{"major":8,"minor":16,"rate":0}]},
        "pids":{"limit":-1},"hugepageLimits":[{"pageSize":"2MB","limit":0}],"rdma":{"mlx5_1":{"hcaHandles":3,"hcaObjects":4}}}"#;
    assert_eq!(
        written(json, false).unwrap(),
        [
            "pids.max = max (pids/limit)",
            "blkio.bfq.weight = 200 | blkio.weight = 200 (blockIO/weight)",
            "blkio.bfq.weight_device = 8:0 300 | blkio.weight_device = 8:0 300 (blockIO/weightDevice/0)",
            "blkio.throttle.read_bps_device = 8:0 1000 (blockIO/throttleReadBpsDevice/0)",
            "blkio.throttle.write_iops_device = 8:16 0 (blockIO/throttleWriteIOPSDevice/0)",
            "hugetlb.2MB.limit_in_bytes = 0 (hugepageLimits/0/limit)",
            "rdma.max = mlx5_1 hca_handle=3 hca_object=4 (rdma/mlx5_1)"
        ]
    );
    assert_eq!(
        written(json, true).unwrap(),
        [
            "pids.max = max (pids/limit)",
            "io.bfq.weight = 200 | io.weight = default 1920 (blockIO/weight)",
            "io.bfq.weight = 8:0 300 | io.weight = 8:0 2930 (blockIO/weightDevice/0)",
            "io.max = 8:0 rbps=1000 (blockIO/throttleReadBpsDevice/0)",
            "io.max = 8:16 wiops=max (blockIO/throttleWriteIOPSDevice/0)",
            "hugetlb.2MB.max = 0 (hugepageLimits/0/limit)",
            "rdma.max = mlx5_1 hca_handle=3 hca_object=4 (rdma/mlx5_1)"
        ]
    );
    let network = r#"{"network":{"classID":16,"priorities":[{"name":"eth0","priority":5}]}}"#;
    assert_eq!(
        written(network, false).unwrap(),
        ["net_cls.classid = 16 (network/classID)", "net_prio.ifpriomap = eth0 5 (network/priorities/0)"]
    );
    assert_eq!(written(network, true).unwrap_err().from, "network/classID");
}
