//! Images in an OCI layout: a directory, or the same in a tar file (oci-archive).
//!
//! Source: OCI image specification, image-layout.md.

use std::collections::BTreeMap;

use diag::{Error, Pointer, Result, codes};
use oci::{
    Digest, Reference, Source,
    image::{DOCUMENT_LIMIT, Descriptor, Document, Index, Manifest, Platform},
    reference::Fault,
};
use serde::Deserialize;

use super::{
    intake::Stage,
    tree::{Section, Tree},
};

/// How many indexes may lie within each other.
const DEPTH_LIMIT: usize = 4;

/// The full name, where the writer has one to tell (containerd, Docker).
const FULL_NAME: &str = "io.containerd.image.name";
/// A name that counts within this layout: often only a tag, sometimes a full name.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

#[derive(Deserialize)]
struct Layout {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

/// Stages all images of a layout.
pub(super) fn read(tree: &Tree, stage: &mut Stage<'_>) -> Result<()> {
    check_version(tree)?;
    let what = || Error::new(codes::UR0704, format!("`{}` has no `index.json`", tree.name));
    let source = tree.document("index.json")?.ok_or_else(what)?;
    let Document::Index(index) = Document::parse(&source, None)? else {
        return Err(Error::new(codes::UR0706, "`index.json` is not an index").at(source.at(Pointer::root())));
    };
    for (name, entries) in groups(&index) {
        let group = Index { manifests: entries };
        let (digest, manifest) = choose(tree, &group, 0)?;
        let names = name.map(|name| own_name(&name, stage)).unwrap_or_default();
        read_image(tree, stage, &manifest)?;
        let bytes = blob_bytes(tree, &digest)?;
        stage.document(&bytes)?;
        stage.image(digest, names);
    }
    Ok(())
}

/// A layout without a version is one by an old writer; another version than 1 is none that is known.
fn check_version(tree: &Tree) -> Result<()> {
    let Some(source) = tree.document("oci-layout")? else { return Ok(()) };
    let layout: Layout = source.parse(codes::UR0706)?;
    if layout.version.starts_with("1.") {
        return Ok(());
    }
    let pointer = Pointer::root().child("imageLayoutVersion");
    Err(Error::new(codes::UR0714, format!("the layout has version `{}`, and 1.0.0 is known", layout.version))
        .at(source.at(pointer)))
}

/// What the index lists, one group an image: entries of one name are the same image for several platforms, and so are
/// entries without names that say their platforms.
fn groups(index: &Index) -> Vec<(Option<String>, Vec<Descriptor>)> {
    let mut named: BTreeMap<String, Vec<Descriptor>> = BTreeMap::new();
    let (mut by_platform, mut single) = (Vec::new(), Vec::new());
    for entry in index.images() {
        let name = entry.annotations.get(FULL_NAME).or_else(|| entry.annotations.get(REF_NAME));
        match (name, &entry.platform) {
            (Some(name), _) => named.entry(name.clone()).or_default().push(entry.clone()),
            (None, Some(_)) => by_platform.push(entry.clone()),
            (None, None) => single.push((None, vec![entry.clone()])),
        }
    }
    let mut groups: Vec<_> = named.into_iter().map(|(name, entries)| (Some(name), entries)).collect();
    if !by_platform.is_empty() {
        groups.push((None, by_platform));
    }
    groups.extend(single);
    groups
}

/// The name to record. A layout's own names become names of this machine. One that is none is told and left out.
fn own_name(text: &str, stage: &mut Stage<'_>) -> Vec<Reference> {
    match Reference::parse_local(text) {
        Ok(name) => vec![name.without_digest().tagged()],
        Err(fault) => {
            stage.warn(nameless(fault));
            Vec::new()
        }
    }
}

/// The image has a name that cannot be used.
pub(super) fn nameless(fault: Fault) -> Error {
    let error = Error::from(fault);
    Error::warning(codes::UR0702, error.report().what.clone()).fact("the image is kept without this name")
}

/// The manifest for this machine.
fn choose(tree: &Tree, index: &Index, depth: usize) -> Result<(Digest, Manifest)> {
    if depth == DEPTH_LIMIT {
        return Err(Error::new(codes::UR0706, format!("more than {DEPTH_LIMIT} indexes lie within each other")));
    }
    let here = Platform::here();
    // A single entry is meant, whatever platform it names: then its configuration decides.
    let only = match index.manifests.as_slice() {
        [only] if depth == 0 => Some(only),
        _ => None,
    };
    let entry = only.or_else(|| index.best_for(&here)).ok_or_else(|| other_platforms(index, &here))?;
    match Document::parse(&blob_document(tree, entry)?, Some(&entry.media_type))? {
        Document::Manifest(manifest) => Ok((entry.digest, manifest)),
        Document::Index(inner) => choose(tree, &inner, depth + 1),
    }
}

fn other_platforms(index: &Index, here: &Platform) -> Error {
    let there: Vec<String> =
        index.images().filter_map(|entry| entry.platform.as_ref()).map(|platform| format!("`{platform}`")).collect();
    Error::new(codes::UR0712, format!("the image is not for {here}")).fact(match there.as_slice() {
        [] => "it names no platform".to_owned(),
        some => format!("it is for {}", some.join(", ")),
    })
}

/// Stages an image's configuration and layers.
pub(super) fn read_image(tree: &Tree, stage: &mut Stage<'_>, manifest: &Manifest) -> Result<()> {
    let source = blob_document(tree, &manifest.config)?;
    let config = stage.config(&source, manifest.layers.len())?;
    for (descriptor, diff_id) in manifest.layers.iter().zip(&config.diff_ids) {
        stage.layer(diff_id, blob(tree, &descriptor.digest)?, Some(descriptor))?;
    }
    Ok(())
}

fn blob(tree: &Tree, digest: &Digest) -> Result<Section> {
    let section = tree.section(&tree.blob_path(digest))?;
    section.ok_or_else(|| {
        Error::new(codes::UR0704, format!("`{}` is incomplete: it has no {digest}", tree.name))
            .help("write it again; a copy of only some platforms lacks the others' files")
    })
}

fn blob_bytes(tree: &Tree, digest: &Digest) -> Result<Vec<u8>> {
    blob(tree, digest)?;
    let bytes = tree.read(&tree.blob_path(digest), DOCUMENT_LIMIT)?.unwrap_or_default();
    let found = Digest::of(&bytes);
    if found == *digest {
        return Ok(bytes);
    }
    Err(Error::new(codes::UR0703, format!("a document should be {digest} and is {found}"))
        .fact(format!("it is `{}` in `{}`", tree.blob_path(digest), tree.name))
        .help("fetch the image again; if it stays so, its source is damaged"))
}

/// Reads a document, and verifies its digest and its length.
fn blob_document(tree: &Tree, descriptor: &Descriptor) -> Result<Source> {
    let bytes = blob_bytes(tree, &descriptor.digest)?;
    if bytes.len() as u64 != descriptor.size {
        let what = format!("{} has {} bytes, and {} were promised", descriptor.digest, bytes.len(), descriptor.size);
        return Err(Error::new(codes::UR0703, what));
    }
    Source::from_bytes(descriptor.digest.to_string(), bytes, codes::UR0706)
}
