//! From what a person writes to a container.

use diag::Result;
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

    /// Finds a container and reads what it is.
    pub(crate) fn target(&self, key: &Given<String>) -> Result<Target> {
        let container = self.find(key)?;
        let config = Config::read(container.id().as_str(), &container.config()?)?;
        Ok(Target { container, config })
    }
}
