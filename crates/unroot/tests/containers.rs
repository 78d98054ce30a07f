//! Real containers, from a root filesystem of one static busybox. They need root, busybox, tar, and `unroot-runtime` beside `unroot`.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;

/// A store of its own with the image `box` in it.
struct Home {
    dir: TempDir,
}

impl Home {
    /// `None`, with the reason on standard error, where such tests cannot run.
    #[expect(clippy::print_stderr, reason = "a test that is skipped says why")]
    fn new() -> Option<Home> {
        let runtime = Path::new(env!("CARGO_BIN_EXE_unroot")).with_file_name("unroot-runtime");
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].iter().map(Path::new).find(|path| path.exists());
        let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let missing = [
            (!root, "not root"),
            (busybox.is_none(), "no busybox (apt install busybox-static)"),
            (!runtime.exists(), "no unroot-runtime beside unroot (cargo build -p unroot-runtime)"),
        ];
        if let Some((_, why)) = missing.iter().find(|(missing, _)| *missing) {
            eprintln!("skipped: {why}");
            return None;
        }
        let home = Home { dir: tempfile::tempdir().expect("a temporary directory") };
        let archive = home.archive(busybox?);
        assert!(home.unroot(&["import", archive.to_str()?, "box"]).status.success());
        Some(home)
    }

    /// A root filesystem's archive: busybox, a user `redis` (101:102) and a directory of theirs.
    fn archive(&self, busybox: &Path) -> PathBuf {
        let tree = self.dir.path().join("tree");
        for dir in ["bin", "etc", "tmp", "data"] {
            fs::create_dir_all(tree.join(dir)).expect("a directory");
        }
        fs::copy(busybox, tree.join("bin/busybox")).expect("busybox");
        for applet in ["sh", "id", "cat", "stat", "sleep", "true", "touch", "chown", "ls"] {
            symlink("busybox", tree.join("bin").join(applet)).expect("a link");
        }
        fs::write(tree.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nredis:x:101:102::/:/bin/sh\n").expect("passwd");
        fs::write(tree.join("etc/shadow"), "root:*:1::::::\n").expect("shadow");
        fs::set_permissions(tree.join("etc/shadow"), fs::Permissions::from_mode(0o600)).expect("chmod");
        std::os::unix::fs::chown(tree.join("data"), Some(101), Some(102)).expect("chown");
        let archive = self.dir.path().join("box.tar");
        let tar = Command::new("tar").args(["-C", tree.to_str().expect("text"), "-cf"]).arg(&archive).arg(".").status();
        assert!(tar.expect("tar").success());
        archive
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unroot"));
        command.arg("--root").arg(self.dir.path().join("root")).arg("--runroot").arg(self.dir.path().join("run"));
        command.args(words);
        command
    }

    fn unroot(&self, words: &[&str]) -> Output {
        self.command(words).stdin(Stdio::null()).output().expect("unroot runs")
    }

    /// Standard output of a command that must succeed.
    fn says(&self, words: &[&str]) -> String {
        let output = self.unroot(words);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Exit status and standard error.
    fn fails(&self, words: &[&str]) -> (i32, String) {
        let output = self.unroot(words);
        (output.status.code().expect("an exit status"), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn entries(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path().join(path)).expect("a directory").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// Nothing of any container is left: no record, no state, no lease.
    fn assert_empty(&self) {
        assert_eq!(self.says(&["ps", "-aq"]), "");
        assert_eq!(self.entries("root/containers"), [""; 0]);
        assert_eq!(self.entries("root/names"), [""; 0]);
        assert_eq!(self.entries("run/containers"), [""; 0]);
        let info = self.says(&["info", "--format", "{{.store.leases}}"]);
        assert_eq!(info.trim(), "0");
        let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
        assert!(!mounts.contains(&self.dir.path().display().to_string()), "{mounts}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let all = self.unroot(&["ps", "-aq"]).stdout;
        for id in String::from_utf8_lossy(&all).lines() {
            self.unroot(&["rm", "-f", id]);
        }
    }
}

fn base(map: &str) -> u32 {
    map.split_whitespace().nth(1).and_then(|base| base.parse().ok()).expect("a map")
}

#[test]
fn privileged_root_inside_is_nobody_outside() {
    let Some(home) = Home::new() else { return };
    let script = "id -u; stat -c %u /etc/shadow; stat -c %u:%g /data; cat /proc/self/uid_map";
    let said = home.says(&["run", "--rm", "box", "sh", "-c", script]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(&lines[..3], ["0", "0", "101:102"]);
    assert!(base(lines[3]) >= 524_288, "{said}");
    home.assert_empty();
}

#[test]
fn privileged_two_at_a_time_have_nothing_in_common() {
    let Some(home) = Home::new() else { return };
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
    let Some(home) = Home::new() else { return };
    let script = "[ -e /mine ] && stat -c %u:%g /mine; touch /mine; chown 7:8 /mine; sleep 60";
    let id = home.says(&["run", "-d", "--name", "c", "box", "sh", "-c", script]);
    let before = home.says(&["ps", "--format", "{{.UserNS}}"]);
    let range = before.trim().strip_prefix("0:").expect("a map").to_owned();
    let on_disk = home.dir.path().join("root/containers").join(id.trim()).join("upper/mine");
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
    let Some(home) = Home::new() else { return };
    let auto = "--userns=auto:uidmapping=101:996:1,gidmapping=102:996:1";
    let map = home.says(&["run", "--rm", auto, "box", "cat", "/proc/self/uid_map"]);
    assert!(map.lines().any(|line| line.split_whitespace().eq(["101", "996", "1"])), "{map}");
    let (status, said) = home.fails(&["run", "--rm", "--uidmap=101:996", "--gidmap=102:996", "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0101]") && said.contains("^^^^^^^"), "{status} {said}");
    home.assert_empty();
}

#[test]
fn privileged_exit_statuses_are_podmans() {
    let Some(home) = Home::new() else { return };
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
    let Some(home) = Home::new() else { return };
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
    let Some(home) = Home::new() else { return };
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
fn privileged_output_input_and_a_reader_that_goes() {
    let Some(home) = Home::new() else { return };
    let mut child = home.command(&["run", "--rm", "-i", "box", "cat"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
    let sent = vec![b'x'; 300_000];
    let mut input = child.stdin.take().expect("a pipe");
    let copy = sent.clone();
    let writer = thread::spawn(move || std::io::Write::write_all(&mut input, &copy));
    let output = child.wait_with_output().expect("its end");
    writer.join().expect("a thread").expect("all is taken");
    assert!(output.stdout == sent, "{} bytes came back", output.stdout.len());
    let mut child = home.command(&["run", "--rm", "box", "sh", "-c", "while :; do echo y; done"]);
    let mut child = child.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("a process");
    let mut first = [0; 2];
    std::io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut first).expect("output");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("its end").code(), Some(141));
    home.assert_empty();
}

#[test]
fn privileged_hello_needs_no_image() {
    let Some(home) = Home::new() else { return };
    let said = home.says(&["run", "--rm", "hello"]);
    assert!(said.contains("In here I am      uid 0") && said.contains("a number that nobody else there has"), "{said}");
    home.assert_empty();
}
