use std::path::Path;

use idmap::{Extent, Extents, IdMap};

use super::*;
use crate::config::User;

fn config() -> Config {
    Config {
        id: "ab".repeat(32),
        name: "brave_noether".into(),
        image: "docker.io/library/debian:trixie".into(),
        rootfs: Rootfs::Layers(vec!["sha256:00".into()]),
        args: vec!["sh".into()],
        env: vec!["PATH=/bin".into()],
        cwd: "/".into(),
        user: User { uid: 0, gid: 0, groups: vec![4] },
        hostname: "abababababab".into(),
        stop_signal: 15,
        ..Config::default()
    }
}

fn start(map: &IdMap) -> Start<'_> {
    Start {
        map,
        shifted: true,
        files: Path::new("/store/containers/ab"),
        nodes: true,
        capabilities: 41,
        unified_cgroups: true,
        cgroup: Some("/unroot/ab"),
        joined: None,
        mounts: &[],
    }
}

fn map() -> IdMap {
    IdMap::try_from_fn(|_| Extents::new([Extent::new(0, 524_288, 65_536)])).unwrap()
}

/// The document without the annotation, which is the [`Config`] itself.
fn shown(config: &Config, start: &Start) -> String {
    let mut document = document(config, start);
    document["annotations"] = json!("…");
    if document["linux"]["seccomp"].is_object() {
        document["linux"]["seccomp"] = json!("…");
    }
    serde_json::to_string_pretty(&document).unwrap()
}

#[test]
fn the_default_container() {
    insta::assert_snapshot!(shown(&config(), &start(&map())));
}

#[test]
fn privileged_on_the_hosts_network_read_only() {
    let mut config = config();
    (config.privileged, config.network, config.read_only, config.tty) = (true, Network::Host, true, true);
    config.security.seccomp = SeccompChoice::Unconfined;
    let nothing_hidden = (None, Vec::new(), Vec::new());
    (config.security.bounding, config.security.masked, config.security.read_only) = nothing_hidden;
    insta::assert_snapshot!(shown(&config, &start(&map())));
}

#[test]
fn another_user_and_a_sparse_map() {
    let mut config = config();
    config.user.uid = 1000;
    let map = IdMap::try_from_fn(|_| Extents::new([Extent::new(0, 1000, 1), Extent::new(1000, 2000, 1)])).unwrap();
    let document = document(&config, &Start { shifted: false, unified_cgroups: false, ..start(&map) });
    assert_eq!(document["process"]["capabilities"]["permitted"], json!([]));
    assert_eq!(document["process"]["capabilities"]["bounding"].as_array().unwrap().len(), 11);
    assert_eq!(document["linux"]["sysctl"], json!({ "net.ipv4.ping_group_range": "0 0" }));
    let text = document["mounts"].to_string();
    assert!(!text.contains("gid=5") && !text.contains("idmap") && !text.contains("cgroup"), "{text}");
}

#[test]
fn rights_and_devices() {
    let mut config = config();
    config.user.uid = 7;
    config.security.held = Some(vec![12]);
    config.security.bounding = None;
    config.security.devices = vec![DeviceBind {
        source: "/dev/fuse".into(),
        target: "/dev/x".into(),
        block: false,
        major: 10,
        minor: 229,
        access: "r".into(),
    }];
    let map = map();
    let document = |nodes| document(&config, &Start { nodes, ..start(&map) });
    let shown = document(true);
    assert_eq!(shown["process"]["capabilities"]["ambient"], json!(["CAP_NET_ADMIN"]));
    assert_eq!(shown["process"]["capabilities"]["bounding"].as_array().unwrap().len(), 41);
    let rules = json!([
        { "allow": false, "access": "rwm" },
        { "allow": true, "type": "c", "major": 10, "minor": 229, "access": "r" },
    ]);
    assert_eq!(shown["linux"]["resources"]["devices"], rules);
    let node =
        shown["mounts"].as_array().unwrap().iter().find(|mount| mount["destination"] == "/dev/x").unwrap().clone();
    assert_eq!(node["source"], "/store/containers/ab/device-0");
    assert!(node["options"].to_string().contains("idmap"), "{node}");
    assert!(document(false)["mounts"].to_string().contains(r#""source":"/dev/fuse""#));
}

#[test]
fn it_is_a_document_of_the_specification_and_holds_the_container() {
    let config = config();
    let document = document(&config, &start(&map()));
    let spec: oci::spec::Spec = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(spec.hostname.as_deref(), Some("abababababab"));
    assert_eq!(Config::read(&config.id, &document.to_string()).unwrap(), config);
    assert_eq!(Config::read("x", "{}").unwrap_err().code(), diag::codes::UR0810);
}
