//! Images in a docker-archive: what `docker save` writes, and other programs after it.
//!
//! `manifest.json` names each image's configuration and its layers, tar files which may be links to each other.
//! Source: Docker image specification 1.2 and 1.3, "combined image JSON + filesystem changeset format".

use diag::{Error, Pointer, Result, codes};
use oci::{Digest, Reference, Source, image::LAYER_LIMIT};
use serde::Deserialize;

use super::{intake::Stage, oci_layout::nameless, tree::Tree};

/// One image of manifest.json.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// Stages all images of an archive.
pub(super) fn read(tree: &Tree, stage: &mut Stage<'_>) -> Result<()> {
    let Some(source) = tree.document("manifest.json")? else {
        return Err(Error::new(codes::UR0704, format!("`{}` has no `manifest.json`", tree.name)));
    };
    let entries: Vec<Entry> = source.parse(codes::UR0706)?;
    for (index, entry) in entries.iter().enumerate() {
        read_image(tree, stage, &source, entry, &Pointer::root().child(index))?;
    }
    Ok(())
}

fn read_image(tree: &Tree, stage: &mut Stage<'_>, source: &Source, entry: &Entry, at: &Pointer) -> Result<()> {
    let missing = |name: &str, pointer| {
        let what = format!("`{}` is incomplete: it has no `{name}`", tree.name);
        Error::new(codes::UR0704, what).at(source.at(pointer))
    };
    let layers = entry.layers.as_deref().unwrap_or_default();
    if layers.len() > LAYER_LIMIT {
        let what = format!("the image has {} layers, more than {LAYER_LIMIT}", layers.len());
        return Err(Error::new(codes::UR0706, what).at(source.at(at.child("Layers"))));
    }
    let document = tree.document(&entry.config)?.ok_or_else(|| missing(&entry.config, at.child("Config")))?;
    verify_config(&entry.config, &document)?;
    let config = stage.config(&document, layers.len())?;
    let mut described = Vec::new();
    for (index, (name, diff_id)) in layers.iter().zip(&config.diff_ids).enumerate() {
        let pointer = at.child("Layers").child(index);
        let archive = tree.section(name)?.ok_or_else(|| missing(name, pointer.clone()))?;
        stage.layer(diff_id, archive, None).map_err(|error| error.at(source.at(pointer)))?;
        described.push(stage.described(diff_id)?);
    }
    let names = names(entry, stage);
    let manifest = stage.manifest(document.text.as_bytes(), described)?;
    stage.image(manifest, names);
    Ok(())
}

/// The configuration's file is named after its digest; then it has to be right.
fn verify_config(name: &str, document: &Source) -> Result<()> {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let Some(promised) = Digest::from_hex(stem.strip_suffix(".json").unwrap_or(stem)) else { return Ok(()) };
    let found = Digest::of(document.text.as_bytes());
    if found == promised {
        return Ok(());
    }
    Err(Error::new(codes::UR0703, format!("the configuration `{name}` should be {promised} and is {found}"))
        .help("save the image again; if it stays so, its source is damaged"))
}

/// Docker writes short names for those of its own registry.
fn names(entry: &Entry, stage: &mut Stage<'_>) -> Vec<Reference> {
    let mut names = Vec::new();
    for text in entry.repo_tags.iter().flatten() {
        match Reference::parse(text) {
            Ok(name) => names.push(name.without_digest().tagged()),
            Err(fault) => stage.warn(nameless(fault)),
        }
    }
    names.sort();
    names.dedup();
    names
}
