//! `system prune`, `image prune`, `container prune`.

use std::collections::BTreeMap;

use diag::{Result, codes};
use store::{
    Usage,
    image::{Chosen, Image, Images},
};

use super::filter::Filters;
use crate::{Engine, life::Life, request::Given, volumes};

/// What is to be removed.
#[derive(Clone, Debug, Default)]
pub struct PruneRequest {
    /// Images with a name, too, if no container stands on them.
    pub all: bool,
    /// Volumes that no container names, with their files.
    pub volumes: bool,
    /// `--filter`.
    pub filters: Vec<Given<String>>,
}

/// What is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Ids of containers.
    pub containers: Vec<String>,
    /// Ids of images.
    pub images: Vec<String>,
    /// Names of volumes.
    pub volumes: Vec<String>,
    /// Bytes on the disk that are free now.
    pub reclaimed: u64,
}

impl Pruned {
    fn add(&mut self, other: Pruned) {
        self.containers.extend(other.containers);
        self.images.extend(other.images);
        self.volumes.extend(other.volumes);
        self.reclaimed += other.reclaimed;
    }
}

impl Engine<'_> {
    /// Removes containers that do not run. One that starts or goes meanwhile is left alone.
    pub fn prune_containers(&self, request: &PruneRequest) -> Result<Pruned> {
        let filters = Filters::parse(&request.filters, false)?;
        let mut pruned = Pruned::default();
        for known in self.known()? {
            // What cannot be read may have been a person's: `system check` tells of it.
            let Ok(config) = &known.config else { continue };
            let rests = matches!(known.life, Life::Created | Life::Exited(_) | Life::Lost);
            if !rests || !filters.fit(config.created, &config.labels) {
                continue;
            }
            let upper = self.store.container(&config.id).ok().and_then(|container| container.dir().dir("upper").ok());
            let bytes = upper.map_or(Ok(0), |upper| Usage::of(&upper).map(|usage| usage.bytes))?;
            match self.remove(&Given::unwritten(config.id.clone()), false) {
                Ok(_) => {
                    pruned.containers.push(config.id.clone());
                    pruned.reclaimed += bytes;
                }
                Err(error) if [codes::UR0802, codes::UR0803].contains(&error.code()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pruned)
    }

    /// Removes images that no container stands on: those without a name, or all of them; then all that no image leads to.
    pub fn prune_images(&self, request: &PruneRequest) -> Result<Pruned> {
        let filters = Filters::parse(&request.filters, true)?;
        let filter = |image: &Image| {
            let created = image.config.created.map_or(0, |time| u64::try_from(time.0).unwrap_or_default());
            filters.fit(created, &image.config.labels)
        };
        let named = filters.dangling.map_or(request.all, |dangling| !dangling);
        let chosen = Chosen { named, filter: &filter };
        let pruned = Images::of(&self.store).prune(&chosen, || self.images_in_use())?;
        Ok(Pruned {
            images: pruned.images.iter().map(|image| image.id.hex()).collect(),
            reclaimed: pruned.collected.bytes,
            ..Pruned::default()
        })
    }

    /// Removes volumes that no container names.
    fn prune_unused_volumes(&self, filters: &[volumes::Filter]) -> Result<Pruned> {
        let mut sizes = BTreeMap::new();
        for row in self.volumes(&[])?.into_iter().filter(|row| row.containers.is_empty()) {
            // One that goes meanwhile, or is mounted from elsewhere, gives nothing back here.
            let data = self.store.volume(&row.record.name).and_then(|volume| volume.data());
            let own = data.ok().filter(|_| !row.record.is_mounted());
            sizes.insert(row.record.name, own.map_or(Ok(0), |data| Usage::of(&data).map(|usage| usage.bytes))?);
        }
        let volumes = self.prune_volumes(true, filters)?;
        let reclaimed = volumes.iter().filter_map(|name| sizes.get(name)).sum();
        Ok(Pruned { volumes, reclaimed, ..Pruned::default() })
    }

    /// Containers first, then the volumes and the images that nobody needs any more.
    pub fn prune_all(&self, request: &PruneRequest) -> Result<Pruned> {
        // Before anything is removed.
        Filters::parse(&request.filters, false)?;
        let of_volumes = request.filters.iter().map(|given| volumes::Filter::parse(given, |_| None));
        let of_volumes = if request.volumes { of_volumes.collect::<Result<Vec<_>>>()? } else { Vec::new() };
        let mut pruned = self.prune_containers(request)?;
        if request.volumes {
            pruned.add(self.prune_unused_volumes(&of_volumes)?);
        }
        pruned.add(self.prune_images(request)?);
        Ok(pruned)
    }
}
