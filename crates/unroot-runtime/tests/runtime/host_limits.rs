//! What the host forbids, made in a namespace of the test's own.

use std::process::Command;

use crate::{
    bundle::{Bundle, privileged},
    call::{Ran, call},
};

/// Calls `run` after a script has prepared the namespaces that `unshare` made.
fn run_within(bundle: &Bundle, unshare: &[&str], script: &str) -> Ran {
    let run = bundle.making("run");
    let mut command = Command::new("unshare");
    command.args(unshare).args(["sh", "-c", &format!("{script} && exec \"$0\" \"$@\"")]);
    command.arg(run.get_program()).args(run.get_args());
    for (name, value) in run.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    call(&mut command, bundle.outside())
}

#[test]
fn privileged_no_user_namespace_is_left() {
    privileged(|bundle| {
        bundle.args(&["true"]).unmount("/dev/pts").remove("/annotations").map(&[[0, 0, 1]]);
        let ran = run_within(bundle, &["-Urm"], "echo 0 > /proc/sys/user/max_user_namespaces");
        ran.refused("UR0206", "", &["user.max_user_namespaces is 0", "sysctl -w", "ENOSPC"]);
    });
}

#[test]
fn privileged_a_mount_below_blocks_a_recursive_idmap() {
    privileged(|bundle| {
        let source = bundle.outside().join("source");
        std::fs::create_dir_all(source.join("below")).unwrap();
        bundle.args(&["true"]).mount("bind", &source, "/tmp", &["rbind", "ridmap"]);
        let script = format!("mount -t ramfs none '{}'", source.join("below").display());
        let ran = run_within(bundle, &["-m"], &script);
        ran.refused("UR0306", "mounts[7]", &["source/below", "ramfs", "`idmap` instead of `ridmap`"]);
    });
}
