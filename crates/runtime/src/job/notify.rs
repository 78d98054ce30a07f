//! Who tells the service manager that the container is ready: `--sdnotify`.

use diag::{Error, Result, codes};
use serde::{Deserialize, Serialize};

/// Whose word the service manager hears at `NOTIFY_SOCKET`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SdNotify {
    /// The container's, who gets a socket of its own; the monitor passes it on.
    #[default]
    Container,
    /// The monitor's: ready as soon as the command was executed.
    Conmon,
    /// The monitor's: ready as soon as the container is healthy.
    Healthy,
    /// Nobody's.
    Ignore,
}

impl SdNotify {
    /// Reads `container`, `conmon`, `healthy` or `ignore`. Fails with UR0806.
    pub fn parse(text: &str) -> Result<SdNotify> {
        match text {
            "container" => Ok(SdNotify::Container),
            "conmon" => Ok(SdNotify::Conmon),
            "healthy" => Ok(SdNotify::Healthy),
            "ignore" => Ok(SdNotify::Ignore),
            other => Err(Error::new(codes::UR0806, format!("there is no way `{other}` to notify a service manager"))
                .help("the ways are container, conmon, healthy and ignore")),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            SdNotify::Container => "container",
            SdNotify::Conmon => "conmon",
            SdNotify::Healthy => "healthy",
            SdNotify::Ignore => "ignore",
        }
    }
}
