//! `kill`: a signal for a container's init.

use diag::{Error, Result, codes};
use runtime::signal::Signal;

use crate::{
    Engine,
    client::Client,
    life::{self, Life},
    request::Given,
};

impl Engine<'_> {
    /// Sends a signal to a container that runs; one that asks for its end is also the end of its restarts. UR0814 if it does not
    /// run.
    pub fn kill(&self, key: &Given<String>, signal: Signal) -> Result<()> {
        let target = self.target(key)?;
        let state = match life::of(&self.store, &target.container)? {
            Life::Running(_) | Life::Restarting(_) => {
                let mut client = Client::quiet(self.link(&target.config.id)?, self.notices);
                if [Signal::KILL, Signal::TERM].contains(&signal) || [2, 3].contains(&signal.number()) {
                    client.keep_down()?;
                }
                client.signal(signal.number())?;
                if signal == Signal::KILL {
                    client.await_end(crate::stop::PATIENCE)?;
                }
                self.note(&target.config, "kill");
                return Ok(());
            }
            Life::Created => "was never started",
            Life::Exited(_) | Life::Lost => "has ended",
        };
        let what = format!("the container `{}` {state}, so there is nobody to get a signal", key.value);
        Err(key.blame(Error::new(codes::UR0814, what)))
    }
}
