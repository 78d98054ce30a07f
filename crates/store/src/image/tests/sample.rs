//! Makes images: layers, configurations, manifests, and the archives that they come in.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
};

use oci::{
    Digest, ImageConfig, Reference,
    image::{Descriptor, Index, Manifest, Platform, media_type},
};

use super::super::{Images, Input, Intake, Loaded};
use crate::{Durability, Ownership, Store};

/// What becomes of a layer's archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packed {
    Plain,
    Gzip,
    Zstd,
}

/// An image in the making: its documents and its layers' archives.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) config: ImageConfig,
    pub(super) layers: Vec<Vec<u8>>,
    pub(super) packed: Packed,
}

/// How the tests bring images in: an ordinary user has one id only.
pub(super) fn intake() -> Intake {
    let root = sys::rustix::process::geteuid().is_root();
    let ownership = if root { Ownership::Canonical } else { Ownership::Single };
    Intake { ownership, durability: Durability::Volatile, ..Intake::default() }
}

/// A layer with one file.
pub(super) fn layer(path: &str, contents: &str) -> Vec<u8> {
    tar_of(&[(path, contents.as_bytes())])
}

/// A tar file.
pub(super) fn tar_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, contents) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, path, *contents).unwrap();
    }
    archive.into_inner().unwrap()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

impl Sample {
    /// An image for this machine; `seed` makes it another one.
    pub(super) fn new(seed: &str) -> Sample {
        let layers = vec![layer("etc/base", "the same for all"), layer("etc/seed", seed)];
        let config = ImageConfig {
            cmd: vec!["/bin/sh".into()],
            env: vec!["PATH=/bin".into()],
            platform: Platform::here(),
            diff_ids: layers.iter().map(Digest::of).collect(),
            ..ImageConfig::default()
        };
        Sample { config, layers, packed: Packed::Gzip }
    }

    pub(super) fn id(&self) -> Digest {
        Digest::of(self.config.to_json())
    }

    /// The layers as they are stored.
    pub(super) fn stored_layers(&self) -> Vec<Vec<u8>> {
        let pack = |layer: &Vec<u8>| match self.packed {
            Packed::Plain => layer.clone(),
            Packed::Gzip => gzip(layer),
            Packed::Zstd => zstd::encode_all(Cursor::new(layer), 1).unwrap(),
        };
        self.layers.iter().map(pack).collect()
    }

    pub(super) fn manifest(&self) -> Manifest {
        let media_type = match self.packed {
            Packed::Plain => media_type::LAYER,
            Packed::Gzip => media_type::LAYER_GZIP,
            Packed::Zstd => media_type::LAYER_ZSTD,
        };
        Manifest {
            config: Descriptor::of(media_type::CONFIG, self.config.to_json().as_bytes()),
            layers: self.stored_layers().iter().map(|layer| Descriptor::of(media_type, layer)).collect(),
        }
    }

    /// As an entry of an index.
    pub(super) fn entry(&self, annotations: &[(&str, &str)], platform: Option<Platform>) -> Descriptor {
        Descriptor {
            platform,
            annotations: annotations.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
            ..Descriptor::of(media_type::MANIFEST, self.manifest().to_json().as_bytes())
        }
    }

    /// All its blobs.
    pub(super) fn blobs(&self) -> Vec<Vec<u8>> {
        let documents = [self.config.to_json().into_bytes(), self.manifest().to_json().into_bytes()];
        documents.into_iter().chain(self.stored_layers()).collect()
    }

    /// The files of an OCI layout with this image under a name.
    pub(super) fn layout(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let entry = self.entry(&[("org.opencontainers.image.ref.name", name)], None);
        layout(&Index { manifests: vec![entry] }, self.blobs())
    }

    /// The files of a docker-archive.
    pub(super) fn docker(&self, tags: &[&str]) -> BTreeMap<String, Vec<u8>> {
        let config = format!("{}.json", self.id().hex());
        let names: Vec<String> =
            self.config.diff_ids.iter().map(|layer| format!("{}/layer.tar", layer.hex())).collect();
        let manifest = serde_json::json!([{"Config": config, "RepoTags": tags, "Layers": names}]);
        let layers = names.into_iter().zip(self.stored_layers());
        let documents = [(config, self.config.to_json().into()), ("manifest.json".into(), manifest.to_string().into())];
        documents.into_iter().chain(layers).collect()
    }
}

/// The files of an OCI layout.
pub(super) fn layout(index: &Index, blobs: Vec<Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> =
        blobs.into_iter().map(|blob| (format!("blobs/sha256/{}", Digest::of(&blob).hex()), blob)).collect();
    files.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    files.insert("index.json".into(), index.to_json().into());
    files
}

/// Files as a tar file.
pub(super) fn archive(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    let files: Vec<_> = files.iter().map(|(name, contents)| (name.as_str(), contents.as_slice())).collect();
    tar_of(&files)
}

/// Loads an archive from a stream.
pub(super) fn load(store: &Store, archive: Vec<u8>) -> diag::Result<Vec<Loaded>> {
    Images::of(store).load(Input::Stream(Box::new(Cursor::new(archive)), "stdin"), &intake())
}

/// Loads one image under one name.
pub(super) fn put(store: &Store, seed: &str, name: &str) -> super::super::Image {
    let files = Sample::new(seed).layout(name);
    load(store, archive(&files)).unwrap().remove(0).image
}

pub(super) fn reference(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

/// Nothing was left half-written, and nothing was recorded.
pub(super) fn assert_empty(store: &Store) {
    for dir in [&store.tmp, &store.blobs, &store.layers, store.images()] {
        assert_eq!(dir.names().unwrap(), Vec::<std::ffi::OsString>::new(), "{}", dir.path().display());
    }
}
