use oci_spec::runtime as oracle;
use serde_json::json;

use super::*;

fn parse(document: &Value) -> Result<Spec, serde_json::Error> {
    serde_json::from_str(&document.to_string())
}

/// Without what says nothing, and with the names of sets in order.
fn normal(value: Value) -> Value {
    let says = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    };
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, normal(value)));
            Value::Object(members.filter(|(_, value)| says(value)).collect())
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(normal).collect();
            if items.iter().all(|item| item.as_str().is_some_and(|name| name.starts_with("CAP_"))) {
                items.sort_by_key(ToString::to_string);
            }
            Value::Array(items)
        }
        other => other,
    }
}

fn written(spec: &Spec) -> Value {
    normal(serde_json::to_value(spec).unwrap())
}

/// What the oracle has written we read, and write the same; and it reads what we have written as what it was.
fn agrees(theirs: &oracle::Spec) {
    let document = serde_json::to_value(theirs).unwrap();
    let ours = parse(&document).unwrap();
    let again = written(&ours);
    assert_eq!(again, normal(document.clone()));
    let read: oracle::Spec = serde_json::from_value(serde_json::to_value(&ours).unwrap()).unwrap();
    assert_eq!(normal(serde_json::to_value(read).unwrap()), normal(document));
}

fn rich_process() -> Value {
    json!({
        "terminal": true, "consoleSize": { "height": 25, "width": 80 },
        "user": { "uid": 1, "gid": 2, "umask": 18, "additionalGids": [5, 6] },
        "args": ["sh", "-c", "id"], "env": ["A=b"], "cwd": "/w",
        "capabilities": {
            "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL"], "effective": ["CAP_KILL"], "inheritable": ["CAP_BPF"],
            "permitted": ["CAP_CHECKPOINT_RESTORE", "CAP_CHOWN"], "ambient": ["CAP_NET_BIND_SERVICE"],
        },
        "rlimits": [{ "type": "RLIMIT_CORE", "hard": u64::MAX, "soft": 0 }, { "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 512 }],
        "noNewPrivileges": true, "apparmorProfile": "acme", "oomScoreAdj": -100, "selinuxLabel": "system_u:system_r",
        "ioPriority": { "class": "IOPRIO_CLASS_IDLE", "priority": 4 },
        "scheduler": { "policy": "SCHED_BATCH", "nice": 19 },
        "execCPUAffinity": { "initial": "7", "final": "0-3,7" },
    })
}

fn rich_resources() -> Value {
    json!({
        "devices": [{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" }],
        "memory": {
            "limit": 536_870_912, "reservation": 1, "swap": -1, "kernel": -1, "kernelTCP": -1, "swappiness": 10,
            "disableOOMKiller": true, "useHierarchy": true, "checkBeforeUpdate": true,
        },
        "cpu": {
            "shares": 1024, "quota": 1_000_000, "burst": 1, "period": 500_000, "realtimeRuntime": 950_000,
            "realtimePeriod": 1_000_000, "cpus": "2-3", "mems": "0-7", "idle": 1,
        },
        "pids": { "limit": 32771 },
        "blockIO": {
            "weight": 10, "leafWeight": 11, "weightDevice": [{ "major": 8, "minor": 0, "weight": 500, "leafWeight": 300 }],
            "throttleReadBpsDevice": [{ "major": 8, "minor": 0, "rate": 600 }],
            "throttleWriteBpsDevice": [{ "major": 8, "minor": 1, "rate": 601 }],
            "throttleReadIOPSDevice": [{ "major": 8, "minor": 2, "rate": 602 }],
            "throttleWriteIOPSDevice": [{ "major": 8, "minor": 16, "rate": 300 }],
        },
        "hugepageLimits": [{ "pageSize": "2MB", "limit": 209_715_200 }],
        "network": { "classID": 1_048_577, "priorities": [{ "name": "eth0", "priority": 500 }] },
        "rdma": { "mlx5_1": { "hcaHandles": 3, "hcaObjects": 10000 } },
        "unified": { "memory.high": "1" },
    })
}

fn rich_linux() -> Value {
    let map = json!([{ "containerID": 0, "hostID": 524_288, "size": 65536 }]);
    json!({
        "devices": [
            { "path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 0, "gid": 7 },
            { "path": "/dev/sda", "type": "b", "major": 8, "minor": 0 },
        ],
        "netDevices": { "eth0": { "name": "c0" } },
        "uidMappings": map, "gidMappings": map, "sysctl": { "net.ipv4.ip_forward": "1" },
        "resources": rich_resources(), "cgroupsPath": "/a/b",
        "namespaces": [
            { "type": "pid", "path": "/proc/1/ns/pid" }, { "type": "network" }, { "type": "ipc" }, { "type": "uts" },
            { "type": "mount" }, { "type": "user" }, { "type": "cgroup" }, { "type": "time" },
        ],
        "seccomp": {
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
            "syscalls": [{ "names": ["getcwd"], "action": "SCMP_ACT_ERRNO" }],
        },
        "rootfsPropagation": "slave", "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"],
        "mountLabel": "system_u", "intelRdt": { "closID": "guaranteed" },
        "memoryPolicy": { "mode": "MPOL_INTERLEAVE", "nodes": "0-1" }, "personality": { "domain": "LINUX32" },
        "timeOffsets": { "monotonic": { "secs": 172_800, "nanosecs": 1 }, "boottime": { "secs": -604_800, "nanosecs": 2 } },
    })
}

fn rich() -> Value {
    let hook = |name: &str| json!([{ "path": format!("/{name}"), "args": [name, "x"], "env": ["k=v"], "timeout": 3 }]);
    let map = json!([{ "containerID": 1, "hostID": 2, "size": 3 }]);
    json!({
        "ociVersion": "1.3.0", "root": { "path": "rootfs", "readonly": true }, "hostname": "h", "domainname": "d",
        "process": rich_process(), "linux": rich_linux(),
        "mounts": [
            { "destination": "/proc", "type": "proc", "source": "proc" },
            { "destination": "/data", "source": "/v", "options": ["rbind", "ro"], "uidMappings": map, "gidMappings": map },
        ],
        "hooks": {
            "prestart": hook("a"), "createRuntime": hook("b"), "createContainer": hook("c"), "startContainer": hook("d"),
            "poststart": hook("e"), "poststop": hook("f"),
        },
        "annotations": { "com.example.key": "v", "org.unroot.root.idmap": "true" },
        "vm": { "kernel": { "path": "/k" } },
    })
}

#[test]
fn we_agree_with_another_implementation() {
    agrees(&oracle::Spec::default());
    agrees(&oracle::Spec::rootless(1000, 100));
    agrees(&serde_json::from_value(rich()).unwrap());
    for part in ["process", "linux", "mounts", "hooks", "root"] {
        let mut document = rich();
        document.as_object_mut().unwrap().remove(part);
        agrees(&serde_json::from_value(document).unwrap());
    }
}

#[test]
fn nothing_is_lost() {
    let spec = parse(&rich()).unwrap();
    assert_eq!(written(&spec), normal(rich()));
    assert_eq!(parse(&serde_json::to_value(&spec).unwrap()).unwrap(), spec);
}

#[test]
fn null_is_absent_and_what_is_unknown_is_ignored() {
    /// Every member that need not be there becomes null.
    fn with_nulls(value: &mut Value) {
        for member in value.as_object_mut().into_iter().flat_map(|members| members.values_mut()) {
            *member = Value::Null;
        }
    }
    let mut document = rich();
    for at in ["/linux/resources/memory", "/linux/resources/cpu", "/linux/resources/blockIO", "/linux/resources/pids"] {
        with_nulls(document.pointer_mut(at).unwrap());
    }
    for at in ["/process/capabilities", "/hooks", "/linux/timeOffsets/boottime", "/linux/resources/network"] {
        with_nulls(document.pointer_mut(at).unwrap());
    }
    document["linux"]["resources"]["devices"][1] =
        json!({ "allow": null, "type": null, "major": null, "access": null });
    document["org.example"] = json!({ "a": [1] });
    document["process"]["org.example"] = json!(1);
    let spec = parse(&document).unwrap();
    let process = spec.process.unwrap();
    assert_eq!((process.capabilities, spec.hooks), (Some(Capabilities::default()), Some(Hooks::default())));
    assert_eq!(spec.linux.unwrap().resources.unwrap().devices[1], DeviceRule::default());
    let mut document = rich();
    with_nulls(&mut document);
    assert_eq!(parse(&document).unwrap(), Spec::default());
    document["linux"] = rich_linux();
    with_nulls(&mut document["linux"]);
    assert_eq!(parse(&document).unwrap().linux, Some(Linux::default()));
}

#[test]
fn what_other_implementations_refuse_is_read() {
    let document = json!({
        "ociVersion": "1.2.0",
        "process": { "user": {}, "cwd": "/", "scheduler": { "policy": "SCHED_DEADLINE", "flags": ["SCHED_FLAG_DL_OVERRUN"] } },
        "linux": {
            "devices": [{ "path": "/dev/f", "type": "p" }],
            "resources": {
                "devices": [{ "allow": true, "type": "", "access": "r" }],
                "hugepageLimits": [{ "pageSize": "2MB", "limit": u64::MAX }],
            },
        },
    });
    let spec = parse(&document).unwrap();
    let resources = spec.linux.unwrap().resources.unwrap();
    assert_eq!((resources.devices[0].kind, resources.hugepage_limits[0].limit), (None, u64::MAX));
    assert!(parse(&json!({ "linux": { "resources": { "devices": [{ "type": "x" }] } } })).is_err());
}

#[test]
fn what_is_required_is_missed() {
    let required = [
        ("/linux/uidMappings/0", "containerID"),
        ("/linux/gidMappings/0", "hostID"),
        ("/mounts/1/uidMappings/0", "size"),
        ("/process/rlimits/0", "type"),
        ("/process/rlimits/0", "soft"),
        ("/process/rlimits/1", "hard"),
        ("/process", "user"),
        ("/process", "cwd"),
        ("/mounts/0", "destination"),
        ("/hooks/poststop/0", "path"),
        ("/root", "path"),
        ("/linux/namespaces/0", "type"),
        ("/linux/devices/0", "path"),
        ("/linux/devices/0", "type"),
    ];
    for (at, member) in required {
        let mut document = rich();
        document.pointer_mut(at).unwrap().as_object_mut().unwrap().remove(member).unwrap();
        let error = parse(&document).unwrap_err().to_string();
        assert!(error.starts_with(&format!("missing field `{member}`")), "{at}: {error}");
    }
}

#[test]
fn names_that_are_none_are_told_from_those_that_are() {
    let namespace = |kind: &str| parse(&json!({ "linux": { "namespaces": [{ "type": kind }] } }));
    assert_eq!(namespace("time").unwrap().linux.unwrap().namespaces[0].kind, NamespaceKind::Time);
    for bad in ["usr", "mnt", "net", "PID", ""] {
        let error = namespace(bad).unwrap_err().to_string();
        assert!(error.contains("unknown variant") && error.contains("`network`"), "{error}");
    }
    assert_eq!(RlimitKind::RlimitNofile.to_string(), "RLIMIT_NOFILE");
}
