//! From what a person writes to a container.

use diag::{Error, Result, codes};
use store::Container;

use crate::{Engine, config::Config, request::Given};

/// A container and what it is.
pub struct Target {
    /// Its directory.
    pub container: Container,
    /// What was decided when it was made.
    pub config: Config,
}

impl Engine<'_> {
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
