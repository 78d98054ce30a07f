//! The whole text of the most important diagnostics, for a person to judge.
//!
//! `INSTA_UPDATE=always` writes what is printed now into `snapshots/`.

use std::fs;

use serde_json::json;

use crate::{
    bundle::{Bundle, privileged},
    call::Ran,
    root_filesystem::give,
};

/// What people see, with the places of the temporary directory taken out.
fn text(bundle: &Bundle, ran: &Ran) -> String {
    let text = ran.stderr.replace(bundle.outside().to_str().unwrap(), "[…]").replace(&bundle.id, "[id]");
    // The descriptors of calls are numbered as it happens.
    format!("exit status {}\n\n{text}", ran.status)
}

macro_rules! shows {
    ($name:ident, $change:expr) => {
        #[test]
        fn $name() {
            privileged(|bundle| {
                let change: fn(&mut Bundle) = $change;
                change(bundle);
                insta::assert_snapshot!(stringify!($name), text(bundle, &bundle.run()));
            });
        }
    };
}

shows!(privileged_text_of_a_relative_path, |bundle| {
    fs::create_dir(bundle.path().join("empty")).unwrap();
    bundle.set("/root/path", "empty");
});

shows!(privileged_text_of_no_root_filesystem, |bundle| {
    bundle.set("/root/path", "missing/rootfs");
});

shows!(privileged_text_of_files_that_are_not_shifted, |bundle| {
    bundle.remove("/annotations");
});

shows!(privileged_text_of_files_of_another_base, |bundle| {
    give(&bundle.root(), 100_000);
    bundle.remove("/annotations");
});

shows!(privileged_text_of_flattened_files, |bundle| {
    bundle.file("etc/group", "root:x:0:\nshadow:x:42:\n", 0o644).file("etc/shadow", "root:*::0:::::\n", 0o640);
    bundle.file("bin/su", "", 0o755).shifted().args(&["true"]);
});

shows!(privileged_text_of_missing_mappings, |bundle| {
    bundle.remove("/linux/uidMappings").remove("/linux/gidMappings");
});

shows!(privileged_text_of_mappings_alone, |bundle| {
    bundle.without("user");
});

shows!(privileged_text_of_overlapping_extents, |bundle| {
    bundle.map(&[[0, 524_288, 1000], [999, 600_000, 10]]);
});

shows!(privileged_text_of_a_map_without_root, |bundle| {
    bundle.map(&[[101, 996, 1]]).set("/process/user", json!({"uid": 101, "gid": 101}));
});

shows!(privileged_text_of_a_user_who_is_left_out, |bundle| {
    bundle.map(&[[0, 524_288, 1000]]).set("/process/user/uid", 1000);
});

shows!(privileged_text_of_no_command, |bundle| {
    bundle.args(&["bash", "-c", "id"]);
});

shows!(privileged_text_of_a_file_that_is_not_executable, |bundle| {
    bundle.file("bin/entrypoint.sh", "#!/bin/sh\n", 0o644).args(&["/bin/entrypoint.sh"]);
});

shows!(privileged_text_of_a_script_from_windows, |bundle| {
    bundle.file("bin/entrypoint.sh", "#!/bin/sh\r\n", 0o755).args(&["/bin/entrypoint.sh"]);
});

shows!(privileged_text_of_a_missing_interpreter, |bundle| {
    bundle.file("bin/serve", "#!/usr/bin/python3\n", 0o755).args(&["/bin/serve"]);
});

shows!(privileged_text_of_proc_without_a_pid_namespace, |bundle| {
    bundle.without("pid");
});

shows!(privileged_text_of_the_hosts_network, |bundle| {
    bundle.without("network").args(&["true"]);
});

shows!(privileged_text_of_a_missing_source, |bundle| {
    bundle.mount("bind", "/no/such/source", "/mnt", &["rbind", "ro"]);
});

shows!(privileged_text_of_an_unknown_option, |bundle| {
    bundle.mount("bind", "/etc", "/mnt", &["bind", "readonly"]);
});

shows!(privileged_text_of_a_linked_proc, |bundle| {
    fs::remove_dir(bundle.root().join("proc")).unwrap();
    std::os::unix::fs::symlink("/tmp", bundle.root().join("proc")).unwrap();
});

shows!(privileged_text_of_a_failing_hook, |bundle| {
    let script = "echo cannot reach the firewall >&2; exit 3";
    bundle.set("/hooks/createRuntime", json!([{"path": "/bin/sh", "args": ["sh", "-c", script]}]));
});

shows!(privileged_text_of_seccomp, |bundle| {
    let rule = json!({"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"});
    bundle.set("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}));
});
