//! Containers of an ordinary user.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    process::{Output, Stdio},
};

use rustix::process::{Pid, Signal, geteuid, getgid, kill_process};

use crate::{
    home::{Home, MARK, until},
    remains,
};

/// Whether further ids are delegated to this user.
fn is_delegated(home: &Home) -> bool {
    home.says(&["info", "--format", "{{.host.rootfsMapping}}"]).starts_with("the user's own namespace")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn rootless_hello_tells_who_i_am_outside() {
    let Some(home) = Home::bare(false) else { return };
    let Output { status, stdout, stderr } = home.unroot(&["run", "--rm", "hello"]);
    let (said, warned) = (text(&stdout), text(&stderr));
    assert!(status.success() && said.contains("In here I am      uid 0"), "{said}{warned}");
    assert!(said.contains(&format!("On the host I am  uid {}", geteuid().as_raw())), "{said}");
    if is_delegated(&home) {
        assert_eq!(warned, "", "nothing is to be said about a container that works");
    } else {
        assert!(warned.contains("warning[UR0201]") && warned.matches("warning").count() == 1, "{warned}");
    }
    home.assert_empty();
}

#[test]
fn rootless_a_container_lives_and_dies() {
    let Some(home) = Home::rootless() else { return };
    let script = "[ -e /mine ] && exit 9; touch /mine; sleep 60";
    let id = home.says(&["run", "-d", "--name", "c", "box", "sh", "-c", script]);
    let on_disk = home.path("root/containers").join(id.trim()).join("upper/mine");
    until("the file is there", || on_disk.exists());
    let file = fs::metadata(&on_disk).expect("the file");
    assert_eq!((file.uid(), file.gid()), (geteuid().as_raw(), getgid().as_raw()));
    assert_eq!(home.says(&["ps", "--format", "{{.Names}} {{.State}}"]), "c running\n");
    home.says(&["stop", "-t", "0", "c"]);
    assert!(home.field("c", "Status").starts_with("Exited (137)"));
    home.says(&["start", "c"]);
    until("it has ended again", || home.field("c", "Status").starts_with("Exited (9)"));
    home.says(&["rm", "c"]);
    home.assert_empty();
}

/// The layer holds 101:102; where ids are delegated, so they are on disk as the user's namespace sees them.
#[test]
fn rootless_files_carry_the_ids_of_the_container() {
    let Some(home) = Home::rootless() else { return };
    let said = home.says(&["run", "--rm", "box", "sh", "-c", "id -u; stat -c %u:%g /etc/shadow /data"]);
    let expected = if is_delegated(&home) { "0\n0:0\n101:102\n" } else { "0\n0:0\n0:0\n" };
    assert_eq!(said, expected);
    let map = home.says(&["run", "--rm", "box", "cat", "/proc/self/uid_map"]);
    assert_eq!(map.split_whitespace().next(), Some("0"), "{map}");
    if is_delegated(&home) {
        let words = ["run", "--rm", "-u", "redis", "box", "sh", "-c", "touch /data/x && stat -c %u:%g /data/x"];
        assert_eq!(home.says(&words), "101:102\n");
    }
    home.assert_empty();
}

#[test]
fn rootless_two_at_a_time_and_nobody_else_is_asked() {
    let Some(home) = Home::rootless() else { return };
    home.says(&["run", "-d", "--name", "one", "box", "sleep", "60"]);
    home.says(&["run", "-d", "--name", "two", "box", "sleep", "60"]);
    let said = home.says(&["ps", "--format", "{{.Names}} {{.Pid}}"]);
    assert_eq!(said.lines().count(), 2, "{said}");
    for name in ["one", "two"] {
        let status = fs::read_to_string(format!("/proc/{}/status", home.init_of(name))).expect("a process");
        assert!(status.contains(&format!("\nUid:\t{}\t", geteuid().as_raw())), "{status}");
    }
    let (status, said) = home.fails(&["rm", "one"]);
    assert!(status == 2 && said.contains("error[UR0803]"), "{status} {said}");
    home.says(&["rm", "-f", "one", "two"]);
    home.assert_empty();
}

#[test]
fn rootless_a_killed_monitor_leaves_nothing() {
    let Some(home) = Home::rootless() else { return };
    for rm in [&["--rm"][..], &[]] {
        let words = [&["run", "-d", "-e", MARK, "--name", "c"], rm, &["box", "sleep", "60"]].concat();
        home.says(&words);
        let init = Pid::from_raw(home.init_of("c")).expect("a pid");
        kill_process(remains::parent(init).expect("a monitor"), Signal::KILL).expect("a signal");
        until("init dies with it", || remains::marked(&home).is_empty());
        if rm.is_empty() {
            assert_eq!(home.field("c", "Status"), "Exited (monitor killed)");
            home.says(&["start", "c"]);
            home.says(&["rm", "-f", "c"]);
        }
        // The next command clears away what is left of the other.
        home.says(&["info"]);
        home.assert_empty();
    }
}

/// `ps` only reads: it needs neither a namespace nor the programs that map ids.
#[test]
fn rootless_ps_enters_no_namespace() {
    let Some(home) = Home::rootless() else { return };
    home.says(&["run", "--name", "c", "box", "true"]);
    let said = home.command(&["ps", "-a", "--format", "{{.Names}}"]).env("PATH", "/nowhere").output();
    assert_eq!(text(&said.expect("unroot runs").stdout), "c\n");
    let (log, words) = (home.path("calls"), home.words(&["ps", "-a"]));
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=unshare,setns,clone3,execve", "-o"]).arg(&log).arg(home.program());
    if strace.args(words).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        let calls = fs::read_to_string(&log).expect("the calls");
        assert_eq!(calls.lines().count(), 1, "{calls}");
    }
    home.says(&["rm", "c"]);
    home.assert_empty();
}

#[test]
fn rootless_without_a_runtime_directory() {
    let Some(home) = Home::rootless() else { return };
    let own = std::path::PathBuf::from(format!("/tmp/unroot-run-{}", geteuid().as_raw()));
    let was_there = own.exists();
    let root = home.path("root");
    let unroot = |words: &[&str]| {
        let mut command = std::process::Command::new(home.program());
        command.arg("--root").arg(&root).args(words).env_remove("XDG_RUNTIME_DIR").stdin(Stdio::null());
        command.output().expect("unroot runs")
    };
    let output = unroot(&["run", "--rm", "box", "id", "-u"]);
    assert_eq!(text(&output.stdout), "0\n", "{}", text(&output.stderr));
    let found = fs::metadata(&own).expect("the run root");
    assert_eq!((found.uid(), found.mode() & 0o7777), (geteuid().as_raw(), 0o700));
    if !was_there {
        fs::remove_dir_all(&own).expect("the run root");
    }
    home.assert_empty();
}

#[test]
fn rootless_maps_within_what_is_delegated() {
    let Some(home) = Home::rootless() else { return };
    for (words, code) in [
        (&["--uidmap", "0:3000000:10", "--gidmap", "0:3000000:10"][..], "error[UR01"),
        (&["--userns", "nonsense"], "error[UR0102]"),
    ] {
        let (status, said) = home.fails(&[&["run", "--rm"], words, &["box", "true"]].concat());
        assert!(status == 125 && said.contains(code), "{words:?}: {status} {said}");
    }
    if !is_delegated(&home) {
        // There is no other id that the image's root could have.
        let (status, said) = home.fails(&["run", "--rm", "--userns", "keep-id", "box", "true"]);
        assert!(status == 125 && said.contains("error[UR0101]"), "{status} {said}");
    }
    home.assert_empty();
}
