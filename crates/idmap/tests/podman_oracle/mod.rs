//! A Podman that can be asked what it makes of options.

#![allow(unreachable_pub)]

use std::{
    env,
    fmt::Write as _,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use idmap::{Extent, Extents, IdMap};
use serde_json::Value;

use crate::podman_table::{ask::values, worlds::ROOTS_FILE};

/// What Podman says to a line of options.
pub enum Answer {
    /// The maps that it would give to a runtime, in terms of the namespace that it runs in; empty for none.
    Map(IdMap),
    /// Its last words, or what the kernel would say.
    Refused(String),
}

/// Who runs this test: their uid and gid.
pub fn own_ids() -> (u32, u32) {
    let own = fs::metadata("/proc/self").unwrap();
    (own.uid(), own.gid())
}

fn program() -> String {
    env::var("UNROOT_TEST_PODMAN").unwrap_or_else(|_| "podman".to_owned())
}

pub fn version() -> Option<(u32, u32)> {
    let output = Command::new(program()).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split_ascii_whitespace().last()?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// A Podman with a store of its own in a temporary directory.
pub struct Stage(tempfile::TempDir);

impl Stage {
    /// Prepares a root filesystem, settings that fit any machine, and the runtime that starts nothing.
    pub fn new() -> Self {
        let stage = Stage(tempfile::tempdir().unwrap());
        let dir = stage.0.path();
        fs::create_dir_all(dir.join("fs")).unwrap();
        fs::create_dir_all(dir.join("run")).unwrap();
        fs::set_permissions(dir.join("run"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(dir.join("subid"), ROOTS_FILE).unwrap();
        fs::write(dir.join("passwd"), accounts()).unwrap();
        stage.configure(None);
        // Podman accepts `--cgroups=disabled` from a runtime of this name only.
        let runtime = dir.join("crun");
        let script = format!(
            "#!/bin/sh\nfor word; do [ \"$last\" = --bundle ] && cp \"$word/config.json\" '{}'; last=$word; done\nexit 1\n",
            dir.join("config.json").display()
        );
        fs::write(&runtime, script).unwrap();
        fs::set_permissions(&runtime, fs::Permissions::from_mode(0o755)).unwrap();
        stage
    }

    fn configure(&self, userns: Option<&str>) {
        let userns = userns.map(|mode| format!("userns=\"{mode}\"\n")).unwrap_or_default();
        let settings = "default_ulimits=[\"nofile=1024:1024\",\"nproc=1024:1024\"]\ncgroups=\"disabled\"\n";
        fs::write(self.0.path().join("containers.conf"), format!("[containers]\n{settings}{userns}")).unwrap();
    }

    fn podman(&self) -> Command {
        let dir = self.0.path();
        let mut podman = with_subids(&program(), dir);
        podman.env("CONTAINERS_CONF", dir.join("containers.conf")).env("PODMAN_IGNORE_CGROUPSV1_WARNING", "1");
        podman.env("XDG_RUNTIME_DIR", dir.join("run")).env_remove("PODMAN_USERNS").stdin(Stdio::null());
        podman.arg("--root").arg(dir.join("root")).arg("--runroot").arg(dir.join("runroot"));
        podman.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--runtime"]).arg(dir.join("crun"));
        podman
    }

    /// What it makes of a line of options.
    pub fn ask(&self, line: &str) -> Answer {
        let kept = self.0.path().join("config.json");
        let _ = fs::remove_file(&kept);
        self.configure(values(line, "userns").pop().as_deref());
        let mut podman = self.podman();
        if let Some(mode) = values(line, "PODMAN_USERNS").pop() {
            podman.env("PODMAN_USERNS", mode);
        }
        podman.args(["run", "--rm", "--network=none", "--cgroups=disabled"]);
        podman.args(line.split(' ').filter(|word| word.starts_with("--")));
        let output = podman.arg("--rootfs").arg(self.0.path().join("fs")).arg("true").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        match fs::read(&kept) {
            Ok(config) => maps(&config),
            Err(_) => Answer::Refused(said.lines().last().unwrap_or_default().to_owned()),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A rootless Podman leaves files of its delegated ids and a process that holds its namespace.
        if own_ids().0 != 0 {
            let left = ["root", "runroot", "fs"].map(|name| self.0.path().join(name));
            let _ = self.podman().args(["unshare", "rm", "-rf"]).args(left).output();
            let _ = self.podman().args(["system", "migrate"]).output();
        }
        // What cleans up after the last container may still be at work, and makes its directories again.
        let mut quiet = 0;
        for _ in 0..50 {
            quiet = if self.0.path().exists() { 0 } else { quiet + 1 };
            if quiet == 8 {
                return;
            }
            let _ = fs::remove_dir_all(self.0.path());
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The accounts of this machine, and those of the table's file: newer versions of libsubid look for their names.
fn accounts() -> String {
    let mut accounts = fs::read_to_string("/etc/passwd").unwrap();
    for (i, line) in ROOTS_FILE.lines().enumerate() {
        let name = line.split(':').next().unwrap_or_default();
        if !accounts.lines().any(|account| account.starts_with(&format!("{name}:"))) {
            let _ = writeln!(accounts, "{name}:x:{0}:{0}::/:/bin/false", 5000 + i);
        }
    }
    accounts
}

/// As root, the program sees the table's files in a mount namespace of its own.
fn with_subids(program: &str, dir: &Path) -> Command {
    if own_ids().0 != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("unshare");
    let script = "cd \"$0\" && mount --bind subid /etc/subuid && mount --bind subid /etc/subgid \
        && mount --bind passwd /etc/passwd && exec \"$@\"";
    command.args(["--mount", "sh", "-c", script]).arg(dir).arg(program);
    command
}

fn maps(config: &[u8]) -> Answer {
    let config: Value = serde_json::from_slice(config).unwrap();
    let map = |kind: &str| Extents::merged(extents(config.pointer(&format!("/linux/{kind}Mappings"))));
    match (map("uid"), map("gid")) {
        (Ok(uid), Ok(gid)) => Answer::Map(IdMap { uid, gid }),
        // Podman leaves it to the kernel to refuse what overlaps.
        (Err(fault), _) | (_, Err(fault)) => Answer::Refused(format!("no map: {fault}")),
    }
}

fn extents(list: Option<&Value>) -> Vec<Extent> {
    let number = |item: &Value, key: &str| u32::try_from(item[key].as_u64().unwrap()).unwrap_or(u32::MAX);
    let extent = |item: &Value| Extent::new(number(item, "containerID"), number(item, "hostID"), number(item, "size"));
    list.and_then(Value::as_array).into_iter().flatten().map(extent).collect()
}
