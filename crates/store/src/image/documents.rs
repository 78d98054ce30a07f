//! An image's documents as they came, for whoever shows or copies them.

use diag::Result;
use oci::image::{Manifest, media_type};

use super::{Image, Images, push::own_type};

/// What an image is written down in.
#[derive(Clone, Debug)]
pub struct Documents {
    /// The manifest, read.
    pub manifest: Manifest,
    /// What the manifest calls itself; OCI's media type if it does not say.
    pub manifest_type: String,
    /// The manifest's text, byte for byte.
    pub manifest_text: String,
    /// The configuration's text, byte for byte.
    pub config_text: String,
}

impl Images<'_> {
    /// Reads an image's documents, and verifies them by their digests. Errors: UR0703, UR0706, UR0707.
    pub fn documents(&self, image: &Image) -> Result<Documents> {
        let _lock = self.store.share()?;
        self.documents_locked(image)
    }

    /// As [`Images::documents`]; the caller holds the store.
    pub(super) fn documents_locked(&self, image: &Image) -> Result<Documents> {
        let manifest_text = self.document(&image.manifest, "manifest")?.text.to_string();
        Ok(Documents {
            manifest: self.manifest(&image.manifest)?,
            manifest_type: own_type(manifest_text.as_bytes()).unwrap_or_else(|| media_type::MANIFEST.to_owned()),
            config_text: self.document(&image.id, "configuration")?.text.to_string(),
            manifest_text,
        })
    }

    /// Bytes in the files of each layer of an image, the lowest first. Error: UR0707.
    pub fn layer_sizes(&self, image: &Image) -> Result<Vec<u64>> {
        let size = |layer| match self.store.layer(layer)? {
            Some(layer) => Ok(layer.meta()?.bytes),
            None => Err(super::missing("layer", layer)),
        };
        image.layers.iter().map(size).collect()
    }
}
