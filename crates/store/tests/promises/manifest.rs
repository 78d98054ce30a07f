//! Images' documents: indexes, manifests, configurations, descriptors, and the archives that have them.

use std::io::Cursor;

use diag::codes::*;
use oci::{
    Digest, ImageConfig, Source,
    image::{Document, Platform},
};
use store::{
    Durability, Store,
    image::{Images, Input, Intake},
};

use super::canary::{Yard, ownership};
use crate::archive::Archive;

/// What an image may be refused with.
const CODES: [diag::Code; 7] = [UR0702, UR0703, UR0704, UR0705, UR0706, UR0712, UR0714];

/// Documents, parted by bytes 0xff: index, manifest, configuration, layer. In each, `@M`, `@C` and `@L` stand for the members that
/// describe the others, so that what is behind a digest is reached too; `@H` for the digest's hexadecimal digits alone.
pub fn manifest(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |byte| *byte == 0xff).map(<[u8]>::to_vec);
    let mut part = || parts.next().unwrap_or_default();
    let (index, manifest, config, layer) = (part(), part(), part(), part());
    for text in [&index, &manifest, &config] {
        read_alone(text);
    }
    let layer = if layer.is_empty() { Archive::new().file("f", "x").end() } else { layer };
    let config = expanded(&config, &[(b"@L", &layer)]);
    let manifest = expanded(&manifest, &[(b"@L", &layer), (b"@C", &config)]);
    let index = expanded(&index, &[(b"@M", &manifest), (b"@C", &config), (b"@L", &layer)]);
    let name = if index.starts_with(b"[") { "manifest.json" } else { "index.json" };
    let mut archive = Archive::new().member(name, &index);
    for blob in [&index, &manifest, &config, &layer] {
        archive = archive.member(&format!("blobs/sha256/{}", Digest::of(blob).hex()), blob);
    }
    load(archive.end());
}

fn read_alone(text: &[u8]) {
    let Ok(source) = Source::from_bytes("fuzz", text.to_vec(), UR0706) else { return };
    let read = Document::parse(&source, None);
    if let Ok(Document::Index(index)) = &read {
        let _ = index.best_for(&Platform::here());
    }
    let refusals = [read.err(), ImageConfig::parse(&source).err()];
    for error in refusals.into_iter().flatten() {
        assert!(CODES.contains(&error.code()), "{error:?}");
        // What a user would see, which points into the document.
        let _ = diag::render::text(error.report(), diag::render::Style::PLAIN);
    }
}

/// Loads it into a store of its own. What is loaded can be listed and removed.
fn load(archive: Vec<u8>) {
    let yard = Yard::new();
    let images = Images::of(&yard.store);
    let how = Intake { ownership: ownership(), durability: Durability::Volatile, limits: Yard::how().limits };
    match images.load(Input::Stream(Box::new(Cursor::new(archive)), "fuzz"), &how) {
        Err(error) => {
            assert!(CODES.contains(&error.code()), "{error:?}");
            yard.assert_untouched();
        }
        Ok(loaded) => listed(&yard.store, loaded.len()),
    }
}

fn listed(store: &Store, loaded: usize) {
    let (images, unreadable) = Images::of(store).survey().unwrap();
    assert!(unreadable.is_empty(), "{unreadable:?}");
    assert!(!images.is_empty() && images.len() <= loaded);
}

/// The text with the placeholders replaced by members that describe these bytes.
fn expanded(text: &[u8], blobs: &[(&[u8; 2], &Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((first, more)) = rest.split_first() {
        let blob = blobs.iter().find(|(mark, _)| rest.starts_with(*mark));
        match blob {
            Some((_, bytes)) if rest.get(2) == Some(&b'H') => {
                out.extend(Digest::of(bytes).to_string().bytes());
                rest = &rest[3..];
            }
            Some((_, bytes)) => {
                out.extend(format!(r#""digest":"{}","size":{}"#, Digest::of(bytes), bytes.len()).bytes());
                rest = &rest[2..];
            }
            None => {
                out.push(*first);
                rest = more;
            }
        }
    }
    out
}
