//! A real Debian: what the first issue about containers demands to see.

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::home::{Home, base, skip, until};

/// A store with the image `debian:trixie`, imported from standard input.
fn debian() -> Option<Home> {
    let Some(archive) = env::var_os("UNROOT_TEST_DEBIAN").map(PathBuf::from) else {
        return skip("no archive of a Debian (UNROOT_TEST_DEBIAN)");
    };
    let home = Home::bare(true)?;
    let archive = fs::File::open(archive).expect("the archive");
    let status = home.command(&["import", "-", "debian:trixie"]).stdin(archive).stdout(Stdio::null()).status();
    assert!(status.expect("unroot runs").success());
    Some(home)
}

#[test]
fn privileged_debian_runs_as_nobody() {
    let Some(home) = debian() else { return };
    root_inside(&home);
    ranges_are_disjoint(&home);
    another_range(&home);
    wishes(&home);
    accounts(&home);
    home.assert_empty();
}

fn root_inside(home: &Home) {
    let script = "id -u; cat /proc/self/uid_map; stat -c %u /etc/shadow; ls -ln /etc | sed 1d | head -3";
    let said = home.says(&["run", "--rm", "debian:trixie", "sh", "-c", script]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines[0], lines[2], lines.len()), ("0", "0", 6), "{said}");
    assert!(base(lines[1]) >= 524_288, "{said}");
    for line in &lines[3..] {
        assert_eq!(line.split_whitespace().skip(2).take(2).collect::<Vec<_>>(), ["0", "0"], "{said}");
    }
}

fn ranges_are_disjoint(home: &Home) {
    let mut bases = Vec::new();
    for name in ["one", "two"] {
        home.says(&["run", "-d", "--name", name, "debian:trixie", "sleep", "60"]);
        let init = home.init_of(name);
        let map = fs::read_to_string(format!("/proc/{init}/uid_map")).expect("a map");
        let status = fs::read_to_string(format!("/proc/{init}/status")).expect("a process");
        assert!(status.contains(&format!("\nUid:\t{0}\t{0}\t{0}\t{0}\n", base(&map))), "{map}{status}");
        bases.push(base(&map));
    }
    assert!(bases.iter().all(|base| *base >= 524_288) && bases[0].abs_diff(bases[1]) >= 65_536, "{bases:?}");
    home.says(&["rm", "-f", "one", "two"]);
}

/// A container that was stopped finds its range taken.
fn another_range(home: &Home) {
    let script = "if [ -e /mine ]; then stat -c %u:%g /mine; exit; fi; touch /mine; chown www-data:games /mine; \
                  touch /done; sleep 60";
    let id = home.says(&["run", "-d", "--name", "c", "debian:trixie", "sh", "-c", script]);
    let upper = home.path("root/containers").join(id.trim()).join("upper");
    until("the file is chowned", || upper.join("done").exists());
    let before = home.field("c", "UserNS");
    home.says(&["stop", "-t", "0", "c"]);
    let map = format!("--uidmap={before}");
    home.says(&["run", "-d", "--name", "thief", &map, "debian:trixie", "sleep", "60"]);
    let start = home.words(&["start", "--attach", "c"]);
    let log = home.path("chown.log");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e", "trace=chown,lchown,fchown,fchownat", "-e", "signal=none", "-o"]).arg(&log);
    let traced = strace.arg(home.program()).args(&start).stdin(Stdio::null()).output();
    let output = match traced {
        Ok(output) => {
            let calls = fs::read_to_string(&log).expect("the calls");
            assert!(!calls.contains("chown"), "{calls}");
            output
        }
        Err(_) => home.unroot(&["start", "--attach", "c"]),
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "33:60\n", "{}", String::from_utf8_lossy(&output.stderr));
    let file = fs::metadata(upper.join("mine")).expect("the file");
    assert_eq!((file.uid(), file.gid()), (33, 60));
    assert_eq!(home.field("thief", "UserNS"), before);
    home.says(&["rm", "-f", "c", "thief"]);
}

fn wishes(home: &Home) {
    let auto = "--userns=auto:uidmapping=101:996:1,gidmapping=102:996:1";
    let maps = home.says(&["run", "--rm", auto, "debian:trixie", "cat", "/proc/self/uid_map", "/proc/self/gid_map"]);
    let extents: Vec<Vec<&str>> = maps.lines().map(|line| line.split_whitespace().collect()).collect();
    for wish in [["101", "996", "1"], ["102", "996", "1"]] {
        assert!(extents.iter().any(|extent| *extent == wish), "{maps}");
    }
    let words = ["run", "--rm", "--uidmap=101:996", "--gidmap=102:996", "debian:trixie", "true"];
    let (status, said) = home.fails(&words);
    assert!(status == 125 && said.contains("error[UR0101]") && said.contains("^^^^^^^"), "{status} {said}");
    home.assert_empty();
}

fn accounts(home: &Home) {
    for (user, expected) in [("www-data", "33 33 33"), ("33:4", "33 4 4"), ("games:adm", "5 4 4")] {
        let said =
            home.says(&["run", "--rm", "-u", user, "debian:trixie", "sh", "-c", "echo $(id -u) $(id -g) $(id -G)"]);
        assert_eq!(said.trim(), expected, "{user}");
    }
}
