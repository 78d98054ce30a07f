//! Commands that cannot be executed: PROBLEMS 1.5. Each cause has its own code, and nothing is left.

use std::fs;

use serde_json::json;

use crate::bundle::{Bundle, privileged};

const PLACE: &str = "process.args[0]";

/// A refusal by `run`, and then the same one by `create` or `start`.
fn refused(bundle: &mut Bundle, command: &str, code: &str, words: &[&str]) {
    bundle.args(&[command, "word"]).run().refused(code, PLACE, words);
    bundle.nothing_is_left();
    let created = bundle.create();
    if created.status == 0 {
        bundle.verb("start", &[]).refused(code, PLACE, words);
        bundle.verb("delete", &["--force"]).ok();
    } else {
        created.refused(code, PLACE, words);
    }
    bundle.nothing_is_left();
}

#[test]
fn privileged_nothing_to_run() {
    privileged(|bundle| {
        bundle.args(&[]).run().refused("UR0501", "process.args", &["args"]);
        bundle.remove("/process/args").run().refused("UR0501", "process.args", &["args"]);
        bundle.args(&[""]).run().refused("UR0501", "process.args[0]", &["empty"]);
        bundle.remove("/process").run().refused("UR0501", "", &["process"]);
    });
}

#[test]
fn privileged_not_there() {
    privileged(|bundle| {
        refused(bundle, "no-such-command", "UR0502", &["`no-such-command`", "/usr/local/sbin"]);
        refused(bundle, "/bin/no-such-command", "UR0502", &["`/bin/no-such-command`"]);
        refused(bundle, "/etc/passwd/below", "UR0502", &["`/etc/passwd/below`"]);
    });
}

#[test]
fn privileged_not_executable() {
    privileged(|bundle| {
        bundle.file("bin/plain", "#!/bin/sh\n", 0o644);
        refused(bundle, "plain", "UR0503", &["/bin/plain", "0644", "chmod +x"]);
        refused(bundle, "/bin/plain", "UR0503", &["/bin/plain", "0644"]);
    });
}

#[test]
fn privileged_not_executable_for_this_user() {
    privileged(|bundle| {
        bundle.file("bin/roots", "#!/bin/sh\n", 0o700).set("/process/user", json!({"uid": 1000, "gid": 1000}));
        refused(bundle, "/bin/roots", "UR0503", &["0:0", "0700"]);
    });
}

#[test]
fn privileged_a_directory() {
    privileged(|bundle| refused(bundle, "/bin", "UR0503", &["directory"]));
}

#[test]
fn privileged_on_a_mount_without_execution() {
    privileged(|bundle| {
        bundle.mount("bind", bundle.root().join("bin"), "/var", &["rbind", "noexec", "idmap"]);
        refused(bundle, "/var/true", "UR0503", &["noexec"]);
    });
}

#[test]
fn privileged_an_empty_file() {
    privileged(|bundle| {
        bundle.file("bin/empty", "", 0o755);
        refused(bundle, "/bin/empty", "UR0503", &["empty"]);
    });
}

#[test]
fn privileged_neither_a_program_nor_a_script() {
    privileged(|bundle| {
        bundle.file("bin/words", "echo hello\n", 0o755);
        refused(bundle, "/bin/words", "UR0503", &["#!"]);
    });
}

#[test]
fn privileged_without_its_loader() {
    privileged(|bundle| {
        let program = fs::read("/bin/true").unwrap();
        bundle.file("bin/dynamic", program, 0o755);
        refused(bundle, "/bin/dynamic", "UR0504", &["/bin/dynamic", "ld-"]);
    });
}

#[test]
fn privileged_without_its_interpreter() {
    privileged(|bundle| {
        bundle.file("bin/script", "#!/usr/bin/python3 -u\n", 0o755);
        refused(bundle, "/bin/script", "UR0504", &["/usr/bin/python3", "first line"]);
    });
}

#[test]
fn privileged_with_the_line_ends_of_windows() {
    privileged(|bundle| {
        bundle.file("bin/script", "#!/bin/sh\r\necho\r\n", 0o755);
        refused(bundle, "/bin/script", "UR0504", &["`/bin/sh\\r`", "carriage return", "sed -i"]);
    });
}

#[test]
fn privileged_for_another_architecture() {
    privileged(|bundle| {
        let arm = cfg!(target_arch = "aarch64");
        let (machine, names) = if arm { (0x3e, ["x86-64", "is arm64"]) } else { (0xb7, ["arm64", "is x86-64"]) };
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(16, 0);
        program.extend([2, 0, machine, 0, 1, 0, 0, 0]);
        program.resize(64, 0);
        bundle.file("bin/foreign", program, 0o755);
        refused(bundle, "/bin/foreign", "UR0505", &names);
    });
}

#[test]
fn privileged_working_directories_that_cannot_be() {
    privileged(|bundle| {
        bundle.set("/process/cwd", "relative").run().refused("UR0506", "process.cwd", &["`relative`"]);
        bundle.nothing_is_left();
        bundle.set("/process/cwd", "/etc/passwd").run().refused("UR0506", "process.cwd", &["/etc/passwd"]);
        bundle.nothing_is_left();
        let user = json!({"uid": 1000, "gid": 1000});
        bundle.file("root/x", "", 0o644).set("/process/user", user).set("/process/cwd", "/root/closed").args(&["pwd"]);
        assert_eq!(bundle.run().ok(), "/root/closed");
    });
}
