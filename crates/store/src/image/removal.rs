//! Taking names away, removing images, collecting what nothing leads to.

use std::collections::HashSet;

use diag::{Error, Result, codes};
use oci::{Digest, Reference};

use super::{
    Image, Images,
    lookup::{is_prefix, pick},
    record::{self, Record},
};
use crate::layer::Claim;

/// What a removal has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The names that lead nowhere now.
    pub untagged: Vec<Reference>,
    /// The image that is gone, with all that only it needed.
    pub deleted: Option<Digest>,
}

/// What nothing led to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Manifests and configurations.
    pub blobs: Vec<Digest>,
    /// Layers.
    pub layers: Vec<Digest>,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Images<'_> {
    /// Gives an image a further name. Another image that had it is kept without a name.
    pub fn tag(&self, image: &Image, name: &Reference) -> Result<()> {
        let _lock = self.store.share()?;
        // It may have been removed since the caller found it.
        self.follow(&image.manifest)?;
        record::name(self.store, &name.clone().without_digest().tagged(), image.manifest)
    }

    /// Takes one name away and removes nothing: an image that has no other name stays without one.
    pub fn untag(&self, name: &Reference) -> Result<()> {
        let _lock = self.store.exclude()?;
        // The name of an image that was pulled by its digest has no tag.
        let name = if name.tag().is_some() { name.clone().without_digest() } else { name.clone().tagged() };
        let record = record::find(self.store, &name)?
            .ok_or_else(|| Error::new(codes::UR0701, format!("there is no image `{name}`")))?;
        record::keep(self.store, record.manifest)?;
        record::remove(self.store, &record)?;
        record::drop_superfluous(self.store, record.manifest)
    }

    /// Removes what `text` means, as `podman rmi` does. A name is taken away; if it was the image's last, or if `text`
    /// is an id, the image goes with all that only it needs.
    ///
    /// `in_use` gives the ids of images that containers stand on; it is asked while nobody can create a container.
    /// Such an image is refused (UR0710); with `force` it only loses its names. An image with several names is removed by
    /// its id only with `force` (UR0710). Errors besides: UR0701, UR0702, UR0713.
    pub fn remove(&self, text: &str, in_use: impl FnOnce() -> Result<Vec<Digest>>, force: bool) -> Result<Removed> {
        let _lock = self.store.exclude()?;
        let (images, faults) = self.survey_locked()?;
        if let Some(removed) = self.remove_broken(text, faults.is_empty())? {
            return Ok(removed);
        }
        let image = pick(text, images)?;
        let name = own_name(text, &image);
        if let (Some(name), true) = (&name, image.names.len() > 1) {
            record::remove(self.store, &Record { reference: Some(name.clone()), manifest: self.manifest_of(name)? })?;
            return Ok(Removed { untagged: vec![name.clone()], deleted: None });
        }
        let in_use = in_use()?;
        let used = in_use.contains(&image.id);
        if used && !force {
            return Err(used_by_container(text, &image));
        }
        if image.names.len() > 1 && !force {
            return Err(has_other_names(text, &image));
        }
        self.unrecord(&image, used)?;
        let deleted = (!used).then_some(image.id);
        self.collect_locked(&in_use)?;
        Ok(Removed { untagged: image.names, deleted })
    }

    /// Removes all blobs and layers that no image leads to; `in_use` as for [`Images::remove`].
    /// Error: UR0707 if a record cannot be followed.
    pub fn collect(&self, in_use: impl FnOnce() -> Result<Vec<Digest>>) -> Result<Collected> {
        let _lock = self.store.exclude()?;
        self.collect_locked(&in_use()?)
    }

    fn manifest_of(&self, name: &Reference) -> Result<Digest> {
        let record = record::find(self.store, name)?;
        record
            .map(|record| record.manifest)
            .ok_or_else(|| Error::new(codes::UR0701, format!("there is no image `{name}`")))
    }

    /// Removes all records of an image, or all but one without a name.
    pub(super) fn unrecord(&self, image: &Image, keep: bool) -> Result<()> {
        if keep {
            record::keep(self.store, image.manifest)?;
        }
        let leads_to =
            |manifest: &Digest| self.manifest(manifest).is_ok_and(|manifest| manifest.config.digest == image.id);
        for record in record::legible(self.store)? {
            let same = record.manifest == image.manifest || leads_to(&record.manifest);
            let kept = keep && record.reference.is_none() && record.manifest == image.manifest;
            if same && !kept {
                record::remove(self.store, &record)?;
            }
        }
        Ok(())
    }

    /// A record that leads to nothing that can be read is removed by its exact name, and nothing else is.
    fn remove_broken(&self, text: &str, none: bool) -> Result<Option<Removed>> {
        if none {
            return Ok(None);
        }
        let names = Reference::candidates(text).unwrap_or_default();
        let meant = |record: &Record| match &record.reference {
            Some(reference) => names.iter().any(|name| name.clone().tagged() == *reference),
            None => record.manifest.to_string() == text || record.manifest.hex() == text,
        };
        for record in record::legible(self.store)?.into_iter().filter(meant) {
            if self.follow(&record.manifest).is_err() {
                record::remove(self.store, &record)?;
                return Ok(Some(Removed { untagged: record.reference.into_iter().collect(), deleted: None }));
            }
        }
        Ok(None)
    }

    pub(super) fn collect_locked(&self, in_use: &[Digest]) -> Result<Collected> {
        let (mut blobs, mut layers) = (HashSet::new(), HashSet::new());
        for record in record::all(self.store)? {
            self.mark(&record, &mut blobs, &mut layers).map_err(|error| {
                error.fact(format!("the image is recorded as `{}`", record.name())).help_run(
                    "nothing is collected while it is not known what this image needs; remove it",
                    format!("unroot rmi {}", record.name()),
                )
            })?;
        }
        // A container's image has a record; should that have been lost, the container still keeps what it stands on.
        for id in in_use {
            if let Ok((config, _)) = self.config(id) {
                blobs.insert(*id);
                layers.extend(config.diff_ids);
            }
        }
        let mut collected = Collected::default();
        for blob in self.store.blob_digests()?.into_iter().filter(|blob| !blobs.contains(blob)) {
            let bytes = self.store.blob_size(&blob)?.unwrap_or(0);
            self.store.remove_blob(&blob)?;
            collected.bytes += bytes;
            collected.blobs.push(blob);
        }
        for layer in self.store.layer_digests()?.into_iter().filter(|layer| !layers.contains(layer)) {
            // A pull is about to record an image that needs it.
            let Some(_claim) = Claim::to_remove(self.store, &layer)? else { continue };
            let bytes = self.layer_bytes(&layer);
            self.store.remove_layer(&layer)?;
            collected.bytes += bytes;
            collected.layers.push(layer);
        }
        Ok(collected)
    }

    fn mark(&self, record: &Record, blobs: &mut HashSet<Digest>, layers: &mut HashSet<Digest>) -> Result<()> {
        let manifest = self.manifest(&record.manifest)?;
        let id = manifest.config.digest;
        blobs.extend([record.manifest, id]);
        blobs.extend(manifest.layers.iter().map(|layer| layer.digest));
        layers.extend(self.config(&id)?.0.diff_ids);
        Ok(())
    }
}

/// The name of the image that the text stands for; none if it stands for an id.
fn own_name(text: &str, image: &Image) -> Option<Reference> {
    if text.starts_with("sha256:") {
        return None;
    }
    let wanted = Reference::candidates(text).ok()?;
    let exact = image.names.iter().find(|name| wanted.iter().any(|wanted| wanted.clone().tagged() == **name));
    let ending = || {
        let (path, tag) = (format!("/{}", wanted[0].path()), wanted[0].clone().tagged());
        image.names.iter().find(|name| name.name().ends_with(&path) && name.tag() == tag.tag())
    };
    match exact {
        None if is_prefix(text) && image.id.hex().starts_with(text) => None,
        None => ending().cloned(),
        Some(name) => Some(name.clone()),
    }
}

fn used_by_container(text: &str, image: &Image) -> Error {
    Error::new(codes::UR0710, format!("the image `{text}` is in use by a container"))
        .fact(format!("its id is {}", image.id.short()))
        .help_run("see which containers there are", "unroot ps -a")
}

fn has_other_names(text: &str, image: &Image) -> Error {
    let names: Vec<String> = image.names.iter().map(|name| format!("`{name}`")).collect();
    Error::new(codes::UR0710, format!("the image `{text}` has {} names", names.len()))
        .fact(format!("they are {}", names.join(", ")))
        .help_run("remove all of them", format!("unroot rmi --force {text}"))
}
