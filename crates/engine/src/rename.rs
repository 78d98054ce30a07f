//! `rename`: another name for a container.

use diag::{Error, Result, codes};

use crate::{Engine, config::ANNOTATION, request::Given};

impl Engine<'_> {
    /// Gives a container another name. UR0801 if somebody has it, UR0804 if it cannot be one.
    pub fn rename(&self, key: &Given<String>, new: &Given<String>) -> Result<()> {
        store::check_name(&new.value).map_err(|error| new.blame(error))?;
        let mut target = self.target(key)?;
        let old = std::mem::replace(&mut target.config.name, new.value.clone());
        if old == new.value {
            return Err(new.blame(Error::new(codes::UR0801, format!("the container is called `{old}` already"))));
        }
        let broken = |error: serde_json::Error| {
            Error::new(codes::UR0810, "the container's records are not readable").words(error)
        };
        let mut document: serde_json::Value = serde_json::from_str(&target.container.config()?).map_err(broken)?;
        document["annotations"][ANNOTATION] = serde_json::to_string(&target.config).map_err(broken)?.into();
        self.store
            .rename_container(target.container.id(), &new.value, document.to_string().as_bytes())
            .map_err(|error| new.blame(error))?;
        self.note(&target.config, "rename");
        Ok(())
    }
}
