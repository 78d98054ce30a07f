//! Root filesystems that are not there, or do not fit the map: PROBLEMS 1.1 to 1.3.

use std::{
    fs,
    os::unix::fs::{lchown, symlink},
};

use crate::{
    bundle::{BASE, privileged},
    root_filesystem::give,
};

const PLACE: &str = "root.path";

#[test]
fn privileged_a_relative_path_that_leads_to_nothing() {
    privileged(|bundle| {
        bundle.set("/root/path", "other/rootfs");
        let missing = bundle.path().join("other");
        let words = [&format!("`{}` does not exist", missing.display())[..], "relative", "absolute"];
        bundle.run().refused("UR0403", PLACE, &words);
    });
}

#[test]
fn privileged_a_relative_path_that_leads_to_an_empty_directory() {
    privileged(|bundle| {
        fs::create_dir(bundle.path().join("empty")).unwrap();
        let words = [bundle.path().join("empty").to_str().unwrap().to_owned(), "containerd".to_owned()];
        bundle.set("/root/path", "empty").run().refused("UR0404", PLACE, &words.each_ref().map(String::as_str));
        assert_eq!(fs::read_dir(bundle.path().join("empty")).unwrap().count(), 0);
    });
}

#[test]
fn privileged_an_absolute_path_that_leads_to_nothing() {
    privileged(|bundle| {
        bundle.set("/root/path", "/no/such/rootfs").run().refused("UR0403", PLACE, &["`/no` does not exist"]);
    });
}

#[test]
fn privileged_a_link_that_leads_to_nothing() {
    privileged(|bundle| {
        symlink("gone", bundle.path().join("link")).unwrap();
        bundle.set("/root/path", "link").run().refused("UR0403", PLACE, &["symbolic link to `gone`"]);
    });
}

#[test]
fn privileged_no_directory() {
    privileged(|bundle| {
        bundle.set("/root/path", "config.json").run().refused("UR0403", PLACE, &["not a directory"]);
        bundle.remove("/root/path").run().refused("UR0402", "root", &["path"]);
        bundle.remove("/root").run().refused("UR0403", "", &["root.path"]);
    });
}

#[test]
fn privileged_not_shifted() {
    privileged(|bundle| {
        let words = ["host uid 0", "524288", "--idmap-root", "org.unroot.root.idmap"];
        bundle.remove("/annotations").run().refused("UR0405", PLACE, &words);
    });
}

#[test]
fn privileged_shifted_by_another_base() {
    privileged(|bundle| {
        give(&bundle.root(), 100_000);
        bundle.remove("/annotations").run().refused("UR0406", PLACE, &["100000", "524288", "\"hostID\": 100000"]);
    });
}

#[test]
fn privileged_shifted_in_part() {
    privileged(|bundle| {
        give(&bundle.root(), 0);
        for directory in ["", "bin", "etc"] {
            lchown(bundle.root().join(directory), Some(BASE), Some(BASE)).unwrap();
        }
        lchown(bundle.root().join("etc"), Some(BASE), Some(0)).unwrap();
        bundle.remove("/annotations").run().refused("UR0405", PLACE, &["/rootfs/etc", "host gid 0"]);
    });
}

#[test]
fn privileged_shifted_and_idmapped() {
    privileged(|bundle| {
        give(&bundle.root(), BASE);
        bundle.run().refused("UR0406", PLACE, &["524288", "idmapped", "--idmap-root"]);
    });
}

#[test]
fn privileged_flattened() {
    privileged(|bundle| {
        bundle.file("etc/group", "root:x:0:\nshadow:x:42:\n", 0o644).file("etc/shadow", "root:*::0:::::\n", 0o640);
        bundle.file("bin/su", "", 0o755).shifted().args(&["echo", "it runs"]);
        let ran = bundle.run();
        assert_eq!(ran.warned("UR0407", PLACE, &["chown -R", "--idmap-root"]), "it runs");
    });
}
