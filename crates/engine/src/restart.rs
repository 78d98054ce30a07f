//! `restart`: stop and start in one.

use std::time::Duration;

use diag::{Error, Result, codes};

use crate::{
    Engine,
    life::{self, Life},
    origins::Origins,
    request::Given,
};

impl Engine<'_> {
    /// Stops a container that runs, with so many seconds of patience (its own, if `None`), and starts it; one that does not run is started.
    pub fn restart(&self, key: &Given<String>, seconds: Option<u32>) -> Result<()> {
        let target = self.target(key)?;
        let config = &target.config;
        if let Life::Running(_) | Life::Restarting(_) = life::of(&self.store, &target.container)? {
            let patience = Duration::from_secs(seconds.unwrap_or(config.supervision.stop_timeout).into());
            self.end(config, config.stop_signal, patience).map_err(|error| key.blame(error))?;
        }
        let held = life::hold(&self.store, &config.id)?.ok_or_else(|| {
            key.blame(Error::new(codes::UR0803, format!("the container `{}` was started by somebody else", key.value)))
        })?;
        self.note(config, "restart");
        let mut started = self.start_again(&target.container, config, held).map_err(|error| key.blame(error))?;
        self.await_start(config, &mut started, &Origins::default()).map_err(|error| key.blame(error))
    }
}
