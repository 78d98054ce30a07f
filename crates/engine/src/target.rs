//! From what a person writes to a container.

use diag::{Error, Result, codes};
use store::Container;
use sys::Dir;

use crate::{
    Engine,
    config::Config,
    life::{self, Life},
    request::Given,
};

/// A container and what it is.
pub struct Target {
    /// Its directory.
    pub container: Container,
    /// What was decided when it was made.
    pub config: Config,
}

impl Target {
    /// What is said to `key`, where a container has to run and does not.
    pub(crate) fn not_running(&self, key: &Given<String>) -> Error {
        let name = &self.config.name;
        key.blame(Error::new(codes::UR0814, format!("container `{name}` does not run")))
            .help_run("start it first", format!("unroot start {name}"))
    }
}

impl Engine<'_> {
    /// The run directory of a container that runs. UR0814 if it does not.
    pub(crate) fn running_dir(&self, target: &Target, key: &Given<String>) -> Result<Dir> {
        if !matches!(life::of(&self.store, &target.container)?, Life::Running(Some(_))) {
            return Err(target.not_running(key));
        }
        self.store.running().dir(target.container.id().as_str()).map_err(|_| target.not_running(key))
    }

    /// Finds a container by name, id, or the beginning of an id.
    pub(crate) fn find(&self, key: &Given<String>) -> Result<Container> {
        self.store.container(&key.value).map_err(|error| key.blame(error))
    }

    /// The id of the container that was made last. UR0802 if there is none.
    pub fn latest(&self) -> Result<String> {
        let newest = self.containers(true, &[])?.into_iter().max_by_key(|row| row.created);
        newest.map(|row| row.id).ok_or_else(|| Error::new(codes::UR0802, "there is no container"))
    }

    /// Finds a container and reads what it is.
    pub(crate) fn target(&self, key: &Given<String>) -> Result<Target> {
        let container = self.find(key)?;
        let config = Config::read(container.id().as_str(), &container.config()?)?;
        Ok(Target { container, config })
    }
}
