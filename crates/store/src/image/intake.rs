//! What is being brought in: all of it is staged, then all of it is published, or nothing is.

use std::{
    collections::HashSet,
    io::{self, Read, Write},
};

use diag::{Error, Result, codes};
use oci::{
    Digest, ImageConfig, Reference, Source,
    image::{Descriptor, Manifest, Platform, media_type},
};
use sha2::{Digest as _, Sha256};

use super::{Images, Intake, load::Loaded, record};
use crate::{StagedBlob, StagedLayer, Store, Unpack};

/// Images on their way into the store. Dropped before [`Stage::publish`], it leaves nothing.
pub(super) struct Stage<'a> {
    pub(super) store: &'a Store,
    how: Intake,
    blobs: Vec<StagedBlob>,
    layers: Vec<StagedLayer>,
    staged: HashSet<Digest>,
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
        Stage { store, how, blobs, layers, staged: HashSet::new(), images, warnings }
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
            return Ok(());
        }
        let mut archive = Counted { inner: archive, hash: Sha256::new(), size: 0 };
        let unpacked = self.unpack(&mut archive, Some(diff_id));
        // If the archive as a whole is not what was promised, that is the cause, and its contents are the consequence.
        if let Some(promised) = promised {
            archive.verify(promised).map_err(|error| error.fact(format!("it is the archive of layer {diff_id}")))?;
        }
        self.staged.insert(*diff_id);
        self.layers.push(unpacked?);
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

    /// Unpacks a layer that nothing is known about, and says what it is and how long its archive was.
    pub(super) fn unknown_layer(&mut self, archive: impl Read + Send) -> Result<Descriptor> {
        let layer = self.unpack(archive, None)?;
        let described = describe(*layer.diff_id(), layer.meta().archive_bytes);
        if self.staged.insert(described.digest) {
            self.layers.push(layer);
        }
        Ok(described)
    }

    fn unpack(&mut self, archive: impl Read + Send, diff_id: Option<&Digest>) -> Result<StagedLayer> {
        let how = Unpack { diff_id, ownership: self.how.ownership, limits: self.how.limits };
        let mut layer = self.store.unpack(archive, &how)?;
        self.warnings.extend(layer.take_warnings());
        Ok(layer)
    }

    /// A layer that is here, or will be, as its archive was before compression.
    pub(super) fn described(&self, diff_id: &Digest) -> Result<Descriptor> {
        let staged =
            self.layers.iter().find(|layer| layer.diff_id() == diff_id).map(|layer| layer.meta().archive_bytes);
        let size = match (staged, self.store.layer(diff_id)?) {
            (Some(size), _) => size,
            (None, Some(layer)) => layer.meta()?.archive_bytes,
            (None, None) => 0,
        };
        Ok(describe(*diff_id, size))
    }

    /// Stages a manifest of our own, for an image that came without one or was made here.
    pub(super) fn manifest(&mut self, config: &[u8], layers: Vec<Descriptor>) -> Result<Digest> {
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

fn describe(diff_id: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type::LAYER.into(),
        digest: diff_id,
        size,
        platform: None,
        annotations: std::collections::BTreeMap::new(),
    }
}

/// An archive whose bytes are counted and digested as they are read.
struct Counted<R> {
    inner: R,
    hash: Sha256,
    size: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

impl<R: Read> Counted<R> {
    /// Reads what the unpacker has left, and compares.
    fn verify(mut self, promised: &Descriptor) -> Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        while self.size <= promised.size {
            match self.read(&mut buffer) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::new(codes::UR0704, "a layer's archive cannot be read").words(error)),
            }
        }
        if self.size != promised.size {
            let what = format!("a layer's archive has {} bytes, and {} were promised", self.size, promised.size);
            return Err(Error::new(codes::UR0703, what));
        }
        let found = Digest::from_raw(self.hash.finalize().into());
        if found == promised.digest {
            return Ok(());
        }
        Err(Error::new(codes::UR0703, format!("a layer's archive should be {} and is {found}", promised.digest))
            .help("fetch the image again; if it stays so, its source is damaged"))
    }
}
