//! Namespaces: new ones, joined ones, and those that are left out.

use std::fs;

use serde_json::json;

use crate::bundle::{Bundle, privileged};

/// The namespace of a container's first process.
fn path(bundle: &Bundle, kind: &str) -> String {
    format!("/proc/{}/ns/{kind}", bundle.pid())
}

fn identity(path: &str) -> String {
    fs::read_link(path).unwrap().to_str().unwrap().to_owned()
}

/// Runs a container beside another one that waits.
fn beside(test: impl FnOnce(&mut Bundle, &mut Bundle)) {
    privileged(|first| {
        first.create().ok();
        privileged(|second| test(first, second));
        first.verb("delete", &["--force"]).ok();
    });
}

#[test]
fn privileged_every_namespace_is_the_containers_own() {
    privileged(|bundle| {
        bundle
            .namespace("time", None)
            .sh("for kind in user pid net ipc uts mnt cgroup time; do readlink /proc/self/ns/$kind; done");
        let inside = bundle.run().ok().to_owned();
        let kinds = ["user", "pid", "net", "ipc", "uts", "mnt", "cgroup", "time"];
        assert_eq!(inside.lines().count(), kinds.len());
        for (kind, inside) in kinds.into_iter().zip(inside.lines()) {
            assert!(inside.starts_with(kind), "{inside}");
            assert_ne!(identity(&format!("/proc/self/ns/{kind}")), inside);
        }
    });
}

#[test]
fn privileged_the_command_is_process_1_and_sees_no_other() {
    privileged(|bundle| {
        assert_eq!(bundle.sh("echo $$; echo /proc/[0-9]*").run().ok(), "1\n/proc/1");
    });
}

#[test]
fn privileged_clocks_are_shifted() {
    privileged(|bundle| {
        bundle
            .namespace("time", None)
            .set("/linux/timeOffsets", json!({"boottime": {"secs": 1_000_000}, "monotonic": {"secs": 5}}));
        bundle.sh("awk '{ print ($1 >= 1000000) }' /proc/uptime; awk '{ print $1, $2, $3 }' /proc/self/timens_offsets");
        assert_eq!(bundle.run().ok(), "1\nmonotonic 5 0\nboottime 1000000 0");
    });
}

#[test]
fn privileged_joined_network_and_ipc_and_names() {
    beside(|first, second| {
        // They belong to the first one's user namespace: the second has another, and may look but not rule.
        let kinds = [("network", "net"), ("ipc", "ipc"), ("uts", "uts")];
        for (name, kind) in kinds {
            second.namespace(name, Some(&path(first, kind)));
        }
        second.remove("/hostname").unmount("/dev/mqueue").unmount("/sys").unmount("/sys/fs/cgroup");
        second.sh("for kind in net ipc uts; do readlink /proc/self/ns/$kind; done; cat /proc/sys/kernel/hostname");
        let own = kinds.map(|(_, kind)| identity(&path(first, kind))).join("\n");
        assert_eq!(second.run().ok(), own + "\nunroot");
    });
}

#[test]
fn privileged_joined_user_and_network() {
    beside(|first, second| {
        second.namespace("user", Some(&path(first, "user"))).namespace("network", Some(&path(first, "net")));
        second.sh(
            "readlink /proc/self/ns/user; readlink /proc/self/ns/net; id -u; stat -c %u /etc/passwd; ls /sys/class/net",
        );
        let expected = format!("{}\n{}\n0\n0\nlo", identity(&path(first, "user")), identity(&path(first, "net")));
        assert_eq!(second.run().ok(), expected);
    });
}

#[test]
fn privileged_a_pod_shares_everything_but_its_files() {
    beside(|first, second| {
        let kinds = [("user", "user"), ("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("pid", "pid")];
        for (name, kind) in kinds {
            second.namespace(name, Some(&path(first, kind)));
        }
        second.remove("/hostname");
        second.sh("for kind in user net ipc uts pid; do readlink /proc/self/ns/$kind; done; test $$ -gt 1 && echo not the first");
        let own = kinds.map(|(_, kind)| identity(&path(first, kind))).join("\n");
        assert_eq!(second.run().ok(), own + "\nnot the first");
    });
}

#[test]
fn privileged_a_joined_pid_namespace_of_another_user_namespace() {
    beside(|first, second| {
        second.namespace("pid", Some(&path(first, "pid"))).unmount("/proc").mount("bind", "/proc", "/proc", &["rbind"]);
        second.remove("/linux/maskedPaths").remove("/linux/readonlyPaths").sh("echo $$");
        assert_ne!(second.run().ok(), "1");
    });
}

#[test]
fn privileged_the_hosts_network_shows_the_hosts_sysfs() {
    privileged(|bundle| {
        bundle.without("network").sh("readlink /proc/self/ns/net; mkdir /sys/x 2>/dev/null || echo readonly");
        let place = format!("mounts[{}]", bundle.mount_number("/sys"));
        let ran = bundle.run();
        let seen = ran.warned("UR0312", &place, &["no network namespace of its own"]);
        assert_eq!(seen, format!("{}\nreadonly", identity("/proc/self/ns/net")));
    });
}

#[test]
fn privileged_the_loopback_device_is_up() {
    privileged(|bundle| {
        assert_eq!(bundle.args(&["cat", "/sys/class/net/lo/flags"]).run().ok(), "0x9");
    });
}
