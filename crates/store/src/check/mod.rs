//! Whether the store is as it should be, and how it becomes so again.
//!
//! # Theory of operation
//! [`Store::examine`] looks and changes nothing. Each [`Finding`] is a diagnostic (what it is, whom it harms, what can be done) and
//! knows its own cure; [`Store::mend`] applies one. Files are compared with the archive that they came from: it is unpacked once more, beside
//! them, and both trees are read (`compare`). What lies in the place of a broken layer is exchanged for that new tree.
//!
//! # Locks
//! Looking holds the store shared: nothing is removed meanwhile. Each mending takes the store exclusively for as long as it exchanges or
//! removes something; what brings content in holds claims or drafts, which mending leaves alone as the garbage collector does.
//!
//! # After a crash
//! A layer that is exchanged is taken away and published by two renames. Between them it is missing, which the next look finds.

mod compare;
mod containers;
mod content;
mod drafts;
mod finding;
mod layers;
mod mend;
mod trees;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use diag::{Error, Result, codes};
use oci::Digest;

use crate::{
    ContainerId, Store,
    image::{Archived, Images, Intake, Traced},
};
use finding::Cure;
pub use finding::{Finding, Mended};

/// A container, as far as it matters to the store.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its id.
    pub id: ContainerId,
    /// Its name, or the beginning of its id.
    pub name: String,
    /// Its image's id.
    pub image: Option<Digest>,
    /// The layers that it stands on.
    pub layers: Vec<Digest>,
    /// It has a writable layer in the store.
    pub writable: bool,
    /// It runs.
    pub live: bool,
    /// Its records cannot be read, for this reason: nothing else is known of it then.
    pub fault: Option<String>,
}

/// How the store is examined.
#[derive(Clone, Debug)]
pub struct Examination {
    /// Leave out what reads contents: only what is missing is found.
    pub quick: bool,
    /// How layers are unpacked that are compared or made again.
    pub how: Intake,
    /// What nothing leads to counts as left over from this age on.
    pub age: Duration,
    /// All containers.
    pub containers: Vec<Standing>,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
pub struct Examined {
    /// Records of images.
    pub images: usize,
    /// Layers.
    pub layers: usize,
    /// Blobs.
    pub blobs: usize,
    /// Containers.
    pub containers: usize,
    /// What is not as it should be.
    pub findings: Vec<Finding>,
}

impl Examined {
    /// How many findings somebody would stumble over; the others are only in the way.
    pub fn defects(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_defect()).count()
    }
}

/// What is known while it is looked.
struct Look<'a> {
    store: &'a Store,
    asked: &'a Examination,
    /// Names of images by the layers that they need.
    needed: BTreeMap<Digest, BTreeSet<String>>,
    /// The archives of layers.
    archives: BTreeMap<Digest, Vec<Archived>>,
    /// Blobs that something leads to, and what they are.
    blobs: BTreeMap<Digest, String>,
    findings: Vec<Finding>,
}

impl Store {
    /// Looks at everything, and changes nothing.
    ///
    /// Errors: UR0707 and UR0711 if looking itself does not work.
    pub fn examine(&self, asked: &Examination) -> Result<Examined> {
        let _lock = self.share()?;
        let traced = Images::of(self).trace()?;
        let mut look = Look {
            store: self,
            asked,
            needed: BTreeMap::new(),
            archives: BTreeMap::new(),
            blobs: BTreeMap::new(),
            findings: Vec::new(),
        };
        let images = traced.len();
        for traced in traced {
            look.record(traced);
        }
        asked.containers.iter().for_each(|standing| look.keep(standing));
        let layers = self.layer_digests()?;
        look.missing_layers(&layers);
        for layer in &layers {
            look.layer(layer)?;
        }
        let blobs = self.blob_digests()?;
        look.contents(&blobs)?;
        look.garbage(&blobs, &layers);
        look.containers()?;
        look.names()?;
        look.drafts()?;
        look.findings.sort_by_key(|finding| (!finding.is_defect(), finding.error.code().id()));
        let (layers, blobs, containers) = (layers.len(), blobs.len(), asked.containers.len());
        Ok(Examined { images, layers, blobs, containers, findings: look.findings })
    }
}

impl Look<'_> {
    fn find(&mut self, error: Error, cure: Cure) {
        self.findings.push(Finding { error, cure });
    }

    /// A record: what it leads to is needed.
    fn record(&mut self, traced: Traced) {
        let (_, layers) = match traced.leads_to {
            Ok((config, layers)) => {
                self.blobs.insert(config, format!("the configuration of `{}`", traced.name));
                (config, layers)
            }
            Err(error) => return self.broken_record(&traced.file, &traced.name, &error),
        };
        if let Some(manifest) = traced.manifest {
            self.blobs.insert(manifest, format!("the manifest of `{}`", traced.name));
        }
        for layer in layers {
            self.needed.entry(layer.diff_id).or_default().insert(traced.name.clone());
            self.blobs.insert(layer.archive, format!("the archive of a layer of `{}`", traced.name));
            let known = self.archives.entry(layer.diff_id).or_default();
            if !known.contains(&layer) {
                known.push(layer);
            }
        }
    }

    fn broken_record(&mut self, file: &str, name: &str, why: &Error) {
        let error = Error::new(codes::UR0722, format!("the image `{name}` cannot be used"))
            .fact(why.report().what.to_string())
            .fact("nothing is collected while it is not known what this image needs")
            .help_run("remove the image, and pull or load it again", "unroot system check --repair --force");
        let words = why.report().facts.iter().fold(error, |error, fact| error.fact(fact.clone()));
        self.find(words, Cure::Record(file.to_owned()));
    }

    /// A container keeps what it stands on.
    fn keep(&mut self, standing: &Standing) {
        for layer in &standing.layers {
            self.needed.entry(*layer).or_default();
        }
        if let Some(image) = standing.image {
            self.blobs.entry(image).or_insert_with(|| format!("the configuration of container `{}`", standing.name));
        }
    }

    /// Who needs a layer, in words.
    fn who_needs(&self, layer: &Digest) -> Vec<String> {
        let images = self.needed.get(layer).into_iter().flatten().map(|name| format!("the image `{name}`"));
        let standing = self.asked.containers.iter().filter(|container| container.layers.contains(layer));
        images.chain(standing.map(|container| format!("the container `{}`", container.name))).collect()
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
