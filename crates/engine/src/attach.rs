//! `attach`: one more connection to a container that runs.

use diag::{Error, Result, codes};

use crate::{
    Engine,
    client::Wiring,
    life::{self, Life},
    request::Given,
};

impl Engine<'_> {
    /// Stays connected to a container that runs, until it ends or the detach keys are typed; its exit status. UR0814 if it does not run.
    pub fn attach_to(&self, key: &Given<String>, wiring: Wiring) -> Result<u8> {
        let target = self.target(key)?;
        let wiring = Wiring { stdin: wiring.stdin && target.config.interactive, tty: target.config.tty, ..wiring };
        if !matches!(life::of(&self.store, &target.container)?, Life::Running(_) | Life::Restarting(_)) {
            let what = format!("the container `{}` does not run, so there is nothing to attach to", key.value);
            return Err(key.blame(
                Error::new(codes::UR0814, what)
                    .help_run("start it and attach", format!("unroot start --attach --interactive {}", key.value)),
            ));
        }
        self.note(&target.config, "attach");
        self.attach(&target.container, &target.config, wiring)
    }

    /// Whether there is such a container: UR0802 if there is none.
    pub fn exists(&self, key: &Given<String>) -> Result<()> {
        self.find(key).map(drop)
    }
}
