//! `linux.netDevices`: devices of the host's in a container.

use std::process::Command;

use serde_json::json;

use crate::bundle::privileged;

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).output().is_ok_and(|output| output.status.success())
}

#[test]
fn privileged_a_device_moves_with_its_addresses() {
    privileged(|bundle| {
        let name = format!("ur{}", std::process::id());
        if !(ip(&["link", "add", &name, "type", "dummy"])
            || ip(&["link", "add", &name, "type", "veth", "peer", "name", &format!("{name}p")]))
        {
            return println!("skipped: no network device can be made here");
        }
        assert!(ip(&["address", "add", "192.0.2.7/28", "dev", &name]));
        bundle.set("/linux/netDevices", json!({&name: {"name": "data0"}}));
        bundle.sh("ip address show dev data0");
        let ran = bundle.run();
        ip(&["link", "delete", &name]);
        assert!(ran.ok().contains("192.0.2.7/28"), "{ran:?}");
        assert!(ran.stdout.contains("UP"), "{ran:?}");
    });
}

#[test]
fn privileged_devices_that_cannot_move() {
    privileged(|bundle| {
        bundle.set("/linux/netDevices", json!({"no-such-link": {}}));
        bundle.run().refused("UR0425", "linux.netDevices.no-such-link", &["no-such-link"]);
        bundle.set("/linux/netDevices", json!({"lo": {"name": "a/b"}}));
        bundle.run().refused("UR0402", "linux.netDevices.lo.name", &["a/b"]);
        bundle.set("/linux/netDevices", json!({"lo": {}})).run().refused("UR0425", "linux.netDevices.lo", &[]);
    });
}
