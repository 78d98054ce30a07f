//! `healthcheck run`, and what is known of containers' health.

use diag::{Error, Result, codes};
use runtime::monitor::health::{FILE, Finding, Report};
use store::Container;

use crate::{
    Engine,
    client::Client,
    life::{self, Life},
    request::Given,
};

/// What a monitor has written down of its container's health.
pub fn read(container: &Container) -> Option<Report> {
    serde_json::from_slice(&container.dir().read(FILE, 1 << 20).ok()?).ok()
}

impl Engine<'_> {
    /// Has a container's health checked now; what was found. UR0814 if it does not run, UR0821 if it has no health check.
    pub fn check_health(&self, key: &Given<String>) -> Result<Finding> {
        let target = self.target(key)?;
        if target.config.supervision.health.is_none() {
            let what = format!("the container `{}` has no health check", key.value);
            let error = Error::new(codes::UR0821, what);
            return Err(key.blame(error.help("a check is described when the container is made: --health-cmd COMMAND")));
        }
        if !matches!(life::of(&self.store, &target.container)?, Life::Running(_)) {
            let what = format!("the container `{}` does not run, so its health cannot be checked", key.value);
            return Err(key.blame(Error::new(codes::UR0814, what)));
        }
        let mut client = Client::quiet(self.link(&target.config.id)?, self.notices);
        let finding = client.check_health(&target.config.name).map_err(|error| key.blame(error))?;
        finding.ok_or_else(|| {
            let what = format!("the container `{}` is not ready to be checked", key.value);
            key.blame(Error::new(codes::UR0814, what))
        })
    }
}
