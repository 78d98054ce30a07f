//! What each record leads to, for who looks whether all of it is there.

use diag::{Error, Result};
use oci::{Digest, image::media_type};

use super::{Images, record};

/// A record, and what it leads to.
pub(crate) struct Traced {
    /// The record's file in `images/`.
    pub(crate) file: String,
    /// What people know the image by.
    pub(crate) name: String,
    /// Its manifest; none if the record cannot be read.
    pub(crate) manifest: Option<Digest>,
    /// Its configuration, and its layers from the lowest on; or why that is not known.
    pub(crate) leads_to: Result<(Digest, Vec<Archived>)>,
}

/// A layer of an image, and the archive that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archived {
    pub(crate) diff_id: Digest,
    /// The archive as it is kept.
    pub(crate) archive: Digest,
    /// Images that are made here may be recorded without their archives, which are described as they were before compression.
    pub(crate) may_lack_archive: bool,
}

impl Images<'_> {
    /// Follows all records. The caller has locked the store.
    pub(crate) fn trace(&self) -> Result<Vec<Traced>> {
        let files = record::files(self.store)?;
        Ok(files.into_iter().map(|(file, record)| self.trace_one(file, record)).collect())
    }

    fn trace_one(&self, file: String, record: Result<record::Record>) -> Traced {
        match record {
            Ok(record) => Traced {
                name: record.name(),
                manifest: Some(record.manifest),
                leads_to: self.layers_of(&record.manifest),
                file,
            },
            Err(error) => Traced { name: file.clone(), manifest: None, leads_to: Err(error), file },
        }
    }

    fn layers_of(&self, manifest: &Digest) -> Result<(Digest, Vec<Archived>)> {
        let manifest = self.manifest(manifest)?;
        let (config, _) = self.config(&manifest.config.digest)?;
        if manifest.layers.len() != config.diff_ids.len() {
            let what = format!(
                "the manifest has {} layers, and the configuration {}",
                manifest.layers.len(),
                config.diff_ids.len()
            );
            return Err(Error::new(diag::codes::UR0706, what));
        }
        let archived = |(layer, diff_id): (&oci::image::Descriptor, &Digest)| Archived {
            diff_id: *diff_id,
            archive: layer.digest,
            may_lack_archive: layer.digest == *diff_id && layer.media_type == media_type::LAYER,
        };
        Ok((manifest.config.digest, manifest.layers.iter().zip(&config.diff_ids).map(archived).collect()))
    }

    /// Removes a record by its file. What it led to is collected by the next removal.
    pub(crate) fn forget(&self, file: &str) -> Result<()> {
        let what = format!("`images/{file}` cannot be removed");
        self.store.images().remove_file(file).map_err(crate::io(what))
    }
}
