//! Capabilities, security options, groups, devices.

use super::{refused, script};
use crate::home::Home;

fn sets(home: &Home, options: &[&str]) -> Vec<String> {
    let said = script(home, options, "grep Cap /proc/self/status");
    said.lines()
        .map(|line| line.split_whitespace().last().unwrap_or_default().trim_start_matches('0').to_owned())
        .collect()
}

#[test]
fn privileged_capabilities_one_by_one() {
    let Some(home) = Home::privileged() else { return };
    assert_eq!(
        sets(&home, &["--cap-drop", "all", "--cap-add", "chown,CAP_NET_BIND_SERVICE"]),
        ["", "401", "401", "401", ""]
    );
    assert_eq!(sets(&home, &["-u", "redis", "--cap-drop=all", "--cap-add=net_admin"]), ["1000"; 5]);
    let all = sets(&home, &["--cap-add", "all", "--cap-drop", "kill"]);
    assert!(all[1] == all[2] && all[1] == all[3] && all[1].len() >= 9 && all[1].ends_with("df"), "{all:?}");
    refused(&home, "UR0834", &[&["--cap-add", "fly"], &["--cap-drop", "net_admn"]]);
    refused(&home, "UR0830", &[&["--cap-add=all", "--cap-drop=all"], &["--cap-add=kill", "--cap-drop=KILL"]]);
    home.assert_empty();
}

#[test]
fn privileged_security_options() {
    let Some(home) = Home::privileged() else { return };
    let options =
        ["--security-opt=no-new-privileges", "--security-opt=unmask=/proc/sys", "--security-opt=mask=/etc/group"];
    let look = "grep -c NoNewPrivs:.1 /proc/self/status; cat /etc/group; grep -c ' /proc/sys ' /proc/mounts || true";
    assert_eq!(script(&home, &options, look), "1\n0\n");
    let said = script(&home, &["--security-opt", "systempaths=unconfined"], "grep -c ' /proc/' /proc/mounts || true");
    assert_eq!(said, "0\n");
    let said = script(&home, &["--security-opt=proc-opts=hidepid=2"], "grep -c ' /proc .*hidepid' /proc/mounts");
    assert_eq!(said, "1\n");
    let filter = |options: &[&str]| script(&home, options, "grep Seccomp: /proc/self/status");
    assert_eq!((filter(&[]).trim(), filter(&["--privileged"]).trim()), ("Seccomp:\t2", "Seccomp:\t0"));
    assert_eq!(filter(&["--security-opt", "seccomp=unconfined"]), "Seccomp:\t0\n");
    let profile = home.path("profile.json");
    let text = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO",
        "errnoRet":1,"excludes":{"caps":["CAP_SYS_ADMIN"]}}]}"#;
    std::fs::write(&profile, text).expect("a file");
    let option = format!("--security-opt=seccomp={}", profile.display());
    assert_eq!(script(&home, &[&option], "mkdir /x 2>/dev/null || echo no"), "no\n");
    assert_eq!(script(&home, &[&option, "--cap-add=sys_admin"], "mkdir /x && echo yes"), "yes\n");
    refused(&home, "UR0806", &[&["--security-opt", "fly"], &["--security-opt", "mask=relative"]]);
    refused(&home, "UR0831", &[&["--security-opt", "seccomp=/no/such/profile"]]);
    home.assert_empty();
}

#[test]
fn privileged_further_groups() {
    let Some(home) = Home::privileged() else { return };
    assert_eq!(script(&home, &["--group-add", "logs,7"], "id -G"), "0 7 40\n");
    refused(&home, "UR0507", &[&["--group-add", "nobody-knows-it"]]);
    refused(&home, "UR0830", &[&["--group-add", "keep-groups", "--group-add", "logs"]]);
    home.assert_empty();
}

/// The node belongs to whom it belongs on the host, by number: so the container's root may open it.
#[test]
fn privileged_devices_of_the_host() {
    let Some(home) = Home::privileged() else { return };
    let said = script(
        &home,
        &["--device", "/dev/null:/dev/nothing:r"],
        "stat -c '%F %u %t:%T' /dev/nothing; : < /dev/nothing",
    );
    assert_eq!(said, "character special file 0 1:3\n");
    refused(&home, "UR0835", &[&["--device", "/dev/no-such"], &["--device", "/etc/passwd"]]);
    refused(&home, "UR0806", &[&["--device", "null"], &["--device-cgroup-rule", "c 1 r"]]);
    home.assert_empty();
}

#[test]
fn rootless_groups_that_are_kept() {
    let Some(home) = Home::rootless() else { return };
    let groups = |words: &[&str]| home.says(&[&["run", "--rm"], words, &["box", "id", "-G"]].concat());
    // The caller's further groups have no number in the container.
    let own = rustix::process::getgroups().expect("groups").len();
    let kept = groups(&["--group-add", "keep-groups"]);
    assert!(own <= 1 || kept.contains("65534"), "{own}: {kept}");
    assert!(!groups(&[]).contains("65534"));
    home.assert_empty();
}
