//! Any map for an ordinary user's containers: the rungs of the ladder, each tried by taking those above it away.

use std::{
    env, fs,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    process::{Output, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{geteuid, getgid};
use tar::{Builder, EntryType, Header};

use crate::{
    home::{Home, skip, until},
    rootfs,
};

/// What is taken away, and which rung is left then for a map of one container's own.
const RUNGS: [(&str, &str); 4] = [
    ("", "metadata layers"),
    ("overlay-fds,detached-layers,open-tree-attr", "metadata layers"),
    ("memory-layers", "metadata layers"),
    ("metadata-layers", "copies"),
];

/// A store with the image `box`, if this user has enough ids to try anything.
fn delegated() -> Option<Home> {
    let home = Home::rootless()?;
    let said = home.says(&["run", "--rm", "box", "cat", "/proc/self/uid_map"]);
    let ids: u64 = said.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum();
    if ids > 60_000 { Some(home) } else { skip("fewer than 60000 ids are delegated to this user") }
}

/// Standard output of a command that must succeed with some abilities taken away.
#[track_caller]
fn without(home: &Home, taken: &str, words: &[&str]) -> String {
    let output = home.command(words).env("UNROOT_WITHOUT", taken).stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } = output.expect("unroot runs");
    assert!(status.success(), "without {taken}: {words:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8_lossy(&stdout).into_owned()
}

/// Whether the rungs above the copies hold on this machine.
fn has_metadata_layers(home: &Home) -> bool {
    home.says(&["info", "--format", "{{.host.otherMaps}}"]).starts_with("metadata layers")
}

#[test]
fn rootless_owners_are_right_under_every_map_and_on_every_rung() {
    let Some(home) = delegated() else { return };
    let script = "stat -c %u:%g / /etc/shadow /data /bin/busybox; touch /tmp/x /data/y; \
                  chown 101:102 /tmp/x; stat -c %u:%g /tmp/x /data/y; chmod 600 /etc/passwd; stat -c %a:%u /etc/passwd";
    let maps: [&[&str]; 4] = [
        &["--userns=keep-id", "-u", "0"],
        &["--userns=auto"],
        &["--uidmap=0:1:2000", "--gidmap=0:5:2000"],
        &["--uidmap=101:0:1", "--uidmap=0:3:101", "--gidmap=0:7:1000"],
    ];
    for (taken, rung) in RUNGS {
        if rung.starts_with("copies") || has_metadata_layers(&home) {
            assert!(without(&home, taken, &["info"]).contains(rung), "{taken}");
        }
        for map in maps {
            let said = without(&home, taken, &[&["run", "--rm"], map, &["box", "sh", "-c", script]].concat());
            assert_eq!(said, "0:0\n0:0\n101:102\n0:0\n101:102\n0:0\n600:0\n", "{taken} {map:?}");
        }
    }
    home.assert_empty();
}

#[test]
fn rootless_keep_id_makes_the_user_the_user() {
    let Some(home) = delegated() else { return };
    let (uid, gid) = (geteuid().as_raw(), getgid().as_raw());
    let script = "id -u; id -g; touch /tmp/x; stat -c %u:%g /tmp/x; [ -w /etc/passwd ] || echo not mine";
    for (taken, _) in RUNGS {
        let said = without(&home, taken, &["run", "--rm", "--userns=keep-id", "box", "sh", "-c", script]);
        assert_eq!(said, format!("{uid}\n{gid}\n{uid}:{gid}\nnot mine\n"), "{taken}");
    }
    let id = home.says(&["run", "-d", "--userns=keep-id", "--name", "c", "box", "sh", "-c", "touch /tmp/x; sleep 60"]);
    let file = home.path("root/containers").join(id.trim()).join("upper/tmp/x");
    until("the file is there", || file.exists());
    let found = fs::metadata(&file).expect("the file");
    assert_eq!((found.uid(), found.gid()), (uid, gid), "on the host it is the user's own");
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}

/// An id that the map leaves out is nobody's, and can be neither read nor changed by the container's root.
#[test]
fn rootless_strangers_are_nobody() {
    let Some(home) = delegated() else { return };
    let script = "stat -c %u:%g /data /etc/shadow; chown 0:0 /data || echo refused; touch /data/x || echo refused";
    for (taken, _) in RUNGS {
        let words = ["run", "--rm", "--uidmap=0:1:50", "--gidmap=0:1:50", "box", "sh", "-c", script];
        assert_eq!(without(&home, taken, &words), "65534:65534\n0:0\nrefused\nrefused\n", "{taken}");
    }
    home.assert_empty();
}

#[test]
fn rootless_what_was_written_keeps_its_owners_in_another_range() {
    let Some(home) = delegated() else { return };
    let script = "if [ ! -e /suid ]; then mkdir /own /own/deep; touch /own/deep/redis; chown 101:102 /own/deep/redis; \
                  cat /bin/busybox > /suid; chown 0:102 /suid; chmod 6755 /suid; chown 101 /etc/shadow; rm /etc/group; \
                  fi; stat -c %u:%g:%a / /own /own/deep/redis /suid /etc/shadow; ls /etc; cat /proc/self/uid_map";
    let expected = "0:0:755\n0:0:755\n101:102:644\n0:102:6755\n101:0:600\nhostname\nhosts\npasswd\nshadow\n";
    for (taken, _) in RUNGS {
        let start = |words: &[&str]| {
            let said = without(&home, taken, words);
            let Some(map) = said.strip_prefix(expected) else { panic!("{taken}: {said}") };
            map.split_whitespace().nth(1).expect("a map").parse::<u32>().expect("an id")
        };
        let first = start(&["run", "--name", "c", "--userns=auto", "box", "sh", "-c", script]);
        assert_eq!(start(&["start", "-a", "c"]), first, "the same name gets the same ids");
        // Somebody else has them now: so many that these are among them wherever they begin.
        home.says(&["run", "-d", "--name", "other", "--userns=auto:size=60000", "box", "sleep", "60"]);
        let second = start(&["start", "-a", "c"]);
        assert_ne!(first, second, "{taken}");
        home.says(&["rm", "-f", "other"]);
        start(&["start", "-a", "c"]);
        home.says(&["rm", "c"]);
        home.assert_empty();
    }
}

/// An image with what a change of owners takes away: capabilities and set-id bits; and with two names for one file.
fn privileged_image(home: &Home) -> Option<()> {
    let Some(busybox) = rootfs::busybox() else { return skip("no busybox") };
    let mut tar = Builder::new(Vec::new());
    // cap_net_bind_service, permitted and effective, revision 2 (linux/capability.h).
    let capability = [&0x0200_0001_u32.to_le_bytes()[..], &0x400_u32.to_le_bytes(), &[0; 12]].concat();
    for (path, owner, mode) in [("bin/busybox-capped", 0, 0o755), ("bin/suid", 101, 0o6755)] {
        if path == "bin/busybox-capped" {
            let records = [("SCHILY.xattr.security.capability", &*capability)];
            tar.append_pax_extensions(records).expect("an extended header");
        }
        tar.append_data(&mut header(EntryType::Regular, owner, mode, busybox.len()), path, &*busybox).expect("a file");
    }
    tar.append_link(&mut header(EntryType::Link, 101, 0o6755, 0), "bin/again", "bin/suid").expect("a link");
    let archive = home.path("privileged.tar");
    fs::write(&archive, tar.into_inner().expect("an archive")).expect("an archive");
    home.says(&["import", archive.to_str()?, "privileged"]);
    Some(())
}

fn header(kind: EntryType, owner: u64, mode: u32, size: usize) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_size(size as u64);
    header
}

#[test]
fn rootless_set_id_bits_and_capabilities_survive() {
    let Some(home) = delegated() else { return };
    if privileged_image(&home).is_none() {
        return;
    }
    let maps: [&[&str]; 3] = [&["--userns=keep-id"], &["--userns=auto"], &["--uidmap=0:1:2000", "--gidmap=0:5:2000"]];
    for (taken, _) in RUNGS {
        for map in maps {
            let run = |words: &[&str]| {
                without(&home, taken, &[&["run", "--rm", "-u", "33:33"], map, &["privileged"], words].concat())
            };
            let stat = ["/bin/busybox-capped", "stat", "-c", "%u:%g %a %h", "/bin/suid", "/bin/again"];
            assert_eq!(run(&stat), "101:101 6755 2\n101:101 6755 2\n", "{taken} {map:?}");
            let effective = run(&["/bin/busybox-capped", "grep", "CapEff", "/proc/self/status"]);
            assert!(effective.ends_with("0000000000000400\n"), "{taken} {map:?}: {effective}");
        }
    }
    home.assert_empty();
}

/// A store with the image `debian`.
fn debian() -> Option<Home> {
    let Some(archive) = env::var_os("UNROOT_TEST_DEBIAN").map(PathBuf::from) else {
        return skip("no archive of a Debian (UNROOT_TEST_DEBIAN)");
    };
    let home = delegated()?;
    let archive = fs::File::open(archive).expect("the archive");
    let output = home.command(&["import", "-", "debian"]).stdin(archive).output();
    assert!(output.expect("unroot runs").status.success());
    Some(home)
}

/// Whoever is killed while trees are made leaves nothing that stays, and nothing that is mistaken for a tree.
#[test]
fn rootless_a_death_while_trees_are_made() {
    let Some(home) = debian() else { return };
    for (taken, _) in RUNGS {
        for patience in [30, 80, 200] {
            let words = ["run", "--rm", "--name", "c", "--userns=auto", "debian", "true"];
            let mut command = home.command(&words);
            command.env("UNROOT_WITHOUT", taken).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("unroot runs");
            thread::sleep(Duration::from_millis(patience));
            child.kill().expect("a signal");
            child.wait().expect("its end");
            until("what it had begun is gone", || {
                home.unroot(&["rm", "-f", "c"]);
                home.entries("root/tmp").is_empty() && home.entries("root/containers").is_empty()
            });
            assert_eq!(
                without(&home, taken, &[&words[..words.len() - 1], &["stat", "-c", "%u", "/bin/su"]].concat()),
                "0\n"
            );
        }
    }
    home.assert_empty();
}

#[test]
fn rootless_a_debian_is_whole() {
    let Some(home) = debian() else { return };
    // What is mounted in /etc, and so its time, is of each start.
    let sums = "cd /; all() { find bin etc home lib media opt root sbin srv usr var -xdev ! -path etc \
                ! -name hosts ! -name hostname \"$@\"; }; all -type f | sort | xargs md5sum | md5sum; \
                all -printf '%p %m %U:%G %y %l %n %T@\\n' | sort | md5sum";
    let expected = home.says(&["run", "--rm", "debian", "sh", "-c", sums]);
    let script = "set -e; stat -c '%u %a' / /usr/bin/su /usr/bin/passwd; id -u; \
                  rm -r /usr/share/doc; mkdir /usr/share/doc; chown -R _apt:adm /var/lib/apt; \
                  dpkg --verify base-files || true; find / -xdev -nouser; stat -c %U:%G /var/lib/apt/lists";
    for (taken, _) in RUNGS {
        for map in ["--userns=auto", "--userns=keep-id"] {
            let run = |script| without(&home, taken, &["run", "--rm", map, "-u", "0", "debian", "sh", "-c", script]);
            assert_eq!(run(sums), expected, "{taken} {map}");
            let said = run(script);
            assert!(
                said.starts_with("0 755\n0 4755\n0 4755\n0\n") && said.ends_with("_apt:adm\n"),
                "{taken} {map}: {said}"
            );
        }
    }
    home.assert_empty();
}

/// `first outside` and `last outside` of each extent.
fn ids(pid: i32, file: &str) -> Vec<(u32, u32)> {
    let map = fs::read_to_string(format!("/proc/{pid}/{file}")).expect("a map");
    let extent = |line: &str| {
        let numbers: Vec<u32> = line.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        (numbers[1], numbers[1] + numbers[2] - 1)
    };
    map.lines().map(extent).collect()
}

/// Fifty at once, no two of which share an id; then more, until the ids are used up and the holders are named.
#[test]
fn rootless_fifty_at_once_and_all_that_fit() {
    let Some(home) = delegated() else { return };
    let run = |n: u32| home.unroot(&["run", "-d", "--name", &format!("c{n}"), "--userns=auto", "box", "sleep", "600"]);
    let mut refusal = None;
    let mut count = 0;
    while refusal.is_none() && count < 200 {
        let output = run(count + 1);
        if output.status.success() {
            count += 1;
        } else {
            refusal = Some(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    assert!(count >= 50, "only {count}: {refusal:?}");
    let refusal = refusal.expect("there is an end to 65536 ids");
    assert!(
        refusal.contains("error[UR0205]") && refusal.contains("c17 ") && refusal.contains(" more with "),
        "{refusal}"
    );
    let pids = home.says(&["ps", "--format", "{{.Pid}}"]);
    let pids: Vec<i32> = pids.lines().map(|pid| pid.parse().expect("a pid")).collect();
    assert_eq!(pids.len(), count as usize);
    for file in ["uid_map", "gid_map"] {
        let mut all: Vec<(u32, u32)> = pids.iter().flat_map(|pid| ids(*pid, file)).collect();
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].0), "{file}: {all:?}");
    }
    home.says(&["rm", "-f", "c17"]);
    assert!(run(17).status.success(), "what is freed can be had again");
    for n in 1..=count {
        home.unroot(&["rm", "-f", &format!("c{n}")]);
    }
    home.assert_empty();
}
