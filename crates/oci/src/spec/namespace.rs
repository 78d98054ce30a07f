use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One of `linux.namespaces`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespace {
    /// `type`. Required.
    #[serde(rename = "type")]
    pub kind: NamespaceKind,
    /// The namespace to join, by its absolute path; without one, a new one is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// The type of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NamespaceKind {
    /// Processes.
    Pid,
    /// Network devices, addresses, ports.
    Network,
    /// Mount points.
    Mount,
    /// System V IPC and POSIX message queues.
    Ipc,
    /// Host and domain name.
    Uts,
    /// User and group ids.
    User,
    /// The view of control groups.
    Cgroup,
    /// The monotonic clocks.
    Time,
}
