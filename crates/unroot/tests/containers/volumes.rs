//! Volumes and directories of the host.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
};

use crate::home::Home;

/// Runs a script in `box` with these options and gives what it says.
#[track_caller]
fn script(home: &Home, options: &[&str], script: &str) -> String {
    home.says(&[&["run", "--rm"], options, &["box", "sh", "-c", script]].concat())
}

/// Owner and group of a file.
#[track_caller]
fn owner(path: impl AsRef<Path>) -> (u32, u32) {
    let found = fs::symlink_metadata(path).expect("a file");
    (found.uid(), found.gid())
}

/// A directory of the host with a file in it, both of one owner.
fn directory(home: &Home, name: &str, id: u32) -> String {
    let path = home.path(name);
    fs::create_dir(&path).expect("a directory");
    fs::write(path.join("file"), "x").expect("a file");
    for path in [&path, &path.join("file")] {
        chown(path, Some(id), Some(id)).expect("an owner");
    }
    path.display().to_string()
}

#[test]
fn privileged_a_volume_is_filled_once_and_outlives_containers() {
    let Some(home) = Home::privileged() else { return };
    // The image's /data belongs to 101:102.
    let said = script(&home, &["-v", "data:/data"], "stat -c %u:%g /data; echo kept >/data/new; chown 7:8 /data/new");
    assert_eq!(said, "101:102\n");
    let files = home.path("root/volumes/data/data");
    assert_eq!((owner(&files), owner(files.join("new"))), ((101, 102), (7, 8)));
    // Under another range, in another place: the same owners.
    let said =
        script(&home, &["--userns=auto:size=1024", "-v", "data:/other"], "stat -c %u:%g /other/new; cat /other/new");
    assert_eq!(said, "7:8\nkept\n");
    let said = script(&home, &["-v", "empty:/data:nocopy"], "stat -c %u:%g /data");
    assert_eq!(said, "0:0\n");
    assert_eq!(home.says(&["volume", "ls", "-q"]), "data\nempty\n");
    home.assert_empty();
}

#[test]
fn privileged_an_entry_point_that_owns_and_drops() {
    let Some(home) = Home::privileged() else { return };
    let entry = "chown -R redis:redis /var/db && exec start-stop-daemon -S -c redis:redis -x /bin/sh -- -c 'id -u; echo data >/var/db/file'";
    let dir = directory(&home, "bound", 0);
    for volume in ["db:/var/db".to_owned(), format!("{dir}:/var/db")] {
        for options in [&["-v", &volume][..], &["-v", &volume, "--userns=auto:size=2000"]] {
            assert_eq!(script(&home, options, entry), "101\n", "{volume}");
        }
    }
    assert_eq!(owner(home.path("root/volumes/db/data/file")), (101, 102));
    assert_eq!(owner(home.path("bound/file")), (101, 102));
    home.assert_empty();
}

#[test]
fn privileged_whose_a_directory_is() {
    let Some(home) = Home::privileged() else { return };
    let (roots, persons, services) =
        (directory(&home, "roots", 0), directory(&home, "persons", 1234), directory(&home, "services", 996));
    let seen = |options: &[&str], dir: &str, map: &str| {
        let volume = format!("{dir}:/d{map}");
        script(&home, &[options, &["-v", &volume]].concat(), "stat -c %u /d/file; touch /d/new 2>/dev/null || echo no")
    };
    let new = |name: &str| {
        let path = home.path(name).join("new");
        let found = fs::metadata(&path).map(|found| found.uid()).ok();
        let _ = fs::remove_file(path);
        found
    };
    assert_eq!((seen(&[], &roots, ""), new("roots")), ("0\n".into(), Some(0)));
    assert_eq!((seen(&["-u", "101"], &roots, ""), new("roots")), ("101\n".into(), Some(0)));
    assert_eq!((seen(&[], &persons, ""), new("persons")), ("0\n".into(), Some(1234)));
    assert_eq!((seen(&["-u", "redis"], &persons, ""), new("persons")), ("101\n".into(), Some(1234)));
    assert_eq!((seen(&["-u", "101"], &services, ""), new("services")), ("996\nno\n".into(), None));
    assert_eq!((seen(&["-u", "101"], &services, ":map=owner"), new("services")), ("101\n".into(), Some(996)));
    assert_eq!((seen(&["-u", "101"], &services, ":map=redis=@996"), new("services")), ("101\n".into(), Some(996)));
    assert_eq!((seen(&[], &roots, ":map=none"), new("roots")), ("65534\nno\n".into(), None));
    assert_eq!((seen(&["-u", "996"], &services, ":idmap"), new("services")), ("996\n".into(), Some(996)));
    let by_hand = ":idmap=uids=@996-101-1;gids=@996-102-1";
    assert_eq!((seen(&["-u", "101:102"], &services, by_hand), new("services")), ("101\n".into(), Some(996)));
    home.assert_empty();
}

/// In a person's directory nobody in the container is root of the host.
#[test]
fn privileged_no_setuid_root_in_a_persons_directory() {
    let Some(home) = Home::privileged() else { return };
    let dir = directory(&home, "persons", 1234);
    script(
        &home,
        &["-v", &format!("{dir}:/d")],
        "cp /bin/busybox /d/sh; chmod 4755 /d/sh; chown 0 /d/sh; chown 1234 /d/sh; true",
    );
    let found = fs::metadata(home.path("persons/sh")).expect("a file");
    assert!(found.uid() != 0, "{} {:o}", found.uid(), found.permissions().mode());
    home.assert_empty();
}

#[test]
fn privileged_options_of_mounts() {
    let Some(home) = Home::privileged() else { return };
    let dir = directory(&home, "d", 0);
    let flags = |volume: &str| script(&home, &["-v", volume], "grep ' /d ' /proc/self/mounts | cut -d' ' -f4");
    let has = |volume: &str, word: &str| flags(volume).trim().split(',').any(|flag| flag == word);
    assert!(has(&format!("{dir}:/d:ro"), "ro") && has(&format!("{dir}:/d"), "rw"));
    assert!(has(&format!("{dir}:/d:noexec,nosuid"), "noexec"));
    assert!(has("v:/d", "nosuid") && has("v:/d", "nodev") && !has("v:/d:suid,dev", "nosuid"));
    assert_eq!(script(&home, &["-v", &format!("{dir}/file:/one")], "cat /one"), "x");
    let said = script(
        &home,
        &["--tmpfs", "/data:size=1m,mode=750"],
        "stat -c %a /data; df -k /data | tail -1 | awk '{print $2}'",
    );
    assert_eq!(said, "750\n1024\n");
    let keys = format!("type=bind,src={dir},dst=/d,ro");
    let said = script(
        &home,
        &["--mount", &keys, "--mount", "type=tmpfs,dst=/t,tmpfs-mode=700"],
        "touch /d/x 2>&1; stat -c %a /t",
    );
    assert!(said.contains("Read-only") && said.ends_with("700\n"), "{said}");
    let glob = format!("type=glob,src={dir}/f*,dst=/g");
    assert_eq!(script(&home, &["--mount", &glob], "ls /g"), "file\n");
    // A part of a volume, and what is mounted below what else is mounted.
    script(&home, &["-v", "v:/d"], "mkdir -p /d/a/b; echo part >/d/a/b/file");
    assert_eq!(script(&home, &["--mount", "type=volume,src=v,dst=/p,subpath=a/b"], "cat /p/file"), "part\n");
    let said = script(&home, &["-v", &format!("{dir}:/v/under"), "-v", "v:/v"], "ls /v /v/under");
    assert!(said.contains("under") && said.contains("file"), "{said}");
    let said = script(&home, &["--read-only"], "touch /tmp/x && echo yes");
    assert_eq!(said, "yes\n");
    assert_eq!(script(&home, &["--read-only", "--read-only-tmpfs=false"], "touch /tmp/x || echo no"), "no\n");
    home.assert_empty();
}

#[test]
fn privileged_what_is_refused() {
    let Some(home) = Home::privileged() else { return };
    for (words, code) in [
        (&["-v", "/no/such:/d"][..], "UR0315"),
        (&["-v", "a:/d", "--tmpfs", "/d"], "UR0844"),
        (&["-v", "a:d"], "UR0843"),
        (&["-v", "a:/"], "UR0843"),
        (&["-v", "a b:/d"], "UR0804"),
        (&["--mount", "type=bind,src=/srv,dst=/d,nonsense=1"], "UR0843"),
        (&["--mount", "type=artifact,src=a,dst=/d"], "UR0808"),
        (&["--volumes-from", "nobody"], "UR0802"),
        (&["--image-volume", "nonsense"], "UR0843"),
        (&["-v", "/etc:/d:U"], "UR0846"),
        (&["-v", "/etc:/d:map=70000=@3"], "UR0322"),
        (&["--mount", "type=volume,src=a,dst=/d,subpath=no"], "UR0315"),
    ] {
        let (status, said) =
            home.fails(&[&["run", "--rm", "--userns=auto:size=4096"], words, &["box", "true"]].concat());
        assert!(
            status == 125 && said.contains(&format!("error[{code}]")) && said.contains('^'),
            "{words:?}: {status} {said}"
        );
    }
    home.assert_empty();
}

#[test]
fn privileged_volumes_of_images_and_of_other_containers() {
    let Some(home) = Home::privileged() else { return };
    let archive = home.path("box.tar").display().to_string();
    home.says(&["import", "--change", "VOLUME /data", "--change", "VOLUME /new", &archive, "db"]);
    let said = home.says(&["run", "--name", "c", "db", "sh", "-c", "echo 1 >/data/one; stat -c %u /data; ls -d /new"]);
    assert_eq!(said, "101\n/new\n");
    let names = home.says(&["volume", "ls", "-q", "--filter", "anonymous=true"]);
    assert!(names.lines().count() == 2 && names.lines().all(|name| name.len() == 64), "{names}");
    // The next start has them again, and so has another container.
    home.says(&["start", "c"]);
    let said = home.says(&[
        "run",
        "--rm",
        "--volumes-from",
        "c:ro",
        "box",
        "sh",
        "-c",
        "cat /data/one; touch /data/x 2>&1; true",
    ]);
    assert!(said.starts_with("1\n") && said.contains("Read-only"), "{said}");
    assert_eq!(home.says(&["volume", "ls", "-q"]).lines().count(), 2, "they are the first container's");
    home.says(&["rm", "-v", "c"]);
    assert_eq!(home.says(&["volume", "ls", "-q"]), "");
    home.says(&["run", "--rm", "-v", "/own", "db", "true"]);
    home.says(&["run", "--rm", "--image-volume", "ignore", "db", "true"]);
    home.says(&["run", "--name", "t", "--image-volume", "tmpfs", "db", "true"]);
    assert_eq!(home.says(&["volume", "ls", "-q"]), "", "--rm has removed them");
    home.says(&["rm", "t"]);
    home.says(&["run", "--name", "c", "-v", "named:/data", "db", "true"]);
    home.says(&["rm", "-v", "c"]);
    assert_eq!(home.says(&["volume", "ls", "-q"]).lines().filter(|name| *name == "named").count(), 1);
    home.assert_empty();
}

#[test]
fn privileged_verbs_of_volumes() {
    let Some(home) = Home::privileged() else { return };
    assert_eq!(home.says(&["volume", "create", "--label", "a=b", "one"]), "one\n");
    assert_eq!(home.fails(&["volume", "create", "one"]).0, 125);
    assert_eq!(home.says(&["volume", "create", "--ignore", "one"]), "one\n");
    assert_eq!(home.says(&["volume", "create"]).trim().len(), 64);
    assert_eq!(home.says(&["volume", "ls", "--filter", "label=a"]), "DRIVER      VOLUME NAME\nlocal       one\n");
    assert_eq!(home.says(&["volume", "inspect", "--format", "{{.Name}} {{.Labels.a}}", "on"]), "one b\n");
    assert_eq!(home.unroot(&["volume", "exists", "one"]).status.code(), Some(0));
    assert_eq!(home.unroot(&["volume", "exists", "two"]).status.code(), Some(1));
    assert_eq!(home.fails(&["volume", "inspect", "two"]).0, 125);
    assert_eq!(home.fails(&["volume", "rm", "two"]).0, 1);
    home.says(&["run", "--name", "c", "-v", "one:/d", "box", "sh", "-c", "echo x >/d/file; chown 5:6 /d/file"]);
    let (status, said) = home.fails(&["volume", "rm", "one"]);
    assert!(status == 2 && said.contains("error[UR0842]") && said.contains("(c)"), "{status} {said}");
    assert_eq!(home.says(&["volume", "prune", "--force"]).lines().count(), 1, "what is in use stays");
    let archive = home.path("one.tar").display().to_string();
    home.says(&["volume", "export", "--output", &archive, "one"]);
    home.says(&["volume", "create", "copy"]);
    home.says(&["volume", "import", "copy", &archive]);
    assert_eq!(owner(home.path("root/volumes/copy/data/file")), (5, 6));
    assert_eq!(home.fails(&["volume", "import", "nobody", &archive]).0, 125);
    assert!(home.says(&["volume", "mount", "copy"]).ends_with("volumes/copy/data\n"));
    let (status, said) = home.fails(&["volume", "reload"]);
    assert!(status == 125 && said.contains("UR0808"), "{said}");
    home.says(&["volume", "rm", "--force", "one", "copy", "nobody"]);
    assert_eq!(home.says(&["ps", "-aq"]), "");
    assert_eq!(home.says(&["volume", "ls", "-q"]), "");
    home.assert_empty();
}

#[test]
fn privileged_volumes_elsewhere() {
    let Some(home) = Home::privileged() else { return };
    let dir = directory(&home, "d", 0);
    let device = format!("device={dir}");
    home.says(&["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", &device, "bound"]);
    assert_eq!(script(&home, &["-v", "bound:/d"], "cat /d/file"), "x");
    home.says(&["volume", "create", "-o", "type=tmpfs", "-o", "o=size=1m", "memory"]);
    script(&home, &["-v", "memory:/d"], "echo y >/d/file");
    assert_eq!(script(&home, &["-v", "memory:/d"], "cat /d/file"), "y\n");
    home.says(&["volume", "unmount", "memory"]);
    assert_eq!(script(&home, &["-v", "memory:/d"], "ls /d"), "");
    home.says(&["volume", "create", "-o", "o=uid=5,gid=6", "x"]);
    assert_eq!(owner(home.path("root/volumes/x/data")), (5, 6));
    home.says(&["volume", "create", "-o", "type=ext4", "-o", "device=/no/such", "bad"]);
    let (status, said) = home.fails(&["run", "--rm", "-v", "bad:/d", "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0848]"), "{said}");
    home.says(&["volume", "rm", "-a"]);
    home.assert_empty();
}

#[test]
fn privileged_changed_owners_are_taken_back() {
    let Some(home) = Home::privileged() else { return };
    let dir = directory(&home, "d", 996);
    let file = home.path("d/file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o4755)).expect("a mode");
    let volume = format!("{dir}:/d:U=preview");
    let said = home.fails(&["run", "--rm", "-u", "101:102", "-v", &volume, "box", "true"]).1;
    assert!(said.contains("warning[UR0849]") && said.contains("2 of 2") && owner(&file) == (996, 996), "{said}");
    let volume = format!("{dir}:/d:U");
    assert_eq!(script(&home, &["-u", "101:102", "-v", &volume], "stat -c %u:%g /d/file; touch /d/new"), "101:102\n");
    assert_eq!(owner(&file), (101, 102));
    let said = home.says(&["volume", "undo-chown"]);
    assert!(said.contains(&dir) && said.contains('2'), "{said}");
    let said = home.says(&["volume", "undo-chown", &dir]);
    assert!(said.contains("2 files have their owners again"), "{said}");
    assert_eq!((owner(&file), fs::metadata(&file).expect("a file").mode() & 0o7777), ((996, 996), 0o4755));
    assert_eq!(owner(home.path("d/new")), (101, 102));
    let (status, said) = home.fails(&["volume", "undo-chown", &dir]);
    assert!(status == 125 && said.contains("error[UR0847]"), "{said}");
    home.assert_empty();
}

#[test]
fn rootless_volumes_and_directories() {
    let Some(home) = Home::rootless() else { return };
    let me = rustix::process::geteuid().as_raw();
    let dir = home.path("d");
    fs::create_dir(&dir).expect("a directory");
    let volume = format!("{}:/d", dir.display());
    assert_eq!(script(&home, &["-v", &volume], "touch /d/new; stat -c %u /d/new"), "0\n");
    assert_eq!(owner(dir.join("new")).0, me);
    assert_eq!(
        script(&home, &["-v", "v:/data"], "stat -c %u:%g /data; echo x >/data/file; cat /data/file"),
        "101:102\nx\n"
    );
    assert_eq!(script(&home, &["-v", "v:/data"], "cat /data/file"), "x\n");
    assert_eq!(home.says(&["volume", "ls", "-q"]), "v\n");
    home.says(&["volume", "rm", "v"]);
    home.assert_empty();
}

/// What no mount can translate is changed on the disk while nobody else uses the volume.
#[test]
fn rootless_a_volume_follows_the_map() {
    let Some(home) = Home::rootless() else { return };
    let say = |userns: &str, text: &str| script(&home, &["--userns", userns, "-v", "v:/data"], text);
    let first =
        home.unroot(&["run", "--rm", "--userns", "keep-id", "-v", "v:/data", "box", "sh", "-c", "stat -c %u:%g /data"]);
    if !first.status.success() {
        let said = String::from_utf8_lossy(&first.stderr).into_owned();
        assert!(said.contains("UR0201") || said.contains("UR0205") || said.contains("UR0107"), "{said}");
        return;
    }
    assert_eq!(String::from_utf8_lossy(&first.stdout), "101:102\n");
    assert_eq!(say("auto", "stat -c %u:%g /data; echo x >/data/file; chown 7:8 /data/file"), "101:102\n");
    assert_eq!(say("host", "stat -c %u:%g /data/file"), "7:8\n");
    home.says(&["run", "-d", "--name", "c", "-v", "v:/data", "box", "sleep", "60"]);
    let (status, said) = home.fails(&["run", "--rm", "--userns", "keep-id", "-v", "v:/data", "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0845]"), "{said}");
    home.says(&["rm", "-f", "c"]);
    home.says(&["volume", "rm", "v"]);
    home.assert_empty();
}

#[test]
fn rootless_maps_of_mounts_are_the_containers() {
    let Some(home) = Home::rootless() else { return };
    let dir = home.path("d");
    fs::create_dir(&dir).expect("a directory");
    let volume = format!("{}:/d:map=owner", dir.display());
    let (status, said) = home.fails(&["run", "--rm", "-u", "101", "-v", &volume, "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0302]") && said.contains("--me-as 101"), "{said}");
    home.assert_empty();
}

#[test]
fn privileged_why_somebody_cannot_write() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--name", "c", "-v", "data:/data", "-v", "fixed:/fixed:ro", "box", "sleep", "60"]);
    let why = |path: &str, user: &str| {
        let output = home.unroot(&["volume", "why", "c", path, "--as", user]);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (status, said) = why("/data", "redis");
    assert!(status == Some(0) && said.contains("write: yes") && said.contains("create: yes"), "{said}");
    let (status, said) = why("/data", "1234");
    assert!(status == Some(1) && said.contains("write: no: `/data`") && said.contains("owner uid 101"), "{said}");
    assert!(why("/fixed", "0").1.contains("mounted read-only"));
    let (status, said) = home.fails(&["volume", "why", "nobody", "/data"]);
    assert!(status == 125 && said.contains("error[UR0802]"), "{said}");
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}
