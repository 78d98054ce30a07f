//! `system df`: what the store takes, and how much of it nobody needs.

use std::collections::BTreeMap;

use diag::Result;
use store::{Usage, image::Images};

use super::Known;
use crate::{
    Engine,
    images::{Row, rows_of},
    mounts::Mount,
    ps,
};

/// An image.
#[derive(Clone, Debug)]
pub struct ImageLine {
    /// One of its names, its id and its age, as `images` has them.
    pub row: Row,
    /// Bytes in its files and archives.
    pub size: u64,
    /// How many of them other images need, too.
    pub shared: u64,
    /// How many containers stand on it.
    pub containers: usize,
}

/// A container.
#[derive(Clone, Debug)]
pub struct ContainerLine {
    /// What `ps` says of it.
    pub row: ps::Row,
    /// Bytes on the disk that it has written.
    pub size: u64,
    /// How many volumes it uses.
    pub volumes: usize,
}

/// A volume.
#[derive(Clone, Debug)]
pub struct VolumeLine {
    /// Its name.
    pub name: String,
    /// How many containers use it.
    pub links: usize,
    /// Bytes on the disk.
    pub size: u64,
}

/// One kind of things, summed up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub total: usize,
    /// How many of them are in use.
    pub active: usize,
    /// Their bytes.
    pub size: u64,
    /// How many bytes would be free without those that are not in use.
    pub reclaimable: u64,
}

/// What the store takes.
#[derive(Clone, Debug, Default)]
pub struct DiskUsage {
    /// Images: one line a name.
    pub images: Vec<ImageLine>,
    /// Containers, the newest first.
    pub containers: Vec<ContainerLine>,
    /// Volumes.
    pub volumes: Vec<VolumeLine>,
    /// All images.
    pub image_sum: Sum,
    /// All containers.
    pub container_sum: Sum,
    /// All volumes.
    pub volume_sum: Sum,
}

impl Engine<'_> {
    /// Adds everything up. An image counts as in use if a container stands on it; a container, if it runs.
    pub fn disk_usage(&self) -> Result<DiskUsage> {
        let known = self.known()?;
        let mut usage = DiskUsage::default();
        self.add_images(&known, &mut usage)?;
        self.add_containers(&known, &mut usage)?;
        self.add_volumes(&mut usage)?;
        Ok(usage)
    }

    fn add_images(&self, known: &[Known], usage: &mut DiskUsage) -> Result<()> {
        let mut standing: BTreeMap<String, usize> = BTreeMap::new();
        for config in known.iter().filter_map(|known| known.config.as_ref().ok()) {
            *standing.entry(config.image_id.clone().unwrap_or_default()).or_default() += 1;
        }
        let containers = |image: &store::image::Image| standing.get(&image.id.hex()).copied().unwrap_or(0);
        let images = Images::of(&self.store).usage()?;
        for fault in &images.faults {
            self.warn(fault);
        }
        usage.image_sum = Sum {
            total: images.images.len(),
            active: images.images.iter().filter(|one| containers(&one.image) > 0).count(),
            size: images.total,
            reclaimable: images.without(|image| containers(image) > 0),
        };
        for one in &images.images {
            let lines = rows_of(&one.image, &[]).into_iter().map(|row| ImageLine {
                row,
                size: one.size,
                shared: one.shared,
                containers: containers(&one.image),
            });
            usage.images.extend(lines);
        }
        Ok(())
    }

    fn add_containers(&self, known: &[Known], usage: &mut DiskUsage) -> Result<()> {
        let named: BTreeMap<&str, usize> = known
            .iter()
            .filter_map(|known| known.config.as_ref().ok())
            .map(|config| (config.id.as_str(), config.mounts.iter().filter_map(Mount::volume).count()))
            .collect();
        for row in self.containers(true, &[])? {
            let upper = self.store.container(&row.id).ok().and_then(|container| container.dir().dir("upper").ok());
            let size = upper.map_or(Ok(0), |upper| Usage::of(&upper).map(|usage| usage.bytes))?;
            let live = matches!(row.state, ps::State::Running { .. });
            let sum = &mut usage.container_sum;
            sum.total += 1;
            sum.active += usize::from(live);
            sum.size += size;
            sum.reclaimable += if live { 0 } else { size };
            let volumes = named.get(row.id.as_str()).copied().unwrap_or(0);
            usage.containers.push(ContainerLine { row, size, volumes });
        }
        Ok(())
    }

    fn add_volumes(&self, usage: &mut DiskUsage) -> Result<()> {
        for row in self.volumes(&[])? {
            let (name, links) = (row.record.name, row.containers.len());
            // Removed meanwhile, or somebody else's disk.
            let Ok(data) = self.store.volume(&name).and_then(|volume| volume.data()) else { continue };
            let size = Usage::of(&data)?.bytes;
            let sum = &mut usage.volume_sum;
            sum.total += 1;
            sum.size += size;
            sum.active += usize::from(links > 0);
            sum.reclaimable += if links > 0 { 0 } else { size };
            usage.volumes.push(VolumeLine { name, links, size });
        }
        Ok(())
    }
}
