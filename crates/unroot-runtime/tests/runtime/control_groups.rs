//! Control groups: where a container is put, and what is refused.

use std::fs;

use serde_json::json;

use crate::bundle::{Bundle, privileged};

/// The groups of the container's first process, one a hierarchy.
fn groups(bundle: &Bundle) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", bundle.pid())).unwrap();
    text.lines().map(|line| line.splitn(3, ':').nth(2).unwrap().to_owned()).collect()
}

/// Makes the container and counts the hierarchies in which it is in a group that ends so.
fn created_below(bundle: &mut Bundle, end: &str) -> usize {
    bundle.create().ok();
    let count = groups(bundle).iter().filter(|group| group.ends_with(end)).count();
    bundle.verb("delete", &[]).ok();
    count
}

#[test]
fn privileged_a_group_of_its_own() {
    privileged(|bundle| {
        let end = format!("/unroot/{}", bundle.id);
        assert!(created_below(bundle, &end) > 0);
    });
}

#[test]
fn privileged_groups_by_path() {
    privileged(|bundle| {
        for path in [format!("/{}", bundle.id), bundle.id.clone()] {
            let end = format!("/{}", bundle.id);
            assert!(created_below(bundle.set("/linux/cgroupsPath", path), &end) > 0);
        }
    });
}

#[test]
fn privileged_paths_that_are_refused() {
    privileged(|bundle| {
        for path in ["system.slice:unroot:x", "/..", "/"] {
            bundle.set("/linux/cgroupsPath", path).run().refused("UR0607", "linux.cgroupsPath", &[path]);
        }
    });
}

#[test]
fn privileged_device_rules() {
    privileged(|bundle| {
        let rules = json!([{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]);
        bundle.set("/linux/resources", json!({"devices": rules})).sh("echo x > /dev/null && echo written");
        assert_eq!(bundle.run().ok(), "written");
    });
}

#[test]
fn privileged_without_control_groups() {
    privileged(|bundle| {
        let mut run = bundle.sh("echo it runs").making("run");
        let ran = crate::call::call(run.env("UNROOT_WITHOUT", "cgroup"), bundle.outside());
        // Their view is mounted from what there is: nothing.
        assert_eq!(ran.warned("UR0611", "", &["no hierarchy"]), "it runs");
        let mut run = bundle.before(&["--rootless", "false"]).making("run");
        let ran = crate::call::call(run.env("UNROOT_WITHOUT", "cgroup"), bundle.outside());
        ran.refused("UR0611", "", &["no hierarchy", "--rootless false"]);
    });
}
