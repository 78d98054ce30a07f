//! What images take on the disk, and what they have in common.

use std::collections::{HashMap, HashSet};

use diag::{Error, Result};
use oci::Digest;

use super::{Image, Images};

/// What one image takes.
#[derive(Clone, Debug)]
pub struct ImageUsage {
    /// The image.
    pub image: Image,
    /// Bytes in the files of its layers, in their kept archives, and in its documents.
    pub size: u64,
    /// How many of them other images need, too.
    pub shared: u64,
}

impl ImageUsage {
    /// How many bytes nobody but this image needs.
    pub fn unique(&self) -> u64 {
        self.size.saturating_sub(self.shared)
    }
}

/// What all images take.
#[derive(Debug, Default)]
pub struct ImagesUsage {
    /// Each image.
    pub images: Vec<ImageUsage>,
    /// All bytes, those that several images share counted once, and what no image leads to.
    pub total: u64,
    /// Bytes that no image leads to: what a killed process has left.
    pub garbage: u64,
    /// The parts of each image, in the order of `images`.
    parts: Vec<HashSet<Part>>,
    sizes: HashMap<Part, u64>,
    /// Images that cannot be read.
    pub faults: Vec<Error>,
}

/// Something with a size of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Blob(Digest),
    Layer(Digest),
}

impl ImagesUsage {
    /// How many bytes would be free if only these images stayed.
    pub fn without(&self, stays: impl Fn(&Image) -> bool) -> u64 {
        let kept: HashSet<&Part> = self
            .images
            .iter()
            .zip(&self.parts)
            .filter(|(one, _)| stays(&one.image))
            .flat_map(|(_, parts)| parts)
            .collect();
        self.total.saturating_sub(kept.into_iter().filter_map(|part| self.sizes.get(part)).sum())
    }
}

impl Images<'_> {
    /// Adds everything up. Nothing is read but what is known of each layer.
    pub fn usage(&self) -> Result<ImagesUsage> {
        let _lock = self.store.share()?;
        let (images, faults) = self.survey_locked()?;
        let sizes = self.sizes()?;
        let parts: Vec<HashSet<Part>> = images.iter().map(|image| self.parts(image)).collect();
        let mut needed: HashMap<Part, usize> = HashMap::new();
        parts.iter().flatten().for_each(|part| *needed.entry(*part).or_default() += 1);
        let sum = |parts: &HashSet<Part>, least: usize| -> u64 {
            parts.iter().filter(|part| needed[*part] >= least).filter_map(|part| sizes.get(part)).sum()
        };
        let measure =
            |(image, parts): (Image, &HashSet<Part>)| ImageUsage { image, size: sum(parts, 1), shared: sum(parts, 2) };
        let images = images.into_iter().zip(&parts).map(measure).collect();
        let total = sizes.values().sum();
        let garbage = sizes.iter().filter(|(part, _)| !needed.contains_key(part)).map(|(_, size)| size).sum();
        Ok(ImagesUsage { images, total, garbage, parts, sizes, faults })
    }

    fn sizes(&self) -> Result<HashMap<Part, u64>> {
        let mut sizes = HashMap::new();
        for blob in self.store.blob_digests()? {
            sizes.insert(Part::Blob(blob), self.store.blob_size(&blob)?.unwrap_or(0));
        }
        for layer in self.store.layer_digests()? {
            sizes.insert(Part::Layer(layer), self.layer_bytes(&layer));
        }
        Ok(sizes)
    }

    /// Bytes in the files of a layer; 0 if that is not known.
    pub(super) fn layer_bytes(&self, digest: &Digest) -> u64 {
        let layer = self.store.layer(digest).ok().flatten();
        layer.and_then(|layer| layer.meta().ok()).map_or(0, |meta| meta.bytes)
    }

    fn parts(&self, image: &Image) -> HashSet<Part> {
        let archives = self.manifest(&image.manifest).map(|manifest| manifest.layers).unwrap_or_default();
        let blobs = archives.iter().map(|layer| layer.digest).chain([image.id, image.manifest]);
        blobs.map(Part::Blob).chain(image.layers.iter().map(|layer| Part::Layer(*layer))).collect()
    }
}
