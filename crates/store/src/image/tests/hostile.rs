//! Archives and documents that lie.

use std::{fs, io::Cursor};

use oci::image::{Descriptor, Index, media_type};
use proptest::prelude::*;

use super::{super::*, sample::*};
use crate::testing::store;

/// Loads it, expects this code, and expects that nothing is left.
fn refused(archive: Vec<u8>, code: diag::Code, case: &str) {
    let (_home, store) = store();
    let error = load(&store, archive).unwrap_err();
    assert_eq!(error.code(), code, "{case}: {error:?}");
    assert_empty(&store);
}

fn blob(digest: Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

#[test]
fn content_that_is_not_what_was_promised_is_refused() {
    let sample = Sample::new("one");
    let manifest = sample.manifest();
    let digest = Digest::of(manifest.to_json());
    for victim in [digest, manifest.config.digest, manifest.layers[0].digest, manifest.layers[1].digest] {
        let mut files = sample.layout("a");
        files.get_mut(&blob(victim)).unwrap().push(b' ');
        refused(archive(&files), codes::UR0703, "longer");
        let mut files = sample.layout("a");
        let bytes = files.get_mut(&blob(victim)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        refused(archive(&files), codes::UR0703, "changed");
        let mut files = sample.layout("a");
        files.remove(&blob(victim));
        refused(archive(&files), codes::UR0704, "missing");
    }
    let mut lying = Sample::new("one");
    lying.config.diff_ids[1] = Digest::of("another");
    refused(archive(&lying.layout("a")), codes::UR0703, "diff id");
    refused(archive(&lying.docker(&["a"])), codes::UR0703, "diff id");
    let mut files = sample.docker(&["a"]);
    files.get_mut(&format!("{}.json", sample.id().hex())).unwrap().push(b' ');
    refused(archive(&files), codes::UR0703, "config");
}

#[test]
fn documents_that_contradict_each_other_are_refused() {
    let mut fewer = Sample::new("one");
    fewer.config.diff_ids.pop();
    refused(archive(&fewer.layout("a")), codes::UR0706, "fewer diff ids");
    let sample = Sample::new("one");
    let mut files = sample.docker(&["a"]);
    let manifest = String::from_utf8(files["manifest.json"].clone()).unwrap();
    files.insert("manifest.json".into(), manifest.replace(&sample.id().hex(), "c").into());
    files.insert("c.json".into(), fewer.config.to_json().into());
    refused(archive(&files), codes::UR0706, "fewer diff ids");
    let with = |name: &str, contents: &str| {
        let mut files = sample.layout("a");
        files.insert(name.into(), contents.into());
        archive(&files)
    };
    refused(with("index.json", "{}"), codes::UR0706, "no index");
    refused(with("index.json", &sample.manifest().to_json()), codes::UR0706, "a manifest");
    refused(with("index.json", r#"{"schemaVersion":2,"manifests":[]}"#), codes::UR0704, "nothing");
    refused(with("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#), codes::UR0714, "version");
    refused(with("index.json", &" ".repeat((4 << 20) + 1)), codes::UR0706, "long");
    let docker = |manifest: &str| {
        let mut files = sample.docker(&["a"]);
        files.insert("manifest.json".into(), manifest.into());
        archive(&files)
    };
    refused(docker("[]"), codes::UR0704, "nothing");
    refused(docker(r#"[{"Config":"none.json"}]"#), codes::UR0704, "no config");
    refused(docker(r#"[{"Config":"../../etc/passwd"}]"#), codes::UR0704, "outside");
    refused(docker("["), codes::UR0706, "syntax");
    refused(docker(&sample.manifest().to_json()), codes::UR0704, "skopeo's dir");
}

#[test]
fn indexes_within_each_other_end() {
    let sample = Sample::new("one");
    let mut index = Index { manifests: vec![sample.entry(&[], None)] };
    let mut blobs = sample.blobs();
    for _ in 0..5 {
        blobs.push(index.to_json().into());
        index = Index { manifests: vec![Descriptor::of(media_type::INDEX, index.to_json().as_bytes())] };
    }
    refused(archive(&layout(&index, blobs)), codes::UR0706, "deep");
}

#[test]
fn what_is_no_image_is_told_apart() {
    let message = |archive: Vec<u8>| {
        let (_home, store) = store();
        let error = load(&store, archive).unwrap_err();
        assert_eq!(error.code(), codes::UR0704);
        assert_empty(&store);
        error.report().help[0].text.clone()
    };
    assert!(message(layer("etc/os-release", "x")).contains("import it"));
    assert!(message(layer("repositories", "{}")).contains("older than 1.10"));
    assert!(message(layer("readme", "x")).contains("oci-archive"));
    assert!(message(b"no archive at all".repeat(100)).contains("oci-archive"));
    refused(Vec::new(), codes::UR0704, "empty");
    refused(b"\xfd7zXZ\0".to_vec(), codes::UR0714, "xz");
    refused(gzip(&layer("a", "b"))[..20].to_vec(), codes::UR0704, "cut off");
    let whole = archive(&Sample::new("one").layout("a"));
    refused(whole[..whole.len() / 2].to_vec(), codes::UR0704, "cut off");
}

#[test]
fn a_directory_is_left_by_no_link() {
    let (_home, store) = store();
    let outside = tempfile::tempdir().unwrap();
    let inside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("index.json"), "{}").unwrap();
    std::os::unix::fs::symlink(outside.path().join("index.json"), inside.path().join("index.json")).unwrap();
    let error = Images::of(&store).load(Input::Path(inside.path()), &intake()).unwrap_err();
    assert_eq!(error.code(), codes::UR0704);
    let error = Images::of(&store).load(Input::Path(&inside.path().join("none/x")), &intake()).unwrap_err();
    assert!(error.to_string().contains("none` does not exist"), "{error}");
}

#[test]
fn one_bad_image_of_two_brings_in_neither() {
    let (good, mut bad) = (Sample::new("good"), Sample::new("bad"));
    bad.config.diff_ids[1] = Digest::of("another");
    let index = Index { manifests: vec![good.entry(&[], None), bad.entry(&[], None)] };
    refused(archive(&layout(&index, [good.blobs(), bad.blobs()].concat())), codes::UR0703, "second");
}

#[test]
fn an_archive_that_grows_too_large_is_refused() {
    let (_home, store) = store();
    let mut how = intake();
    how.limits.bytes = 10_000;
    let bytes = gzip(&vec![0; 1 << 20]);
    let error = Images::of(&store).load(Input::Stream(Box::new(Cursor::new(bytes)), "stdin"), &how).unwrap_err();
    assert_eq!(error.code(), codes::UR0704);
    assert_empty(&store);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_archives_never_panic(at in any::<prop::sample::Index>(), byte: u8, docker: bool) {
        let sample = Sample::new("one");
        let mut bytes = archive(&if docker { sample.docker(&["a"]) } else { sample.layout("a") });
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let (_home, store) = store();
        if load(&store, bytes).is_err() {
            assert_empty(&store);
        }
    }
}
