//! Brings an image in from a registry.
//!
//! Theory of operation: manifest (by way of an index, the one for the wanted platform), configuration, layers, in this order, each
//! named by the one before it and verified against it. Layers come several at a time ([`super::fetch`]); nothing is seen in the
//! store before all are complete. What removes content is kept away only for the moment of publishing: what is already here
//! and needed is claimed ([`crate::layer::Claim`]).

use diag::{Error, Pointer, Result, codes};
use oci::{
    Digest, Reference, Source,
    image::{Document, Index, Manifest, Platform},
};

use super::{
    Images, Intake,
    fetch::{self, Need},
    intake::Stage,
    load::Loaded,
};
use crate::{
    progress::{Part, Progress},
    registry::{Fetched, Registry},
};

/// How many indexes may lie within each other.
const DEPTH_LIMIT: usize = 4;

/// What is wanted from a repository.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The tag or the digest.
    pub which: String,
    /// The names that the image gets here.
    pub names: Vec<Reference>,
    /// For which machine.
    pub platform: Platform,
    /// How many layers may come at a time, at least 1.
    pub jobs: usize,
}

/// A manifest and its bytes.
struct Found {
    fetched: Fetched,
    manifest: Manifest,
    source: Source,
}

impl Images<'_> {
    /// Pulls an image. Layers that are here are not fetched, and one that another process fetches is waited for.
    ///
    /// Errors: UR0921 to UR0924 for the registry; UR0703, UR0704, UR0705, UR0706, UR0712, UR0714 for the image; UR0707 and
    /// UR0711 for the disk.
    pub fn pull(&self, registry: &Registry, wanted: &Wanted, how: &Intake, progress: &dyn Progress) -> Result<Loaded> {
        let found = find(registry, &wanted.which, &wanted.platform)?;
        refuse_foreign(&found)?;
        let mut stage = Stage::new(self.store, *how);
        let source = configuration(registry, &found.manifest)?;
        let config = stage.config(&source, found.manifest.layers.len())?;
        if wanted.platform.suits(&config.platform).is_none() && wanted.platform != Platform::here() {
            let what = format!("the image is for `{}`, and `{}` was asked for", config.platform, wanted.platform);
            stage.warn(Error::warning(codes::UR0712, what));
        }
        stage.document(&found.fetched.bytes)?;
        let parts: Vec<Part> = found
            .manifest
            .layers
            .iter()
            .map(|layer| Part { digest: layer.digest, size: layer.size, layer: true })
            .collect();
        progress.expect(&parts);
        let needs = needs(&found.manifest, &config.diff_ids);
        let brought = fetch::layers(self.store, registry, &needs, how, wanted.jobs, progress)?;
        let _lock = self.store.share()?;
        for layer in brought.layers {
            stage.adopt(layer.blob, layer.layer);
        }
        for need in &needs {
            stage.check_layer(&need.diff_id)?;
        }
        stage.image(found.fetched.digest, wanted.names.clone());
        let loaded = stage.publish()?.pop();
        drop(brought.claims);
        loaded.ok_or_else(|| Error::new(codes::UR0707, "the pulled image was not recorded"))
    }
}

/// The manifest for a platform.
fn find(registry: &Registry, which: &str, platform: &Platform) -> Result<Found> {
    let mut fetched = registry.manifest(which)?;
    let mut listed: Option<String> = None;
    for _ in 0..DEPTH_LIMIT {
        let source = Source::from_bytes(
            format!("{}@{}", registry.name(), fetched.digest),
            fetched.bytes.clone(),
            codes::UR0706,
        )?;
        match Document::parse(&source, listed.as_deref())? {
            Document::Manifest(manifest) => return Ok(Found { fetched, manifest, source }),
            Document::Index(index) => {
                let entry = index.best_for(platform).ok_or_else(|| other_platforms(&index, platform))?;
                listed = Some(entry.media_type.clone());
                fetched = registry.manifest(&entry.digest.to_string())?;
            }
        }
    }
    Err(Error::new(codes::UR0706, format!("more than {DEPTH_LIMIT} indexes lie within each other")))
}

fn other_platforms(index: &Index, wanted: &Platform) -> Error {
    let there: Vec<String> =
        index.images().filter_map(|entry| entry.platform.as_ref()).map(|platform| format!("`{platform}`")).collect();
    let error = Error::new(codes::UR0712, format!("the image is not for `{wanted}`"));
    match there.as_slice() {
        [] => error.fact("it names no platform"),
        some => error
            .fact(format!("it is for {}", some.join(", ")))
            .help("choose one of them with --platform; to run it here, an emulator must be installed"),
    }
}

/// Layers that lie on other servers and may not be copied: Windows' base layers. None of them can run here.
fn refuse_foreign(found: &Found) -> Result<()> {
    let foreign = |name: &str| name.contains(".foreign.") || name.contains(".nondistributable.");
    let Some(index) = found.manifest.layers.iter().position(|layer| foreign(&layer.media_type)) else { return Ok(()) };
    let pointer = Pointer::root().child("layers").child(index).child("mediaType");
    let media_type = &found.manifest.layers[index].media_type;
    Err(Error::new(codes::UR0714, format!("a layer is of the kind `{media_type}`: it is not in this registry"))
        .at(found.source.at(pointer))
        .help("such layers lie on another server, and are used by images for Windows only"))
}

fn configuration(registry: &Registry, manifest: &Manifest) -> Result<Source> {
    let digest = manifest.config.digest;
    let bytes = registry.document(&digest, manifest.config.size)?;
    Source::from_bytes(format!("{}@{digest}", registry.name()), bytes, codes::UR0706)
}

/// The layers, each once; the configuration was checked to name as many as the manifest.
fn needs(manifest: &Manifest, diff_ids: &[Digest]) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    for (descriptor, diff_id) in manifest.layers.iter().zip(diff_ids) {
        if !needs.iter().any(|need| need.diff_id == *diff_id) {
            needs.push(Need { diff_id: *diff_id, descriptor: descriptor.clone() });
        }
    }
    needs
}
