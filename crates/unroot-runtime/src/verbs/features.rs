//! `features`: what is true of this runtime, and nothing else.

use std::process::ExitCode;

use diag::Result;
use runtime::{
    capability,
    plan::{IDMAP_ROOT, options},
};
use serde_json::json;

use crate::help::say;

/// `features` (OCI runtime specification, features.md).
pub fn features() -> Result<ExitCode> {
    let features = json!({
        "ociVersionMin": "1.0.0",
        "ociVersionMax": runtime::state::OCI_VERSION,
        "hooks": ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
        "mountOptions": &options::KNOWN[..],
        "linux": {
            "namespaces": ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"],
            "capabilities": (0..=40).map(capability::name).collect::<Vec<_>>(),
            "cgroup": { "v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": false },
            "seccomp": { "enabled": false },
            "apparmor": { "enabled": false },
            "selinux": { "enabled": false },
            "intelRdt": { "enabled": false },
            "memoryPolicy": {},
            "mountExtensions": { "idmap": { "enabled": true } },
            "netDevices": { "enabled": false },
        },
        "annotations": { "org.unroot.version": env!("CARGO_PKG_VERSION") },
        "potentiallyUnsafeConfigAnnotations": [IDMAP_ROOT],
    });
    say(&format!("{}\n", serde_json::to_string_pretty(&features).unwrap_or_default()))
}
