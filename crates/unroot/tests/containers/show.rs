//! `map show`, `map calc` and `who`, about real containers.

use std::{
    fs::{self, File},
    os::{
        fd::AsFd,
        unix::fs::{MetadataExt, chown},
    },
    path::{Path, PathBuf},
};

use rustix::{
    mount::{MoveMountFlags, UnmountFlags, move_mount, unmount},
    process::{getegid, geteuid},
};
use sys::mount::{Attr, Change, clone_with_attributes};

use crate::home::{Home, skip, until};

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}

/// What `--format json` says.
#[track_caller]
fn told(home: &Home, words: &[&str]) -> serde_json::Value {
    json(&home.says(&[words, &["--format", "json"]].concat()))
}

/// Starts the container `c`; its init, and the ids on the host of its root and its group root.
#[track_caller]
fn started(home: &Home) -> (i32, u32, u32) {
    home.says(&["run", "-d", "--name", "c", "box", "sh", "-c", "echo x > /mine; chown 101:102 /mine; sleep 600"]);
    let init = home.init_of("c");
    let status = fs::metadata(format!("/proc/{init}")).expect("a process");
    (init, status.uid(), status.gid())
}

/// A file of the container's own.
fn mine(home: &Home) -> PathBuf {
    let id = home.entries("root/containers").pop().expect("a container");
    let path = home.path("root/containers").join(id).join("upper/mine");
    until("the file belongs to redis", || fs::metadata(&path).is_ok_and(|found| found.uid() != geteuid().as_raw()));
    path
}

#[test]
fn privileged_a_container_and_its_process_are_drawn() {
    let Some(home) = Home::privileged() else { return };
    let (init, uid, _) = started(&home);
    let of_container = told(&home, &["map", "show", "c"]);
    assert_eq!(of_container["maps"][0]["uid"][0][1], uid, "{of_container}");
    assert_eq!(of_container["levels"][0]["title"], "container c");
    let picture = home.says(&["map", "show", "c"]);
    assert!(picture.contains("0 root") && picture.contains(&uid.to_string()), "{picture}");
    let of_process = told(&home, &["map", "show", &init.to_string()]);
    assert_eq!((&of_process["maps"], &of_process["type"]), (&of_container["maps"], &"process".into()));
    let svg = home.path("c.svg");
    home.says(&["map", "show", "--svg", svg.to_str().expect("UTF-8"), "c"]);
    let document = fs::read_to_string(svg).expect("a picture");
    assert!(document.starts_with("<svg") && document.contains(&uid.to_string()), "{document}");
    let image = told(&home, &["map", "show", "--type", "image", "box"]);
    assert!(image["uids"].as_array().is_some_and(|uids| uids.iter().any(|uid| uid["name"] == "redis")), "{image}");
    home.says(&["stop", "-t", "0", "c"]);
    assert!(home.says(&["map", "show", "c"]).contains("does not run: it has no map now"));
    home.says(&["rm", "c"]);
    home.assert_empty();
}

/// Takes the mount away again, whatever the test says.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

/// Mounts a directory on another, idmapped with the user namespace of a process.
fn idmapped(source: &Path, target: &Path, pid: i32) -> Option<Mounted> {
    let source = File::open(source).expect("a directory");
    let userns = File::open(format!("/proc/{pid}/ns/user")).expect("a namespace");
    let change = Change { set: Attr::IDMAP, userns: Some(userns.as_fd()), ..Change::default() };
    let Ok(mount) = clone_with_attributes(&source, &change) else { return skip("no idmapped mounts in /tmp") };
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(&mount, "", rustix::fs::CWD, target, flags).expect("a mount");
    Some(Mounted(target.to_owned()))
}

#[test]
fn privileged_a_mount_is_drawn() {
    let Some(home) = Home::privileged() else { return };
    let (init, uid, _) = started(&home);
    let (disk, seen) = (home.path("disk"), home.path("seen"));
    fs::create_dir(&disk).and_then(|()| fs::create_dir(&seen)).expect("directories");
    fs::write(disk.join("x"), "").and_then(|()| chown(disk.join("x"), Some(101), Some(102))).expect("a file");
    let Some(mounted) = idmapped(&disk, &seen, init) else { return };
    let words = ["map", "show", seen.to_str().expect("UTF-8")];
    if home.unroot(&words).status.code() == Some(125) {
        assert!(home.fails(&words).1.contains("error[UR0319]"));
        return skip("the kernel does not tell the maps of mounts").unwrap_or_default();
    }
    let shown = told(&home, &words);
    assert_eq!((&shown["type"], &shown["levels"][0]["title"]), (&"mount".into(), &"on disk".into()), "{shown}");
    assert_eq!(shown["maps"][0]["uid"], serde_json::json!([[0, uid, 65_536]]));
    let who = home.says(&["who", seen.join("x").to_str().expect("UTF-8")]);
    assert!(who.contains("101 on disk") && who.contains("101 (redis) inside"), "{who}");
    // Without statmount the table of mounts says that it is idmapped, and not how.
    let output = home.command(&words).env("UNROOT_WITHOUT", "statmount").output().expect("unroot runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(125) && said.contains("error[UR0319]"), "{said}");
    drop(mounted);
    let plain = home.says(&words);
    assert!(plain.contains("does not map ids"), "{plain}");
    let other = home.says(&["map", "show", &format!("/proc/{init}/root/")]);
    assert!(other.contains("does not map ids"), "{other}");
}

#[test]
fn privileged_who_is_it() {
    let Some(home) = Home::privileged() else { return };
    let (init, uid, gid) = started(&home);
    let redis = told(&home, &["who", &format!("uid:{}", uid + 101)]);
    assert_eq!(redis["entries"][0]["container"]["name"], "c", "{redis}");
    assert_eq!(redis["entries"][0]["uid"]["inside"], serde_json::json!({ "id": 101, "name": "redis" }));
    let group = home.says(&["who", &format!("gid:{}", gid + 102)]);
    assert!(group.contains("102 (redis) inside"), "{group}");
    let process = told(&home, &["who", &format!("pid:{init}")]);
    assert_eq!(process["entries"][0]["container"]["name"], "c");
    assert_eq!(process["entries"][0]["uid"]["host"]["id"], uid);
    let file = mine(&home);
    let file = told(&home, &["who", file.to_str().expect("UTF-8")]);
    let entry = &file["entries"][0];
    assert_eq!((&entry["container"]["running"], &entry["path"]), (&true.into(), &"/mine".into()), "{file}");
    assert_eq!(
        entry["owner"],
        serde_json::json!({ "disk": 101, "inside": { "id": 101, "name": "redis" }, "host": uid + 101 })
    );
    let through = home.says(&["who", &format!("/proc/{init}/root/mine")]);
    assert!(through.contains("path       /mine") && through.contains("101 (redis) inside"), "{through}");
    home.says(&["rm", "-f", "c"]);
    let (status, _) = home.fails(&["who", &format!("uid:{}", uid + 101)]);
    assert_eq!(status, 1, "nobody has it any more");
    home.assert_empty();
}

#[test]
fn privileged_whose_file_in_a_layer() {
    let Some(home) = Home::privileged() else { return };
    let layer = home.entries("root/layers").pop().expect("a layer");
    let path = home.path("root/layers").join(layer).join("fs/data");
    let file = told(&home, &["who", path.to_str().expect("UTF-8")]);
    let entry = &file["entries"][0];
    assert_eq!(entry["image"], serde_json::json!(["localhost/box:latest"]), "{file}");
    assert_eq!((&entry["path"], &entry["owner"]["inside"]["name"]), (&"/data".into(), &"redis".into()), "{file}");
    let record = home.says(&["who", home.path("root/version").to_str().expect("UTF-8")]);
    assert!(record.contains("unroot's own records"), "{record}");
}

#[test]
fn rootless_three_levels() {
    let Some(home) = Home::rootless() else { return };
    if !home.says(&["info", "--format", "{{.host.rootfsMapping}}"]).starts_with("the user's own namespace") {
        return skip("no further ids are delegated to this user").unwrap_or_default();
    }
    let (init, uid, _) = started(&home);
    assert_eq!(uid, geteuid().as_raw(), "root inside is the user");
    let shown = told(&home, &["map", "show", "c"]);
    let titles: Vec<_> = shown["levels"].as_array().expect("levels").iter().map(|level| &level["title"]).collect();
    assert_eq!((titles.len(), titles[0], titles[2]), (3, &"container c".into(), &"host".into()), "{shown}");
    assert_eq!(shown["maps"][0]["uid"][0], serde_json::json!([0, 0, 1]));
    assert_eq!(shown["maps"][1]["gid"][0], serde_json::json!([0, getegid().as_raw(), 1]));
    let same = told(&home, &["map", "show", "--type", "pid", &init.to_string()]);
    assert_eq!(same["maps"], shown["maps"]);
    let file = mine(&home);
    let outside = fs::metadata(&file).expect("a file").uid();
    let told = told(&home, &["who", file.to_str().expect("UTF-8")]);
    let owner = &told["entries"][0]["owner"];
    assert_eq!(
        *owner,
        serde_json::json!({ "disk": outside, "inside": { "id": 101, "name": "redis" }, "host": outside }),
        "{told}"
    );
    let who = home.says(&["who", &outside.to_string()]);
    assert!(who.contains("101 (redis) inside") && who.contains("delegated"), "{who}");
    assert!(home.says(&["who", &format!("pid:{init}")]).contains("0 (root) inside"));
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}

#[test]
fn rootless_options_are_drawn_without_a_container() {
    let Some(home) = Home::bare(false) else { return };
    let shown = told(&home, &["map", "show", "--userns=keep-id"]);
    let last = shown["levels"].as_array().expect("levels").last().expect("a level");
    assert_eq!(last["title"], "host", "{shown}");
    let own = geteuid().as_raw();
    let strands = shown["strands"].as_object().expect("strands").values().next().expect("one kind").clone();
    let kept = strands
        .as_array()
        .expect("a list")
        .iter()
        .any(|strand| strand["starts"][0] == own && strand["starts"][2] == own);
    assert!(kept, "{shown}");
    home.assert_empty();
}

#[test]
fn sums_need_nobody() {
    let Some(home) = Home::bare(geteuid().is_root()) else { return };
    let calc = |words: &[&str]| home.unroot(&[&["map", "calc"], words].concat());
    let output = calc(&["0:999:1000", "0 100000 65536", "101"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "container 101 = namespace 1100 = host 101100\n");
    assert_eq!(calc(&["0:0:1", "1"]).status.code(), Some(1));
    assert_eq!(calc(&["0:0:x", "1"]).status.code(), Some(125));
    assert_eq!(told(&home, &["map", "calc", "/proc/self/uid_map", "@0"])["mapped"], true);
    let (status, said) = home.fails(&["map", "show", "no-such-thing"]);
    assert!(status == 125 && said.contains("error[UR0813]"), "{said}");
    let (status, said) = home.fails(&["who", "pid:2000000000"]);
    assert!(status == 125 && said.contains("error[UR0812]"), "{said}");
}
