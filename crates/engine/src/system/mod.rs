//! `system …`: the store as a whole: what it takes, what of it nobody needs, whether it is as it should be, and its end.

mod check;
mod df;
mod filter;
mod full;
mod prune;
mod reset;

use diag::{Error, Result, codes};
use oci::Digest;
use store::{ContainerId, check::Standing};

use crate::{
    Engine,
    config::{Config, Rootfs},
    life::{self, Life},
};

pub use check::{CheckRequest, Checked, Outcome};
pub use df::{ContainerLine, DiskUsage, ImageLine, Sum, VolumeLine};
pub use prune::{PruneRequest, Pruned};

/// What can be read of a container.
struct Known {
    id: ContainerId,
    /// Or why nothing can be.
    config: Result<Config>,
    life: Life,
}

impl Known {
    fn is_live(&self) -> bool {
        matches!(self.life, Life::Running(_))
    }
}

impl Engine<'_> {
    /// All containers, also those whose records cannot be read.
    fn known(&self) -> Result<Vec<Known>> {
        let mut known = Vec::new();
        for id in self.store.containers()? {
            let container = match self.store.container(id.as_str()) {
                // Removed meanwhile.
                Err(error) if error.code() == codes::UR0802 => continue,
                container => container?,
            };
            let config = container.config().and_then(|text| Config::read(id.as_str(), &text));
            let life = life::of(&self.store, &container)?;
            known.push(Known { id, config, life });
        }
        Ok(known)
    }

    /// The containers as the store sees them.
    fn standings(&self) -> Result<Vec<Standing>> {
        Ok(self.known()?.into_iter().map(standing).collect())
    }
}

fn standing(known: Known) -> Standing {
    let live = known.is_live();
    let short = known.id.short().to_owned();
    match known.config {
        Ok(config) => {
            let layers = match &config.rootfs {
                Rootfs::Layers(layers) => layers.iter().filter_map(|layer| Digest::parse(layer).ok()).collect(),
                Rootfs::Directory(_) => Vec::new(),
            };
            Standing {
                id: known.id,
                name: config.name,
                image: config.image_id.as_deref().and_then(Digest::from_hex),
                writable: matches!(config.rootfs, Rootfs::Layers(_)),
                layers,
                live,
                fault: None,
            }
        }
        Err(error) => Standing {
            id: known.id,
            name: short,
            image: None,
            layers: Vec::new(),
            writable: false,
            live,
            fault: Some(why(error)),
        },
    }
}

/// What an error says, in a line.
fn why(error: Error) -> String {
    let report = error.into_report();
    match &report.cause {
        Some(cause) => format!("{}: {cause}", report.what),
        None => report.what.to_string(),
    }
}
