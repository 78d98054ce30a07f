//! Which ids containers get, and who claims which on a host.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    home::{Home, base, skip, until},
    remains, rootfs,
};

/// The first and the last host id of each extent of a running container's uid map.
fn extents(home: &Home, name: &str) -> Vec<(u32, u32)> {
    let rows = home.says(&["ps", "--format", "{{.Names}} {{.UserNS}}"]);
    let map = rows.lines().find_map(|row| row.strip_prefix(name)?.strip_prefix(' ')).expect("the container runs");
    map.split(',')
        .map(|extent| {
            let numbers: Vec<u32> = extent.split(':').map(|number| number.parse().expect("a number")).collect();
            (numbers[1], numbers[1] + numbers[2] - 1)
        })
        .collect()
}

fn are_disjoint(maps: &[Vec<(u32, u32)>]) -> bool {
    let mut all: Vec<(u32, u32)> = maps.concat();
    all.sort_unstable();
    all.windows(2).all(|pair| pair[0].1 < pair[1].0)
}

/// A host with the defaults of Docker, Podman and the kubelet.
fn usual_host(home: &Home) -> String {
    let host = home.path("host");
    let files = [
        ("etc/subuid", "alice:100000:65536\ndockremap:165536:65536\ncontainers:2147483647:2147483648\n"),
        ("etc/subgid", "alice:100000:65536\ndockremap:165536:65536\ncontainers:2147483647:2147483648\n"),
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"),
        ("etc/docker/daemon.json", "{\n  \"userns-remap\": \"default\"\n}\n"),
        ("var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\nmaxPods: 110\n"),
    ];
    for (path, contents) in files {
        let path = host.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, contents).expect("a file");
    }
    host.display().to_string()
}

fn audit_finds_the_kubelets_pool(home: &Home) {
    let host = usual_host(home);
    let output = home.unroot(&["map", "audit", "--host", &host]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for wanted in [
        "uids and gids 100000-165535: kubelet (/var/lib/kubelet/config.yaml:2) and alice (/etc/subuid:1)",
        "uids and gids 165536-231071: kubelet (/var/lib/kubelet/config.yaml:2) and Docker (dockremap) (/etc/subuid:2)",
        "Podman (containers)",
        "by the line `kubelet:1879048192:7208960`",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    let template = "{{range .overlaps}}{{.kind}} {{.first}}-{{.last}} {{end}}";
    let output = home.unroot(&["map", "audit", "--host", &host, "--format", template]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("uid 100000-165535 ") && said.contains("gid 165536-231071 "), "{said}");
    let picture = home.path("audit.svg");
    let words = ["map", "audit", "--host", &host, "--svg", picture.to_str().expect("a path")];
    assert_eq!(home.unroot(&words).status.code(), Some(1));
    assert!(fs::read_to_string(picture).expect("a picture").contains("url(#disputed)"));
    // The line that is advised mends it.
    for file in ["etc/subuid", "etc/subgid"] {
        let path = Path::new(&host).join(file);
        let text = fs::read_to_string(&path).expect("a file") + "kubelet:1879048192:7208960\n";
        fs::write(path, text).expect("a file");
    }
    assert!(home.says(&["map", "audit", "--host", &host]).contains("no overlaps"));
    fs::write(Path::new(&host).join("etc/docker/daemon.json"), "{\n  oops\n}").expect("a file");
    let output = home.unroot(&["map", "audit", "--host", &host]);
    let warned = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(warned.contains("warning[UR0209]") && warned.contains("/etc/docker/daemon.json:2"), "{warned}");
}

#[test]
fn privileged_audit_finds_the_kubelets_pool() {
    let Some(home) = Home::bare(true) else { return };
    audit_finds_the_kubelets_pool(&home);
}

#[test]
fn rootless_audit_finds_the_kubelets_pool() {
    let Some(home) = Home::bare(false) else { return };
    audit_finds_the_kubelets_pool(&home);
}

#[test]
fn privileged_audit_knows_containers_by_their_names() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--name", "counted", "box", "sleep", "60"]);
    let output = home.unroot(&["map", "audit"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (first, last) = extents(&home, "counted")[0];
    let is_row = |line: &&str| line.starts_with(&format!("{first}-{last} ")) && line.contains("container counted");
    assert_eq!(said.lines().filter(is_row).count(), 1, "{said}");
}

#[test]
fn privileged_a_name_gets_its_range_again() {
    let Some(home) = Home::privileged() else { return };
    for name in ["one", "two", "three"] {
        home.says(&["run", "-d", "--name", name, "box", "sleep", "60"]);
    }
    let maps = ["one", "two", "three"].map(|name| extents(&home, name));
    assert!(are_disjoint(&maps), "{maps:?}");
    home.says(&["rm", "-f", "two"]);
    home.says(&["run", "-d", "--name", "two", "box", "sleep", "60"]);
    assert_eq!(extents(&home, "two"), maps[1]);
    home.says(&["stop", "-t", "0", "one"]);
    home.says(&["start", "one"]);
    assert_eq!(extents(&home, "one"), maps[0]);
}

/// Runs `unroot` on a host that looks different: `set_up` is a shell's script, run in a mount namespace of its own.
fn on_another_host(home: &Home, set_up: &str, words: &[&str]) -> Option<String> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", &format!("{set_up}\nexec \"$@\""), "-"]).arg(home.program());
    let Ok(output) = command.args(home.words(words)).output() else { return skip("no unshare(1)") };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn privileged_what_a_file_claims_is_avoided() {
    let Some(home) = Home::privileged() else { return };
    let words = ["run", "--rm", "--name", "wanted", "box", "cat", "/proc/self/uid_map"];
    let usual = base(&home.says(&words));
    let file = home.path("subgid");
    fs::write(&file, format!("somebody:{usual}:1\n")).expect("a file");
    let set_up = format!("mount --bind {} /etc/subgid", file.display());
    let Some(map) = on_another_host(&home, &set_up, &words) else { return };
    assert_ne!(base(&map), usual);
    // Where Incus is installed, a thousand million ids are its own.
    let set_up = "mount -t tmpfs none /var/lib; mkdir /var/lib/incus";
    for name in ["a", "b", "c", "d"] {
        let words = ["run", "--rm", "--name", name, "box", "cat", "/proc/self/uid_map"];
        let Some(map) = on_another_host(&home, set_up, &words) else { return };
        assert!(!(1_000_000 - 65_535..1_001_000_000).contains(&base(&map)), "{map}");
    }
    assert_eq!(base(&home.says(&words)), usual);
}

#[test]
fn privileged_a_broken_file_is_told_at_the_start() {
    let Some(home) = Home::privileged() else { return };
    if !Path::new("/etc/containers").is_dir() {
        return skip("no /etc/containers").unwrap_or_default();
    }
    let set_up = "mount -t tmpfs none /etc/containers; echo '[storage' > /etc/containers/storage.conf";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", &format!("{set_up}\nexec \"$@\""), "-"]).arg(home.program());
    let output = command.args(home.words(&["run", "--rm", "--uidmap=0:700000:65536", "box", "true"])).output();
    let warned = String::from_utf8_lossy(&output.expect("unshare runs").stderr).into_owned();
    assert!(warned.contains("warning[UR0209]") && warned.contains("storage.conf:1"), "{warned}");
}

/// These tests need most of the user's ids, one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether this user has enough further ids for what is tried.
fn has_ids(home: &Home) -> bool {
    let said = home.says(&["run", "--rm", "box", "cat", "/proc/self/uid_map"]);
    let ids: u64 = said.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum();
    ids > 60_000 || skip("fewer than 60000 ids are delegated to this user").unwrap_or_default()
}

#[test]
fn rootless_automatic_maps_are_disjoint_and_come_again() {
    let _alone = alone();
    let Some(home) = Home::rootless() else { return };
    if !has_ids(&home) {
        return;
    }
    let names = ["one", "two", "three", "four", "five"];
    let start = |name| home.says(&["run", "-d", "--name", name, "--userns=auto", "box", "sleep", "60"]);
    for name in names {
        start(name);
    }
    let maps = names.map(|name| extents(&home, name));
    assert!(are_disjoint(&maps), "{maps:?}");
    assert_eq!(home.says(&["info", "--format", "{{.store.leases}}"]), "5\n");
    home.says(&["rm", "-f", "two"]);
    start("two");
    assert_eq!(extents(&home, "two"), maps[1]);
    home.says(&["stop", "-t", "0", "three"]);
    home.says(&["start", "three"]);
    assert_eq!(extents(&home, "three"), maps[2]);
    // Whoever kills the monitor frees the ids.
    let init = Pid::from_raw(home.init_of("four")).expect("a pid");
    kill_process(remains::parent(init).expect("a monitor"), Signal::KILL).expect("a signal");
    until("the lease dies with its holder", || home.says(&["info", "--format", "{{.store.leases}}"]) == "4\n");
    // The default shares the whole namespace and holds nothing.
    home.says(&["run", "-d", "--name", "default", "box", "sleep", "60"]);
    assert_eq!(home.says(&["info", "--format", "{{.store.leases}}"]), "4\n");
}

#[test]
fn rootless_fifty_at_once() {
    let _alone = alone();
    let Some(home) = Home::rootless() else { return };
    if !has_ids(&home) {
        return;
    }
    for i in 0..50 {
        home.says(&["run", "-d", "--name", &format!("c{i}"), "--userns=auto", "box", "sleep", "300"]);
    }
    let rows = home.says(&["ps", "--format", "{{.Names}}"]);
    let maps: Vec<Vec<(u32, u32)>> = rows.lines().map(|name| extents(&home, name)).collect();
    assert_eq!(maps.len(), 50);
    assert!(are_disjoint(&maps), "{maps:?}");
}

#[test]
fn rootless_when_nothing_is_left_the_holders_are_named() {
    let _alone = alone();
    let Some(home) = Home::rootless() else { return };
    if !has_ids(&home) {
        return;
    }
    home.says(&["run", "-d", "--name", "greedy", "--userns=auto:size=40000", "box", "sleep", "60"]);
    let (status, said) = home.fails(&["run", "--rm", "--userns=auto:size=40000", "box", "true"]);
    assert_eq!(status, 125);
    for wanted in ["error[UR0205]", "needs 40 000 uids", "greedy  40 000 ids  ", "unroot stop greedy"] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
    home.says(&["run", "--rm", "--userns=auto", "box", "true"]);
    home.says(&["stop", "-t", "0", "greedy"]);
    home.says(&["run", "--rm", "--userns=auto:size=40000", "box", "true"]);
}

/// What nss-systemd makes of a container's ids, if this host asks it.
fn name_of(id: u32) -> Option<String> {
    let output = Command::new("getent").args(["passwd", &id.to_string()]).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    line.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn has_nss_systemd() -> bool {
    let asks = fs::read_to_string("/etc/nsswitch.conf").is_ok_and(|text| {
        text.lines().any(|line| line.starts_with("passwd:") && line.split_whitespace().any(|word| word == "systemd"))
    });
    let dirs = ["/lib", "/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu"];
    let found = dirs.iter().any(|dir| Path::new(dir).join("libnss_systemd.so.2").exists());
    (asks && found) || skip("no nss-systemd").unwrap_or_default()
}

#[test]
fn privileged_ids_have_names_while_a_container_runs() {
    let Some(home) = Home::privileged() else { return };
    if !has_nss_systemd() {
        return;
    }
    let name = format!("n{}", std::process::id());
    let run = |words: &[&str]| home.says(&[&["run", "-d", "--name", &name, "-u", "redis", "box"], words].concat());
    run(&["sleep", "60"]);
    let first = extents(&home, &name)[0].0;
    assert_eq!(name_of(first), Some(format!("{name}-root")));
    assert_eq!(name_of(first + 101), Some(format!("{name}-redis")));
    assert_eq!(name_of(first + 5), None, "nothing in the image belongs to it");
    let files = || -> usize {
        let entries = fs::read_dir("/run/userdb").into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{name}-"))).count()
    };
    assert!(files() > 2);
    home.says(&["stop", "-t", "0", &name]);
    assert_eq!((name_of(first), files()), (None, 0));
    home.says(&["start", &name]);
    assert_eq!(name_of(first), Some(format!("{name}-root")));
    // A monitor that is killed removes nothing; the next command does.
    let init = Pid::from_raw(home.init_of(&name)).expect("a pid");
    kill_process(remains::parent(init).expect("a monitor"), Signal::KILL).expect("a signal");
    until("the next command clears away", || {
        home.says(&["ps", "-a"]);
        files() == 0
    });
    home.says(&["rm", &name]);
    // A container that ends by itself.
    run(&["sleep", "0.2"]);
    until("it has ended", || home.field(&name, "Status").starts_with("Exited"));
    assert_eq!((name_of(first), files()), (None, 0));
    home.says(&["run", "--rm", "--userns=host", "box", "true"]);
    assert_eq!(files(), 0);
}

/// Two stores know nothing of each other's leases; the maps of running processes tell.
#[test]
fn rootless_two_stores_of_a_user_are_disjoint() {
    let _alone = alone();
    let (Some(one), Some(two)) = (Home::rootless(), Home::rootless()) else { return };
    if !has_ids(&one) {
        return;
    }
    let mut maps = Vec::new();
    for name in ["a", "b", "c"] {
        for home in [&one, &two] {
            home.says(&["run", "-d", "--name", name, "--userns=auto:size=5000", "box", "sleep", "60"]);
            maps.push(extents(home, name));
        }
    }
    assert!(are_disjoint(&maps), "{maps:?}");
    let (_, said) = one.fails(&["run", "--rm", "--userns=auto:size=40000", "box", "true"]);
    assert!(said.contains("error[UR0205]") && said.contains("  pid "), "{said}");
}

/// A root filesystem of busybox with `unroot` in it.
fn with_unroot(home: &Home) -> Option<String> {
    let busybox = rootfs::busybox()?;
    let root = home.path("nested");
    let unpacked = tar::Archive::new(&*rootfs::archive(&busybox)).unpack(&root);
    unpacked.expect("a root filesystem");
    for dir in ["proc", "sys", "dev", "run", "var/lib"] {
        fs::create_dir_all(root.join(dir)).expect("a directory");
    }
    for program in ["unroot", "unroot-runtime"] {
        fs::copy(home.program().with_file_name(program), root.join("bin").join(program)).expect("a program");
    }
    fs::write(root.join("box.tar"), rootfs::archive(&busybox)).expect("an archive");
    Some(root.display().to_string())
}

#[test]
fn privileged_root_in_a_container_draws_from_its_own_ids() {
    let Some(home) = Home::bare(true) else { return };
    let Some(root) = with_unroot(&home) else { return skip("no busybox").unwrap_or_default() };
    let script = "unroot import /box.tar box >/dev/null; for i in a b c; do \
                  unroot run -d --name $i --userns=auto box sleep 30 >/dev/null || exit 1; done; \
                  unroot ps --format '{{.UserNS}}'; unroot rm -f a b c >/dev/null";
    let said = home.says(&["run", "--rm", "--privileged", "--rootfs", &root, "sh", "-c", script]);
    let maps: Vec<Vec<(u32, u32)>> = said
        .lines()
        .map(|map| {
            let extents =
                map.split(',').map(|extent| extent.split(':').map(|number| number.parse().expect("a number")));
            extents.map(Iterator::collect::<Vec<u32>>).map(|e| (e[1], e[1] + e[2] - 1)).collect()
        })
        .collect();
    assert!(maps.len() == 3 && are_disjoint(&maps), "{said}");
    assert!(maps.concat().iter().all(|(first, last)| *first >= 1024 && *last < 65_534), "{said}");
}
