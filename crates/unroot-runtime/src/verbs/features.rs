//! `features`: what is true of this runtime, and nothing else.

use std::process::ExitCode;

use diag::Result;
use runtime::{
    capability,
    plan::{IDMAP_ROOT, options, treatment},
    seccomp,
};
use serde_json::{Value, json};

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
            "cgroup": { "v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": true },
            "seccomp": filters(),
            "apparmor": { "enabled": true },
            "selinux": { "enabled": true },
            "intelRdt": { "enabled": false },
            "memoryPolicy": {
                "modes": treatment::MEMORY_MODES.map(|(name, _)| name),
                "flags": treatment::MEMORY_FLAGS.map(|(name, _)| name),
            },
            "mountExtensions": { "idmap": { "enabled": true } },
            "netDevices": { "enabled": true },
        },
        "annotations": { "org.unroot.version": env!("CARGO_PKG_VERSION") },
        "potentiallyUnsafeConfigAnnotations": [IDMAP_ROOT],
    });
    say(&format!("{}\n", serde_json::to_string_pretty(&features).unwrap_or_default()))
}

/// What profiles may have. Whether this kernel knows a flag is asked, as the specification wants it.
fn filters() -> Value {
    let supported = seccomp::FLAGS.into_iter().filter(|(_, flag)| seccomp::is_supported(*flag)).map(|(name, _)| name);
    json!({
        "enabled": true,
        "actions": seccomp::ACTIONS,
        "operators": ["SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_LE", "SCMP_CMP_LT", "SCMP_CMP_MASKED_EQ", "SCMP_CMP_NE"],
        "archs": seccomp::ARCHITECTURES,
        "knownFlags": seccomp::FLAGS.map(|(name, _)| name),
        "supportedFlags": supported.collect::<Vec<_>>(),
    })
}
