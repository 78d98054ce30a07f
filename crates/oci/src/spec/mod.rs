//! config.json as the OCI runtime specification has it (versions 1.0 to 1.3), read for Linux.
//!
//! What the specification demands is demanded here: a member that must be there and is not is a fault, never a default.
//! Members that are not known are ignored, as the specification wants it; `null` is the same as absent, as Go writes it.
//! What nothing here looks into (other platforms) is kept as it is.

pub mod capability;
mod device;
mod hooks;
mod linux;
mod mapping;
mod mount;
mod namespace;
mod process;
mod resources;
mod rlimit;
mod scheduling;
mod seccomp;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use capability::{Capabilities, Capability};
pub use device::{Device, DeviceKind};
pub use hooks::{Hook, Hooks};
pub use linux::{Linux, NetDevice, TimeOffset};
pub use mapping::IdMapping;
pub use mount::Mount;
pub use namespace::{Namespace, NamespaceKind};
pub use process::{ConsoleSize, Process, User};
pub use resources::{
    BlockIo, Cpu, DeviceRule, HugepageLimit, InterfacePriority, Memory, Network, Pids, Rdma, Resources, ThrottleDevice,
    WeightDevice,
};
pub use rlimit::{Rlimit, RlimitKind};
pub use scheduling::{ExecCpuAffinity, IoPriority, MemoryPolicy, Personality, Scheduler};
pub use seccomp::{Seccomp, SeccompAction, SeccompArgument, SeccompFlag, SeccompOperator, SeccompRule};

/// A whole config.json.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// `ociVersion`: the version of the specification; empty if it is missing, which [`crate::bundle::read_spec`] refuses.
    #[serde(default, rename = "ociVersion", deserialize_with = "null_as_default")]
    pub version: String,
    /// The root filesystem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    /// What is mounted, in this order.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// What is executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    /// The host name in the container's uts namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// The NIS domain name in the container's uts namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domainname: Option<String>,
    /// Programs that are run at points of the container's life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Texts for whoever knows their names.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What is Linux's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linux: Option<Linux>,
    /// What is Solaris' own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub solaris: Option<Value>,
    /// What is Windows' own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<Value>,
    /// What a virtual machine is to be like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm: Option<Value>,
    /// What is z/OS' own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zos: Option<Value>,
}

/// `root`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    /// The directory, absolute or relative to the bundle's. Required.
    pub path: PathBuf,
    /// Whether the container cannot write to it.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "std::ops::Not::not")]
    pub readonly: bool,
}

/// `null`, as Go writes a list or a map that is none.
fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
