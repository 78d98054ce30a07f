//! A container's config.json, made from its [`Config`] and the map that this start has. Defaults are Podman's.

mod mounts;
pub(crate) mod paths;

use std::{collections::BTreeMap, path::Path};

use idmap::{Extents, IdMap, Inside};
use oci::spec::{DeviceKind, DeviceRule};
use runtime::seccomp::default_profile;
use serde_json::{Value, json};

use crate::{
    capabilities::{self, ALL},
    config::{ANNOTATION, Config, DeviceBind, Network, Rootfs, SeccompChoice},
    seccomp,
};

/// The rest of what the document depends on.
pub struct Start<'a> {
    /// The map of this start.
    pub map: &'a IdMap,
    /// Whether files carry container ids, which the map changes: the engine's own files need an idmapped mount then.
    pub shifted: bool,
    /// The directory with `hosts`, `hostname` and `resolv.conf`.
    pub files: &'a Path,
    /// Whether nodes of the container's devices lie beside them, with the owners that the host's have.
    pub nodes: bool,
    /// How many capabilities this kernel knows.
    pub capabilities: usize,
    /// Whether the host has one hierarchy of control groups (version 2), which a container can be shown.
    pub unified_cgroups: bool,
    /// Where the container's control group is to be; `None` where none is delegated.
    pub cgroup: Option<&'a str>,
    /// The file of the user namespace that it joins; else it gets its own.
    pub joined: Option<&'a Path>,
    /// What the user and the image mount: whole entries.
    pub mounts: &'a [Value],
}

/// The whole document.
pub fn document(config: &Config, start: &Start) -> Value {
    let own_net = config.network == Network::None;
    // A container whose options are valid JSON (it was made from strings and numbers) cannot fail to be written.
    let own = serde_json::to_string(config).unwrap_or_default();
    let mut annotations = config.annotations.clone();
    annotations.insert(ANNOTATION.to_owned(), own);
    if config.security.keep_groups {
        annotations.insert(KEEP_GROUPS.to_owned(), "1".to_owned());
    }
    json!({
        "ociVersion": "1.2.0",
        "process": process(config, start.capabilities),
        "root": { "path": root_path(config), "readonly": config.read_only },
        "hostname": config.hostname,
        "mounts": mounts::all(config, start),
        "annotations": annotations,
        "linux": {
            "uidMappings": mappings(&start.map.uid),
            "gidMappings": mappings(&start.map.gid),
            "namespaces": namespaces(own_net, start.joined),
            "sysctl": sysctl(config, &start.map.gid),
            "cgroupsPath": start.cgroup,
            "maskedPaths": config.security.masked,
            "readonlyPaths": config.security.read_only,
            "resources": resources(config),
            "seccomp": filter(config, start.capabilities),
        },
    })
}

fn root_path(config: &Config) -> &Path {
    match &config.rootfs {
        Rootfs::Directory(path) => path,
        // The overlay is made by the monitor; the member is there because the specification demands one.
        Rootfs::Layers(_) => Path::new("rootfs"),
    }
}

fn process(config: &Config, known: usize) -> Value {
    json!({
        "terminal": config.tty,
        "user": {
            "uid": config.user.uid,
            "gid": config.user.gid,
            "umask": config.surroundings.umask,
            "additionalGids": config.user.groups,
        },
        "args": config.args,
        "env": config.env,
        "cwd": config.cwd,
        "capabilities": capability_sets(config, known),
        "apparmorProfile": config.security.apparmor,
        "noNewPrivileges": config.security.no_new_privileges,
        "rlimits": config.surroundings.limits,
        "oomScoreAdj": config.surroundings.oom_score_adj,
    })
}

/// Another user than root begins without capabilities, or with those that were added for them, which an execve keeps then; they
/// may gain those of the bounding set through a setuid program.
fn capability_sets(config: &Config, known: usize) -> Value {
    let names = |numbers: &[u8]| -> Vec<&str> {
        numbers
            .iter()
            .map(|number| usize::from(*number))
            .filter(|number| *number < known)
            .map(|number| capabilities::ALL[number])
            .collect()
    };
    let all: Vec<u8> = (0..).take(known).collect();
    let bounding = names(config.security.bounding.as_ref().unwrap_or(&all));
    let (held, kept) = match &config.security.held {
        Some(held) => (names(held), names(held)),
        None if config.user.uid == 0 => (bounding.clone(), Vec::new()),
        None => (Vec::new(), Vec::new()),
    };
    json!({ "bounding": bounding, "effective": held, "permitted": held, "inheritable": kept, "ambient": kept })
}

fn namespaces(own_net: bool, joined: Option<&Path>) -> Value {
    let kinds = ["user", "mount", "pid", "ipc", "uts", "cgroup", "network"];
    let one = |kind: &&str| match joined {
        Some(path) if *kind == "user" => json!({ "type": kind, "path": path }),
        _ => json!({ "type": kind }),
    };
    kinds.iter().filter(|kind| own_net || **kind != "network").map(one).collect()
}

/// The filter of system calls; what it allows depends on the capabilities.
fn filter(config: &Config, known: usize) -> Value {
    let numbers = config.security.bounding.clone().unwrap_or_else(|| (0..).take(known).collect());
    match &config.security.seccomp {
        SeccompChoice::Unconfined => Value::Null,
        SeccompChoice::Usual => json!(default_profile(numbers.into_iter().collect())),
        SeccompChoice::Profile(profile) => {
            let names: Vec<&str> = numbers.iter().filter_map(|number| ALL.get(usize::from(*number)).copied()).collect();
            seccomp::resolve(profile, &names, &crate::image_architecture())
        }
    }
}

/// The annotation by which runtimes are told to keep the further groups of whoever starts the container: crun's.
const KEEP_GROUPS: &str = runtime::plan::KEEP_GROUPS;

/// The rules for devices. A list of rules begins with a denial of all others, as Podman's does.
fn resources(config: &Config) -> Value {
    let security = &config.security;
    if config.privileged || (security.devices.is_empty() && security.device_rules.is_empty()) {
        return json!({});
    }
    let deny = DeviceRule { allow: false, access: Some("rwm".to_owned()), ..DeviceRule::default() };
    let of = |device: &DeviceBind| DeviceRule {
        allow: true,
        kind: Some(if device.block { DeviceKind::Block } else { DeviceKind::Character }),
        major: Some(device.major.into()),
        minor: Some(device.minor.into()),
        access: Some(device.access.clone()),
    };
    let given = security.devices.iter().map(of).chain(security.device_rules.iter().cloned());
    let rules: Vec<DeviceRule> = [deny].into_iter().chain(given).collect();
    json!({ "devices": rules })
}

fn mappings(extents: &Extents) -> Value {
    let extent = |extent: &idmap::Extent| json!({ "containerID": extent.inside.0, "hostID": extent.outside.0, "size": extent.len });
    extents.iter().map(extent).collect()
}

/// Lets every group send pings without a capability, as Podman does. The kernel wants both ends of the range mapped.
fn sysctl(config: &Config, gids: &Extents) -> BTreeMap<String, String> {
    let mut parameters = config.surroundings.parameters.clone();
    if let (Network::None, Some(first)) = (config.network, gids.extent_of(Inside(0))) {
        parameters.entry(PINGS.to_owned()).or_insert_with(|| format!("0 {}", first.len - 1));
    }
    parameters
}

/// The groups that may send pings.
const PINGS: &str = "net.ipv4.ping_group_range";

#[cfg(test)]
#[path = "spec/tests.rs"]
mod tests;
