//! The runtime in the hands of an ordinary user.

use std::{fs, os::unix::fs::MetadataExt, path::Path, process::Command};

use rustix::process::{getgid, getuid};

use crate::{
    bundle::{Bundle, with_bundle},
    call::{Ran, call, program},
};

/// Runs a test that root cannot be used for, if this is an ordinary user.
pub fn rootless(test: impl FnOnce(&mut Bundle)) {
    if getuid().is_root() {
        return println!("skipped: it needs an ordinary user");
    }
    with_bundle(&["--rootless"], test);
}

/// The first of the ids that a file lends to this user, if there are as many as a test needs.
fn lent(file: &str) -> Option<u32> {
    let (name, uid) = (std::env::var("USER").unwrap_or_default(), getuid().to_string());
    fs::read_to_string(file).ok()?.lines().find_map(|line| {
        let (owner, range) = line.split_once(':')?;
        let (first, count) = range.split_once(':')?;
        let enough = count.parse::<u32>().ok()? >= 1000;
        ((owner == name || owner == uid) && enough).then(|| first.parse().ok())?
    })
}

/// Runs a test whose container has 1000 further ids; it is told the first of them.
fn with_lent_ids(test: impl FnOnce(&mut Bundle, u32)) {
    rootless(|bundle| {
        let (Some(uid), Some(gid)) = (lent("/etc/subuid"), lent("/etc/subgid")) else {
            return println!("skipped: no ids are lent to this user in /etc/subuid and /etc/subgid");
        };
        bundle.map(&[[0, getuid().as_raw(), 1], [1, uid, 1000]]);
        bundle.set("/linux/gidMappings/0/hostID", getgid().as_raw()).set("/linux/gidMappings/1/hostID", gid);
        test(bundle, uid);
    });
}

#[test]
fn rootless_with_the_own_id_alone() {
    rootless(|bundle| {
        bundle.sh("cat /proc/self/uid_map; id -u; stat -c %u:%g /etc/passwd; cat /proc/self/setgroups");
        let seen = bundle.run().ok().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(seen, ["0", &getuid().to_string(), "1", "0", "0:0", "deny"]);
    });
}

#[test]
fn rootless_files_are_the_users_own() {
    rootless(|bundle| {
        bundle.set("/root/readonly", false).sh("echo x > /tmp/made").run().ok();
        let made = fs::metadata(bundle.root().join("tmp/made")).unwrap();
        assert_eq!((made.uid(), made.gid()), (getuid().as_raw(), getgid().as_raw()));
    });
}

#[test]
fn rootless_the_usual_file_systems() {
    rootless(|bundle| {
        let script = "awk '$5 ~ \"^/(proc|dev|sys)(/(pts|shm|mqueue))?$\" { print $5, $(NF-2) }' /proc/self/mountinfo; echo x > /dev/null; tty";
        let ran = bundle.sh(script).run();
        assert_eq!(
            ran.stdout,
            "/proc proc\n/dev tmpfs\n/dev/pts devpts\n/dev/shm tmpfs\n/dev/mqueue mqueue\n/sys sysfs\nnot a tty\n"
        );
    });
}

#[test]
fn rootless_a_whole_life() {
    rootless(|bundle| {
        bundle.sh("echo begun; trap 'exit 3' TERM; while :; do sleep 0.01; done").create().ok();
        assert_eq!(bundle.state()["status"], "created");
        bundle.verb("start", &[]).ok();
        assert!(crate::call::wait_until(|| bundle.said() == "begun\n"));
        assert_eq!(bundle.state()["owner"], getuid().to_string());
        bundle.verb("kill", &["TERM"]).ok();
        bundle.wait_stopped();
        bundle.verb("delete", &[]).ok();
    });
}

#[test]
fn rootless_a_command_that_start_cannot_execute() {
    rootless(|bundle| {
        bundle.file("bin/script", "#!/no/such/interpreter\n", 0o755).args(&["/bin/script"]).create().ok();
        bundle.verb("start", &[]).refused("UR0504", "process.args[0]", &["/no/such/interpreter"]);
        bundle.verb("delete", &["--force"]).ok();
    });
}

#[test]
fn rootless_with_lent_ids() {
    with_lent_ids(|bundle, first| {
        bundle.set("/root/readonly", false).set("/process/capabilities/effective/-", "CAP_CHOWN");
        bundle
            .set("/process/capabilities/permitted/-", "CAP_CHOWN")
            .set("/process/capabilities/bounding/-", "CAP_CHOWN");
        bundle.sh("wc -l < /proc/self/uid_map; echo x > /tmp/made; chown 33 /tmp/made; stat -c %u /tmp/made");
        assert_eq!(bundle.run().ok(), "2\n33");
        assert_eq!(fs::metadata(bundle.root().join("tmp/made")).unwrap().uid(), first + 32);
        // What belongs to a lent id only the container can remove.
        bundle.args(&["rm", "/tmp/made"]).set("/process/capabilities/effective/-", "CAP_DAC_OVERRIDE");
        bundle.set("/process/capabilities/permitted/-", "CAP_DAC_OVERRIDE").run().ok();
    });
}

#[test]
fn rootless_as_a_lent_user() {
    with_lent_ids(|bundle, _| {
        bundle.set("/process/user", serde_json::json!({"uid": 33, "gid": 44, "additionalGids": [55]}));
        assert_eq!(bundle.sh("id -u; id -G").run().ok(), "33\n44 55");
    });
}

#[test]
fn rootless_ids_that_are_not_lent() {
    rootless(|bundle| {
        bundle.map(&[[0, getuid().as_raw(), 1], [1, 4_000_000_000, 1000]]);
        bundle.run().refused("UR0203", "", &["newuidmap", "4000000000", "/etc/subuid"]);
    });
}

#[test]
fn rootless_without_newuidmap() {
    with_lent_ids(|bundle, _| {
        let ran = call(bundle.making("run").env("PATH", "/nonexistent"), bundle.outside());
        ran.refused("UR0204", "", &["newuidmap", "apt"]);
    });
}

#[test]
fn rootless_a_directory_that_cannot_be_searched() {
    rootless(|bundle| {
        let Some(closed) = closed_directory() else {
            return println!("skipped: every user may search /root");
        };
        let words = ["`/root`", &format!("uid {}", getuid())[..], "belongs to 0:0", &closed, "chmod o+x /root"];
        let path = bundle.root();
        bundle.set("/root/path", "/root/bundle/rootfs").run().refused("UR0408", "root.path", &words);
        bundle.set("/root/path", path.to_str().unwrap()).mount("bind", "/root/file", "/mnt", &["bind"]);
        let place = format!("mounts[{}].source", bundle.mount_number("/mnt"));
        bundle.run().refused("UR0408", &place, &words);
    });
}

#[test]
fn rootless_no_user_namespace_is_joined() {
    rootless(|first| {
        first.create().ok();
        rootless(|second| {
            second.namespace("user", Some(&format!("/proc/{}/ns/user", first.pid())));
            second.run().refused("UR0411", "linux.namespaces[6].path", &["ordinary user"]);
        });
        first.verb("delete", &["--force"]).ok();
    });
}

#[test]
fn rootless_a_namespace_of_a_stranger() {
    rootless(|bundle| {
        bundle.namespace("ipc", Some("/proc/1/ns/ipc"));
        bundle.run().refused("UR0410", "linux.namespaces[6].path", &["`/proc/1/ns/ipc`", "trace"]);
    });
}

/// The mode of /root, if it keeps this user out.
fn closed_directory() -> Option<String> {
    let mode = fs::metadata("/root").ok()?.mode() & 0o7777;
    fs::metadata("/root/file")
        .is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied)
        .then(|| format!("mode {mode:04o}"))
}

/// Runs the container below two further user namespaces: in the first a tmpfs is mounted, over which the second, the
/// runtime's own, has no power.
fn run_below(bundle: &Bundle, mounted: &Path) -> Ran {
    let making = bundle.making("run");
    let script =
        "mount -t tmpfs -o nosuid,nodev,noexec,mode=755 tmpfs \"$0\" && exec setpriv --bounding-set -sys_admin \"$@\"";
    let mut outer = Command::new("unshare");
    outer.args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", script]).arg(mounted).arg(program());
    outer.args(making.get_args()).env(crate::call::MARK, &bundle.id);
    call(&mut outer, bundle.outside())
}

#[test]
fn rootless_locked_flags_are_kept() {
    rootless(|bundle| {
        let mounted = bundle.outside().join("mounted");
        fs::create_dir(&mounted).unwrap();
        bundle.map(&[[0, 0, 1]]).mount("bind", &mounted, "/mnt", &["rbind", "suid", "dev", "exec", "ro"]);
        bundle.args(&["awk", "$5 == \"/mnt\" { print $6 }", "/proc/self/mountinfo"]);
        let ran = run_below(bundle, &mounted);
        assert_eq!(ran.ok(), "ro,nosuid,nodev,noexec,relatime");
    });
}
