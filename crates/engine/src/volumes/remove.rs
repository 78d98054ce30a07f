//! `volume rm`, `volume prune`, and what goes with a container.

use diag::{Error, Result, codes};
use store::{Volume, VolumesLock};

use super::{Filter, listing::Uses, unmount_own};
use crate::{Engine, mounts::Mount, remove::Removal, request::Given};

/// How a removal went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Done,
    /// There was none, which `--force` lets pass.
    Nothing,
}

impl Engine<'_> {
    /// Removes a volume; with `force` also the containers that use it, killed if they run and do not stop within `patience` seconds. Its whole name.
    ///
    /// Errors: UR0840, UR0842.
    pub fn remove_volume(&self, key: &Given<String>, force: bool, patience: Option<u32>) -> Result<(Removed, String)> {
        let volume = match self.store.find_volume(&key.value) {
            Err(error) if force && error.code() == codes::UR0840 => return Ok((Removed::Nothing, key.value.clone())),
            found => found.map_err(|error| key.blame(error))?,
        };
        if force {
            for (id, _) in Uses::look(self)?.of(volume.name()) {
                let container = Given::unwritten(id);
                let how = Removal { force: true, seconds: patience, ..Removal::default() };
                self.remove_with(&container, how).map_err(|error| key.blame(error))?;
            }
        }
        let lock = self.store.exclude_volumes()?;
        match self.remove_unused(&volume, &lock) {
            // It went with its container.
            Err(error) if force && error.code() == codes::UR0840 => {}
            removed => removed.map_err(|error| key.blame(error))?,
        }
        Ok((Removed::Done, volume.name().to_owned()))
    }

    /// Removes a volume that no container's record names.
    fn remove_unused(&self, volume: &Volume, lock: &VolumesLock) -> Result<()> {
        let name = volume.name();
        let uses = Uses::look(self)?.of(name);
        if let Some((id, container)) = uses.first() {
            let short = &id[..12];
            return Err(Error::new(
                codes::UR0842,
                format!("the volume `{name}` is used by container {short} ({container})"),
            )
            .help_run("remove that container first, or both at once", format!("unroot volume rm --force {name}")));
        }
        unmount_own(volume)?;
        self.store.remove_volume(volume, lock)
    }

    /// Removes the volumes that no container names: the anonymous ones, or with `all` every one; those that fit. Their names.
    pub fn prune_volumes(&self, all: bool, filters: &[Filter]) -> Result<Vec<String>> {
        let lock = self.store.exclude_volumes()?;
        let uses = Uses::look(self)?;
        let mut gone = Vec::new();
        for name in self.store.volume_names()? {
            let Ok(volume) = self.store.volume(&name) else { continue };
            let wanted = all || volume.record().anonymous;
            if !wanted || !uses.of(&name).is_empty() || !filters.iter().all(|filter| filter.fits(volume.record(), true))
            {
                continue;
            }
            match self.remove_unused(&volume, &lock) {
                // Another engine is just starting something with it.
                Err(error) if [codes::UR0842, codes::UR0840].contains(&error.code()) => {}
                removed => {
                    removed?;
                    gone.push(name);
                }
            }
        }
        Ok(gone)
    }

    /// Removes the volumes that were made for a container that is gone. What cannot be removed stays for `volume prune`.
    pub(crate) fn remove_anonymous(&self, mounts: &[Mount]) {
        let own: Vec<_> = mounts.iter().filter_map(Mount::volume).filter(|volume| volume.anonymous).collect();
        if own.is_empty() {
            return;
        }
        let Ok(lock) = self.store.exclude_volumes() else { return };
        for source in own {
            if let Ok(volume) = self.store.volume(&source.name) {
                let _ = self.remove_unused(&volume, &lock);
            }
        }
    }
}
