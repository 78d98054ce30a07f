//! The promises of `promises/`, for arbitrary bytes and for bytes that are nearly right.

#![allow(missing_docs, clippy::unwrap_used)]
#![expect(clippy::disallowed_methods, reason = "the whole tree around a store is looked at by its paths")]

#[path = "../src/testing/archive.rs"]
mod archive;
mod promises;

use proptest::prelude::*;

/// Documents that are nearly right.
const DOCUMENTS: [&str; 4] = [
    r#"{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json",@M,"annotations":{"org.opencontainers.image.ref.name":"a"}}]}"#,
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json",@C},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar",@L}]}"#,
    r#"{"architecture":"amd64","os":"linux","config":{"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["@LH"]}}"#,
    r#"[{"Config":"index.json","RepoTags":["a:b"],"Layers":["index.json"]}]"#,
];

/// The documents of one image, one after the other.
fn image() -> Vec<u8> {
    DOCUMENTS[..3].join("\u{0}").bytes().map(|byte| if byte == 0 { 0xff } else { byte }).collect()
}

#[test]
fn the_right_documents_are_an_image() {
    promises::manifest(&image());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_as_an_archive(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        promises::tar(&bytes);
    }

    #[test]
    fn any_program_of_entries(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        promises::tar(&[&[2], bytes.as_slice()].concat());
    }

    #[test]
    fn archives_with_changed_bytes(at in 0_usize..2048, byte: u8) {
        let mut bytes = archive::Archive::new().dir("a").file("a/b", "x").hard_link("a/c", "a/b").end();
        bytes[at] = byte;
        promises::tar(&[&[1], bytes.as_slice()].concat());
    }

    #[test]
    fn documents_with_changed_bytes(at in any::<prop::sample::Index>(), byte: u8) {
        let mut bytes = image();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        promises::manifest(&bytes);
    }

    #[test]
    fn any_documents(which in prop::collection::vec(0..4_usize, 1..4)) {
        let documents: Vec<_> = which.iter().map(|which| DOCUMENTS[*which].as_bytes()).collect();
        promises::manifest(&documents.join(&0xff));
    }
}
