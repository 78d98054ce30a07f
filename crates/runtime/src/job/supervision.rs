//! How a monitor looks after its container: decided when the container is made, kept in its record, obeyed by every monitor of it.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::{health::Health, logging::Logging, notify::SdNotify, restart::RestartPolicy};

/// What the monitor of a container is told besides how to start it. The default is what a container gets that nobody asked
/// anything special for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Supervision {
    /// `--restart`.
    pub restart: RestartPolicy,
    /// `--health-…`, or the image's HEALTHCHECK.
    pub health: Option<Health>,
    /// `--log-driver`, `--log-opt`.
    pub logging: Logging,
    /// The signal that asks the container to end, by its number.
    pub stop_signal: u8,
    /// `--stop-timeout`: how long `stop` waits for the container before it is killed, in seconds.
    pub stop_timeout: u32,
    /// `--timeout`: how long the container may run before it is killed.
    pub time_limit: Option<Duration>,
    /// `--sdnotify`.
    pub sdnotify: SdNotify,
    /// `--pidfile`: gets the pid of each init on the host. Absolute.
    pub pidfile: Option<PathBuf>,
    /// `--conmon-pidfile`: gets the monitor's pid. Absolute.
    pub monitor_pidfile: Option<PathBuf>,
}

/// Podman's default of `--stop-timeout`, in seconds.
pub const STOP_TIMEOUT: u32 = 10;

impl Default for Supervision {
    fn default() -> Self {
        Supervision {
            restart: RestartPolicy::default(),
            health: None,
            logging: Logging::default(),
            stop_signal: 15,
            stop_timeout: STOP_TIMEOUT,
            time_limit: None,
            sdnotify: SdNotify::default(),
            pidfile: None,
            monitor_pidfile: None,
        }
    }
}
