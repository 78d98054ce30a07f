//! What is being brought in: all of it is staged, then all of it is published, or nothing is.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Read, Write},
};

use diag::{Error, Result, codes};
use oci::{
    Digest, ImageConfig, Reference, Source,
    image::{Descriptor, Manifest, Platform, media_type},
};

use super::{Images, Intake, load::Loaded, record};
use crate::{
    BlobWriter, StagedBlob, StagedLayer, Store, Unpack,
    compression::{Compression, MAGIC},
};

/// Marks layers of images that have no manifest but the one that was written here: no registry knows them in this form.
pub(super) const MADE_HERE: &str = "org.unroot.made-here";

/// Images on their way into the store. Dropped before [`Stage::publish`], it leaves nothing.
pub(super) struct Stage<'a> {
    pub(super) store: &'a Store,
    how: Intake,
    blobs: Vec<StagedBlob>,
    layers: Vec<StagedLayer>,
    staged: HashSet<Digest>,
    /// The archives of layers that were unpacked, by diff id.
    kept: HashMap<Digest, Descriptor>,
    /// Whether archives are kept.
    pub(super) keep: bool,
    images: Vec<Arrival>,
    warnings: Vec<Error>,
}

/// An image that is complete.
struct Arrival {
    manifest: Digest,
    names: Vec<Reference>,
    warnings: Vec<Error>,
}

impl<'a> Stage<'a> {
    /// The caller holds the store shared from the first [`Stage::layer`] until it has published.
    pub(super) fn new(store: &'a Store, how: Intake) -> Stage<'a> {
        let (blobs, layers, images, warnings) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Stage { store, how, blobs, layers, staged: HashSet::new(), kept: HashMap::new(), keep: true, images, warnings }
    }

    /// Notes something that the user should know about the image that is being read.
    pub(super) fn warn(&mut self, warning: Error) {
        self.warnings.push(warning);
    }

    /// Stages a small document.
    pub(super) fn document(&mut self, bytes: &[u8]) -> Result<Digest> {
        let mut writer = self.store.write_blob()?;
        writer.write_all(bytes).map_err(|error| self.store.not_written(&error))?;
        let blob = writer.finish(None, None)?;
        let digest = *blob.digest();
        self.blobs.push(blob);
        Ok(digest)
    }

    /// Reads an image's configuration, checks that it can run here, and stages it.
    pub(super) fn config(&mut self, source: &Source, layers: usize) -> Result<ImageConfig> {
        let (config, findings) = ImageConfig::parse(source)?;
        self.warnings.extend(findings.into_iter().map(Error::from));
        if config.diff_ids.len() != layers {
            let what = format!("the image has {layers} layers, and its configuration names {}", config.diff_ids.len());
            let pointer = diag::Pointer::root().child("rootfs").child("diff_ids");
            return Err(Error::new(codes::UR0706, what).at(source.at(pointer)));
        }
        let here = Platform::here();
        if config.platform.os != here.os {
            let what = format!("the image is for `{}`, and this is {here}", config.platform);
            return Err(Error::new(codes::UR0712, what));
        }
        if here.suits(&config.platform).is_none() {
            // An emulator may be registered for it.
            let what = format!("the image is for `{}`, and this is {here}", config.platform);
            self.warn(Error::warning(codes::UR0712, what));
        }
        self.document(source.text.as_bytes())?;
        Ok(config)
    }

    /// Unpacks a layer, unless it is here. `promised` describes the archive as it is stored, compressed or not.
    pub(super) fn layer(
        &mut self,
        diff_id: &Digest,
        archive: impl Read + Send,
        promised: Option<&Descriptor>,
    ) -> Result<()> {
        if self.staged.contains(diff_id) || self.store.layer(diff_id)?.is_some() {
            return match promised {
                Some(promised) => self.keep_archive(archive, promised),
                None => Ok(()),
            };
        }
        let layer = self.unpack(archive, Some(diff_id), promised)?;
        self.staged.insert(*diff_id);
        self.layers.push(layer);
        Ok(())
    }

    /// Keeps the archive of a layer that is here, so that the image can be passed on as it came.
    fn keep_archive(&mut self, archive: impl Read + Send, promised: &Descriptor) -> Result<()> {
        let is_staged = self.blobs.iter().any(|blob| *blob.digest() == promised.digest);
        if is_staged || !self.keep || self.store.blob_size(&promised.digest)?.is_some() {
            return Ok(());
        }
        let (blob, _) = Kept::new(archive, self.store)?.finish(Some(promised))?;
        self.blobs.push(blob);
        Ok(())
    }

    /// Takes in a layer that has come from elsewhere, with its archive as it came.
    pub(super) fn adopt(&mut self, blob: StagedBlob, mut layer: StagedLayer) {
        self.warnings.extend(layer.take_warnings());
        self.staged.insert(*layer.diff_id());
        self.blobs.push(blob);
        self.layers.push(layer);
    }

    /// Whether a layer is here or will be. Error: UR0707.
    pub(super) fn check_layer(&self, diff_id: &Digest) -> Result<()> {
        if self.staged.contains(diff_id) || self.store.layer(diff_id)?.is_some() {
            return Ok(());
        }
        Err(Error::new(codes::UR0707, format!("layer {diff_id} was removed while the image was being brought in"))
            .help("do it again"))
    }

    /// Unpacks a layer that nothing is known about; its diff id, and its archive as it came.
    pub(super) fn unknown_layer(&mut self, archive: impl Read + Send) -> Result<(Digest, Descriptor)> {
        let layer = self.unpack(archive, None, None)?;
        let diff_id = *layer.diff_id();
        let described = self.described(&diff_id)?;
        if self.staged.insert(diff_id) {
            self.layers.push(layer);
        }
        Ok((diff_id, described))
    }

    fn unpack(
        &mut self,
        archive: impl Read + Send,
        diff_id: Option<&Digest>,
        promised: Option<&Descriptor>,
    ) -> Result<StagedLayer> {
        let how = Unpack { diff_id, ownership: self.how.ownership, limits: self.how.limits };
        let mut archive = Kept::new(archive, self.store)?;
        let unpacked = self.store.unpack(&mut archive, &how);
        let (mut layer, (blob, media_type)) = match (unpacked, promised) {
            (Err(error), None) => return Err(archive.fault.unwrap_or(error)),
            // If the archive as a whole is not what was promised, that is the cause, and its contents are the consequence.
            (unpacked, promised) => {
                let blob = archive.finish(promised).map_err(|error| match diff_id {
                    Some(diff_id) => error.fact(format!("it is the archive of layer {diff_id}")),
                    None => error,
                })?;
                (unpacked?, blob)
            }
        };
        self.warnings.extend(layer.take_warnings());
        let described = describe(media_type, *blob.digest(), blob.size());
        self.kept.insert(*layer.diff_id(), described);
        if self.keep {
            self.blobs.push(blob);
        }
        Ok(layer)
    }

    /// The archive of a layer that is here, or will be: as it came, or if that is not known, as it was before compression.
    pub(super) fn described(&self, diff_id: &Digest) -> Result<Descriptor> {
        match (self.kept.get(diff_id), self.store.layer(diff_id)?) {
            (Some(kept), _) => Ok(kept.clone()),
            (None, Some(layer)) => Ok(describe(media_type::LAYER, *diff_id, layer.meta()?.archive_bytes)),
            (None, None) => Ok(describe(media_type::LAYER, *diff_id, 0)),
        }
    }

    /// Stages a manifest of our own, for an image that came without one or was made here.
    pub(super) fn manifest(&mut self, config: &[u8], mut layers: Vec<Descriptor>) -> Result<Digest> {
        for layer in layers.iter_mut().filter(|layer| self.keep && layer.media_type == media_type::LAYER) {
            layer.annotations.insert(MADE_HERE.to_owned(), "true".to_owned());
        }
        let manifest = Manifest { config: Descriptor::of(media_type::CONFIG, config), layers };
        self.document(manifest.to_json().as_bytes())
    }

    /// Ends an image: everything that it needs is staged or here.
    pub(super) fn image(&mut self, manifest: Digest, names: Vec<Reference>) {
        let warnings = std::mem::take(&mut self.warnings);
        self.images.push(Arrival { manifest, names, warnings });
    }

    /// Publishes everything and gives the names.
    pub(super) fn publish(self) -> Result<Vec<Loaded>> {
        self.store.publish(self.blobs, self.layers, self.how.durability)?;
        let images = Images::of(self.store);
        let mut loaded: Vec<Loaded> = Vec::new();
        for arrival in self.images {
            for name in &arrival.names {
                record::name(self.store, name, arrival.manifest)?;
            }
            if arrival.names.is_empty() {
                record::keep(self.store, arrival.manifest)?;
                record::drop_superfluous(self.store, arrival.manifest)?;
            }
            let image = images.follow(&arrival.manifest)?;
            loaded.push(Loaded { image: super::Image { names: arrival.names, ..image }, warnings: arrival.warnings });
        }
        Ok(loaded)
    }
}

fn describe(media_type: &str, digest: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.into(),
        digest,
        size,
        platform: None,
        annotations: std::collections::BTreeMap::new(),
    }
}

/// An archive that is kept as it is read.
struct Kept<'a, R> {
    source: R,
    copy: BlobWriter,
    store: &'a Store,
    /// Its first bytes, which tell how it is compressed.
    start: Vec<u8>,
    fault: Option<Error>,
}

impl<'a, R: Read> Kept<'a, R> {
    fn new(source: R, store: &'a Store) -> Result<Kept<'a, R>> {
        Ok(Kept { source, copy: store.write_blob()?, store, start: Vec::new(), fault: None })
    }

    /// Reads what the unpacker has left, and verifies; the archive and its media type.
    fn finish(mut self, promised: Option<&Descriptor>) -> Result<(StagedBlob, &'static str)> {
        let limit = promised.map_or(u64::MAX, |promised| promised.size.saturating_add(1));
        let left = limit.saturating_sub(self.copy.size());
        let drained = io::copy(&mut self.by_ref().take(left), &mut io::sink());
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        drained.map_err(|error| Error::new(codes::UR0704, "a layer's archive cannot be read").words(error))?;
        let media_type = match Compression::of(&self.start) {
            Compression::Gzip => media_type::LAYER_GZIP,
            Compression::Zstd => media_type::LAYER_ZSTD,
            Compression::Plain | Compression::Other(_) => media_type::LAYER,
        };
        let blob =
            self.copy.finish(promised.map(|promised| &promised.digest), promised.map(|promised| promised.size))?;
        Ok((blob, media_type))
    }
}

impl<R: Read> Read for Kept<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        let missing = MAGIC.saturating_sub(self.start.len()).min(read);
        self.start.extend_from_slice(&buffer[..missing]);
        if let Err(error) = self.copy.write_all(&buffer[..read]) {
            self.fault = Some(self.store.not_written(&error));
            return Err(error);
        }
        Ok(read)
    }
}
