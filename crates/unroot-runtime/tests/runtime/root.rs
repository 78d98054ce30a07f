//! Where a root filesystem may lie, and whose ids its files may carry.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
};

use crate::bundle::{BASE, Bundle, privileged};

/// What shows that the map is right: the ids of the process, and those of a file.
const WHO: &str = "id -u; id -g; stat -c %u:%g /etc/passwd; echo here > /tmp/made";

fn runs_as_root(bundle: &mut Bundle) {
    bundle.set("/root/readonly", false).sh(WHO);
    assert_eq!(bundle.run().ok(), "0\n0\n0:0");
}

fn owner_of_made(bundle: &Bundle) -> (u32, u32) {
    let made = fs::metadata(bundle.root().join("tmp/made")).unwrap();
    (made.uid(), made.gid())
}

#[test]
fn privileged_relative_path() {
    privileged(runs_as_root);
}

#[test]
fn privileged_absolute_path() {
    privileged(|bundle| runs_as_root(bundle.set("/root/path", bundle.root().to_str().unwrap())));
}

#[test]
fn privileged_below_a_directory_of_somebody_else() {
    privileged(|bundle| {
        let closed = bundle.outside().join("closed");
        fs::create_dir(&closed).unwrap();
        chown(&closed, Some(12_345), Some(12_345)).unwrap();
        fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
        fs::rename(bundle.root(), closed.join("rootfs")).unwrap();
        bundle.set("/root/path", closed.join("rootfs").to_str().unwrap());
        runs_as_root(bundle);
        let modes = fs::metadata(&closed).unwrap();
        assert_eq!((modes.uid(), modes.mode() & 0o7777), (12_345, 0o700));
    });
}

#[test]
fn privileged_below_a_directory_of_somebody_else_shifted() {
    privileged(|bundle| {
        bundle.shifted();
        fs::set_permissions(bundle.outside(), PermissionsExt::from_mode(0o700)).unwrap();
        chown(bundle.outside(), Some(12_345), Some(12_345)).unwrap();
        runs_as_root(bundle);
    });
}

#[test]
fn privileged_files_keep_the_ids_of_the_container() {
    privileged(|bundle| {
        runs_as_root(bundle);
        assert_eq!(owner_of_made(bundle), (0, 0));
    });
}

#[test]
fn privileged_idmap_root_as_an_option() {
    privileged(|bundle| {
        bundle.remove("/annotations").option(&["--idmap-root"]);
        runs_as_root(bundle);
        assert_eq!(owner_of_made(bundle), (0, 0));
    });
}

#[test]
fn privileged_shifted_files() {
    privileged(|bundle| {
        runs_as_root(bundle.shifted());
        assert_eq!(owner_of_made(bundle), (BASE, BASE));
    });
}

#[test]
fn privileged_readonly_root() {
    privileged(|bundle| {
        bundle.sh("touch /tmp/x; touch /dev/shm/x && echo made");
        let ran = bundle.run();
        assert_eq!(ran.ok(), "made");
        assert!(ran.stderr.contains("Read-only file system"), "{}", ran.stderr);
    });
}

#[test]
fn privileged_without_pivot_root() {
    privileged(|bundle| {
        bundle.option(&["--no-pivot"]);
        runs_as_root(bundle);
    });
}

#[test]
fn privileged_without_a_user_namespace() {
    privileged(|bundle| {
        bundle.without_map().sh("cat /proc/self/uid_map; id -u");
        let ran = bundle.run();
        assert_eq!(ran.ok().split_whitespace().collect::<Vec<_>>(), ["0", "0", "4294967295", "0"]);
    });
}
