//! Manifests and indexes.

use std::collections::BTreeMap;

use diag::{Error, Pointer, Result, codes};
use serde::{Deserialize, Serialize};

use super::{DOCUMENT_LIMIT, Kind, LAYER_LIMIT, Platform};
use crate::{Digest, Source};

/// Names a blob: what it is, its digest and its length in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob says it is.
    pub media_type: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its length.
    pub size: u64,
    /// For which machine it is; for manifests in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Further words about it, such as its name in an OCI layout.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "super::wire::or_default")]
    pub annotations: BTreeMap<String, String>,
}

/// The manifest of one image: its configuration and its layers, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The configuration.
    pub config: Descriptor,
    /// The layers, the lowest first.
    pub layers: Vec<Descriptor>,
}

/// A list of manifests: of one image for several platforms, or of all images of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// What it lists: manifests, further indexes, and things that are no images.
    pub manifests: Vec<Descriptor>,
}

/// A manifest or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// One image.
    Manifest(Manifest),
    /// A list.
    Index(Index),
}

/// Both kinds at once: which it is must be decided here and not by whoever reads first.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(default)]
    schema_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layers: Option<Vec<Descriptor>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default, rename = "fsLayers", skip_serializing)]
    fs_layers: Option<serde::de::IgnoredAny>,
}

impl Descriptor {
    /// Describes some bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Descriptor {
        Descriptor {
            media_type: media_type.into(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            platform: None,
            annotations: BTreeMap::new(),
        }
    }

    /// What the blob stands for.
    pub fn kind(&self) -> Kind {
        Kind::of(&self.media_type)
    }
}

impl Document {
    /// Reads a manifest or an index. `media_type` is what the descriptor that led here says; the document must agree.
    ///
    /// Errors: UR0706; UR0714 for Docker's first schema and for what is no container image.
    /// A document that could be read as both is refused, as clients would not agree about it (CVE-2021-41190).
    pub fn parse(source: &Source, media_type: Option<&str>) -> Result<Document> {
        if source.text.len() > DOCUMENT_LIMIT {
            let what = format!("`{}` is longer than {DOCUMENT_LIMIT} bytes", source.file);
            return Err(Error::new(codes::UR0706, what));
        }
        let wire: Wire = source.parse(codes::UR0706)?;
        match wire.kind(source, media_type)? {
            Kind::Manifest => wire.into_manifest(source).map(Document::Manifest),
            _ => wire.into_index(source).map(Document::Index),
        }
    }
}

impl Wire {
    fn kind(&self, source: &Source, expected: Option<&str>) -> Result<Kind> {
        let refuse = |member: &str, what: String| {
            Err(Error::new(codes::UR0706, what).at(source.at(Pointer::root().child(member))))
        };
        if self.fs_layers.is_some() || self.schema_version == 1 {
            return Err(Error::new(codes::UR0714, "the image is of Docker's first format, which is not supported")
                .at(source.at(Pointer::root().child("schemaVersion")))
                .help("build or push the image again with a program of 2017 or later"));
        }
        if self.schema_version != 2 {
            return refuse("schemaVersion", format!("`schemaVersion` is {} and must be 2", self.schema_version));
        }
        let has_image = self.config.is_some() || self.layers.is_some();
        let shape = match (has_image, self.manifests.is_some()) {
            (true, true) => return refuse("manifests", "the document is both a manifest and an index".into()),
            (true, false) => Kind::Manifest,
            (false, true) => Kind::Index,
            (false, false) => return refuse("", "the document is neither a manifest nor an index".into()),
        };
        let own = self.media_type.as_deref();
        for said in [own, expected].into_iter().flatten() {
            if Kind::of(said) != shape {
                return refuse("mediaType", format!("the document is called `{said}`, but it is {}", name(shape)));
            }
        }
        match (own, expected) {
            (Some(own), Some(expected)) if own != expected => {
                refuse("mediaType", format!("the document calls itself `{own}` and is listed as `{expected}`"))
            }
            _ => Ok(shape),
        }
    }

    fn into_manifest(self, source: &Source) -> Result<Manifest> {
        let refuse = |pointer: Pointer, what: String| Err(Error::new(codes::UR0706, what).at(source.at(pointer)));
        let root = Pointer::root();
        let Some(config) = self.config else { return refuse(root, "the manifest has no `config`".into()) };
        let Some(layers) = self.layers else { return refuse(root, "the manifest has no `layers`".into()) };
        if layers.len() > LAYER_LIMIT {
            return refuse(
                root.child("layers"),
                format!("the image has {} layers, more than {LAYER_LIMIT}", layers.len()),
            );
        }
        if config.size > DOCUMENT_LIMIT as u64 {
            return refuse(root.child("config").child("size"), format!("a configuration of {} bytes", config.size));
        }
        let unsupported = |pointer: Pointer, media_type: &str| {
            Err(Error::new(codes::UR0714, format!("`{media_type}` is not supported here")).at(source.at(pointer)))
        };
        if config.kind() != Kind::Config {
            return unsupported(root.child("config").child("mediaType"), &config.media_type)
                .map_err(|error: Error| error.help("this is not a container image, but an artifact of another kind"));
        }
        for (index, layer) in layers.iter().enumerate() {
            if layer.kind() != Kind::Layer {
                return unsupported(root.child("layers").child(index).child("mediaType"), &layer.media_type);
            }
        }
        Ok(Manifest { config, layers })
    }

    fn into_index(self, source: &Source) -> Result<Index> {
        let manifests = self.manifests.unwrap_or_default();
        let long = manifests.iter().position(|manifest| manifest.size > DOCUMENT_LIMIT as u64);
        if let Some(index) = long.filter(|index| matches!(manifests[*index].kind(), Kind::Manifest | Kind::Index)) {
            let pointer = Pointer::root().child("manifests").child(index).child("size");
            let what = format!("a manifest of {} bytes is too long", manifests[index].size);
            return Err(Error::new(codes::UR0706, what).at(source.at(pointer)));
        }
        Ok(Index { manifests })
    }
}

fn name(kind: Kind) -> &'static str {
    if kind == Kind::Manifest { "a manifest" } else { "an index" }
}

impl Manifest {
    /// As an OCI document, the same bytes every time.
    pub fn to_json(&self) -> String {
        manifest_json(super::media_type::MANIFEST, self)
    }
}

/// A manifest as a document that calls itself `media_type`.
pub(super) fn manifest_json(media_type: &str, manifest: &Manifest) -> String {
    let (config, layers) = (Some(manifest.config.clone()), Some(manifest.layers.clone()));
    to_json(media_type, Wire { config, layers, ..Wire::empty() })
}

impl Index {
    /// As an OCI document, the same bytes every time.
    pub fn to_json(&self) -> String {
        to_json(super::media_type::INDEX, Wire { manifests: Some(self.manifests.clone()), ..Wire::empty() })
    }

    /// Which entry runs best on `platform`. An entry that says nothing about its platform is taken if none suits.
    /// Attestations and other things that are no images are passed over.
    pub fn best_for(&self, platform: &Platform) -> Option<&Descriptor> {
        self.images()
            .filter_map(|entry| match &entry.platform {
                None => Some((u16::MAX, entry)),
                Some(image) => platform.suits(image).map(|rank| (rank.into(), entry)),
            })
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, entry)| entry)
    }

    /// The entries that are images or lists of images.
    pub fn images(&self) -> impl Iterator<Item = &Descriptor> {
        self.manifests.iter().filter(|entry| {
            matches!(entry.kind(), Kind::Manifest | Kind::Index)
                && entry.annotations.get("vnd.docker.reference.type").is_none_or(|kind| kind != "attestation-manifest")
        })
    }
}

impl Wire {
    fn empty() -> Wire {
        Wire { schema_version: 2, media_type: None, config: None, layers: None, manifests: None, fs_layers: None }
    }
}

fn to_json(media_type: &str, wire: Wire) -> String {
    let wire = Wire { media_type: Some(media_type.into()), ..wire };
    // Strings and numbers: nothing here can fail.
    serde_json::to_string(&wire).unwrap_or_default()
}

#[cfg(test)]
mod tests;
