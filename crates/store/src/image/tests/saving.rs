//! What is saved is what was loaded.

use std::{fs, path::Path};

use super::{super::*, sample::*};
use crate::testing::store;

fn outgoing(image: &Image) -> Outgoing {
    Outgoing { image: image.clone(), names: image.names.clone() }
}

fn saved(store: &Store, all: &[Outgoing], form: Form) -> Vec<u8> {
    let mut bytes = Vec::new();
    Images::of(store).save(all, form, false, Output::Stream(Box::new(&mut bytes))).unwrap();
    bytes
}

#[test]
fn an_oci_archive_keeps_every_digest() {
    for packed in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
        let (_home, one) = store();
        let sample = Sample { packed, ..Sample::new("one") };
        let image = load(&one, archive(&sample.layout("web:1"))).unwrap().remove(0).image;
        let bytes = saved(&one, &[outgoing(&image)], Form::OciArchive);
        let (_home, two) = store();
        let again = load(&two, bytes.clone()).unwrap().remove(0).image;
        assert_eq!((again.id, again.manifest, &again.names), (image.id, image.manifest, &image.names));
        assert_eq!(saved(&two, &[outgoing(&again)], Form::OciArchive), bytes, "the same bytes every time");
    }
}

#[test]
fn a_docker_archive_has_plain_layers_and_several_images() {
    let (_home, one) = store();
    let (a, b) = (put(&one, "a", "localhost/a:1"), put(&one, "b", "localhost/b:1"));
    let bytes = saved(&one, &[outgoing(&a), outgoing(&b)], Form::DockerArchive);
    let mut names = Vec::new();
    let mut archive = tar::Archive::new(bytes.as_slice());
    for entry in archive.entries().unwrap() {
        names.push(entry.unwrap().path().unwrap().display().to_string());
    }
    // The common layer is there once.
    assert_eq!(names.iter().filter(|name| Path::new(name).extension() == Some("tar".as_ref())).count(), 3, "{names:?}");
    let (_home, two) = store();
    let loaded = load(&two, bytes).unwrap();
    let ids: Vec<_> = loaded.iter().map(|loaded| (loaded.image.id, loaded.image.names.clone())).collect();
    assert_eq!(ids, [(a.id, a.names), (b.id, b.names)]);
}

#[test]
fn directories_are_loaded_again() {
    for (form, packed) in
        [(Form::OciDir, Packed::Zstd), (Form::DockerDir, Packed::Zstd), (Form::DockerDir, Packed::Plain)]
    {
        let (_home, one) = store();
        let sample = Sample { packed, ..Sample::new("one") };
        let image = load(&one, archive(&sample.layout("web:1"))).unwrap().remove(0).image;
        let place = tempfile::tempdir().unwrap();
        let dir = sys::Dir::open(place.path()).unwrap();
        Images::of(&one).save(&[outgoing(&image)], form, true, Output::Dir(dir)).unwrap();
        let (_home, two) = store();
        let again = Images::of(&two).load(Input::Path(place.path()), &intake()).unwrap().remove(0).image;
        assert_eq!(again.id, image.id);
        if form == Form::OciDir {
            assert_eq!(again.manifest, image.manifest);
        } else {
            let manifest = fs::read_to_string(place.path().join("manifest.json")).unwrap();
            assert!(manifest.contains("rootfs.diff.tar.gzip") && !manifest.contains("zstd"), "{manifest}");
        }
    }
}

#[test]
fn content_that_is_damaged_is_not_passed_on() {
    let (_home, store) = store();
    let image = put(&store, "one", "web:1");
    let layer = Images::of(&store).documents(&image).unwrap().manifest.layers[1].digest;
    let path = store.blobs.path().join(layer.hex());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    for form in [Form::OciArchive, Form::DockerArchive] {
        let output = Output::Stream(Box::new(std::io::sink()));
        let error = Images::of(&store).save(&[outgoing(&image)], form, false, output).unwrap_err();
        assert!([codes::UR0703, codes::UR0707].contains(&error.code()), "{form:?} {error:?}");
    }
    store.remove_blob(&layer).unwrap();
    let output = Output::Stream(Box::new(std::io::sink()));
    let error = Images::of(&store).save(&[outgoing(&image)], Form::OciArchive, false, output).unwrap_err();
    assert_eq!(error.code(), codes::UR0925);
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(28))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (_home, store) = store();
    let image = put(&store, "one", "web:1");
    let error = Images::of(&store)
        .save(&[outgoing(&image)], Form::OciArchive, false, Output::Stream(Box::new(Full)))
        .unwrap_err();
    assert_eq!(error.code(), codes::UR0740);
}
