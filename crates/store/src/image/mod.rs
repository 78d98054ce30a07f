//! Images: names for manifests, manifests and configurations as blobs, files as layers.
//!
//! # On disk
//! `images/<reference, "/" written as "%">`: one JSON document a name, `{"reference": …, "manifest": "sha256:…"}`. An image
//! that has lost its last name has a record `@<digest of the manifest>` without a reference, so that nothing is collected that
//! a container may stand on. An image that was pulled by its digest has the name `repository@digest`. Manifests and configurations are
//! blobs; layers are unpacked, and their archives are kept as blobs as they came, so that they can be passed on with their digests.
//!
//! # Locks
//! Bringing an image in and naming it hold the store's lock shared, from the first look at what is here already until its
//! record is written. Removing holds it exclusively. So callers hold no [`crate::StoreLock`] that is exclusive when they call.
//!
//! # After a crash
//! Content is published before the record that leads to it. What has no record is collected by the next removal.
//!
//! # Garbage
//! Mark: every record's manifest, its configuration, the layers of both: archives and files. Sweep: every other blob and layer,
//! but for layers that somebody has claimed (`crate::layer`).
//! A record that cannot be followed stops the sweep: what it needs is not known.

mod archive;
mod built_in;
mod changes;
mod docker_archive;
mod documents;
mod fetch;
mod import;
mod input;
mod intake;
mod load;
mod lookup;
mod oci_layout;
mod packing;
mod prune;
mod pull;
mod push;
mod record;
mod removal;
mod save;
mod skopeo_dir;
mod trace;
mod tree;
mod usage;

#[cfg(test)]
mod tests;

use std::io::Read;

use diag::{Error, Report, Result, codes};
use oci::{
    Digest, ImageConfig, Reference, Source,
    image::{DOCUMENT_LIMIT, Document, Manifest},
};

pub use built_in::BuiltInFile;
pub use documents::Documents;
pub use load::Loaded;
pub use packing::{Method, Packing};
pub use prune::{Chosen, Pruned};
pub use pull::Wanted;
pub use push::{Pushed, Shipment, Wrapping};
pub use removal::{Collected, Removed};
pub use save::{Form, Outgoing, Output};
pub(crate) use trace::{Archived, Traced};
pub use usage::{ImageUsage, ImagesUsage};

use crate::{Durability, Limits, Ownership, Store};

/// An image of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The digest of its configuration: what people call the image's id.
    pub id: Digest,
    /// The digest of its manifest: what follows `@` in a reference.
    pub manifest: Digest,
    /// Its names, sorted; none for an image whose name went to another one.
    pub names: Vec<Reference>,
    /// What it says about its containers.
    pub config: ImageConfig,
    /// The diff ids of its layers, the lowest first.
    pub layers: Vec<Digest>,
    /// Bytes in the files of its layers.
    pub size: u64,
}

/// How images are brought in.
#[derive(Clone, Copy, Debug)]
pub struct Intake {
    /// How owners are kept.
    pub ownership: Ownership,
    /// What a layer may cost.
    pub limits: Limits,
    /// Whether it has to survive a power failure.
    pub durability: Durability,
}

impl Default for Intake {
    fn default() -> Self {
        Intake { ownership: Ownership::Canonical, limits: Limits::default(), durability: Durability::Synced }
    }
}

/// Where an image comes from.
pub enum Input<'a> {
    /// A file or a directory, by the user's path.
    Path(&'a std::path::Path),
    /// A stream, such as standard input, and what it is called in messages.
    Stream(Box<dyn Read + Send + 'a>, &'a str),
}

/// The images of a store.
#[derive(Debug)]
pub struct Images<'a> {
    store: &'a Store,
}

impl<'a> Images<'a> {
    /// Of this store.
    pub fn of(store: &'a Store) -> Images<'a> {
        Images { store }
    }

    /// All images, each once, those with names first. Images that cannot be read are left out: see [`Images::survey`].
    pub fn list(&self) -> Result<Vec<Image>> {
        Ok(self.survey()?.0)
    }

    /// All images, and for each record that leads to none the reason why.
    pub fn survey(&self) -> Result<(Vec<Image>, Vec<Error>)> {
        let _lock = self.store.share()?;
        self.survey_locked()
    }

    /// The image with this id, the digest of its configuration.
    pub fn by_id(&self, id: &Digest) -> Result<Option<Image>> {
        Ok(self.list()?.into_iter().find(|image| image.id == *id))
    }

    fn survey_locked(&self) -> Result<(Vec<Image>, Vec<Error>)> {
        let (mut images, mut faults): (Vec<Image>, _) = (Vec::new(), Vec::new());
        for record in record::each(self.store)? {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    faults.push(error);
                    continue;
                }
            };
            let known = images.iter_mut().find(|image| image.manifest == record.manifest);
            if let Some(image) = known {
                image.names.extend(record.reference);
                continue;
            }
            match self.follow(&record.manifest) {
                Ok(image) => add(&mut images, Image { names: record.reference.into_iter().collect(), ..image }),
                Err(error) => faults.push(error.fact(format!("the image is recorded as `{}`", record.name()))),
            }
        }
        for image in &mut images {
            image.names.sort();
        }
        images.sort_by(|a, b| (a.names.is_empty(), &a.names, a.id).cmp(&(b.names.is_empty(), &b.names, b.id)));
        Ok((images, faults))
    }

    /// Reads what a manifest leads to. The image has no names yet.
    fn follow(&self, manifest: &Digest) -> Result<Image> {
        let id = self.manifest(manifest)?.config.digest;
        let (config, _) = self.config(&id)?;
        let mut size = 0;
        for layer in &config.diff_ids {
            let layer = self.store.layer(layer)?.ok_or_else(|| missing("layer", layer))?;
            size += layer.meta()?.bytes;
        }
        let layers = config.diff_ids.clone();
        Ok(Image { id, manifest: *manifest, names: Vec::new(), config, layers, size })
    }

    /// A manifest of the store.
    fn manifest(&self, digest: &Digest) -> Result<Manifest> {
        match Document::parse(&self.document(digest, "manifest")?, None)? {
            Document::Manifest(manifest) => Ok(manifest),
            Document::Index(_) => Err(Error::new(codes::UR0706, format!("{digest} is an index, not a manifest"))),
        }
    }

    /// A configuration of the store.
    fn config(&self, digest: &Digest) -> Result<(ImageConfig, Vec<Report>)> {
        ImageConfig::parse(&self.document(digest, "configuration")?)
    }

    fn document(&self, digest: &Digest, what: &str) -> Result<Source> {
        let bytes = self.store.read_blob(digest, DOCUMENT_LIMIT)?.ok_or_else(|| missing(what, digest))?;
        Source::from_bytes(digest.to_string(), bytes, codes::UR0706)
    }
}

/// Two manifests may lead to one configuration: that is one image.
fn add(images: &mut Vec<Image>, image: Image) {
    match images.iter_mut().find(|known| known.id == image.id) {
        Some(known) => {
            // The manifest that a name leads to says more than one that none does.
            if known.names.is_empty() {
                known.manifest = image.manifest;
            }
            known.names.extend(image.names);
        }
        None => images.push(image),
    }
}

fn missing(what: &str, digest: &Digest) -> Error {
    Error::new(codes::UR0707, format!("the {what} {digest} is missing from the store"))
        .help("remove the image and load it again")
}
