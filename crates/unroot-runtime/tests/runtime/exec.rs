//! `exec`: a further process in a container, by all the ways into one.

use std::{
    fs::{self, File},
    os::unix::net::UnixListener,
    path::PathBuf,
};

use serde_json::{Value, json};

use crate::{
    bundle::{Bundle, privileged},
    call::wait_until,
    console::{read_all, receive},
    rootless::rootless,
};

/// A container that waits until it is killed.
fn resting(bundle: &mut Bundle) {
    bundle.sh("sleep 600").create().ok();
    bundle.verb("start", &[]).ok();
}

fn end(bundle: &Bundle) {
    bundle.verb("delete", &["--force"]).ok();
}

/// Writes the description of a process.
fn description(bundle: &Bundle, process: &Value) -> String {
    let file = bundle.outside().join("process.json");
    fs::write(&file, serde_json::to_string_pretty(process).unwrap()).unwrap();
    file.to_str().unwrap().to_owned()
}

/// The namespaces, groups, rights, limits and ids of a process, as it sees them.
const PROBE: &str = "for kind in user mnt pid ipc uts net cgroup time; do readlink /proc/self/ns/$kind; done; cat /proc/self/cgroup; \
    grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp)' /proc/self/status; ulimit -n; umask; pwd; cat /proc/self/uid_map";

#[test]
fn privileged_exec_is_like_the_containers_own_process() {
    for own_users in [true, false] {
        privileged(|bundle| {
            if !own_users {
                bundle.without_map().remove("/annotations");
            }
            bundle.set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128}]));
            bundle.set("/process/user/additionalGids", json!([7, 9])).set("/process/noNewPrivileges", true);
            bundle.set("/process/cwd", "/var").sh(&format!("{{ {PROBE}; }}; echo end; sleep 600")).create().ok();
            bundle.verb("start", &[]).ok();
            assert!(wait_until(|| bundle.said().ends_with("end\n")));
            let ran = bundle.exec(&[], &["sh", "-c", &format!("{PROBE}; echo end")]);
            assert_eq!(ran.ok(), bundle.said().trim_end());
            end(bundle);
        });
    }
}

#[test]
fn privileged_exec_in_a_joined_user_namespace() {
    privileged(|bundle| {
        resting(bundle);
        let path = format!("/proc/{}/ns/user", bundle.pid());
        let script = "cat /proc/self/uid_map; id -u; readlink /proc/self/ns/user";
        let first = bundle.exec(&[], &["sh", "-c", script]).ok().to_owned();
        privileged(|second| {
            second.namespace("user", Some(&path));
            resting(second);
            assert_eq!(second.exec(&[], &["sh", "-c", script]).ok(), first);
            end(second);
        });
        end(bundle);
    });
}

#[test]
fn privileged_exec_without_a_pid_namespace() {
    privileged(|bundle| {
        bundle.without_map().remove("/annotations").without("pid").unmount("/proc").unmount("/dev/mqueue");
        bundle.mount("bind", "/proc", "/proc", &["rbind"]);
        resting(bundle);
        let seen = bundle.exec(&[], &["sh", "-c", "readlink /proc/self/ns/pid"]).ok().to_owned();
        assert_eq!(seen, fs::read_link("/proc/self/ns/pid").unwrap().to_str().unwrap());
        end(bundle);
    });
}

#[test]
fn privileged_exec_options() {
    privileged(|bundle| {
        bundle.file("etc/group", "root:x:0:\nadm:x:4:\n", 0o644);
        resting(bundle);
        let script = "id -u; id -g; id -G; echo $A $B; pwd; grep -E 'CapBnd|CapEff|NoNewPrivs' /proc/self/status";
        let options = ["-u", "33:4", "-g", "20", "-e", "A=1", "--env", "B=2", "--cwd", "/tmp", "--no-new-privs"];
        let ran = bundle.exec(&[&options[..], &["-c", "CAP_SYS_TIME"]].concat(), &["sh", "-c", script]);
        let lines: Vec<_> = ran.ok().lines().collect();
        assert_eq!(lines[..5], ["33", "4", "4 20", "1 2", "/tmp"]);
        let capabilities = |name: &str| {
            let line = lines.iter().find(|line| line.starts_with(name)).unwrap();
            u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap()
        };
        assert_eq!((capabilities("CapEff"), capabilities("CapBnd") >> 25 & 1), (0, 1));
        assert!(lines.contains(&"NoNewPrivs:\t1"));
        end(bundle);
    });
}

#[test]
fn privileged_exec_statuses() {
    privileged(|bundle| {
        resting(bundle);
        assert_eq!(bundle.exec(&[], &["sh", "-c", "exit 3"]).status, 3);
        assert_eq!(bundle.exec(&[], &["sh", "-c", "kill -9 $$"]).status, 137);
        end(bundle);
    });
}

#[test]
fn privileged_exec_of_a_described_process() {
    privileged(|bundle| {
        resting(bundle);
        let process = json!({"user": {"uid": 5, "gid": 6}, "cwd": "/tmp", "args": ["sh", "-c", "id -u; pwd; echo $X"], "env": ["X=y", "PATH=/bin"]});
        let file = description(bundle, &process);
        assert_eq!(bundle.exec(&["-p", &file], &[]).ok(), "5\n/tmp\ny");
        end(bundle);
    });
}

#[test]
fn privileged_exec_mistakes() {
    privileged(|bundle| {
        bundle.file("etc/text", "words", 0o644);
        resting(bundle);
        let refused = |options: &[&str], command: &[&str], code: &str, words: &[&str]| {
            bundle.exec(options, command).refused_with(255, code, "", words);
        };
        refused(&[], &["nope"], "UR0502", &["`nope`", "No such file or directory"]);
        refused(&[], &["/etc/text"], "UR0503", &["Permission denied"]);
        refused(&["--cwd", "/nowhere"], &["true"], "UR0644", &["/nowhere"]);
        refused(&["--cwd", "here"], &["true"], "UR0506", &["not absolute"]);
        refused(&["-u", "70000"], &["true"], "UR0106", &["70000"]);
        refused(&["-u", "web"], &["true"], "UR0610", &["`web`"]);
        refused(&["-c", "CAP_FLY"], &["true"], "UR0508", &["CAP_FLY"]);
        refused(&["--cgroup", "nowhere"], &["true"], "UR0607", &["nowhere"]);
        refused(&["-p", "/no/such/file"], &[], "UR0642", &["ENOENT"]);
        let file = description(bundle, &json!({"user": {}, "cwd": "/", "args": ["nope"]}));
        refused(&["-p", &file], &[], "UR0502", &["process.json", "(args[0])"]);
        let file = description(bundle, &json!({"user": {}, "cwd": "/", "args": [7]}));
        refused(&["-p", &file], &[], "UR0642", &["`args[0]`"]);
        end(bundle);
        refused(&[], &["true"], "UR0602", &[&bundle.id]);
    });
}

#[test]
fn privileged_exec_needs_a_container_that_runs() {
    privileged(|bundle| {
        bundle.sh("exit 0").create().ok();
        bundle.verb("start", &[]).ok();
        bundle.wait_stopped();
        bundle.exec(&[], &["true"]).refused_with(255, "UR0603", "", &["container not running", "stopped"]);
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn privileged_exec_in_the_background() {
    privileged(|bundle| {
        resting(bundle);
        let file = bundle.outside().join("exec.pid");
        bundle.exec(&["-d", "--pid-file", file.to_str().unwrap()], &["sleep", "600"]).ok();
        let pid = fs::read_to_string(file).unwrap();
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        assert_eq!(line, "sleep\u{0}600\u{0}");
        let groups = |pid: &str| fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        assert_eq!(groups(&pid), groups(&bundle.pid().to_string()));
        end(bundle);
    });
}

#[test]
fn privileged_exec_hands_its_terminal_over() {
    privileged(|bundle| {
        resting(bundle);
        let path = bundle.outside().join("console");
        let listener = UnixListener::bind(&path).unwrap();
        let process = json!({"terminal": true, "consoleSize": {"height": 31, "width": 71}, "user": {"uid": 8, "gid": 0}, "cwd": "/",
            "args": ["sh", "-c", "tty; stat -c %u $(tty)"], "env": ["PATH=/bin"]});
        let file = description(bundle, &process);
        bundle.exec(&["-d", "-p", &file, "--console-socket", path.to_str().unwrap()], &[]).ok();
        let mut terminal = File::from(receive(&listener.accept().unwrap().0));
        let size = rustix::termios::tcgetwinsize(&terminal).unwrap();
        assert_eq!((size.ws_row, size.ws_col), (31, 71));
        assert_eq!(read_all(&mut terminal).replace('\r', ""), "/dev/pts/0\n8\n");
        bundle.exec(&["-d", "-t"], &["true"]).refused_with(255, "UR0511", "", &["--console-socket"]);
        bundle.exec(&["--console-socket", path.to_str().unwrap()], &["true"]).refused_with(
            255,
            "UR0511",
            "",
            &["--tty"],
        );
        end(bundle);
    });
}

/// Something else than a devpts lies on /dev/pts.
#[test]
fn privileged_exec_takes_no_terminal_from_a_false_devpts() {
    privileged(|bundle| {
        bundle.unmount("/dev/pts").mount("tmpfs", "tmpfs", "/dev/pts", &[]);
        bundle.sh("touch /dev/pts/ptmx; sleep 600").create().ok();
        bundle.verb("start", &[]).ok();
        bundle.exec(&["-t"], &["tty"]).refused_with(255, "UR0511", "", &["no devpts"]);
        end(bundle);
    });
}

#[test]
fn privileged_exec_without_devpts() {
    privileged(|bundle| {
        bundle.unmount("/dev/pts");
        resting(bundle);
        bundle.exec(&["-t"], &["tty"]).refused_with(255, "UR0511", "", &["/dev/pts"]);
        end(bundle);
    });
}

/// CVE-2024-21626: a directory of the host's by way of a descriptor.
#[test]
fn privileged_exec_leads_no_descriptor_into_the_container() {
    privileged(|bundle| {
        resting(bundle);
        for number in 3..32 {
            for path in ["/proc/self/fd", "/proc/1/fd", "/proc/thread-self/fd"] {
                let ran = bundle.exec(&["--cwd", &format!("{path}/{number}")], &["pwd"]);
                assert_eq!(ran.status, 255, "{}", ran.stdout);
            }
        }
        let open = bundle.exec(&[], &["sh", "-c", "ls /proc/$$/fd; :"]).ok().to_owned();
        assert_eq!(open, "0\n1\n2");
        end(bundle);
    });
}

/// CVE-2016-9962: while it enters, the process is nobody's to look into.
#[test]
fn privileged_exec_cannot_be_looked_into() {
    privileged(|bundle| {
        // All rights that there are in the container's user namespace.
        let all: Vec<String> = (0..=40).map(runtime::capability::name).collect();
        for set in ["bounding", "effective", "permitted"] {
            bundle.set(&format!("/process/capabilities/{set}"), json!(all));
        }
        let spy = "while :; do for pid in /proc/[0-9]*; do case $(readlink $pid/exe 2>/dev/null) in *unroot-runtime*) echo $pid seen;; esac; done; done";
        bundle.sh(spy).create().ok();
        bundle.verb("start", &[]).ok();
        for _ in 0..50 {
            bundle.exec(&[], &["true"]).ok();
        }
        assert_eq!(bundle.said(), "");
        end(bundle);
    });
}

#[test]
fn privileged_exec_hands_descriptors_on() {
    privileged(|bundle| {
        resting(bundle);
        let script = format!(
            "exec 3<<'X' 4>&1 5</dev/null\nhanded\nX\n{} --root {} exec --preserve-fds 2 {} sh -c 'cat <&3; exec >&4; ls /proc/$$/fd; :'",
            crate::call::program().display(),
            bundle.states().display(),
            bundle.id
        );
        let ran = crate::call::call(std::process::Command::new("sh").args(["-c", &script]), bundle.outside());
        assert_eq!(ran.ok(), "handed\n0\n1\n2\n3\n4");
        end(bundle);
    });
}

#[test]
fn privileged_exec_in_a_group_below() {
    privileged(|bundle| {
        resting(bundle);
        let own = fs::read_to_string(format!("/proc/{}/cgroup", bundle.pid())).unwrap();
        let Some(path) = own.lines().find_map(|line| line.split_once(":pids:").map(|(_, path)| path)) else {
            return end(bundle);
        };
        let group = PathBuf::from(format!("/sys/fs/cgroup/pids{path}/below"));
        fs::create_dir(&group).unwrap();
        let ran = bundle.exec(&["--cgroup", "pids:below"], &["sh", "-c", "grep :pids: /proc/self/cgroup"]);
        assert!(ran.ok().ends_with("/below"), "{}", ran.stdout);
        end(bundle);
    });
}

#[test]
fn rootless_exec_enters_all_namespaces() {
    rootless(|bundle| {
        bundle.sh(&format!("{{ {PROBE}; }}; echo end; sleep 600")).create().ok();
        bundle.verb("start", &[]).ok();
        assert!(wait_until(|| bundle.said().ends_with("end\n")));
        let without_groups =
            |text: &str| text.lines().filter(|line| !line.contains(":/")).map(str::to_owned).collect::<Vec<_>>();
        let ran = bundle.exec(&[], &["sh", "-c", &format!("{PROBE}; echo end")]);
        assert_eq!(without_groups(ran.ok()), without_groups(bundle.said().trim_end()));
        let terminal = bundle.exec(&["-t"], &["tty"]);
        assert_eq!(terminal.ok().replace('\r', ""), "/dev/pts/0");
        assert_eq!(bundle.exec(&[], &["sh", "-c", "exit 4"]).status, 4);
        bundle.exec(&[], &["nope"]).refused_with(255, "UR0502", "", &["`nope`"]);
        end(bundle);
    });
}
