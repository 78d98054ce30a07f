//! The options that choose a map, in real containers.

use std::{fs, process::Stdio};

use rustix::process::{geteuid, getgid};

use crate::home::{Home, base};

const UID_MAP: [&str; 3] = ["box", "cat", "/proc/self/uid_map"];
const BOTH_MAPS: [&str; 4] = ["box", "cat", "/proc/self/uid_map", "/proc/self/gid_map"];

/// Whether further ids are delegated to this user.
fn is_delegated(home: &Home) -> bool {
    home.says(&["info", "--format", "{{.host.rootfsMapping}}"]).starts_with("the user's own namespace")
}

/// A map as the kernel shows it, a triple a line.
fn triples(map: &str) -> Vec<(u32, u32, u32)> {
    let numbers =
        |line: &str| line.split_whitespace().map(|word| word.parse().expect("a number")).collect::<Vec<u32>>();
    map.lines().map(numbers).map(|three| (three[0], three[1], three[2])).collect()
}

/// A command that is refused: what it says.
#[track_caller]
fn refused(home: &Home, options: &[&str], code: &str) -> String {
    let (status, said) = home.fails(&[&["run", "--rm"], options, &["box", "true"]].concat());
    assert!(status == 125 && said.contains(&format!("error[{code}]")), "{options:?}: {status} {said}");
    said
}

#[test]
fn privileged_one_user_of_the_hosts_and_the_rest_of_its_own() {
    let Some(home) = Home::privileged() else { return };
    let options = ["run", "--rm", "--map", "u101=@996", "--map", "g102=@996"];
    let maps = triples(&home.says(&[&options[..], &BOTH_MAPS].concat()));
    let (low, high) = (maps[0].1, maps[2].1);
    assert!(low >= 524_288 && high == low + 102, "{maps:?}");
    assert_eq!(maps[..3], [(0, low, 101), (101, 996, 1), (102, high, 65_434)]);
    assert_eq!(maps[3..], [(0, low, 102), (102, 996, 1), (103, low + 103, 65_433)]);
    let words =
        [&options[..], &["-u", "redis", "box", "sh", "-c", "id -u; touch /data/x; stat -c %u:%g /data/x"]].concat();
    assert_eq!(home.says(&words), "101\n101:102\n");
    home.assert_empty();
}

/// The names of the image, and those of whichever machine this is.
#[test]
fn privileged_names_on_both_sides() {
    let Some(home) = Home::privileged() else { return };
    let passwd = fs::read_to_string("/etc/passwd").expect("accounts");
    let group = fs::read_to_string("/etc/group").expect("groups");
    let field = |text: &str, name: &str, nth: usize| -> Option<u32> {
        let line = text.lines().find(|line| line.split(':').next() == Some(name))?;
        line.split(':').nth(nth)?.parse().ok()
    };
    let Some(daemon) = field(&passwd, "daemon", 2) else { return };
    let expected = field(&group, "daemon", 2).or_else(|| field(&passwd, "daemon", 3)).expect("a group");
    let maps = triples(&home.says(&[&["run", "--rm", "--map", "redis=@daemon"][..], &BOTH_MAPS].concat()));
    assert_eq!((maps[1], maps[4]), ((101, daemon, 1), (102, expected, 1)));
    let said = home.says(&[&["run", "--rm", "--map", "user:redis=@daemon,group:logs=5"][..], &BOTH_MAPS].concat());
    let maps = triples(&said);
    assert_eq!((maps[1], maps[4]), ((101, daemon, 1), (40, 5, 1)));
    let said = refused(&home, &["--map", "rediss=@daemon"], "UR0507");
    assert!(said.contains("did you mean `redis`?") && said.contains(" ^^^^^^\n"), "{said}");
    refused(&home, &["--map", "redis=@no-such-user"], "UR0109");
    refused(&home, &["--map", "redis=daemon"], "UR0102");
    refused(&home, &["--me-as", "redis"], "UR0108");
    home.assert_empty();
}

#[test]
fn privileged_on_top_of_every_way() {
    let Some(home) = Home::privileged() else { return };
    let map = |options: &[&str]| triples(&home.says(&[&["run", "--rm"], options, &UID_MAP].concat()));
    assert_eq!(map(&["--uidmap", "0:600000:1000", "--map", "u5=@7"]), [(0, 600_000, 5), (5, 7, 1), (6, 600_006, 994)]);
    let sized = map(&["--userns=auto:size=300,uidmapping=1:8:1", "--map", "u5=@7"]);
    assert_eq!((sized[1], sized[3].0, sized[3].1), ((1, 8, 1), 5, 7));
    assert_eq!(sized.iter().map(|extent| extent.2).sum::<u32>(), 300);
    let mut command = home.command(&[&["run", "--rm", "--map", "u5=@7"][..], &UID_MAP].concat());
    let said = command.env("PODMAN_USERNS", "auto:size=400").stdin(Stdio::null()).output().expect("unroot runs");
    let said = triples(&String::from_utf8_lossy(&said.stdout));
    assert_eq!((said[1], said[2].0 + said[2].2), ((5, 7, 1), 400));
    home.assert_empty();
}

#[test]
fn privileged_what_is_kept_counts_at_the_next_start() {
    let Some(home) = Home::privileged() else { return };
    let script = "cat /proc/self/uid_map >> /maps; cat /maps";
    home.says(&["run", "--name", "c", "--map", "redis=@996", "box", "sh", "-c", script]);
    let said = home.says(&["start", "-a", "c"]);
    assert_eq!(said.lines().filter(|line| line.split_whitespace().eq(["101", "996", "1"])).count(), 2, "{said}");
    home.says(&["rm", "c"]);
    // Of a directory in an image's place, too.
    let tree = home.path("tree");
    tar::Archive::new(fs::File::open(home.path("box.tar")).expect("the archive")).unpack(&tree).expect("a tree");
    let tree = tree.to_str().expect("text");
    home.says(&["run", "--name", "d", "--map", "redis=@996", "--rootfs", tree, "cat", "/proc/self/uid_map"]);
    let said = home.says(&["start", "-a", "d"]);
    assert!(triples(&said).contains(&(101, 996, 1)), "{said}");
    home.says(&["rm", "d"]);
    home.assert_empty();
}

#[test]
fn privileged_the_configuration_file_is_the_last_to_be_asked() {
    let Some(home) = Home::privileged() else { return };
    let conf = home.path("containers.conf");
    let run = |text: &str, options: &[&str], variable: &str| {
        fs::write(&conf, text).expect("a file");
        let mut command = home.command(&[&["run", "--rm"], options, &UID_MAP].concat());
        command.env("CONTAINERS_CONF", &conf).env("PODMAN_USERNS", variable).stdin(Stdio::null());
        let output = command.output().expect("unroot runs");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let size = |said: &str| said.split_whitespace().last().map(str::to_owned).unwrap_or_default();
    let good = "[containers]\nuserns = \"auto:size=700\"\n";
    assert_eq!(size(&run(good, &[], "")), "700");
    assert_eq!(size(&run(good, &[], "auto:size=800")), "800");
    assert_eq!(size(&run(good, &["--userns=auto:size=900"], "auto:size=800")), "900");
    assert_eq!(size(&run(good, &["--uidmap=0:600000:1000"], "auto:size=800")), "1000");
    let said = run("[containers]\nuserns = \"auto:size=many\"\n", &[], "");
    assert!(said.contains("error[UR0102]") && said.contains("containers.conf:2"), "{said}");
    home.assert_empty();
}

#[test]
fn privileged_a_map_is_explained_and_nothing_is_made() {
    let Some(home) = Home::privileged() else { return };
    let said = home.says(&["run", "--explain-map", "--name", "c", "--map", "redis=@996", "box"]);
    for line in [
        "  101              --map redis=@996",
        "  102              --map redis=@996",
        "        {\"containerID\": 101, \"hostID\": 996, \"size\": 1},",
        "    hostUsers: false",
    ] {
        assert!(said.lines().any(|own| own == line), "{line}\n{said}");
    }
    let podman = said.lines().find(|line| line.starts_with("  podman run ")).expect("podman's words");
    // What is said to podman makes the same map here.
    let options: Vec<&str> = podman.split_whitespace().skip(2).collect();
    let maps = triples(&home.says(&[&["run", "--rm"], &options[..4], &BOTH_MAPS].concat()));
    let own = triples(&home.says(&[&["run", "--rm", "--name", "c", "--map", "redis=@996"][..], &BOTH_MAPS].concat()));
    assert_eq!(maps.len(), own.len());
    assert_eq!((maps[1], maps[4]), ((101, 996, 1), (102, 996, 1)));
    assert_eq!(home.says(&["ps", "-aq"]), "");
    home.assert_empty();
}

/// The three command lines that everything began with.
#[test]
fn privileged_the_maps_of_the_second_problem() {
    let Some(home) = Home::privileged() else { return };
    let host = ["--privileged", "--net=host"];
    let words = |options: &[&'static str]| [&host[..], options].concat();
    let said = refused(&home, &words(&["--uidmap=101:996", "--gidmap=102:996"]), "UR0101");
    assert!(said.contains("mapped: 101; left out: 0"), "{said}");
    assert!(said.contains("map=redis=@") || said.contains("map=u101=@996,map=g102=@996"), "{said}");
    assert!(said.contains("--userns=auto:uidmapping=101:996:1,gidmapping=102:996:1"), "{said}");
    let complete = ["--uidmap=0:1000:101", "--gidmap=0:1000:102", "--uidmap=102:2000:1000", "--gidmap=103:2000:1000"];
    let output = home.unroot(&[&["run", "--rm"], &words(&complete)[..], &UID_MAP].concat());
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && warned.contains("warning[UR0101]"), "{warned}");
    assert!(warned.contains("uid 101 lies between") && warned.contains("gid 102 lies between"), "{warned}");
    let auto = words(&["--userns=auto:uidmapping=101:906:1,gidmapping=102:906:1"]);
    let output = home.unroot(&[&["run", "--rm"], &auto[..], &BOTH_MAPS].concat());
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(base(&said) >= 524_288, "{said}");
    let maps = triples(&said);
    assert!(maps.contains(&(101, 906, 1)) && maps.contains(&(102, 906, 1)), "{maps:?}");
    home.assert_empty();
}

/// What makes a namespace: its number.
fn joins(home: &Home) {
    home.says(&["run", "-d", "--name", "one", "box", "sleep", "60"]);
    let inside = "ls -l /proc/self/ns/user; cat /proc/self/uid_map; stat -c %u:%g /data /etc; id -u";
    let path = format!("/proc/{}/ns/user", home.init_of("one"));
    let number = fs::read_link(&path).expect("a namespace").display().to_string();
    let container = home.says(&["run", "--rm", "--userns=container:one", "box", "sh", "-c", inside]);
    let mode = format!("--userns=ns:{path}");
    let by_path = home.says(&["run", "--rm", &mode, "box", "sh", "-c", inside]);
    let map = fs::read_to_string(path.replace("ns/user", "uid_map")).expect("a map");
    for said in [container, by_path] {
        assert!(said.contains(&number), "{number}: {said}");
        assert_eq!(
            said.lines().filter(|line| *line == "0" || *line == "101:102" || *line == "0:0").count(),
            3,
            "{said}"
        );
        if geteuid().is_root() {
            assert!(said.contains(&map), "{map}: {said}");
        }
    }
    // It outlives the one whose namespace it was, and at its next start misses it.
    home.says(&["run", "-d", "--name", "two", "--userns=container:one", "box", "sleep", "60"]);
    home.says(&["rm", "-f", "one"]);
    assert_eq!(home.field("two", "State"), "running");
    home.says(&["stop", "-t", "0", "two"]);
    let (status, said) = home.fails(&["start", "two"]);
    assert!(status == 125 && said.contains("error[UR0802]"), "{said}");
    home.says(&["rm", "two"]);
}

#[test]
fn privileged_the_namespace_of_another_container() {
    let Some(home) = Home::privileged() else { return };
    joins(&home);
    home.says(&["run", "--name", "ended", "box", "true"]);
    refused(&home, &["--userns=container:ended"], "UR0814");
    home.says(&["rm", "ended"]);
    refused(&home, &["--userns=ns:/proc/self/ns/user"], "UR0108");
    refused(&home, &["--userns=ns:/proc/self/ns/net"], "UR0410");
    refused(&home, &["--userns=ns:/no/such/file"], "UR0410");
    refused(&home, &["--userns=ns:here"], "UR0410");
    home.assert_empty();
}

#[test]
fn rootless_the_namespace_of_another_container() {
    let Some(home) = Home::rootless() else { return };
    if !is_delegated(&home) {
        return;
    }
    joins(&home);
    home.assert_empty();
}

#[test]
fn rootless_a_map_is_explained_in_podmans_numbers() {
    let Some(home) = Home::rootless() else { return };
    let said = home.says(&["run", "--explain-map", "box"]);
    assert!(said.contains("\n  podman run box\n") && said.contains("  you\n"), "{said}");
    let own = format!("{{\"containerID\": 0, \"hostID\": {}, \"size\": 1}}", geteuid().as_raw());
    assert!(said.contains(&own), "{said}");
    home.assert_empty();
}

#[test]
fn rootless_ids_that_are_somebody_elses() {
    let Some(home) = Home::rootless() else { return };
    let said = refused(&home, &["--map", "u101=@996"], "UR0107");
    assert!(said.contains("is not delegated to you") && said.contains("volume"), "{said}");
    assert!(said.contains(" ^^^^^^^^^\n"), "{said}");
    refused(&home, &["--map", "u101=4000000"], "UR0107");
    refused(&home, &["--me-as", "rediss"], "UR0507");
    refused(&home, &["--me-as", "redis", "--userns=keep-id"], "UR0108");
    home.assert_empty();
}

/// Who I am in the container does not change which user the process is.
#[test]
fn rootless_me_as_a_user_of_the_image() {
    let Some(home) = Home::rootless() else { return };
    if !is_delegated(&home) {
        return;
    }
    let said = home.says(&["run", "--explain-map", "--me-as", "redis", "box"]);
    assert!(said.lines().any(|line| line == "  101              --me-as redis"), "{said}");
    assert!(said.contains("--uidmap 0:1:101,101:0:1,102:102:"), "{said}");
    let said = home.says(&["run", "--rm", "--me-as", "redis", "box", "sh", "-c", "id -u; stat -c %u:%g /data /etc"]);
    assert_eq!(said, "0\n101:102\n0:0\n");
    home.says(&["run", "-d", "--name", "c", "--me-as", "redis", "-u", "redis", "box", "sleep", "60"]);
    let status = fs::read_to_string(format!("/proc/{}/status", home.init_of("c"))).expect("a process");
    assert!(status.contains(&format!("\nUid:\t{}\t", geteuid().as_raw())), "{status}");
    assert!(status.contains(&format!("\nGid:\t{}\t", getgid().as_raw())), "{status}");
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}
