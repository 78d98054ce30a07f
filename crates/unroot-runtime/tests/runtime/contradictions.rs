//! Members of config.json that contradict each other, or ask for what a container cannot have.

use std::process::Command;

use serde_json::{Value, json};

use crate::{
    bundle::{Bundle, privileged},
    call::{call, program},
};

/// One member is changed, and the bundle refused.
fn refused(member: &str, value: impl Into<Value>, code: &str, place: &str, words: &[&str]) {
    let value = value.into();
    privileged(|bundle| {
        bundle.set(member, value).run().refused(code, place, words);
    });
}

#[test]
fn privileged_names_without_a_namespace() {
    privileged(|bundle| bundle.without("uts").run().refused("UR0413", "hostname", &["{\"type\": \"uts\"}"]));
    privileged(|bundle| {
        bundle.without("uts").remove("/hostname").set("/domainname", "d");
        bundle.run().refused("UR0413", "domainname", &["uts"]);
    });
}

#[test]
fn privileged_a_namespace_given_twice() {
    let twice = json!({"type": "pid"});
    refused("/linux/namespaces/-", twice, "UR0413", "linux.namespaces[7]", &["pid namespace is given twice"]);
}

#[test]
fn privileged_no_mount_namespace() {
    privileged(|bundle| {
        bundle.without("mount").run().refused("UR0413", "linux.namespaces", &["mount over the host"]);
    });
}

#[test]
fn privileged_clocks_without_a_namespace() {
    let offsets = json!({"boottime": {"secs": 1}});
    refused("/linux/timeOffsets", offsets, "UR0413", "linux.timeOffsets", &["{\"type\": \"time\"}"]);
}

#[test]
fn privileged_a_clock_that_has_no_offset() {
    privileged(|bundle| {
        bundle.namespace("time", None).set("/linux/timeOffsets", json!({"realtime": {"secs": 1}}));
        bundle.run().refused("UR0402", "linux.timeOffsets.realtime", &["`realtime`", "boottime"]);
    });
}

#[test]
fn privileged_parameters_of_the_whole_host() {
    let place = "linux.sysctl[\"kernel.core_pattern\"]";
    refused("/linux/sysctl", json!({"kernel.core_pattern": "x"}), "UR0510", place, &["whole host"]);
    refused("/linux/sysctl", json!({"net.no.such": "x"}), "UR0510", "linux.sysctl[\"net.no.such\"]", &["ENOENT"]);
    refused("/linux/sysctl", json!({"net.ipv4.ip_forward": "x"}), "UR0510", "", &["net/ipv4/ip_forward", "EINVAL"]);
}

#[test]
fn privileged_parameters_of_the_hosts_network() {
    privileged(|bundle| {
        bundle.without("network").set("/linux/sysctl", json!({"net.ipv4.ip_forward": "1"}));
        bundle.run().refused("UR0510", "linux.sysctl[\"net.ipv4.ip_forward\"]", &["network namespace", "the host's"]);
    });
}

#[test]
fn privileged_limits_that_are_none() {
    let limit = |kind: &str, soft: u32, hard: u32| json!([{"type": kind, "soft": soft, "hard": hard}]);
    refused("/process/rlimits", limit("RLIMIT_FILES", 1, 1), "UR0402", "process.rlimits[0].type", &["RLIMIT_FILES"]);
    refused("/process/rlimits", limit("RLIMIT_NOFILE", 2, 1), "UR0509", "process.rlimits[0]", &["soft limit 2"]);
}

#[test]
fn privileged_devices_that_the_host_does_not_have() {
    let device = |path: &str, minor: u32| json!([{"path": path, "type": "c", "major": 1, "minor": minor}]);
    refused("/linux/devices", device("/dev/my-null", 3), "UR0412", "linux.devices[0]", &["/dev/my-null", "ENOENT"]);
    refused("/linux/devices", device("/dev/null", 5), "UR0412", "linux.devices[0]", &["is not the device 1:5", "1:3"]);
}

#[test]
fn privileged_idmaps_that_cannot_be() {
    privileged(|bundle| {
        bundle.mount("bind", "/sys/kernel", "/mnt", &["bind", "idmap"]);
        let place = format!("mounts[{}]", bundle.mount_number("/mnt"));
        bundle.run().refused("UR0303", &place, &["/sys/kernel", "sysfs"]);
        bundle.unmount("/mnt").mount("tmpfs", "tmpfs", "/mnt", &["idmap"]);
        bundle.run().refused("UR0411", &place, &["bind mounts"]);
        bundle.unmount("/mnt").mount("bind", "/etc", "/mnt", &["bind"]);
        let map = json!([{"containerID": 0, "hostID": 524_288, "size": 1}]);
        bundle.set(&format!("/mounts/{}/uidMappings", bundle.mount_number("/mnt")), map);
        bundle.run().refused("UR0413", &place, &["gidMappings is missing"]);
    });
}

#[test]
fn privileged_a_mount_of_no_kind() {
    privileged(|bundle| {
        bundle.set("/mounts/-", json!({"destination": "/mnt", "source": "/etc"}));
        bundle.run().refused("UR0413", &format!("mounts[{}]", bundle.mount_number("/mnt")), &["neither"]);
    });
}

#[test]
fn privileged_tmpcopyup_for_something_else() {
    privileged(|bundle| {
        bundle.mount("ramfs", "none", "/mnt", &["tmpcopyup"]);
        bundle.run().refused("UR0316", "", &["tmpcopyup"]);
    });
}

#[test]
fn privileged_a_propagation_that_is_none() {
    refused("/linux/rootfsPropagation", "sideways", "UR0402", "linux.rootfsPropagation", &["`sideways`", "`slave`"]);
}

/// Runs the container where a part of the host's /proc is hidden, as in a container of another engine.
fn run_with_hidden_proc(bundle: &Bundle) -> crate::call::Ran {
    let making = bundle.making("run");
    let script = "mount -t tmpfs tmpfs /proc/tty && exec \"$0\" \"$@\"";
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "/bin/sh", "-c", script]).arg(program()).args(making.get_args());
    call(outer.env(crate::call::MARK, &bundle.id), bundle.outside())
}

#[test]
fn privileged_a_proc_that_is_masked_on_the_host() {
    privileged(|bundle| {
        let place = format!("mounts[{}]", bundle.mount_number("/proc"));
        run_with_hidden_proc(bundle).refused("UR0318", &place, &["/proc/tty", "unmask=ALL"]);
    });
}
