//! The mounts of a container.

use serde_json::{Value, json};

use super::Start;
use crate::{
    config::{Config, DeviceBind, Network},
    files,
};

/// All of them, in the order in which they are made.
pub fn all(config: &Config, start: &Start) -> Vec<Value> {
    let mut mounts = vec![
        proc(config),
        mount("/dev", "tmpfs", "tmpfs", &["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"]),
        sys(config),
        mount("/dev/pts", "devpts", "devpts", &terminals(start)),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        shared_memory(config),
    ];
    // Version 1 has a hierarchy a controller, most of which belong to the host alone: nothing of it is shown.
    if start.unified_cgroups && config.network == Network::None {
        let access = if config.privileged { "rw" } else { "ro" };
        mounts.push(mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", access]));
    }
    if config.read_only && !config.without_scratch {
        let scratch = ["/run", "/tmp", "/var/tmp"];
        mounts
            .extend(scratch.iter().map(|path| mount(path, "tmpfs", "tmpfs", &["rw", "nosuid", "nodev", "mode=1777"])));
    }
    mounts.extend(config.security.devices.iter().enumerate().map(|one| device(one, start)));
    mounts.extend(files::names(config).iter().map(|name| own_file(name, start)));
    let destination = |mount: &Value| mount["destination"].as_str().unwrap_or_default().to_owned();
    mounts.retain(|own| start.mounts.iter().all(|asked| destination(asked) != destination(own)));
    mounts.extend(start.mounts.iter().cloned());
    // What lies below another mount is mounted after it.
    mounts.sort_by_key(|mount| destination(mount).matches('/').count());
    mounts
}

fn proc(config: &Config) -> Value {
    let own = config.security.proc_options.iter().map(String::as_str);
    mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"].into_iter().chain(own).collect::<Vec<_>>())
}

/// A user namespace may not make nodes, so others are bound: those that the engine has made for this container, whose owners
/// the container's map knows; or else the host's.
fn device((index, device): (usize, &DeviceBind), start: &Start) -> Value {
    let mut options = vec!["bind", "rprivate", "nosuid", "noexec", "dev"];
    if !device.access.contains('w') {
        options.push("ro");
    }
    let source = if start.nodes { start.files.join(files::node(index)) } else { device.source.clone() };
    if start.nodes && start.shifted {
        options.push("idmap");
    }
    mount(&device.target.display().to_string(), "bind", &source.display().to_string(), &options)
}

fn shared_memory(config: &Config) -> Value {
    let size = format!("size={}", config.surroundings.shm_size);
    mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", &size])
}

/// A network namespace of the container's own shows its own sysfs; with the host's, the host's is bound, read-only all
/// the way down, because the kernel mounts a new one only for the namespace's owner.
fn sys(config: &Config) -> Value {
    let access = if config.privileged { "rw" } else { "ro" };
    match config.network {
        Network::None => mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", access]),
        Network::Host => mount("/sys", "bind", "/sys", &["rbind", "rslave", "rnosuid", "rnoexec", "rnodev", "rro"]),
    }
}

/// Group 5 is `tty` everywhere; where the map leaves it out, the kernel refuses the option.
fn terminals(start: &Start) -> Vec<&'static str> {
    let mut options = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    if start.map.gid.contains(idmap::Inside(5)) {
        options.push("gid=5");
    }
    options
}

/// A file in /etc that the engine writes. It belongs to uid 0 on disk, so that the container sees its own root.
fn own_file(name: &str, start: &Start) -> Value {
    let mut options = vec!["bind", "rprivate"];
    if start.shifted {
        options.push("idmap");
    }
    let source = start.files.join(name).display().to_string();
    mount(&format!("/etc/{name}"), "bind", &source, &options)
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "type": kind, "source": source, "options": options })
}
