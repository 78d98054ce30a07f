//! `volume ls` and `volume inspect`.

use std::collections::BTreeMap;

use diag::Result;
use store::{DRIVER, Volume, VolumeRecord};

use super::{Filter, bound_to};
use crate::{Engine, config::Config, mounts::Mount, request::Given};

/// A volume as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What is known of it.
    pub record: VolumeRecord,
    /// Its files.
    pub mountpoint: String,
    /// `local`.
    pub driver: &'static str,
    /// How many containers that run have it mounted.
    pub mounted: usize,
    /// The containers that name it: their ids and names.
    pub containers: Vec<(String, String)>,
}

/// Which containers name which volumes.
pub(super) struct Uses(BTreeMap<String, Vec<(String, String)>>);

impl Uses {
    /// Reads all containers' records.
    pub(super) fn look(engine: &Engine<'_>) -> Result<Uses> {
        let mut uses = BTreeMap::<String, Vec<(String, String)>>::new();
        for id in engine.store.containers()? {
            // One that is just being removed, or whose record cannot be read, and so cannot be started.
            let Ok(container) = engine.store.container(id.as_str()) else { continue };
            let Ok(config) = container.config().and_then(|text| Config::read(id.as_str(), &text)) else { continue };
            for volume in config.mounts.iter().filter_map(Mount::volume) {
                uses.entry(volume.name.clone()).or_default().push((config.id.clone(), config.name.clone()));
            }
        }
        Ok(Uses(uses))
    }

    /// Ids and names of the containers that name a volume.
    pub(super) fn of(&self, name: &str) -> Vec<(String, String)> {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

impl Engine<'_> {
    /// All volumes that fit, by name.
    pub fn volumes(&self, filters: &[Filter]) -> Result<Vec<Row>> {
        let uses = Uses::look(self)?;
        let mut rows = Vec::new();
        for name in self.store.volume_names()? {
            // One that is just being removed.
            let Ok(volume) = self.store.volume(&name) else { continue };
            let unused = uses.of(&name).is_empty();
            if Filter::all_fit(filters, volume.record(), unused) {
                rows.push(self.volume_row(&volume, &uses));
            }
        }
        Ok(rows)
    }

    /// One volume. Errors: UR0840, UR0809.
    pub fn volume(&self, key: &Given<String>) -> Result<Row> {
        let volume = self.store.find_volume(&key.value).map_err(|error| key.blame(error))?;
        Ok(self.volume_row(&volume, &Uses::look(self)?))
    }

    fn volume_row(&self, volume: &Volume, uses: &Uses) -> Row {
        let containers = uses.of(volume.name());
        let runs = |id: &String| {
            let container = self.store.container(id).ok();
            container.is_some_and(|container| {
                matches!(crate::life::of(&self.store, &container), Ok(crate::life::Life::Running(_)))
            })
        };
        let mountpoint = bound_to(volume.record()).unwrap_or_else(|| volume.path());
        Row {
            record: volume.record().clone(),
            mountpoint: mountpoint.display().to_string(),
            driver: DRIVER,
            mounted: containers.iter().filter(|(id, _)| runs(id)).count(),
            containers,
        }
    }
}
