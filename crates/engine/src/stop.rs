//! `stop`: the stop signal, some patience, and then SIGKILL.

use std::time::Duration;

use diag::{Error, Result, codes};
use runtime::attach::Link;

use crate::{
    Engine,
    client::Client,
    config::Config,
    life::{self, Life},
    request::Given,
};

/// Its number.
pub(crate) const SIGKILL: u8 = 9;

/// How long a monitor may take after its container has ended: unmounting may write a whole disk.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

impl Engine<'_> {
    /// Stops a container, with so many seconds of patience (its own, if `None`); one that does not run is left alone, as Podman
    /// does.
    pub fn stop(&self, key: &Given<String>, seconds: Option<u32>) -> Result<()> {
        let target = self.target(key)?;
        let patience = seconds.unwrap_or(target.config.supervision.stop_timeout);
        match life::of(&self.store, &target.container)? {
            Life::Running(_) | Life::Restarting(_) => {
                self.end(&target.config, target.config.stop_signal, Duration::from_secs(patience.into()))
                    .map_err(|error| key.blame(error))?;
                self.note(&target.config, "stop");
                Ok(())
            }
            Life::Created | Life::Exited(_) | Life::Lost => Ok(()),
        }
    }

    /// Ends a container that runs.
    pub(crate) fn end(&self, config: &Config, signal: u8, patience: Duration) -> Result<()> {
        let link = match self.link(&config.id) {
            Ok(link) => link,
            // It ended meanwhile, or its monitor was killed.
            Err(_) if life::wait_for_end(&self.store, &config.id, Duration::from_secs(2)) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut client = Client::quiet(link, self.notices);
        client.keep_down()?;
        client.signal(signal)?;
        if !client.await_end(patience)? {
            client.signal(SIGKILL)?;
            client.await_end(PATIENCE)?;
        }
        if life::wait_for_end(&self.store, &config.id, PATIENCE) {
            return Ok(());
        }
        Err(Error::new(codes::UR0803, format!("the container {} does not end", config.name)).fact(
            "SIGKILL was sent; a process that waits for a disk or a network file system ends only when that answers",
        ))
    }

    /// Connects to a container's monitor.
    pub(crate) fn link(&self, id: &str) -> Result<Link> {
        let unreachable = |failed: sys::Failed| {
            failed.into_error(
                codes::UR0805,
                format!("the monitor of container {} does not answer", &id[..id.len().min(12)]),
            )
        };
        let dir = self.store.running().dir(id).map_err(unreachable)?;
        Link::connect(&dir).map_err(unreachable)
    }
}
