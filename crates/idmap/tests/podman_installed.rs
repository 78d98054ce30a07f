//! The installed Podman as an oracle: does it make the same maps of the same options?
//!
//! Podman is given a runtime that keeps the configuration and starts nothing, so neither cgroups nor an image are needed.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
};

use idmap::{
    Caller, Extent, Extents, IdMap, Kind, Namespace, Outside, Request, SubidFile, Words, World, intermediate, resolve,
};
use serde_json::Value;

/// Options, and the first version of Podman that reads them.
type Case = (&'static str, (u32, u32));

/// Podman itself refuses maps without id 0, so all have it.
const ROOT: &[Case] = &[
    ("--uidmap=0:100000:65536", (4, 0)),
    ("--gidmap=0:100000:65536", (4, 0)),
    ("--uidmap=0:100000:65536 --gidmap=0:200000:65536", (4, 0)),
    ("--uidmap=0:5:1 --uidmap=101:996:1 --gidmap=0:5:1 --gidmap=102:996:1", (4, 0)),
    ("--uidmap=0:1000:101 --uidmap=102:2000:1000 --gidmap=0:1000:102 --gidmap=103:2000:1000", (4, 0)),
    ("--uidmap=0:1000:101,102:2000:1000", (4, 0)),
    ("--uidmap=0:1000:101:102:2000:1000", (4, 0)),
    ("--uidmap=102:2000:1000 --uidmap=0:1000:101", (4, 0)),
    ("--uidmap=0:1000:10 --uidmap=20:1010:10 --gidmap= --gidmap=0:5:30", (4, 0)),
    ("--uidmap=0:5:1 --uidmap=007:010:01", (4, 0)),
    ("--uidmap=0:5 --uidmap=101:996 --gidmap=0:5 --gidmap=102:996", (5, 0)),
    ("--uidmap=0:0:65000 --uidmap=+100000:1:1", (5, 0)),
    ("--uidmap=0:0:65000 --uidmap=+100000:1:1 --uidmap=1:65001:1", (5, 0)),
    ("--uidmap=0:2000:100000 --uidmap=+1:100:1", (5, 0)),
    ("--uidmap=0:20:10,15:35:10,+8:23:16", (5, 0)),
    ("--gidmap=0:0:1000 --gidmap=g2000:2000:1", (5, 0)),
    ("--uidmap=0:0:10,+u3:50:1", (5, 0)),
    ("--uidmap=+0:5:1,+100000:1:1", (5, 0)),
    ("--uidmap=0:1:1,100:@2000:2", (5, 0)),
    ("--uidmap=0:5:3,0:9:1,+0:20:3", (5, 0)),
];

/// For a user with at least 2000 delegated ids of both kinds.
const USER: &[Case] = &[
    ("--uidmap=0:0:1", (4, 0)),
    ("--uidmap=0:0:1 --gidmap=0:0:1", (4, 0)),
    ("--uidmap=0:1:1000", (4, 0)),
    ("--uidmap=5:0:1,0:1:5", (4, 0)),
    ("--userns=keep-id", (4, 0)),
    ("--userns=keep-id:uid=200,gid=210", (4, 3)),
    ("--userns=keep-id:uid=0,gid=0", (5, 0)),
    ("--userns=keep-id:uid=5,gid=6,size=100", (5, 4)),
    ("--userns=keep-id:uid=500,gid=6,size=100", (5, 4)),
    ("--userns=nomap", (4, 0)),
    ("--uidmap=+5:0:1", (5, 0)),
    ("--uidmap=+u5:0:1 --gidmap=0:0:1", (5, 0)),
    ("--gidmap=+g100000:700", (5, 0)),
    ("--uidmap=u0:0:1", (5, 0)),
    ("--uidmap=+1:5:2,+30:9:1", (5, 0)),
    ("--uidmap=0:0:1000,+u100:3:7,+g20:50:1", (5, 0)),
];

/// The values of one option of a line.
fn values(line: &str, option: &str) -> Vec<String> {
    let prefix = format!("{option}=");
    line.split(' ').filter_map(|word| word.strip_prefix(&prefix)).map(str::to_owned).collect()
}

fn version() -> Option<(u32, u32)> {
    let output = Command::new("podman").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_ascii_whitespace().last()?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A Podman with a store of its own in a temporary directory.
struct Stage(tempfile::TempDir);

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        stage(dir.path());
        Stage(dir)
    }

    fn podman(&self) -> Command {
        let dir = self.0.path();
        let mut podman = Command::new("podman");
        podman.env("CONTAINERS_CONF", dir.join("containers.conf")).env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
        podman.env("XDG_RUNTIME_DIR", dir.join("run")).stdin(Stdio::null());
        podman.arg("--root").arg(dir.join("root")).arg("--runroot").arg(dir.join("runroot"));
        podman.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime"]).arg(dir.join("crun"));
        podman
    }
}

/// A rootless Podman leaves files of its delegated ids and a process that holds its namespace.
impl Drop for Stage {
    fn drop(&mut self) {
        if own_ids().0 == 0 {
            return;
        }
        let left = ["root", "runroot"].map(|name| self.0.path().join(name));
        let _ = self.podman().args(["unshare", "rm", "-rf"]).args(left).output();
        let _ = self.podman().args(["system", "migrate"]).output();
    }
}

/// Prepares a directory with a root filesystem, settings that fit any machine, and the runtime that starts nothing.
fn stage(dir: &Path) {
    fs::create_dir_all(dir.join("fs")).unwrap();
    fs::create_dir_all(dir.join("run")).unwrap();
    fs::set_permissions(dir.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
    let settings = "[containers]\ndefault_ulimits=[\"nofile=1024:1024\",\"nproc=1024:1024\"]\ncgroups=\"disabled\"\n";
    fs::write(dir.join("containers.conf"), settings).unwrap();
    // Podman accepts `--cgroups=disabled` from a runtime of this name only.
    let runtime = dir.join("crun");
    let kept = dir.join("config.json");
    let script = format!(
        "#!/bin/sh\nfor word; do [ \"$last\" = --bundle ] && cp \"$word/config.json\" '{}'; last=$word; done\nexit 1\n",
        kept.display()
    );
    fs::write(&runtime, script).unwrap();
    fs::set_permissions(&runtime, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The maps that Podman would give to a runtime, or what it says.
fn podmans(stage: &Stage, line: &str) -> Result<[Vec<Extent>; 2], String> {
    let kept = stage.0.path().join("config.json");
    let _ = fs::remove_file(&kept);
    let mut podman = stage.podman();
    podman.args(["run", "--rm", "--network=none", "--cgroups=disabled"]).args(line.split(' '));
    let output = podman.arg("--rootfs").arg(stage.0.path().join("fs")).arg("true").output().unwrap();
    let config = fs::read(&kept).map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let config: Value = serde_json::from_slice(&config).map_err(|error| error.to_string())?;
    Ok(["/linux/uidMappings", "/linux/gidMappings"].map(|pointer| extents(config.pointer(pointer))))
}

fn extents(list: Option<&Value>) -> Vec<Extent> {
    let number = |item: &Value, key: &str| u32::try_from(item[key].as_u64().unwrap()).unwrap();
    let extent = |item: &Value| Extent::new(number(item, "containerID"), number(item, "hostID"), number(item, "size"));
    let mut list: Vec<Extent> = list.and_then(Value::as_array).into_iter().flatten().map(extent).collect();
    list.sort();
    list
}

fn ours(line: &str, caller: &Caller) -> IdMap {
    let (uidmap, gidmap) = (values(line, "--uidmap"), values(line, "--gidmap"));
    let userns = values(line, "--userns").pop();
    let words = Words { userns: userns.as_deref(), uidmap: &uidmap, gidmap: &gidmap, ..Words::default() };
    let request = Request::parse(&words).unwrap().unwrap();
    let file = SubidFile::default();
    let world = World { caller, subuid: &file, subgid: &file };
    match resolve(&request, &world, |_| unreachable!("nothing automatic is asked for")).unwrap().namespace {
        Namespace::New(map) => map,
        other => panic!("{other:?}"),
    }
}

/// Who runs this test: their uid and gid.
fn own_ids() -> (u32, u32) {
    let own = fs::metadata("/proc/self").unwrap();
    (own.uid(), own.gid())
}

/// Compares all cases that the version knows. A rootless Podman's maps are composed with the intermediate one.
fn compare(cases: &[Case], version: (u32, u32), caller: &Caller) {
    let stage = Stage::new();
    let mut compared = 0;
    for (line, _) in cases.iter().filter(|case| case.1 <= version) {
        let theirs = match podmans(&stage, line) {
            Ok(theirs) => theirs,
            // A machine on which Podman starts nothing at all tells nothing.
            Err(why) if compared == 0 => return println!("skipped: podman cannot run here: {why}"),
            Err(why) => panic!("{line}: {why}"),
        };
        let ours = ours(line, caller);
        for (kind, theirs) in Kind::BOTH.into_iter().zip(theirs) {
            let theirs = Extents::new(theirs).unwrap();
            let theirs = match caller {
                Caller::Root { .. } => theirs,
                Caller::User { intermediate, .. } => theirs.compose(intermediate.get(kind)).unwrap(),
            };
            assert_eq!(ours.get(kind).normalized(), theirs.normalized(), "{line} {kind}");
        }
        compared += 1;
    }
    println!("compared {compared} of {} cases with podman {}.{}", cases.len(), version.0, version.1);
}

#[test]
fn privileged_the_installed_podman_makes_the_same_maps() {
    let Some(version) = version() else { return println!("skipped: podman is not installed") };
    if own_ids().0 != 0 {
        return println!("skipped: not root");
    }
    compare(ROOT, version, &Caller::Root { current: IdMap::identity() });
}

#[test]
fn the_installed_podman_makes_the_same_maps_for_a_user() {
    let Some(version) = version() else { return println!("skipped: podman is not installed") };
    let (uid, gid) = own_ids();
    if uid == 0 {
        return println!("skipped: this is about ordinary users, and root runs it");
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let name =
        passwd.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string())).and_then(|l| l.split(':').next());
    let own = |kind: Kind, id| {
        let file = SubidFile::parse(kind.subid_file(), &fs::read(kind.subid_file()).unwrap_or_default());
        intermediate(Outside(id), &file.ranges_for(name, uid)).unwrap()
    };
    let intermediate = IdMap { uid: own(Kind::Uid, uid), gid: own(Kind::Gid, gid) };
    if intermediate.uid.ids() < 2001 || intermediate.gid.ids() < 2001 {
        return println!("skipped: this user has no 2000 delegated ids");
    }
    compare(USER, version, &Caller::User { uid: Outside(uid), gid: Outside(gid), intermediate });
}
