use std::fs;

use diag::codes;
use tempfile::TempDir;

use super::*;

/// An invented host.
fn host(files: &[(&str, &str)]) -> (TempDir, HostFiles) {
    let dir = tempfile::tempdir().unwrap();
    for (path, contents) in files {
        let path = dir.path().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    let root = dir.path().to_owned();
    (dir, HostFiles { root })
}

/// `alice uid 100000-165535 /etc/subuid:1`, those of one kind of claim.
fn told(claims: &Claims, what: &[ClaimKind]) -> Vec<String> {
    let one = |claim: &Claim| {
        let ids: IdSet = [claim.ids.clone()].into_iter().collect();
        format!("{} {} {ids} {}", claim.owner, claim.kind, claim.source)
    };
    claims.all.iter().filter(|claim| what.contains(&claim.what)).map(one).collect()
}

const GIVEN: [ClaimKind; 2] = [ClaimKind::Delegated, ClaimKind::Tool];

fn given(files: &[(&str, &str)]) -> Vec<String> {
    let (_dir, host) = host(files);
    let claims = Claims::look(&host);
    assert!(claims.warnings.is_empty(), "{:?}", claims.warnings);
    told(&claims, &GIVEN)
}

#[test]
fn the_lines_of_both_files() {
    let files = [("/etc/subuid", "# people\nalice:100000:65536\n"), ("/etc/subgid", "alice:200000:10\nbob:300000:1\n")];
    let expected = [
        "alice uid 100000-165535 /etc/subuid:2",
        "alice gid 200000-200009 /etc/subgid:1",
        "bob gid 300000 /etc/subgid:2",
    ];
    assert_eq!(given(&files), expected);
}

#[test]
fn docker_lives_on_somebodys_lines() {
    let subuid = "dockremap:165536:65536\ntest:300000:10\n";
    for (json, owner) in [
        (r#"{"userns-remap": "default"}"#, "Docker (dockremap) uid 165536-231071 /etc/subuid:1"),
        (r#"{"debug": true}"#, "dockremap uid 165536-231071 /etc/subuid:1"),
        ("", "dockremap uid 165536-231071 /etc/subuid:1"),
        (r#"{"userns-remap": "test:test"}"#, "Docker (test) uid 300000-300009 /etc/subuid:2"),
        (r#"{"userns-remap": "1007"}"#, "Docker (test) uid 300000-300009 /etc/subuid:2"),
    ] {
        let files = [
            ("/etc/subuid", subuid),
            ("/etc/docker/daemon.json", json),
            ("/etc/passwd", "test:x:1007:1007::/:/bin/sh\n"),
        ];
        assert!(given(&files).iter().any(|claim| claim == owner), "{json}: {:?}", given(&files));
    }
}

#[test]
fn two_tools_on_the_same_lines_contradict_each_other() {
    let files = [
        ("/etc/subuid", "containers:2147483647:2147483648\n"),
        ("/etc/docker/daemon.json", "{\n \"userns-remap\": \"containers\"\n}"),
    ];
    let (_dir, host) = host(&files);
    let claims = Claims::look(&host);
    let expected = [
        "Docker (containers) uid 2147483647-4294967294 /etc/docker/daemon.json:2",
        "Podman (containers) uid 2147483647-4294967294 /etc/subuid:1",
    ];
    assert_eq!(told(&claims, &GIVEN), expected);
    assert_eq!(idmap::line::overlaps(&claims.all).len(), 1);
}

#[test]
fn podmans_user_is_in_storage_conf() {
    let conf = "[storage]\ndriver = \"overlay\"\n[storage.options]\nroot-auto-userns-user = \"pods\"\n";
    let files = [("/etc/subuid", "pods:500000:7\ncontainers:1000000:9\n"), ("/etc/containers/storage.conf", conf)];
    let expected = ["Podman (pods) uid 500000-500006 /etc/subuid:1", "containers uid 1000000-1000008 /etc/subuid:2"];
    assert_eq!(given(&files), expected);
}

#[test]
fn the_kubelets_pool() {
    let default = given(&[("/usr/bin/kubelet", "")]);
    assert_eq!(default[0], "kubelet uid 65536-7274495 the default of the kubelet of /usr/bin/kubelet");
    let config = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 10\nuserNamespaces:\n  idsPerPod: 131072\n";
    let said = given(&[("/var/lib/kubelet/config.yaml", config)]);
    let expected = [
        "kubelet uid 65536-1376255 /var/lib/kubelet/config.yaml:3",
        "kubelet gid 65536-1376255 /var/lib/kubelet/config.yaml:3",
    ];
    assert_eq!(said, expected);
    let own = given(&[("/usr/bin/kubelet", ""), ("/etc/subuid", "kubelet:720896:7208960\n")]);
    assert_eq!(own, ["kubelet uid 720896-7929855 /etc/subuid:1"]);
    assert!(given(&[]).is_empty());
}

#[test]
fn cri_os_mappings_and_what_overrides_them() {
    let main = "[crio.runtime]\nuid_mappings = \"0:100000:65536\"\ngid_mappings = \"0:100000:65536,70000:300000:5\"\n";
    let further = "[crio.runtime]\nuid_mappings = \"0:200000:10\"\n";
    let said = given(&[("/etc/crio/crio.conf", main), ("/etc/crio/crio.conf.d/10-ids.conf", further)]);
    let expected = [
        "CRI-O uid 200000-200009 /etc/crio/crio.conf.d/10-ids.conf:2",
        "CRI-O gid 100000-165535 /etc/crio/crio.conf:3",
        "CRI-O gid 300000-300004 /etc/crio/crio.conf:3",
    ];
    assert_eq!(said, expected);
}

#[test]
fn incus_and_lxd() {
    let none = given(&[("/var/lib/incus/database", "")]);
    assert_eq!(none[0], "Incus uid 1000000-1000999999 the default of the Incus of /var/lib/incus");
    let root = given(&[("/var/lib/incus/database", ""), ("/etc/subuid", "root:1000000:65536\n")]);
    assert_eq!(root, ["Incus (root) uid 1000000-1065535 /etc/subuid:1"]);
    let snap = given(&[("/var/snap/lxd/x", ""), ("/etc/subuid", "root:1000000:65536\n")]);
    assert!(snap.iter().any(|claim| claim.starts_with("LXD uid 1000000-1000999999")), "{snap:?}");
}

#[test]
fn accounts_and_processes() {
    let files = [
        ("/etc/passwd", "root:x:0:0::/:/bin/sh\n\n+nis\nalice:x:1000:1000::/:/bin/sh\nbad:x:many:1::/:/\n"),
        ("/proc/12/uid_map", "         0          0 4294967295\n"),
        ("/proc/12/gid_map", "         0          0 4294967295\n"),
        ("/proc/700/uid_map", "0 100000 10\n5000 5000 1\n"),
        ("/proc/700/gid_map", "0 100000 10\n"),
        ("/proc/700/comm", "sleep\n"),
        ("/proc/701/uid_map", "0 100000 10\n5000 5000 1\n"),
        ("/proc/701/gid_map", "0 100000 10\n"),
        ("/proc/702/uid_map", "nonsense\n"),
    ];
    let (_dir, host) = host(&files);
    let claims = Claims::look(&host);
    assert_eq!(told(&claims, &[ClaimKind::Account]), ["root uid 0 /etc/passwd:1", "alice uid 1000 /etc/passwd:4"]);
    let expected =
        ["process sleep and 1 more uid 100000-100009 pid 700", "process sleep and 1 more gid 100000-100009 pid 700"];
    assert_eq!(told(&claims, &[ClaimKind::Process]), expected);
    assert!(claims.taken().contains(100_005) && claims.taken().contains(1000) && !claims.taken().contains(600_000));
}

#[test]
fn what_is_broken_is_said_with_its_line() {
    let cases: [(&str, &[u8], usize); 8] = [
        ("/etc/docker/daemon.json", b"{\n  \"userns-remap\": default\n}", 2),
        ("/etc/containers/storage.conf", b"[storage]\ndriver = \"overlay\"\nx = = 1\n", 3),
        ("/etc/crio/crio.conf", b"[crio.runtime]\nuid_mappings = \"0:1\"\n", 2),
        ("/etc/crio/crio.conf", b"[crio\n", 1),
        ("/var/lib/kubelet/config.yaml", b"a: 1\nb: [1\nc: {\n", 3),
        ("/etc/subuid", b"alice:100000\n", 1),
        ("/etc/nerdctl/nerdctl.toml", b"\n\xff", 2),
        ("/etc/subgid", b"\n\n\nbob:x:1\n", 4),
    ];
    for (path, contents, expected) in cases {
        let (dir, host) = host(&[(path, "")]);
        fs::write(dir.path().join(path.trim_start_matches('/')), contents).unwrap();
        let claims = Claims::look(&host);
        let [warning] = &claims.warnings[..] else { panic!("{path}: {:?}", claims.warnings) };
        let Some(diag::Origin::Line { file, line, .. }) = &warning.report().at else { panic!("{warning:?}") };
        assert_eq!(file, path);
        assert!(line.abs_diff(expected) <= 1, "{path}: {line}");
    }
}

#[test]
fn what_is_no_file_is_said() {
    let (dir, host) = host(&[]);
    fs::create_dir_all(dir.path().join("etc/docker/daemon.json")).unwrap();
    let claims = Claims::look(&host);
    assert_eq!(claims.warnings.iter().map(diag::Error::code).collect::<Vec<_>>(), [codes::UR0209]);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(100))]

    /// Whatever the files hold, each is read or reported.
    #[test]
    fn any_bytes_in_any_file(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), text in "[\\[\\]{}:=\"',#\na-z0-9 -]{0,120}") {
        let paths = [
            "/etc/subuid", "/etc/subgid", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/docker/daemon.json",
            "/etc/nerdctl/nerdctl.toml", "/etc/containers/storage.conf", "/etc/crio/crio.conf", "/etc/crio/crio.conf.d/a",
            "/var/lib/kubelet/config.yaml", "/proc/7/uid_map", "/proc/7/gid_map",
        ];
        for contents in [&bytes[..], text.as_bytes()] {
            let (dir, host) = host(&paths.map(|path| (path, "")));
            for path in paths {
                fs::write(dir.path().join(path.trim_start_matches('/')), contents).unwrap();
            }
            let claims = Claims::look(&host);
            proptest::prop_assert!(!claims.to_text(80).is_empty() && claims.to_svg().ends_with("</svg>"));
        }
    }
}
