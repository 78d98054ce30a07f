//! Maps that are missing, wrong, or leave out what is needed: PROBLEMS 1.4.

use serde_json::{Value, json};

use crate::bundle::{BASE, Bundle, privileged};

fn extent(inside: u64, outside: u64, size: u64) -> Value {
    json!({"containerID": inside, "hostID": outside, "size": size})
}

/// A uid map of these extents is refused at one of them.
fn uids_refused(bundle: &mut Bundle, extents: &[[u64; 3]], code: &str, place: &str, words: &[&str]) {
    let extents = extents.iter().map(|&[inside, outside, size]| extent(inside, outside, size));
    bundle.set("/linux/uidMappings", extents.collect::<Value>()).run().refused(code, place, words);
    bundle.nothing_is_left();
}

#[test]
fn privileged_no_mappings() {
    privileged(|bundle| {
        bundle.remove("/linux/uidMappings").run().refused("UR0409", "linux", &["uidMappings"]);
        bundle.remove("/linux/gidMappings").run().refused(
            "UR0409",
            "linux.namespaces",
            &["uidMappings", "gidMappings"],
        );
    });
}

#[test]
fn privileged_no_mapping_of_groups() {
    privileged(|bundle| {
        bundle.set("/linux/gidMappings", json!([])).run().refused("UR0409", "linux", &["no gidMappings"]);
    });
}

#[test]
fn privileged_mappings_without_a_user_namespace() {
    privileged(|bundle| {
        bundle.without("user").run().refused(
            "UR0409",
            "linux.uidMappings",
            &["user namespace", "{\"type\": \"user\"}"],
        );
    });
}

#[test]
fn privileged_overlapping_inside() {
    privileged(|bundle| {
        let base = u64::from(BASE);
        let extents = [[0, base, 1000], [999, base + 5000, 10]];
        uids_refused(bundle, &extents, "UR0103", "linux.uidMappings[1]", &["999"]);
    });
}

#[test]
fn privileged_overlapping_outside() {
    privileged(|bundle| {
        let base = u64::from(BASE);
        let extents = [[0, base, 1000], [2000, base + 500, 10]];
        uids_refused(bundle, &extents, "UR0103", "linux.uidMappings[1]", &["524788"]);
    });
}

#[test]
fn privileged_an_extent_of_nothing() {
    privileged(|bundle| uids_refused(bundle, &[[0, 524_288, 0]], "UR0102", "linux.uidMappings[0]", &["0"]));
}

#[test]
fn privileged_an_extent_beyond_the_last_id() {
    privileged(|bundle| {
        uids_refused(bundle, &[[0, 4_294_967_290, 10]], "UR0102", "linux.uidMappings[0]", &["4294967290"]);
        uids_refused(bundle, &[[0, 4_294_967_296, 10]], "UR0402", "linux.uidMappings[0].hostID", &["4294967296"]);
    });
}

#[test]
fn privileged_more_extents_than_the_kernel_takes() {
    privileged(|bundle| {
        let extents: Vec<_> = (0..341).map(|n| [n, u64::from(BASE) + 2 * n, 1]).collect();
        uids_refused(bundle, &extents, "UR0104", "linux.uidMappings[340]", &["340"]);
    });
}

#[test]
fn privileged_without_id_0() {
    privileged(|bundle| {
        let words = ["uid 0", "\"containerID\": 0"];
        uids_refused(bundle, &[[101, 996, 1]], "UR0106", "process.user.uid", &["uid 0", "101"]);
        bundle.set("/process/user/uid", 101);
        uids_refused(bundle, &[[101, 996, 1]], "UR0105", "linux.uidMappings", &words);
    });
}

#[test]
fn privileged_without_the_processs_ids() {
    privileged(|bundle| {
        bundle.map(&[[0, BASE, 1000]]);
        let mut refused = |pointer: &str, id: u32, place: &str| {
            bundle.set(pointer, id).run().refused("UR0106", place, &[&id.to_string(), "0-999"]);
            bundle.set(pointer, 0);
        };
        refused("/process/user/uid", 1000, "process.user.uid");
        refused("/process/user/gid", 65_534, "process.user.gid");
        refused("/process/user/additionalGids/-", 2000, "process.user.additionalGids[0]");
    });
}

#[test]
fn privileged_devpts_with_a_group_that_is_left_out() {
    privileged(|bundle| {
        bundle.map(&[[0, BASE, 5]]);
        let place = format!("mounts[{}].options[5]", bundle.mount_number("/dev/pts"));
        bundle.run().refused("UR0313", &place, &["`gid=5`"]);
    });
}
