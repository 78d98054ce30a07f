//! The installed Podman as an oracle: does it make the same maps of the same options?
//!
//! Podman is given a runtime that keeps the configuration and starts nothing, so neither cgroups nor an image are needed.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use idmap::{Caller, Extent, IdMap, Namespace, Request, SubidFile, Words, World, resolve};
use serde_json::Value;

/// Values of `--uidmap` and of `--gidmap`, and the first version of Podman that reads them.
type Case = (&'static [&'static str], &'static [&'static str], (u32, u32));

const CASES: &[Case] = &[
    (&["0:100000:65536"], &[], (4, 0)),
    (&[], &["0:100000:65536"], (4, 0)),
    (&["0:100000:65536"], &["0:200000:65536"], (4, 0)),
    (&["101:996:1"], &["102:996:1"], (4, 0)),
    (&["0:1000:101", "102:2000:1000"], &["0:1000:102", "103:2000:1000"], (4, 0)),
    (&["0:1000:101,102:2000:1000"], &[], (4, 0)),
    (&["0:1000:101:102:2000:1000"], &[], (4, 0)),
    (&["102:2000:1000", "0:1000:101"], &[], (4, 0)),
    (&["0:1000:10", "20:1010:10"], &["", "0:5:30"], (4, 0)),
    (&["007:010:01"], &[], (4, 0)),
    (&["101:996"], &["102:996"], (5, 0)),
    (&["0:0:65000", "+100000:1:1"], &[], (5, 0)),
    (&["0:0:65000", "+100000:1:1", "1:65001:1"], &[], (5, 0)),
    (&["0:2000:100000", "+1:100:1"], &[], (5, 0)),
    (&["0:20:10", "15:35:10", "+8:23:16"], &[], (5, 0)),
    (&[], &["0:0:1000", "g2000:2000:1"], (5, 0)),
    (&["0:0:10", "+u3:50:1"], &[], (5, 0)),
    (&["+100000:1:1"], &[], (5, 0)),
    (&["100:@2000:2"], &[], (5, 0)),
];

fn version() -> Option<(u32, u32)> {
    let output = Command::new("podman").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_ascii_whitespace().last()?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// Prepares a directory with a root filesystem, settings that fit any machine, and the runtime that starts nothing.
fn stage(dir: &Path) {
    fs::create_dir_all(dir.join("fs")).unwrap();
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
fn podmans(dir: &Path, (uidmap, gidmap, _): &Case) -> Result<[Vec<Extent>; 2], String> {
    let kept = dir.join("config.json");
    let _ = fs::remove_file(&kept);
    let mut podman = Command::new("podman");
    podman.env("CONTAINERS_CONF", dir.join("containers.conf")).env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
    podman.arg("--root").arg(dir.join("root")).arg("--runroot").arg(dir.join("runroot"));
    podman.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime"]).arg(dir.join("crun"));
    podman.args(["run", "--rm", "--network=none", "--cgroups=disabled"]);
    podman.args(uidmap.iter().map(|value| format!("--uidmap={value}")));
    podman.args(gidmap.iter().map(|value| format!("--gidmap={value}")));
    let output = podman.arg("--rootfs").arg(dir.join("fs")).arg("true").stdin(Stdio::null()).output().unwrap();
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

fn ours((uidmap, gidmap, _): &Case) -> [Vec<Extent>; 2] {
    let own = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
    let (uidmap, gidmap) = (own(uidmap), own(gidmap));
    let request = Request::parse(&Words { uidmap: &uidmap, gidmap: &gidmap, ..Words::default() }).unwrap().unwrap();
    let caller = Caller::Root { current: IdMap::identity() };
    let file = SubidFile::default();
    let world = World { caller: &caller, subuid: &file, subgid: &file };
    match resolve(&request, &world, |_| unreachable!("nothing automatic is asked for")).unwrap().namespace {
        Namespace::New(map) => [map.uid.as_slice().to_vec(), map.gid.as_slice().to_vec()],
        other => panic!("{other:?}"),
    }
}

#[test]
fn privileged_the_installed_podman_makes_the_same_maps() {
    let Some(version) = version() else { return println!("skipped: podman is not installed") };
    if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) != 0) {
        return println!("skipped: not root");
    }
    let dir = tempfile::tempdir().unwrap();
    stage(dir.path());
    let usable = CASES.iter().filter(|case| case.2 <= version);
    let mut compared = 0;
    for case in usable {
        match podmans(dir.path(), case) {
            Ok(theirs) => assert_eq!(ours(case), theirs, "{case:?}"),
            // A machine on which Podman starts nothing at all tells nothing.
            Err(why) if compared == 0 => return println!("skipped: podman cannot run here: {why}"),
            Err(why) => panic!("{case:?}: {why}"),
        }
        compared += 1;
    }
    println!("compared {compared} of {} cases with podman {}.{}", CASES.len(), version.0, version.1);
}
