//! Schedulers, execution domains, labels.

use serde_json::json;

use crate::bundle::privileged;

#[test]
fn privileged_a_process_is_scheduled_as_it_is_asked_for() {
    privileged(|bundle| {
        bundle.set("/process/scheduler", json!({"policy": "SCHED_BATCH", "nice": 7}));
        bundle.set("/process/ioPriority", json!({"class": "IOPRIO_CLASS_BE", "priority": 6}));
        // The nice value and the policy (proc_pid_stat(5)).
        bundle.args(&["/bin/sh", "-c", "cut -d' ' -f19,41 /proc/self/stat; ionice"]);
        let ran = bundle.run();
        let said = ran.ok();
        assert!(said.starts_with("7 3"), "{said}");
        assert!(!said.contains("ionice") || said.contains("best-effort: prio 6"), "{said}");
    });
}

#[test]
fn privileged_an_execution_domain() {
    privileged(|bundle| {
        bundle.set("/linux/personality", json!({"domain": "LINUX32"})).args(&["/bin/busybox", "uname", "-m"]);
        let machine = if cfg!(target_arch = "x86_64") { "i686" } else { "armv8l" };
        assert_eq!(bundle.run().ok(), machine);
    });
}

#[test]
fn privileged_memory_of_one_node() {
    privileged(|bundle| {
        bundle.set("/linux/memoryPolicy", json!({"mode": "MPOL_BIND", "nodes": "0"}));
        bundle.sh(
            "if [ -e /proc/self/numa_maps ]; then cut -d' ' -f2 /proc/self/numa_maps | sort -u; else echo bind:0; fi",
        );
        assert!(bundle.run().ok().contains("bind:0"));
    });
}

#[test]
fn privileged_what_there_is_not_is_refused() {
    privileged(|bundle| {
        for (member, value, place, word) in [
            ("/process/scheduler", json!({"policy": "SCHED_LATER"}), "process.scheduler.policy", "SCHED_LATER"),
            ("/process/scheduler", json!({"policy": "SCHED_FIFO"}), "process.scheduler.policy", "1 to 99"),
            ("/process/scheduler", json!({"policy": "SCHED_OTHER", "nice": 20}), "process.scheduler.nice", "-20 to 19"),
            (
                "/process/ioPriority",
                json!({"class": "IOPRIO_CLASS_BE", "priority": 8}),
                "process.ioPriority.priority",
                "0 to 7",
            ),
            ("/linux/personality", json!({"domain": "LINUX64"}), "linux.personality.domain", "LINUX32"),
            ("/linux/memoryPolicy", json!({"mode": "MPOL_BIND", "nodes": "x"}), "linux.memoryPolicy.nodes", "0-3,7"),
            ("/process/execCPUAffinity", json!({"initial": "3-1"}), "process.execCPUAffinity.initial", "0-3,7"),
        ] {
            bundle.set(member, value);
            bundle.run().refused("UR0402", place, &[word]);
            bundle.remove(member);
        }
    });
}

#[test]
fn privileged_profiles_that_there_are_not() {
    privileged(|bundle| {
        bundle.set("/process/apparmorProfile", "unconfined").args(&["/bin/true"]).run().ok();
        bundle.set("/process/apparmorProfile", "no-such-profile");
        bundle.run().refused("UR0422", "process.apparmorProfile", &["no-such-profile"]);
        bundle.remove("/process/apparmorProfile");
        if !std::path::Path::new("/sys/fs/selinux/enforce").exists() {
            bundle.set("/linux/mountLabel", "system_u:object_r:container_file_t:s0");
            bundle.run().refused("UR0422", "linux.mountLabel", &["SELinux"]);
        }
    });
}
