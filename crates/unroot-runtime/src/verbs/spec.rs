//! `spec`: a config.json to start from.

use std::{path::Path, process::ExitCode};

use diag::{Error, Result, codes};
use runtime::plan::IDMAP_ROOT;
use serde_json::{Value, json};
use sys::{
    Dir,
    rustix::process::{getegid, geteuid},
};

/// The first host id of the example's range: the beginning of what systemd sets apart for containers.
const BASE: u32 = 524_288;

const NAMESPACES: [&str; 7] = ["user", "pid", "network", "ipc", "uts", "mount", "cgroup"];

/// `spec`. A config.json that is there is never overwritten.
pub fn spec(bundle: Option<&Path>, rootless: bool) -> Result<ExitCode> {
    let path = bundle.unwrap_or(Path::new("."));
    let failed = |failed: sys::Failed| {
        failed.into_error(codes::UR0401, format!("no config.json can be written to `{}`", path.display()))
    };
    let dir = Dir::open(path).map_err(failed)?;
    if dir.has("config.json") {
        return Err(Error::new(codes::UR0401, format!("`{}` exists already", path.join("config.json").display()))
            .help("move it away first: it is not overwritten"));
    }
    let mut text = serde_json::to_string_pretty(&document(rootless)).unwrap_or_default();
    text.push('\n');
    dir.write("config.json", text.as_bytes(), 0o644).map_err(failed)?;
    Ok(ExitCode::SUCCESS)
}

fn document(rootless: bool) -> Value {
    let capabilities = json!(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]);
    let mut spec = json!({
        "ociVersion": runtime::state::OCI_VERSION,
        "process": {
            "terminal": false,
            "user": { "uid": 0, "gid": 0 },
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": { "bounding": capabilities, "effective": capabilities, "permitted": capabilities },
            "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "unroot",
        "mounts": mounts(rootless),
        "linux": {
            "namespaces": NAMESPACES.map(|kind| json!({ "type": kind })).to_vec(),
            "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    });
    let map = |id: u32| {
        if rootless {
            json!([{ "containerID": 0, "hostID": id, "size": 1 }])
        } else {
            json!([{ "containerID": 0, "hostID": BASE, "size": 65536 }])
        }
    };
    spec["linux"]["uidMappings"] = map(geteuid().as_raw());
    spec["linux"]["gidMappings"] = map(getegid().as_raw());
    if !rootless {
        // The files of a freshly unpacked root filesystem carry the ids that the container sees.
        spec["annotations"] = json!({ IDMAP_ROOT: "true" });
    }
    spec
}

fn mounts(rootless: bool) -> Value {
    let mount = |target: &str, kind: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": kind, "options": options });
    // A map of one id has no gid 5 (tty).
    let devpts: &[&str] = if rootless {
        &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    } else {
        &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]
    };
    json!([
        mount("/proc", "proc", &[]),
        mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", devpts),
        mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount("/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
    ])
}
