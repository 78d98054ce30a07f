use serde::{Deserialize, Serialize};

use super::null_as_default;

/// What a number that is not given counts as is not written either: the kernel would take it for a wish.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `process.scheduler` (config.md "Linux Process").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduler {
    /// `SCHED_OTHER` and its like. Required.
    pub policy: String,
    /// -20 to 19.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "is_default")]
    pub nice: i32,
    /// 1 to 99, for the real-time policies.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "is_default")]
    pub priority: i32,
    /// `SCHED_FLAG_RESET_ON_FORK` and its like.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// For `SCHED_DEADLINE`, in nanoseconds.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "is_default")]
    pub runtime: u64,
    /// For `SCHED_DEADLINE`, in nanoseconds.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "is_default")]
    pub deadline: u64,
    /// For `SCHED_DEADLINE`, in nanoseconds.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "is_default")]
    pub period: u64,
}

/// `process.ioPriority`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoPriority {
    /// `IOPRIO_CLASS_RT`, `IOPRIO_CLASS_BE` or `IOPRIO_CLASS_IDLE`. Required.
    pub class: String,
    /// 0 to 7 in the class.
    #[serde(default, deserialize_with = "null_as_default")]
    pub priority: i32,
}

/// `process.execCPUAffinity`: lists of processors, `0-3,7`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecCpuAffinity {
    /// Before the process is in the container's control groups.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub initial: String,
    /// Once it is.
    #[serde(default, rename = "final", deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub last: String,
}

/// `linux.personality`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Personality {
    /// `LINUX` or `LINUX32`. Required.
    pub domain: String,
    /// There are none yet.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// `linux.memoryPolicy`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPolicy {
    /// `MPOL_BIND` and its like. Required.
    pub mode: String,
    /// A list of NUMA nodes: `0-1`.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "String::is_empty")]
    pub nodes: String,
    /// `MPOL_F_STATIC_NODES` and its like.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}
