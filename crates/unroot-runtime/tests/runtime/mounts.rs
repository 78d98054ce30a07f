//! `mounts`, devices, and paths that are hidden.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::PathBuf,
};

use serde_json::json;

use crate::{
    bundle::{BASE, Bundle, privileged},
    remains::mountinfo,
};

/// A directory on the host with a file in it.
fn directory(bundle: &Bundle, name: &str) -> PathBuf {
    let directory = bundle.outside().join(name);
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("file"), "of the host\n").unwrap();
    fs::set_permissions(&directory, PermissionsExt::from_mode(0o777)).unwrap();
    directory
}

/// The options of the mount on `target`, as the container's mountinfo shows them: its own, its propagation, the file system's.
fn options_of(bundle: &mut Bundle, target: &str) -> String {
    let fields = format!("$5 == \"{target}\" {{ last = $0 }} END {{ print last }}");
    let line = bundle.args(&["awk", &fields, "/proc/self/mountinfo"]).run().ok().to_owned();
    line.split(' ').skip(5).collect::<Vec<_>>().join(" ")
}

fn mount_options(bundle: &mut Bundle, words: &[&str]) -> String {
    let source = bundle.outside().join("source");
    if !source.exists() {
        directory(bundle, "source");
    }
    bundle.mount("bind", source, "/mnt", words);
    let options = options_of(bundle, "/mnt");
    bundle.unmount("/mnt");
    options.split(' ').next().unwrap().to_owned()
}

#[test]
fn privileged_attributes_of_a_bind() {
    privileged(|bundle| {
        assert!(mount_options(bundle, &["bind"]).starts_with("rw,"));
        assert!(mount_options(bundle, &["bind", "ro"]).starts_with("ro,"));
        assert!(mount_options(bundle, &["bind", "ro", "rw"]).starts_with("rw,"));
        let all = mount_options(bundle, &["rbind", "nosuid", "nodev", "noexec", "nosymfollow", "noatime"]);
        assert_eq!(all, "rw,nosuid,nodev,noexec,noatime,nosymfollow");
        assert_eq!(mount_options(bundle, &["rbind", "rro", "rnosuid", "relatime"]), "ro,nosuid,relatime");
    });
}

#[test]
fn privileged_what_is_mounted_below_comes_along_and_is_made_readonly() {
    privileged(|bundle| {
        directory(bundle, "source");
        let outside = bundle.outside().to_owned();
        bundle.mount("tmpfs", "tmpfs", "/var", &["mode=755"]).mount("bind", outside, "/mnt", &["rbind", "rro"]);
        bundle.sh("touch /mnt/source/x 2>/dev/null || echo readonly; cat /mnt/source/file; touch /var/x");
        assert_eq!(bundle.run().ok(), "readonly\nof the host");
    });
}

#[test]
fn privileged_a_file_is_bound_onto_a_file() {
    privileged(|bundle| {
        let source = directory(bundle, "source").join("file");
        bundle.mount("bind", source, "/etc/made/here", &["bind"]).args(&["cat", "/etc/made/here"]);
        assert_eq!(bundle.run().ok(), "of the host");
    });
}

#[test]
fn privileged_a_source_that_the_containers_root_could_not_reach() {
    privileged(|bundle| {
        let closed = directory(bundle, "closed");
        fs::create_dir(closed.join("in")).unwrap();
        fs::write(closed.join("in/file"), "reached\n").unwrap();
        chown(&closed, Some(12_345), None).unwrap();
        fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
        bundle.mount("bind", closed.join("in"), "/mnt", &["bind"]).args(&["cat", "/mnt/file"]);
        assert_eq!(bundle.run().ok(), "reached");
    });
}

#[test]
fn privileged_a_relative_source_begins_at_the_bundle() {
    privileged(|bundle| {
        fs::write(bundle.path().join("beside"), "beside\n").unwrap();
        bundle.mount("bind", "beside", "/mnt", &["bind"]).args(&["cat", "/mnt"]);
        assert_eq!(bundle.run().ok(), "beside");
    });
}

#[test]
fn privileged_idmapped_with_the_containers_map() {
    privileged(|bundle| {
        let source = directory(bundle, "source");
        chown(source.join("file"), Some(33), Some(44)).unwrap();
        for word in ["idmap", "ridmap"] {
            bundle.mount("bind", &source, "/mnt", &["rbind", word]);
            bundle.sh("stat -c %u:%g /mnt/file; echo x > /mnt/made; stat -c %u /mnt/made");
            assert_eq!(bundle.run().ok(), "33:44\n0");
            assert_eq!(fs::metadata(source.join("made")).unwrap().uid(), 0);
            bundle.unmount("/mnt");
        }
    });
}

#[test]
fn privileged_idmapped_with_a_map_of_its_own() {
    privileged(|bundle| {
        let source = directory(bundle, "source");
        chown(source.join("file"), Some(996), Some(997)).unwrap();
        let extent = |on_disk: u32, id: u32| json!([{"containerID": on_disk, "hostID": BASE + id, "size": 1}]);
        bundle.mount("bind", &source, "/mnt", &["bind"]);
        let number = bundle.mount_number("/mnt");
        bundle.set(&format!("/mounts/{number}/uidMappings"), extent(996, 101));
        bundle.set(&format!("/mounts/{number}/gidMappings"), extent(997, 102));
        // A directory of an id that is in no map could not be written to.
        chown(&source, Some(996), Some(997)).unwrap();
        bundle.set("/process/user", json!({"uid": 101, "gid": 102}));
        bundle.sh("stat -c %u:%g /mnt/file; echo x > /mnt/made; stat -c %u:%g /mnt/made");
        assert_eq!(bundle.run().ok(), "101:102\n101:102");
        let made = fs::metadata(source.join("made")).unwrap();
        assert_eq!((made.uid(), made.gid()), (996, 997));
    });
}

#[test]
fn privileged_propagation() {
    privileged(|bundle| {
        let source = directory(bundle, "source");
        let mut tags = |word: &str| {
            bundle.mount("bind", &source, "/mnt", &["rbind", word]);
            let options = options_of(bundle, "/mnt");
            bundle.unmount("/mnt");
            options
                .split(" - ")
                .next()
                .unwrap()
                .split(' ')
                .skip(1)
                .map(|tag| tag.split(':').next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(tags("rprivate"), [] as [&str; 0]);
        assert_eq!(tags("private"), [] as [&str; 0]);
        assert!(tags("rshared").contains(&"shared".to_owned()));
        assert!(tags("shared").contains(&"shared".to_owned()));
        assert_eq!(tags("unbindable"), ["unbindable"]);
        tags("rslave");
        tags("slave");
    });
}

#[test]
fn privileged_propagation_of_the_root() {
    privileged(|bundle| {
        for (word, tag) in [
            ("private", None),
            ("rprivate", None),
            ("shared", Some("shared")),
            ("unbindable", Some("unbindable")),
            ("rslave", None),
        ] {
            bundle.set("/linux/rootfsPropagation", word);
            let options = options_of(bundle, "/");
            let found =
                options.split(" - ").next().unwrap().split(' ').nth(1).map(|tag| tag.split(':').next().unwrap());
            assert_eq!(found, tag, "{word}: {options}");
        }
    });
}

#[test]
fn privileged_no_mount_reaches_the_host() {
    privileged(|bundle| {
        let before = mountinfo();
        bundle.set("/linux/rootfsPropagation", "shared").sh("sleep 60");
        bundle.create().ok();
        assert_eq!(
            mountinfo().matches(bundle.outside().to_str().unwrap()).count(),
            before.matches(bundle.outside().to_str().unwrap()).count()
        );
        bundle.verb("delete", &["--force"]).ok();
    });
}

#[test]
fn privileged_tmpfs() {
    privileged(|bundle| {
        bundle.mount("tmpfs", "mine", "/mnt", &["mode=1750", "size=64k", "uid=7", "gid=8", "nosuid"]);
        bundle.sh("stat -c %a:%u:%g /mnt; df -k /mnt | tail -n 1");
        let options = options_of(bundle, "/mnt");
        assert!(options.starts_with("rw,nosuid,") && options.contains("tmpfs mine rw,size=64k,mode=1750"), "{options}");
        assert_eq!(bundle.args(&["stat", "-c", "%a:%u:%g", "/mnt"]).run().ok(), "1750:7:8");
    });
}

#[test]
fn privileged_a_tmpfs_that_begins_with_what_it_covers() {
    privileged(|bundle| {
        bundle.file("var/one", "1\n", 0o640);
        bundle
            .mount("tmpfs", "tmpfs", "/var", &["tmpcopyup"])
            .sh("cat /var/one; stat -c %a /var/one; echo 2 > /var/one");
        assert_eq!(bundle.run().ok(), "1\n640");
        assert_eq!(fs::read_to_string(bundle.root().join("var/one")).unwrap(), "1\n");
    });
}

#[test]
fn privileged_the_usual_file_systems() {
    privileged(|bundle| {
        let script = "for at in /proc /dev /dev/pts /dev/shm /dev/mqueue /sys; do awk -v at=$at '$5 == at { print at, $(NF-2) }' /proc/self/mountinfo; done; \
            touch /dev/shm/x; mkdir /sys/x 2>/dev/null || echo readonly; ls /sys/class/net; stat -c %a /dev/shm";
        let seen = bundle.sh(script).run().ok().to_owned();
        assert_eq!(
            seen,
            "/proc proc\n/dev tmpfs\n/dev/pts devpts\n/dev/shm tmpfs\n/dev/mqueue mqueue\n/sys sysfs\nreadonly\nlo\n1777"
        );
    });
}

#[test]
fn privileged_control_groups_are_the_containers_own() {
    privileged(|bundle| {
        let script = "awk '$5 ~ \"^/sys/fs/cgroup\" && $(NF-2) ~ \"^cgroup\" { print $4 }' /proc/self/mountinfo | sort -u; mkdir /sys/fs/cgroup/x 2>/dev/null || echo readonly";
        let seen = bundle.sh(&script.replace(" | sort -u", " | head -n 1")).run().ok().to_owned();
        assert_eq!(seen, "/\nreadonly");
    });
}

#[test]
fn privileged_hidden_paths() {
    privileged(|bundle| {
        bundle
            .file("etc/secret", "s", 0o644)
            .set("/linux/maskedPaths/-", "/etc/secret")
            .set("/linux/maskedPaths/-", "/var");
        bundle.set("/linux/maskedPaths/-", "/not/there").set("/linux/readonlyPaths/-", "/not/there/either");
        bundle.file("var/secret", "s", 0o644);
        bundle.sh("cat /etc/secret; ls /var; wc -c < /etc/secret; touch /var/x 2>/dev/null || echo readonly; \
            (echo 1 > /proc/sys/kernel/domainname) 2>/dev/null || echo readonly");
        assert_eq!(bundle.run().ok(), "0\nreadonly\nreadonly");
    });
}

#[test]
fn privileged_the_usual_devices() {
    privileged(|bundle| {
        bundle.sh("cd /dev; for name in null zero full random urandom tty; do stat -c '%n %F %t:%T' $name; done; \
            for name in fd stdin stdout stderr ptmx; do readlink $name; done; echo x > null; head -c 3 zero | od -An -tx1");
        let device = |name: &str, minor: u32| format!("{name} character special file 1:{minor}\n");
        let devices =
            device("null", 3) + &device("zero", 5) + &device("full", 7) + &device("random", 8) + &device("urandom", 9);
        let links = "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n 00 00 00";
        assert_eq!(bundle.run().ok(), devices + "tty character special file 5:0\n" + links);
    });
}

#[test]
fn privileged_devices_of_the_configuration() {
    privileged(|bundle| {
        let fifo = json!({"path": "/dev/deep/fifo", "type": "p", "major": 0, "minor": 0, "fileMode": 0o640, "uid": 3, "gid": 4});
        let node = json!({"path": "/dev/my-null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600});
        bundle.set("/linux/devices", json!([fifo])).args(&["stat", "-c", "%F %a %u:%g", "/dev/deep/fifo"]);
        assert_eq!(bundle.run().ok(), "fifo 640 3:4");
        // Without a user namespace nodes are made, and need not be there on the host.
        bundle.without_map().set("/linux/devices/-", node).args(&["stat", "-c", "%F %a %t:%T", "/dev/my-null"]);
        assert_eq!(bundle.run().ok(), "character special file 600 1:3");
    });
}
