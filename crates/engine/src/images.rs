//! `images` and `rmi`.

use std::time::Duration;

use diag::{Error, Result};
use oci::{Digest, Reference};
use store::image::Images;

use crate::{Engine, config::Config, hello, request::Given};

/// One name of an image, or an image without a name.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name without its tag.
    pub repository: Option<String>,
    /// The tag.
    pub tag: Option<String>,
    /// The digest of its configuration, `sha256:…`.
    pub id: String,
    /// The digest of its manifest.
    pub digest: String,
    /// When it was made: seconds since the epoch; 0 if it does not say.
    pub created: u64,
    /// Bytes in its files.
    pub size: u64,
    /// It is a part of this program.
    pub built_in: bool,
}

/// What a removal has done.
#[derive(Clone, Debug, Default)]
pub struct Removed {
    /// Names that lead nowhere now.
    pub untagged: Vec<String>,
    /// Images that are gone.
    pub deleted: Vec<String>,
}

impl Engine<'_> {
    /// All images, the newest first; with `name` only those of this repository.
    pub fn images(&self, name: Option<&Given<String>>) -> Result<Vec<Row>> {
        let (images, faults) = Images::of(&self.store).survey()?;
        for fault in faults {
            let mut report = fault.into_report();
            report.severity = diag::Severity::Warning;
            self.notices.notice(&report);
        }
        let wanted = name.map(wanted).transpose()?;
        let mut rows: Vec<Row> = images
            .iter()
            .flat_map(|image| {
                let row = |name: Option<&Reference>| Row {
                    repository: name.map(|name| name.name().to_owned()),
                    tag: name.and_then(Reference::tag).map(str::to_owned),
                    id: image.id.to_string(),
                    digest: image.manifest.to_string(),
                    created: image.config.created.map_or(0, |time| u64::try_from(time.0).unwrap_or_default()),
                    size: image.size,
                    built_in: hello::is_built_in(image),
                };
                if image.names.is_empty() {
                    vec![row(None)]
                } else {
                    image.names.iter().map(|name| row(Some(name))).collect()
                }
            })
            .collect();
        rows.retain(|row| wanted.as_ref().is_none_or(|wanted| fits(row, wanted)));
        rows.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.repository.cmp(&b.repository)));
        Ok(rows)
    }

    /// Removes an image, or one of its names; with `force` the containers that stand on it, too.
    pub fn remove_image(&self, name: &Given<String>, force: bool) -> Result<Removed> {
        if force && let Ok(image) = Images::of(&self.store).resolve(&name.value) {
            self.remove_containers_of(&image.id)?;
        }
        let removed = Images::of(&self.store)
            .remove(&name.value, || self.images_in_use(), force)
            .map_err(|error| name.blame(error))?;
        Ok(Removed {
            untagged: removed.untagged.iter().map(ToString::to_string).collect(),
            deleted: removed.deleted.iter().map(Digest::hex).collect(),
        })
    }

    /// The ids of images that containers stand on.
    pub(crate) fn images_in_use(&self) -> Result<Vec<Digest>> {
        Ok(self.configs()?.iter().filter_map(|config| Digest::from_hex(config.image_id.as_deref()?)).collect())
    }

    /// What all containers are.
    fn configs(&self) -> Result<Vec<Config>> {
        self.store
            .containers()?
            .iter()
            .map(|id| Config::read(id.as_str(), &self.store.container(id.as_str())?.config()?))
            .collect()
    }

    fn remove_containers_of(&self, image: &Digest) -> Result<()> {
        let hex = image.hex();
        for config in self.configs()?.iter().filter(|config| config.image_id.as_deref() == Some(hex.as_str())) {
            self.remove(&Given::unwritten(config.id.clone()), true)?;
            crate::life::wait_for_end(&self.store, &config.id, Duration::from_secs(1));
        }
        Ok(())
    }
}

/// The names that a person may mean; without a tag all tags are meant.
fn wanted(name: &Given<String>) -> Result<Vec<Reference>> {
    Reference::candidates(&name.value).map_err(|fault| name.blame(Error::from(fault)))
}

fn fits(row: &Row, wanted: &[Reference]) -> bool {
    let Some(repository) = &row.repository else { return false };
    wanted.iter().any(|wanted| {
        let same = repository == wanted.name() || repository.ends_with(&format!("/{}", wanted.path()));
        same && (wanted.tag().is_none() || wanted.tag() == row.tag.as_deref())
    })
}
