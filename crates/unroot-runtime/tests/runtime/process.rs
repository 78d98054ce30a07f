//! `process`, and what else makes the command what it is.

use serde_json::json;

use crate::bundle::{Bundle, privileged};

#[test]
fn privileged_exit_statuses() {
    privileged(|bundle| {
        assert_eq!(bundle.sh("exit 0").run().status, 0);
        assert_eq!(bundle.sh("exit 7").run().status, 7);
        assert_eq!(bundle.sh("exit 255").run().status, 255);
    });
}

#[test]
fn privileged_the_end_by_a_signal() {
    privileged(|bundle| {
        let mut run = bundle.sh("sleep 60").making("run").stdin(std::process::Stdio::null()).spawn().unwrap();
        assert!(crate::call::wait_until(|| bundle.is("running")));
        bundle.verb("kill", &["KILL"]).ok();
        assert_eq!(crate::call::wait(&mut run), 128 + 9);
    });
}

#[test]
fn privileged_signals_are_passed_on() {
    privileged(|bundle| {
        bundle.sh("trap 'exit 5' USR1; touch /dev/shm/ready; while :; do sleep 0.01; done");
        let mut run = bundle.making("run").stdin(std::process::Stdio::null()).spawn().unwrap();
        let ready = |bundle: &Bundle| {
            bundle.is("running") && std::path::Path::new(&format!("/proc/{}/root/dev/shm/ready", bundle.pid())).exists()
        };
        assert!(crate::call::wait_until(|| ready(bundle)));
        rustix::process::kill_process(rustix::process::Pid::from_child(&run), rustix::process::Signal::USR1).unwrap();
        assert_eq!(crate::call::wait(&mut run), 5);
    });
}

#[test]
fn privileged_environment_and_words() {
    privileged(|bundle| {
        bundle.set("/process/env/-", "A=b c=d").set("/process/env/-", "EMPTY=");
        bundle.args(&["sh", "-c", "echo \"$A|${EMPTY-unset}|${HOME_OF_HOST-unset}|$0|$1\"", "zero", "one two"]);
        assert_eq!(bundle.run().ok(), "b c=d||unset|zero|one two");
    });
}

#[test]
fn privileged_working_directory_is_made() {
    privileged(|bundle| {
        bundle.set("/process/cwd", "/srv/deep/er").sh("pwd; stat -c %u:%a .");
        assert_eq!(bundle.run().ok(), "/srv/deep/er\n0:755");
    });
}

#[test]
fn privileged_user_and_groups() {
    privileged(|bundle| {
        let user = json!({"uid": 1000, "gid": 1001, "additionalGids": [5, 2000], "umask": 0o027});
        bundle
            .set("/process/user", user)
            .sh("id -u; id -g; id -G; umask; cd /dev/shm && touch x && stat -c %u:%g:%a x");
        assert_eq!(bundle.run().ok(), "1000\n1001\n1001 5 2000\n0027\n1000:1001:640");
    });
}

#[test]
fn privileged_host_ids_of_a_user() {
    privileged(|bundle| {
        bundle.set("/process/user/uid", 1000).sh("cat /proc/self/uid_map; sleep 60");
        bundle.create().ok();
        bundle.verb("start", &[]).ok();
        let status = std::fs::read_to_string(format!("/proc/{}/status", bundle.pid())).unwrap();
        assert!(status.contains("Uid:\t525288\t525288\t525288\t525288"), "{status}");
        bundle.verb("delete", &["--force"]).ok();
    });
}

#[test]
fn privileged_all_five_sets_of_capabilities() {
    privileged(|bundle| {
        let sets = json!({
            "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SYS_CHROOT"],
            "permitted": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
            "inheritable": ["CAP_CHOWN", "CAP_NET_RAW"],
            "effective": ["CAP_CHOWN", "CAP_KILL"],
            "ambient": ["CAP_CHOWN"],
        });
        bundle.set("/process/capabilities", sets).set("/process/user", json!({"uid": 1000, "gid": 1000}));
        bundle.args(&["grep", "^Cap", "/proc/self/status"]);
        // The exec of a user that is not root leaves the ambient ones; what is inheritable and what bounds stays.
        let ours = "CapInh:\t0000000000002001\nCapPrm:\t0000000000000001\nCapEff:\t0000000000000001\nCapBnd:\t0000000000042021\nCapAmb:\t0000000000000001";
        assert_eq!(bundle.run().ok(), ours);
        bundle.set("/process/user", json!({"uid": 0, "gid": 0})).set("/process/capabilities/ambient", json!([]));
        // Root gets what is inheritable or bounds; but not with noNewPrivileges, which lets no exec add anything.
        bundle.set("/process/noNewPrivileges", false);
        let roots = "CapInh:\t0000000000002001\nCapPrm:\t0000000000042021\nCapEff:\t0000000000042021\nCapBnd:\t0000000000042021\nCapAmb:\t0000000000000000";
        assert_eq!(bundle.run().ok(), roots);
    });
}

#[test]
fn privileged_without_capabilities_there_are_none() {
    privileged(|bundle| {
        bundle.remove("/process/capabilities").args(&["grep", "-E", "^Cap(Prm|Eff|Bnd)", "/proc/self/status"]);
        let zero = "0000000000000000";
        assert_eq!(bundle.run().ok(), format!("CapPrm:\t{zero}\nCapEff:\t{zero}\nCapBnd:\t{zero}"));
    });
}

#[test]
fn privileged_a_capability_of_the_future_is_left_out() {
    privileged(|bundle| {
        bundle.set("/process/capabilities/bounding/-", "CAP_OF_THE_FUTURE").args(&["true"]);
        let place = "process.capabilities.bounding[3]";
        bundle.run().warned("UR0508", place, &["CAP_OF_THE_FUTURE"]);
    });
}

#[test]
fn privileged_limits() {
    privileged(|bundle| {
        let limit = |kind: &str, soft: u64, hard: u64| json!({"type": kind, "soft": soft, "hard": hard});
        bundle.set(
            "/process/rlimits",
            json!([
                limit("RLIMIT_NOFILE", 100, 200),
                limit("RLIMIT_CORE", 0, 0),
                limit("RLIMIT_STACK", 1 << 20, u64::MAX)
            ]),
        );
        bundle.sh("ulimit -Sn; ulimit -Hn; ulimit -Hc; ulimit -Ss; ulimit -Hs");
        assert_eq!(bundle.run().ok(), "100\n200\n0\n1024\nunlimited");
    });
}

/// Root may lack it in a container, or in a sandbox.
fn may_raise_limits() -> bool {
    use rustix::thread::{CapabilitySet, capabilities};
    capabilities(None).unwrap().effective.contains(CapabilitySet::SYS_RESOURCE)
}

#[test]
fn privileged_a_hard_limit_above_the_callers() {
    privileged(|bundle| {
        if !may_raise_limits() {
            return println!("skipped: it needs CAP_SYS_RESOURCE");
        }
        let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
        let Some(above) = hard.and_then(|hard| hard.checked_add(16)).filter(|above| *above <= 1 << 20) else {
            return println!("skipped: the hard limit of open files is the highest there is");
        };
        bundle.set("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 64, "hard": above}])).sh("ulimit -Hn");
        assert_eq!(bundle.run().ok(), above.to_string());
    });
}

#[test]
fn privileged_no_new_privileges() {
    privileged(|bundle| {
        bundle.args(&["grep", "NoNewPrivs", "/proc/self/status"]);
        assert_eq!(bundle.run().ok(), "NoNewPrivs:\t1");
        assert_eq!(bundle.set("/process/noNewPrivileges", false).run().ok(), "NoNewPrivs:\t0");
    });
}

#[test]
fn privileged_oom_score_adjustment() {
    privileged(|bundle| {
        bundle.args(&["cat", "/proc/self/oom_score_adj"]);
        assert_eq!(bundle.set("/process/oomScoreAdj", 321).run().ok(), "321");
        bundle.set("/process/oomScoreAdj", -7);
        if may_raise_limits() {
            assert_eq!(bundle.run().ok(), "-7");
        } else {
            bundle.run().refused("UR0512", "process.oomScoreAdj", &["-7", "CAP_SYS_RESOURCE"]);
        }
    });
}

#[test]
fn privileged_names_of_the_host() {
    privileged(|bundle| {
        bundle.set("/hostname", "inside").set("/domainname", "example.org");
        bundle.args(&["cat", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"]);
        assert_eq!(bundle.run().ok(), "inside\nexample.org");
    });
}

#[test]
fn privileged_kernel_parameters() {
    privileged(|bundle| {
        bundle.set(
            "/linux/sysctl",
            json!({"net.ipv4.ip_forward": "1", "net.ipv4.conf.lo.forwarding": "1", "kernel.shmmni": "77"}),
        );
        bundle.args(&[
            "cat",
            "/proc/sys/net/ipv4/ip_forward",
            "/proc/sys/net/ipv4/conf/lo/forwarding",
            "/proc/sys/kernel/shmmni",
        ]);
        assert_eq!(bundle.run().ok(), "1\n1\n77");
    });
}

#[test]
fn privileged_descriptors_are_preserved_on_request_alone() {
    privileged(|bundle| {
        // The shell opens two descriptors and becomes the runtime.
        bundle.sh("cat <&3; ls /proc/self/fd | wc -l; (cat <&4) 2>/dev/null || echo closed");
        let run = |bundle: &Bundle| {
            let run = bundle.making("run");
            let mut shell = std::process::Command::new("/bin/sh");
            shell
                .args(["-c", "exec \"$0\" \"$@\" 3</etc/hostname 4</etc/hostname"])
                .arg(run.get_program())
                .args(run.get_args());
            shell.env(crate::call::MARK, &bundle.id);
            crate::call::call(&mut shell, bundle.outside())
        };
        let name = std::fs::read_to_string("/etc/hostname").unwrap();
        assert_eq!(run(bundle.option(&["--preserve-fds", "1"])).ok(), format!("{name}5\nclosed"));
        let both = run(bundle.option(&["--preserve-fds", "2"]));
        assert_eq!(both.ok(), format!("{name}6\n{}", name.trim_end()));
    });
}
