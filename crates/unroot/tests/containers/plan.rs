//! Plans of maps, and that they are the maps which containers get.

use std::{fs, process::Stdio};

use serde_json::Value as Json;

use crate::{
    home::{Home, skip},
    rootfs::{self, Tree},
};

/// Owners of the image that the issue about maps demands to see.
const OWNERS: [u32; 4] = [0, 101, 65_534, 1_000_650_000];

/// A busybox, and a file of each owner in `/data`.
fn show() -> Option<Tree> {
    let mut tree = Tree::of(&rootfs::busybox()?);
    for id in OWNERS {
        tree.file(&format!("data/{id}"), id, &[]);
    }
    Some(tree)
}

fn import(home: &Home, tree: Tree, name: &str, changes: &[&str]) {
    let archive = home.path("plan.tar");
    fs::write(&archive, tree.end()).expect("an archive");
    let changes = changes.iter().flat_map(|change| ["--change", change]);
    let words: Vec<&str> =
        ["import"].into_iter().chain(changes).chain([archive.to_str().expect("text"), name]).collect();
    home.says(&words);
}

fn plan(home: &Home, words: &[&str]) -> Json {
    let said = home.says(&[&["map", "plan", "--format", "json"], words].concat());
    serde_json::from_str(&said).expect("JSON")
}

/// First id, last id and reason of each part.
fn parts(plan: &Json, kind: &str) -> Vec<(u64, u64, String)> {
    let parts = plan[kind]["parts"].as_array().expect("parts");
    let number = |part: &Json, name: &str| part[name].as_u64().expect("an id");
    parts
        .iter()
        .map(|part| {
            (number(part, "first"), number(part, "last"), part["reason"].as_str().expect("a reason").to_owned())
        })
        .collect()
}

/// The owners of the files in `/data`, as a container of the image sees them.
fn owners(home: &Home, options: &[&str], image: &str) -> (String, String) {
    let script = "cat /proc/self/uid_map; cd /data; stat -c '%n %u:%g' *";
    let said = home.says(&[&["run", "--rm"], options, &[image, "sh", "-c", script]].concat());
    let (maps, owners): (Vec<&str>, Vec<&str>) = said.lines().partition(|line| !line.contains(':'));
    (maps.join("\n"), owners.join("\n"))
}

#[test]
fn privileged_far_owners_cost_one_id_each() {
    let (Some(home), Some(tree)) = (Home::bare(true), show()) else { return };
    import(&home, tree, "show", &[]);
    let plan = plan(&home, &["show"]);
    let expected = [(0, 1023, "window"), (65_534, 65_534, "nobody"), (1_000_650_000, 1_000_650_000, "files")];
    for kind in ["uids", "gids"] {
        assert_eq!(
            parts(&plan, kind),
            expected.map(|(first, last, reason)| (first, last, reason.to_owned())),
            "{kind}"
        );
        assert!(plan[kind]["count"].as_u64() < Some(1200) && plan[kind]["extents"] == 3, "{plan}");
    }
    assert_eq!(plan["uids"]["parts"][2]["why"][0], "owner of 1 file");
    let said = home.says(&["map", "plan", "show"]);
    assert!(said.contains("\n1000650000      1           owner of 1 file\n"), "{said}");
    assert!(said.contains("\n1026 uids in 3 extents, ") && said.contains("--userns=auto` maps exactly this"), "{said}");
    let expected: Vec<String> = OWNERS.iter().map(|id| format!("{id} {id}:{id}")).collect();
    let (map, seen) = owners(&home, &["--userns=auto"], "show");
    assert_eq!(seen.lines().count(), 4);
    assert!(expected.iter().all(|line| seen.contains(line)), "{seen}");
    assert_eq!(map.lines().count(), 3);
    // Who chooses no way has the rest of the slot, too.
    let (map, seen_by_default) = owners(&home, &[], "show");
    assert_eq!(seen_by_default, seen);
    let ids: u64 = map.lines().filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok()).sum();
    assert_eq!(ids, 65_536);
    home.assert_empty();
}

#[test]
fn privileged_the_same_name_gets_the_planned_ids() {
    let (Some(home), Some(tree)) = (Home::bare(true), show()) else { return };
    import(&home, tree, "show", &[]);
    let plan = plan(&home, &["--name", "web", "show"]);
    let (map, _) = owners(&home, &["--name", "web", "--userns=auto"], "show");
    let planned = plan["uids"]["map"].as_array().expect("a map").iter();
    let planned: Vec<String> =
        planned.map(|extent| format!("{} {} {}", extent["containerID"], extent["hostID"], extent["size"])).collect();
    let got: Vec<String> = map.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(got, planned);
    home.assert_empty();
}

#[test]
fn privileged_lists_capabilities_volumes_and_users() {
    let (Some(home), Some(busybox)) = (Home::bare(true), rootfs::busybox()) else { return };
    let capability = [&[1, 0, 0, 3][..], &[0, 0x20, 0, 0], &[0; 12], &300_000_u32.to_le_bytes()].concat();
    let mut tree = Tree::of(&busybox);
    tree.file(
        "data/list",
        0,
        &[("SCHILY.acl.access", b"user::rw-,user:lisa:rw-:200000,group::r--,mask::rw-,other::---")],
    );
    tree.file("data/capable", 0, &[("SCHILY.xattr.security.capability", &capability)]);
    tree.dir("volume", 400_000);
    import(&home, tree, "rare", &["USER 500000:600000", "VOLUME /volume", "CMD [\"id\"]"]);
    let plan = plan(&home, &["rare"]);
    let named: Vec<(u64, String)> =
        parts(&plan, "uids").into_iter().map(|(first, _, reason)| (first, reason)).collect();
    let expected = [
        (0, "window"),
        (65_534, "nobody"),
        (200_000, "acl"),
        (300_000, "capability"),
        (400_000, "volume"),
        (500_000, "process"),
    ];
    if !named.iter().any(|(_, reason)| reason == "acl") {
        skip::<()>("this file system has no access control lists");
        return;
    }
    assert_eq!(named, expected.map(|(id, reason)| (id, reason.to_owned())));
    assert_eq!(plan["uids"]["parts"][4]["why"][0], "owner of the volume /volume");
    let said = home.says(&["run", "--rm", "--userns=auto", "rare", "sh", "-c", "id -u; id -g; stat -c %u /volume"]);
    assert_eq!(said, "500000\n600000\n400000\n");
    // The list and the capability name ids that a map by hand leaves out.
    let (status, said) =
        home.fails(&["run", "--rm", "--user", "0", "--uidmap=0:600000:65536,400000:700000", "rare", "true"]);
    assert!(
        status == 0 && said.contains("warning[UR0101]") && said.contains("capabilities of one file"),
        "{status} {said}"
    );
    home.assert_empty();
}

#[test]
fn privileged_systemd_gets_all_ids() {
    let (Some(home), Some(mut tree)) = (Home::bare(true), show()) else { return };
    tree.dir("lib/systemd", 0);
    tree.link("lib/systemd/systemd", "/bin/busybox");
    tree.file("usr/lib/systemd/systemd", 0, &[]);
    tree.link("sbin/init", "/usr/lib/systemd/systemd");
    import(&home, tree, "init", &["CMD [\"/sbin/init\"]"]);
    let systemd = plan(&home, &["init"]);
    assert_eq!((&systemd["uids"]["count"], &systemd["gids"]["count"]), (&65_536.into(), &65_536.into()));
    assert!(parts(&systemd, "uids").contains(&(1024, 65_533, "systemd".to_owned())), "{systemd}");
    // It is the command that counts.
    assert_eq!(plan(&home, &["init", "sh", "-c", "exit"])["uids"]["count"], 1026);
    assert_eq!(plan(&home, &["--userns=auto:size=2048", "init"])["uids"]["count"], 2048);
    home.assert_empty();
}

#[test]
fn privileged_sizes_of_storage_conf() {
    let (Some(home), Some(tree)) = (Home::bare(true), show()) else { return };
    import(&home, tree, "show", &[]);
    let conf = home.path("storage.conf");
    let output = |text: &str, words: &[&str]| {
        fs::write(&conf, format!("[storage.options]\n{text}\n")).expect("a file");
        let mut command = home.command(words);
        command.env("CONTAINERS_STORAGE_CONF", &conf).stdin(Stdio::null()).output().expect("unroot runs")
    };
    let counted = ["map", "plan", "--format", "{{.uids.count}}", "show"];
    let said = |text: &str| String::from_utf8(output(text, &counted).stdout).expect("text").trim().to_owned();
    assert_eq!(said("auto-userns-min-size = 4096"), "4098");
    assert_eq!(said("auto-userns-max-size = 1026"), "1026");
    for words in [
        &["map", "plan", "show"][..],
        &["run", "--rm", "show", "true"],
        &["run", "--rm", "--userns=auto", "show", "true"],
    ] {
        let output = output("auto-userns-max-size = 1025", words);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(125) && error.contains("error[UR0208]"), "{words:?} {error}");
        assert!(error.contains("storage.conf:2") && error.contains("auto-userns-max-size = 1025"), "{error}");
    }
    let sized = ["run", "--rm", "--userns=auto:size=2000", "show", "cat", "/proc/self/uid_map"];
    let sized = output("auto-userns-max-size = 1025", &sized);
    assert!(String::from_utf8_lossy(&sized.stdout).trim().ends_with(" 2000"), "{sized:?}");
    let broken = output("auto-userns-max-size = many", &["run", "--rm", "show", "true"]);
    let error = String::from_utf8_lossy(&broken.stderr);
    assert!(
        broken.status.code() == Some(125) && error.contains("error[UR0811]") && error.contains("storage.conf:2"),
        "{error}"
    );
    // A map by hand is no business of storage.conf's.
    let by_hand = output("auto-userns-max-size = many", &["run", "--rm", "--uidmap=0:700000:65536", "show", "true"]);
    assert_eq!(by_hand.status.code(), Some(0), "{by_hand:?}");
    home.assert_empty();
}

#[test]
fn privileged_what_would_be_refused_is_planned_all_the_same() {
    let (Some(home), Some(tree)) = (Home::bare(true), show()) else { return };
    import(&home, tree, "show", &[]);
    let words = ["map", "plan", "--uidmap=101:996", "--gidmap=102:996", "show", "sh", "-c", "exit", "--help"];
    let output = home.unroot(&words);
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(125));
    assert!(said.contains("\n1000650000 ") && !said.contains("A start now"), "{said}");
    assert!(error.contains("error[UR0101]") && error.contains("^^^^^^^"), "{error}");
    let said = home.unroot(&["map", "plan", "--uidmap=0:1000:101", "--uidmap=102:2000:1000", "show"]);
    let (said, error) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.contains("the map leaves out 101,65534,1000650000"), "{said}");
    assert!(error.contains("warning[UR0101]") && error.contains("uid 101 lies between"), "{error}");
    home.assert_empty();
}

#[test]
fn privileged_a_directory_is_counted() {
    let (Some(home), Some(tree)) = (Home::bare(true), show()) else { return };
    let dir = home.path("tree");
    fs::create_dir(&dir).expect("a directory");
    fs::write(home.path("tree.tar"), tree.end()).expect("an archive");
    let mut archive = tar::Archive::new(fs::File::open(home.path("tree.tar")).expect("the archive"));
    archive.set_preserve_ownerships(true);
    archive.unpack(&dir).expect("a tree");
    let plan = plan(&home, &["--rootfs", dir.to_str().expect("text")]);
    assert_eq!(parts(&plan, "uids")[2], (1_000_650_000, 1_000_650_000, "files".to_owned()));
    home.assert_empty();
}

#[test]
fn rootless_the_plan_is_the_same() {
    let Some(home) = Home::rootless() else { return };
    let plan = plan(&home, &["box"]);
    assert_eq!(parts(&plan, "uids")[0], (0, 1023, "window".to_owned()));
    assert!(
        plan["refused"].is_null() || plan["refused"]["code"] == "UR0201" || plan["refused"]["code"] == "UR0205",
        "{plan}"
    );
}
