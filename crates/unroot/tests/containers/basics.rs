//! What every container must do, in a root filesystem of one busybox.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use crate::home::{Home, base};

#[test]
fn privileged_root_inside_is_nobody_outside() {
    let Some(home) = Home::privileged() else { return };
    let script = "id -u; stat -c %u /etc/shadow; stat -c %u:%g /data; cat /proc/self/uid_map";
    let said = home.says(&["run", "--rm", "box", "sh", "-c", script]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(&lines[..3], ["0", "0", "101:102"]);
    assert!(base(lines[3]) >= 524_288, "{said}");
    home.assert_empty();
}

#[test]
fn privileged_two_at_a_time_have_nothing_in_common() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--name", "one", "box", "sleep", "60"]);
    home.says(&["run", "-d", "--name", "two", "box", "sleep", "60"]);
    let maps = home.says(&["ps", "--format", "{{.UserNS}}"]).replace(':', " ");
    let bases: Vec<u32> = maps.lines().map(base).collect();
    assert!(bases.len() == 2 && bases[0].abs_diff(bases[1]) >= 65_536, "{maps}");
    home.says(&["rm", "-f", "one", "two"]);
    home.assert_empty();
}

#[test]
fn privileged_files_stay_their_own_under_another_range() {
    let Some(home) = Home::privileged() else { return };
    let script = "[ -e /mine ] && stat -c %u:%g /mine; touch /mine; chown 7:8 /mine; sleep 60";
    let id = home.says(&["run", "-d", "--name", "c", "box", "sh", "-c", script]);
    let before = home.says(&["ps", "--format", "{{.UserNS}}"]);
    let range = before.trim().strip_prefix("0:").expect("a map").to_owned();
    let on_disk = home.path("root/containers").join(id.trim()).join("upper/mine");
    for _ in 0..100 {
        if fs::metadata(&on_disk).is_ok_and(|file| file.uid() == 7) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    home.says(&["stop", "-t", "0", "c"]);
    home.says(&["run", "-d", "--name", "thief", "--uidmap", &format!("0:{range}"), "box", "sleep", "60"]);
    home.says(&["start", "c"]);
    let after = home.says(&["ps", "--filter", "name=c", "--format", "{{.UserNS}}"]);
    assert_ne!(before, after);
    let file = fs::metadata(&on_disk).expect("the file");
    assert_eq!((file.uid(), file.gid()), (7, 8));
    home.says(&["rm", "-f", "c", "thief"]);
    home.assert_empty();
}

#[test]
fn privileged_wishes_are_kept_and_a_map_without_root_is_refused() {
    let Some(home) = Home::privileged() else { return };
    let auto = "--userns=auto:uidmapping=101:996:1,gidmapping=102:996:1";
    let map = home.says(&["run", "--rm", auto, "box", "cat", "/proc/self/uid_map"]);
    assert!(map.lines().any(|line| line.split_whitespace().eq(["101", "996", "1"])), "{map}");
    let (status, said) = home.fails(&["run", "--rm", "--uidmap=101:996", "--gidmap=102:996", "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0101]") && said.contains("^^^^^^^"), "{status} {said}");
    home.assert_empty();
}

#[test]
fn privileged_exit_statuses_are_podmans() {
    let Some(home) = Home::privileged() else { return };
    let status = |words: &[&str]| home.fails(&[&["run", "--rm", "box"], words].concat());
    assert_eq!(status(&["true"]).0, 0);
    assert_eq!(status(&["sh", "-c", "exit 3"]).0, 3);
    let (not_found, said) = status(&["nosuch"]);
    assert!(not_found == 127 && said.contains("error[UR0502]") && said.contains("^^^^^^"), "{said}");
    let (cannot, said) = status(&["/etc/passwd"]);
    assert!(cannot == 126 && said.contains("error[UR0503]"), "{said}");
    assert_eq!(home.fails(&["run", "--rm", "nosuch", "true"]).0, 125);
    home.assert_empty();
}

#[test]
fn privileged_a_killed_monitor_leaves_nothing() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--name", "c", "box", "sleep", "60"]);
    let init: u32 = home.says(&["ps", "--format", "{{.Pid}}"]).trim().parse().expect("a pid");
    let stat = fs::read_to_string(format!("/proc/{init}/stat")).expect("stat");
    let monitor = stat.rsplit_once(')').expect("a name").1.split_whitespace().nth(1).expect("a parent");
    assert!(Command::new("kill").args(["-9", monitor]).status().expect("kill").success());
    thread::sleep(Duration::from_millis(100));
    assert!(home.says(&["ps", "-a"]).contains("monitor killed"));
    // Whoever inherits it may take a while to bury it.
    let left = fs::read_to_string(format!("/proc/{init}/stat")).unwrap_or_default();
    assert!(left.is_empty() || left.contains(") Z "), "{left}");
    home.says(&["start", "c"]);
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}

#[test]
fn privileged_one_of_many_gets_the_name() {
    let Some(home) = Home::privileged() else { return };
    let start = |_| {
        let words = ["run", "-d", "--name", "same", "box", "sleep", "60"];
        home.command(&words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process")
    };
    let children: Vec<_> = (0..20).map(start).collect();
    let outputs: Vec<Output> = children.into_iter().map(|child| child.wait_with_output().expect("its end")).collect();
    let won = outputs.iter().filter(|output| output.status.success()).count();
    let told = outputs.iter().filter(|output| String::from_utf8_lossy(&output.stderr).contains("UR0801")).count();
    assert_eq!((won, told), (1, 19));
    home.says(&["rm", "-f", "same"]);
    home.assert_empty();
}

#[test]
fn privileged_hello_needs_no_image() {
    let Some(home) = Home::privileged() else { return };
    let said = home.says(&["run", "--rm", "hello"]);
    assert!(said.contains("In here I am      uid 0") && said.contains("a number that nobody else there has"), "{said}");
    home.assert_empty();
}
