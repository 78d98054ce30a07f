//! `images` and `rmi`.

mod filter;
mod glob;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use diag::{Error, Result, codes};
use oci::{Digest, Reference};
use store::image::{Image, Images};

pub use filter::Filter;

use crate::{Engine, config::Config, hello, request::Given};

/// One name of an image, or an image without a name.
#[derive(Clone, Debug)]
pub struct Row {
    /// The name without its tag.
    pub repository: Option<String>,
    /// The tag.
    pub tag: Option<String>,
    /// The image.
    pub image: Arc<Facts>,
}

/// What is known about an image.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// All its names.
    pub names: Vec<Reference>,
    /// The digest of its configuration, `sha256:…`.
    pub id: String,
    /// The digest of its manifest.
    pub digest: String,
    /// Its repositories, each with the digest: `docker.io/library/debian@sha256:…`.
    pub repo_digests: Vec<String>,
    /// When it was made: seconds since the epoch; 0 if it does not say.
    pub created: u64,
    /// Bytes in its files.
    pub size: u64,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// How many containers stand on it.
    pub containers: usize,
    /// Its operating system.
    pub os: String,
    /// Its architecture.
    pub architecture: String,
    /// It is a part of this program.
    pub built_in: bool,
}

/// The order of images: `--sort`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Created,
    /// By id.
    Id,
    /// By name.
    Repository,
    /// The smallest first.
    Size,
    /// By tag.
    Tag,
}

/// Which images are wanted.
#[derive(Clone, Debug, Default)]
pub struct ImagesRequest {
    /// Only those of this name, pattern or id.
    pub name: Option<Given<String>>,
    /// `--filter`.
    pub filters: Vec<Filter>,
    /// `--sort`.
    pub order: Order,
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
    /// The images that are wanted, a row a name. UR0701 and UR0713 for an image that a filter names.
    pub fn images(&self, request: &ImagesRequest) -> Result<Vec<Row>> {
        let images = Images::of(&self.store);
        let (all, faults) = images.survey()?;
        for fault in faults {
            let mut report = fault.into_report();
            report.severity = diag::Severity::Warning;
            self.notices.notice(&report);
        }
        let mut filters = request.filters.clone();
        for filter in &mut filters {
            filter.look_up(|name| Ok(created(&images.resolve(name)?)))?;
        }
        let in_use = self.images_in_use()?;
        let meant = request.name.as_ref().map(Meant::of);
        let mut rows = Vec::new();
        for image in &all {
            let facts = Arc::new(Facts::of(image, &in_use));
            if !filter::fit(&filters, &facts) {
                continue;
            }
            let whole = meant.as_ref().is_none_or(|meant| meant.is_id_of(image));
            let names = image.names.iter().filter(|name| whole || meant.as_ref().is_some_and(|meant| meant.fits(name)));
            rows.extend(names.map(|name| row(Some(name), &facts)));
            rows.extend((image.names.is_empty() && whole).then(|| row(None, &facts)));
        }
        sort(&mut rows, request.order);
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
        removed.deleted.iter().for_each(|id| self.note_image("remove", &id.hex(), &name.value));
        Ok(Removed {
            untagged: removed.untagged.iter().map(ToString::to_string).collect(),
            deleted: removed.deleted.iter().map(Digest::hex).collect(),
        })
    }

    /// Removes an image with all its names: what `rmi --all` does with each. UR0710 if a container stands on it, without `force`.
    pub fn remove_whole_image(&self, id: &str, force: bool) -> Result<Removed> {
        if !force {
            let digest = Digest::parse(id)?;
            if self.images_in_use()?.contains(&digest) {
                return Err(Error::new(
                    codes::UR0710,
                    format!("the image {} is in use by a container", digest.short()),
                )
                .help_run("see which containers there are", "unroot ps -a"));
            }
        }
        if force {
            self.remove_containers_of(&Digest::parse(id)?)?;
        }
        // All names go, and nothing else stands in the way.
        let removed = Images::of(&self.store).remove(id, || self.images_in_use(), true)?;
        Ok(Removed {
            untagged: removed.untagged.iter().map(ToString::to_string).collect(),
            deleted: removed.deleted.iter().map(Digest::hex).collect(),
        })
    }

    /// The ids of images that containers stand on.
    pub(crate) fn images_in_use(&self) -> Result<Vec<Digest>> {
        Ok(self.configs()?.iter().filter_map(|config| Digest::from_hex(config.image_id.as_deref()?)).collect())
    }

    /// What all containers are. One whose records cannot be read can never start, and so stands on nothing; one that was
    /// removed meanwhile does not either.
    fn configs(&self) -> Result<Vec<Config>> {
        let read = |id: &store::ContainerId| Config::read(id.as_str(), &self.store.container(id.as_str())?.config()?);
        let mut configs = Vec::new();
        for id in self.store.containers()? {
            match read(&id) {
                Err(error) if [codes::UR0802, codes::UR0810].contains(&error.code()) => {}
                config => configs.push(config?),
            }
        }
        Ok(configs)
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

/// A row for each name of an image, or one for an image without a name.
pub(crate) fn rows_of(image: &Image, in_use: &[Digest]) -> Vec<Row> {
    let facts = Arc::new(Facts::of(image, in_use));
    let named: Vec<Row> = image.names.iter().map(|name| row(Some(name), &facts)).collect();
    if named.is_empty() { vec![row(None, &facts)] } else { named }
}

impl Facts {
    fn of(image: &Image, in_use: &[Digest]) -> Facts {
        Facts {
            names: image.names.clone(),
            id: image.id.to_string(),
            digest: image.manifest.to_string(),
            repo_digests: repo_digests(image),
            created: created(image),
            size: image.size,
            labels: image.config.labels.clone(),
            containers: in_use.iter().filter(|id| **id == image.id).count(),
            os: image.config.platform.os.clone(),
            architecture: image.config.platform.architecture.clone(),
            built_in: hello::is_built_in(image),
        }
    }
}

/// An image's repositories, each with a digest that it can be had under.
pub(crate) fn repo_digests(image: &Image) -> Vec<String> {
    let with_digest = |name: &Reference| format!("{}@{}", name.name(), name.digest().unwrap_or(image.manifest));
    let mut digests: Vec<String> = image.names.iter().map(with_digest).collect();
    digests.sort();
    digests.dedup();
    digests
}

/// When an image was made: seconds since the epoch; 0 if it does not say.
pub(crate) fn created(image: &Image) -> u64 {
    image.config.created.map_or(0, |time| u64::try_from(time.0).unwrap_or_default())
}

fn row(name: Option<&Reference>, image: &Arc<Facts>) -> Row {
    Row {
        repository: name.map(|name| name.name().to_owned()),
        tag: name.and_then(Reference::tag).map(str::to_owned),
        image: Arc::clone(image),
    }
}

fn sort(rows: &mut [Row], order: Order) {
    let name = |row: &Row| (row.repository.clone(), row.tag.clone());
    rows.sort_by(|a, b| {
        let first = match order {
            Order::Created => b.image.created.cmp(&a.image.created),
            Order::Id => a.image.id.cmp(&b.image.id),
            Order::Repository => a.repository.cmp(&b.repository),
            Order::Size => a.image.size.cmp(&b.image.size),
            Order::Tag => a.tag.cmp(&b.tag),
        };
        first.then_with(|| name(a).cmp(&name(b)))
    });
}

/// What a person may mean by an image's name; without a tag all tags are meant.
struct Meant<'a> {
    text: &'a str,
    names: Vec<Reference>,
}

impl Meant<'_> {
    fn of(given: &Given<String>) -> Meant<'_> {
        // What is no name can still be a pattern.
        Meant { text: &given.value, names: Reference::candidates(&given.value).unwrap_or_default() }
    }

    fn is_id_of(&self, image: &Image) -> bool {
        let hex = self.text.strip_prefix("sha256:").unwrap_or(self.text);
        hex.len() >= 3 && (image.id.hex().starts_with(hex) || image.manifest.hex() == hex)
    }

    fn fits(&self, name: &Reference) -> bool {
        let same = |wanted: &Reference| {
            let ending = || name.name().ends_with(&format!("/{}", wanted.path()));
            (name.name() == wanted.name() || ending())
                && wanted.digest().is_none_or(|digest| name.digest() == Some(digest))
                && (wanted.tag().is_none() || wanted.tag() == name.tag())
        };
        self.names.iter().any(same) || filter::name_fits(self.text, name)
    }
}
