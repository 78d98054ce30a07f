//! Removing all images that nobody needs.

use diag::Result;
use oci::Digest;

use super::{Collected, Image, Images};

/// Which images are to go, apart from those that are in use.
pub struct Chosen<'a> {
    /// Those with names, too; otherwise only those without.
    pub named: bool,
    /// Of these, the ones for which this is true.
    pub filter: &'a dyn Fn(&Image) -> bool,
}

/// What a pruning has done.
#[derive(Clone, Debug, Default)]
pub struct Pruned {
    /// The images that are gone.
    pub images: Vec<Image>,
    /// All that went with them, and what nothing had led to before.
    pub collected: Collected,
}

impl Images<'_> {
    /// Removes the chosen images that no container stands on, and then all that no image leads to. `in_use` gives the ids of
    /// images that containers stand on; it is asked while nobody can create a container.
    ///
    /// Error: UR0707 if a record cannot be followed, and so it is not known what it needs.
    pub fn prune(&self, chosen: &Chosen<'_>, in_use: impl FnOnce() -> Result<Vec<Digest>>) -> Result<Pruned> {
        let _lock = self.store.exclude()?;
        let in_use = in_use()?;
        let (mut images, _) = self.survey_locked()?;
        images.retain(|image| {
            !in_use.contains(&image.id) && (chosen.named || image.names.is_empty()) && (chosen.filter)(image)
        });
        for image in &images {
            self.unrecord(image, false)?;
        }
        let collected = self.collect_locked(&in_use)?;
        Ok(Pruned { images, collected })
    }
}
