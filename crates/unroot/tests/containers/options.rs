//! The options of `run`, one by one.

use std::{fs, os::unix::fs::MetadataExt, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::home::{Home, until};

/// Runs a script in `box` with these options and gives what it says.
#[track_caller]
fn script(home: &Home, options: &[&str], script: &str) -> String {
    home.says(&[&["run", "--rm"], options, &["box", "sh", "-c", script]].concat())
}

#[test]
fn privileged_users_by_name_and_by_id() {
    let Some(home) = Home::privileged() else { return };
    for (user, expected) in [
        ("redis", "101 102 102 40 /data"),
        ("101", "101 102 102 40 /data"),
        ("redis:logs", "101 40 40 /data"),
        ("7:8", "7 8 8 /"),
        ("0", "0 0 0 /root"),
        ("1234", "1234 0 0 /"),
        // Beyond the usual 65536 ids: the map has it all the same.
        ("70000", "70000 0 0 /"),
    ] {
        let said = script(&home, &["-u", user], "echo $(id -u) $(id -g) $(id -G) $HOME");
        assert_eq!(said.trim(), expected, "{user}");
    }
    let (status, said) = home.fails(&["run", "--rm", "-u", "nobody", "box", "true"]);
    assert!(status == 125 && said.contains("^^^^^^") && said.contains("nobody"), "{status} {said}");
    let words = ["run", "--rm", "--userns=auto:size=1024", "-u", "5000", "box", "true"];
    let (status, said) = home.fails(&words);
    assert!(status == 125 && said.contains("error[UR0101]"), "{status} {said}");
    home.assert_empty();
}

#[test]
fn privileged_where_and_with_which_environment() {
    let Some(home) = Home::privileged() else { return };
    assert_eq!(script(&home, &["-w", "/not/there/yet"], "pwd; stat -c %u:%g ."), "/not/there/yet\n0:0\n");
    assert_eq!(script(&home, &["-w", "/data", "-u", "redis"], "touch x; stat -c %u:%g /data/x"), "101:102\n");
    let environment = ["-e", "A=1", "-e", "A=2 3", "-e", "GIVEN", "-e", "NEVER_SET", "-e", "EMPTY="];
    let words = [&["run", "--rm"], &environment[..], &["box", "env"]].concat();
    let output = home.command(&words).env("GIVEN", "here").env("KEPT_BACK", "x").stdin(Stdio::null()).output();
    let said = String::from_utf8(output.expect("unroot runs").stdout).expect("text");
    let mut lines: Vec<&str> = said.lines().filter(|line| !line.starts_with("HOSTNAME=")).collect();
    lines.sort_unstable();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(lines, ["A=2 3", "EMPTY=", "GIVEN=here", "HOME=/root", path, "container=unroot"]);
    home.assert_empty();
}

#[test]
fn privileged_names_of_hosts_and_entry_points() {
    let Some(home) = Home::privileged() else { return };
    let said =
        script(&home, &["--hostname", "mine"], "hostname; echo $HOSTNAME; cat /etc/hostname; grep mine /etc/hosts");
    assert!(said.starts_with("mine\nmine\nmine\n127.0."), "{said}");
    assert_eq!(home.says(&["run", "--rm", "--entrypoint", "id", "box", "-u"]), "0\n");
    assert_eq!(home.says(&["run", "--rm", "--entrypoint", r#"["sh","-c"]"#, "box", "echo $0 ok", "well"]), "well ok\n");
    let (status, said) = home.fails(&["run", "--rm", "box"]);
    assert!(status == 125 && said.contains("error[UR0501]"), "{status} {said}");
    home.assert_empty();
}

#[test]
fn privileged_a_root_filesystem_that_is_only_read() {
    let Some(home) = Home::privileged() else { return };
    let attempts = "touch /x 2>/dev/null && echo wrote /; touch /data/x 2>/dev/null && echo wrote /data; \
                    for dir in /tmp /run /var/tmp /dev/shm; do touch $dir/x && echo $dir; done";
    assert_eq!(script(&home, &["--read-only"], attempts), "/tmp\n/run\n/var/tmp\n/dev/shm\n");
    home.assert_empty();
}

#[test]
fn privileged_a_directory_in_an_images_place() {
    let Some(home) = Home::privileged() else { return };
    let tree = home.path("tree");
    tar::Archive::new(fs::File::open(home.path("box.tar")).expect("the archive")).unpack(&tree).expect("a tree");
    let tree = tree.to_str().expect("text");
    let said = home.says(&["run", "--rm", "--rootfs", tree, "sh", "-c", "id -u; stat -c %u /etc/shadow; touch /kept"]);
    assert_eq!(said, "0\n0\n");
    assert_eq!(fs::metadata(home.path("tree/kept")).expect("the file").uid(), 0);
    let (status, said) = home.fails(&["run", "--rm", "--rootfs", "/no/such/tree", "true"]);
    assert!(status == 125 && said.contains("error[UR0403]"), "{status} {said}");
    home.assert_empty();
}

#[test]
fn privileged_on_the_hosts_network() {
    let Some(home) = Home::privileged() else { return };
    let inside = "readlink() { ls -l $1; }; readlink /proc/self/ns/net; hostname; echo $HOSTNAME; ls /sys/class/net; \
                  touch /sys/x 2>/dev/null; echo $?";
    let words = ["run", "--rm", "--network", "host", "box", "sh", "-c", inside];
    let output = home.unroot(&words);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    let own = fs::read_link("/proc/self/ns/net").expect("a namespace").display().to_string();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert!(said.contains(&own) && said.contains(&format!("\n{host}\n{host}\n")), "{said}");
    assert!(said.contains("\nlo\n") && said.ends_with("\n1\n"), "{said}");
    let said = script(&home, &[], "readlink() { ls -l $1; }; readlink /proc/self/ns/net; ls /sys/class/net");
    assert!(!said.contains(&own) && said.ends_with("\nlo\n"), "{said}");
    home.assert_empty();
}

#[test]
fn privileged_all_capabilities_or_few() {
    let Some(home) = Home::privileged() else { return };
    let held = |options: &[&str]| {
        let said = script(&home, options, "grep CapEff /proc/self/status");
        u64::from_str_radix(said.split_whitespace().nth(1).expect("a mask"), 16).expect("a mask").count_ones()
    };
    assert_eq!((held(&[]), held(&["-u", "redis"])), (11, 0));
    assert!(held(&["--privileged"]) >= 38);
    let said = script(&home, &["--privileged"], "cat /proc/self/uid_map; touch /proc/sys/x 2>/dev/null; echo $?");
    assert!(crate::home::base(&said) >= 524_288, "{said}");
    home.assert_empty();
}

#[test]
fn privileged_a_name_that_is_taken() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "--name", "same", "box", "true"]);
    let (status, said) = home.fails(&["run", "--name", "same", "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0801]") && said.contains("^^^^"), "{status} {said}");
    assert_eq!(home.says(&["ps", "-aq"]).lines().count(), 1);
    home.says(&["rm", "same"]);
    home.assert_empty();
}

#[test]
fn privileged_the_environment_of_the_engine_itself() {
    let Some(home) = Home::privileged() else { return };
    let run = |name: &str, value: &str, options: &[&str]| {
        let words = [&["run", "--rm"], options, &["box", "cat", "/proc/self/uid_map"]].concat();
        home.command(&words).env(name, value).stdin(Stdio::null()).output().expect("unroot runs")
    };
    let output = run("UNROOT_WITHOUT", "legs", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(125) && said.contains("error[UR0610]"), "{said}");
    let output = run("PODMAN_USERNS", "auto:size=1024", &[]);
    assert!(String::from_utf8_lossy(&output.stdout).trim().ends_with(" 1024"), "{output:?}");
    let output = run("PODMAN_USERNS", "auto:size=1024", &["--userns=auto:size=2048"]);
    assert!(String::from_utf8_lossy(&output.stdout).trim().ends_with(" 2048"), "{output:?}");
    let output = run("PODMAN_USERNS", "nonsense", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(125) && said.contains("PODMAN_USERNS=nonsense"), "{said}");
    home.assert_empty();
}

#[test]
fn privileged_every_way_of_mounting_shows_the_same() {
    let Some(home) = Home::privileged() else { return };
    for without in ["open-tree-attr", "detached-layers", "overlay-fds", "cgroup", "open-tree-attr,overlay-fds,cgroup"] {
        let words = ["run", "--rm", "box", "sh", "-c", "touch /x; stat -c %u:%g /etc/shadow /data /x"];
        let mut command = home.command(&words);
        let output = command.env("UNROOT_WITHOUT", without).stdin(Stdio::null()).output().expect("unroot runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, "0:0\n101:102\n0:0\n", "{without}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{without}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let info = home.command(&["info", "--format", "{{json .host.without}}"]).env("UNROOT_WITHOUT", "cgroup").output();
    assert_eq!(String::from_utf8_lossy(&info.expect("unroot runs").stdout).trim(), r#"["cgroup"]"#);
    home.assert_empty();
}

/// The run root lies in memory: after a boot it is empty.
#[test]
fn privileged_after_a_boot_nothing_is_left_of_rm() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--rm", "--name", "brief", "box", "sleep", "60"]);
    home.says(&["run", "-d", "--name", "kept", "box", "sleep", "60"]);
    for name in ["brief", "kept"] {
        let init = Pid::from_raw(home.init_of(name)).expect("a pid");
        let monitor = crate::remains::parent(init).expect("a monitor");
        kill_process(monitor, Signal::KILL).expect("a signal");
    }
    until("both are dead", || crate::remains::marked(&home).is_empty());
    // Control groups do not survive a boot either; looking clears them away.
    home.says(&["ps", "-a"]);
    fs::remove_dir_all(home.path("run")).expect("an empty run root");
    home.says(&["rm", "-f", "no-such-container"]);
    assert_eq!(home.says(&["ps", "-a", "--format", "{{.Names}}"]), "kept\n");
    home.says(&["start", "kept"]);
    home.says(&["rm", "-f", "kept"]);
    home.assert_empty();
}

/// Behind the image nothing is ours, whatever it looks like.
#[test]
fn privileged_the_words_behind_the_image_are_the_containers() {
    let Some(home) = Home::privileged() else { return };
    for words in [
        &["--entrypoint", "/bin/echo", "box", "-u", "--rm", "--root", "x", "--log-format", "json"][..],
        &["--entrypoint=/bin/echo", "--", "box", "-u", "--rm", "--root", "x", "--log-format", "json"],
        &["box", "/bin/echo", "-u", "--rm", "--root", "x", "--log-format", "json"],
    ] {
        assert_eq!(home.says(&[&["run", "--rm"], words].concat()), "-u --rm --root x --log-format json\n");
    }
    assert_eq!(home.says(&["container", "run", "--rm", "--entrypoint", "/bin/echo", "box", "-t"]), "-t\n");
    assert_eq!(home.says(&["run", "--rm", "--entrypoint", "/bin/echo", "box", "--", "-t"]), "-- -t\n");
    let (status, said) = home.fails(&["run", "--rm", "box", "nosuch", "--log-format", "json"]);
    assert!(status == 127 && said.contains("error[UR0502]"), "{status} {said}");
    home.assert_empty();
}
