use std::collections::BTreeMap;

use oci::spec::Rlimit;
use serde::{Deserialize, Serialize};

/// What surrounds a container's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// `--umask`.
    pub umask: u32,
    /// `--tz`: a name below /usr/share/zoneinfo, or `local`.
    pub time_zone: Option<String>,
    /// `--ulimit`, and the defaults.
    pub limits: Vec<Rlimit>,
    /// `--shm-size`, in bytes; 0 is no limit.
    pub shm_size: u64,
    /// `--sysctl`, and the defaults of containers.conf.
    pub parameters: BTreeMap<String, String>,
    /// `--oom-score-adj`.
    pub oom_score_adj: Option<i32>,
}

/// Podman's default of `--shm-size`: 64 MiB.
pub const SHM_SIZE: u64 = 64 << 20;

/// Podman's default of `--umask`.
pub const UMASK: u32 = 0o022;

impl Default for Surroundings {
    fn default() -> Self {
        Surroundings {
            umask: UMASK,
            time_zone: None,
            limits: Vec::new(),
            shm_size: SHM_SIZE,
            parameters: BTreeMap::new(),
            oom_score_adj: None,
        }
    }
}
