//! Mounts that the kernel would refuse, or that lead elsewhere: PROBLEMS 1.6.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use crate::bundle::{Bundle, privileged};

fn place(bundle: &Bundle, target: &str) -> String {
    format!("mounts[{}]", bundle.mount_number(target))
}

#[test]
fn privileged_proc_without_a_pid_namespace() {
    privileged(|bundle| {
        bundle.without("pid").run().refused(
            "UR0311",
            &place(bundle, "/proc"),
            &["pid namespace", "{\"type\": \"pid\"}", "the host's"],
        );
    });
}

#[test]
fn privileged_proc_with_a_joined_pid_namespace() {
    privileged(|bundle| {
        bundle.namespace("pid", Some("/proc/self/ns/pid"));
        bundle.run().refused("UR0311", &place(bundle, "/proc"), &["another's"]);
    });
}

#[test]
fn privileged_mqueue_without_an_ipc_namespace() {
    privileged(|bundle| {
        bundle.without("ipc").run().refused("UR0314", &place(bundle, "/dev/mqueue"), &["{\"type\": \"ipc\"}"]);
    });
}

#[test]
fn privileged_a_source_that_is_not_there() {
    privileged(|bundle| {
        let source = bundle.outside().join("missing/deeper/file");
        bundle.mount("bind", &source, "/mnt", &["bind"]);
        let component = format!("`{}` does not exist", bundle.outside().join("missing").display());
        bundle.run().refused("UR0315", &format!("{}.source", place(bundle, "/mnt")), &[&component]);
    });
}

#[test]
fn privileged_an_option_that_is_none() {
    privileged(|bundle| {
        bundle.mount("bind", "/etc", "/mnt", &["bind", "readonly"]);
        bundle.run().refused("UR0316", &format!("{}.options[1]", place(bundle, "/mnt")), &["`readonly`"]);
        bundle.unmount("/mnt").mount("tmpfs", "tmpfs", "/mnt", &["nosuid", "sise=1m"]);
        let at = place(bundle, "/mnt");
        bundle.run().refused("UR0316", &format!("{at}.options[1]"), &["sise"]);
        bundle.nothing_is_left();
    });
}

#[test]
fn privileged_a_value_that_is_none() {
    privileged(|bundle| {
        bundle.mount("tmpfs", "tmpfs", "/mnt", &["size=many"]);
        bundle.run().refused("UR0316", &format!("{}.options[0]", place(bundle, "/mnt")), &["size"]);
    });
}

#[test]
fn privileged_a_file_system_that_is_none() {
    privileged(|bundle| {
        bundle.mount("nosuchfs", "none", "/mnt", &[]);
        bundle.run().refused("UR0307", &place(bundle, "/mnt"), &["`nosuchfs`"]);
    });
}

#[test]
fn privileged_a_file_system_that_user_namespaces_may_not_mount() {
    privileged(|bundle| {
        bundle.mount("debugfs", "none", "/mnt", &[]);
        bundle.run().refused("UR0307", &place(bundle, "/mnt"), &["`debugfs`", "user namespace"]);
    });
}

/// Makes one of the root filesystem's directories a link to a directory of the host, and asserts that this stays empty.
fn link_is_refused(name: &str) {
    privileged(|bundle| {
        let elsewhere = bundle.outside().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::set_permissions(&elsewhere, PermissionsExt::from_mode(0o777)).unwrap();
        fs::remove_dir(bundle.root().join(name)).unwrap();
        symlink(&elsewhere, bundle.root().join(name)).unwrap();
        let target = format!("/{name}");
        bundle.run().refused("UR0317", &place(bundle, &target), &[&format!("`{target}`"), "symbolic link"]);
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
        assert!(!bundle.root().join(elsewhere.strip_prefix("/").unwrap()).exists());
    });
}

#[test]
fn privileged_proc_is_a_link() {
    link_is_refused("proc");
}

#[test]
fn privileged_dev_is_a_link() {
    link_is_refused("dev");
}

#[test]
fn privileged_sys_is_a_link() {
    link_is_refused("sys");
}

#[test]
fn privileged_a_link_in_the_way_stays_inside() {
    privileged(|bundle| {
        let outside = bundle.outside().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::set_permissions(&outside, PermissionsExt::from_mode(0o777)).unwrap();
        symlink(&outside, bundle.root().join("absolute")).unwrap();
        symlink("../../../../../../../..", bundle.root().join("upwards")).unwrap();
        let inside = bundle.root().join(outside.strip_prefix("/").unwrap());
        fs::create_dir_all(&inside).unwrap();
        bundle.mount("tmpfs", "tmpfs", "/absolute/made", &[]).mount("tmpfs", "tmpfs", "/upwards/var", &[]);
        bundle.sh("echo x > /absolute/made/x && echo x > /var/x && echo both");
        assert_eq!(bundle.run().ok(), "both");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        assert!(inside.join("made").is_dir());
    });
}

#[test]
fn privileged_a_target_that_cannot_be_made() {
    privileged(|bundle| {
        bundle.mount("bind", "/etc/hostname", "/etc/passwd/below", &["bind"]);
        bundle.run().refused("UR0317", &place(bundle, "/etc/passwd/below"), &["`/etc/passwd/below`"]);
        bundle.nothing_is_left();
        bundle.unmount("/etc/passwd/below").mount("bind", "/etc", "/etc/passwd", &["rbind"]);
        bundle.run().refused("UR0317", &place(bundle, "/etc/passwd"), &["directory"]);
    });
}

#[test]
fn privileged_namespaces_that_cannot_be_joined() {
    privileged(|bundle| {
        let at = |bundle: &Bundle| {
            format!("linux.namespaces[{}].path", bundle.config["linux"]["namespaces"].as_array().unwrap().len() - 1)
        };
        bundle.remove("/hostname").namespace("uts", Some("/proc/self/ns/net"));
        bundle.run().refused("UR0410", &at(bundle), &["uts namespace", "it is a network namespace"]);
        bundle.namespace("uts", Some("/etc/passwd")).run().refused(
            "UR0410",
            &at(bundle),
            &["`/etc/passwd` is no namespace"],
        );
        bundle.namespace("uts", Some("/no/such/ns")).run().refused("UR0410", &at(bundle), &["`/no` does not exist"]);
        bundle.namespace("uts", Some("ns/uts")).run().refused("UR0410", &at(bundle), &["not absolute"]);
        assert!(Path::new("/etc/passwd").exists());
    });
}
