use std::{fs, io::Cursor, path::Path};

use oci::image::{Descriptor, Index, Platform, media_type};

use super::{super::*, sample::*};
use crate::testing::store;

fn write_dir(dir: &Path, files: &std::collections::BTreeMap<String, Vec<u8>>) {
    for (name, contents) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
}

fn contents(store: &Store, image: &Image, layer: usize, file: &str) -> String {
    let layer = store.layer(&image.layers[layer]).unwrap().unwrap();
    layer.files().unwrap().read_text(file, 100).unwrap()
}

#[test]
fn an_image_is_the_same_wherever_it_comes_from() {
    for packed in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
        let sample = Sample { packed, ..Sample::new("one") };
        let home = tempfile::tempdir().unwrap();
        write_dir(&home.path().join("dir"), &sample.layout("web:1"));
        fs::write(home.path().join("oci.tar"), archive(&sample.layout("web:1"))).unwrap();
        fs::write(home.path().join("oci.tar.gz"), gzip(&archive(&sample.layout("web:1")))).unwrap();
        fs::write(home.path().join("docker.tar"), archive(&sample.docker(&["localhost/web:1"]))).unwrap();
        for source in ["dir", "oci.tar", "oci.tar.gz", "docker.tar"] {
            let (_home, store) = store();
            let path = home.path().join(source);
            let loaded = Images::of(&store).load(Input::Path(&path), &intake()).unwrap();
            let image = &loaded[0].image;
            assert_eq!(image.id, sample.id(), "{source}");
            assert_eq!(image.layers, sample.config.diff_ids);
            assert_eq!(image.names, [reference("localhost/web:1")]);
            assert_eq!(image.size, ("the same for all".len() + "one".len()) as u64);
            assert_eq!(contents(&store, image, 1, "etc/seed"), "one");
            assert_eq!(Images::of(&store).list().unwrap(), std::slice::from_ref(image));
            assert!(store.tmp.names().unwrap().is_empty());
        }
    }
}

#[test]
fn layers_that_are_here_are_not_unpacked_again() {
    let (_home, store) = store();
    let first = put(&store, "one", "a");
    let mut files = Sample::new("two").layout("b");
    // The common layer's archive is damaged: nobody looks at it.
    let common = Sample::new("two").manifest().layers[0].digest;
    *files.get_mut(&format!("blobs/sha256/{}", common.hex())).unwrap() = b"?".to_vec();
    let second = load(&store, archive(&files)).unwrap().remove(0).image;
    assert_eq!(first.layers[0], second.layers[0]);
    assert_eq!(store.layer_digests().unwrap().len(), 3);
}

#[test]
fn all_images_of_a_docker_archive_come_in() {
    let (_home, store) = store();
    let (a, b) = (Sample::new("a"), Sample::new("b"));
    let mut files = a.docker(&["debian:trixie", "debian:13"]);
    let mut manifests: Vec<serde_json::Value> = serde_json::from_slice(&files["manifest.json"]).unwrap();
    let others = b.docker(&[]);
    manifests.extend(serde_json::from_slice::<Vec<serde_json::Value>>(&others["manifest.json"]).unwrap());
    files.extend(others);
    files.insert("manifest.json".into(), serde_json::to_vec(&manifests).unwrap());
    let loaded = load(&store, archive(&files)).unwrap();
    assert_eq!(loaded.len(), 2);
    let names = ["docker.io/library/debian:13", "docker.io/library/debian:trixie"].map(reference);
    assert_eq!(loaded[0].image.names, names);
    assert!(loaded[1].image.names.is_empty());
    assert_eq!(Images::of(&store).list().unwrap().len(), 2);
}

#[test]
fn links_between_layers_of_a_docker_archive_are_followed() {
    let (_home, store) = store();
    let sample = Sample { packed: Packed::Plain, ..Sample::new("one") };
    let mut files = sample.docker(&["x"]);
    let manifest = String::from_utf8(files["manifest.json"].clone()).unwrap();
    let target = format!("{}/layer.tar", sample.config.diff_ids[1].hex());
    files.insert("manifest.json".into(), manifest.replace(&target, "old/layer.tar").into());
    let mut archive = tar::Builder::new(Vec::new());
    for (name, contents) in &files {
        let mut header = tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        archive.append_data(&mut header, format!("./{name}"), contents.as_slice()).unwrap();
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    archive.append_link(&mut header, "old/layer.tar", format!("../{target}")).unwrap();
    let loaded = load(&store, archive.into_inner().unwrap()).unwrap();
    assert_eq!(loaded[0].image.id, sample.id());
}

#[test]
fn this_machines_platform_is_chosen() {
    let (_home, store) = store();
    let foreign = Platform { architecture: "s390x-none".into(), ..Platform::here() };
    let (mine, other) = (Sample::new("mine"), Sample::new("other"));
    let inner =
        Index { manifests: vec![other.entry(&[], Some(foreign.clone())), mine.entry(&[], Some(Platform::here()))] };
    let outer = |index: &Index| Index {
        manifests: vec![Descriptor {
            annotations: [("io.containerd.image.name".to_owned(), "quay.io/a/b:c".to_owned())].into(),
            ..Descriptor::of(media_type::INDEX, index.to_json().as_bytes())
        }],
    };
    // The other platform's blobs are missing, as after a pull of one platform.
    let blobs = [mine.blobs(), vec![inner.to_json().into()]].concat();
    let loaded = load(&store, archive(&layout(&outer(&inner), blobs))).unwrap();
    assert_eq!(loaded[0].image.id, mine.id());
    assert_eq!(loaded[0].image.names, [reference("quay.io/a/b:c")]);
    let inner = Index { manifests: vec![other.entry(&[], Some(foreign))] };
    let blobs = [other.blobs(), vec![inner.to_json().into()]].concat();
    let error = load(&store, archive(&layout(&outer(&inner), blobs))).unwrap_err();
    assert_eq!(error.code(), codes::UR0712);
    assert!(error.report().facts[0].contains("s390x-none"));
}

#[test]
fn another_architecture_is_told_and_another_system_refused() {
    let (_home, store) = store();
    let mut sample = Sample::new("one");
    sample.config.platform.architecture = "s390x-none".into();
    let loaded = load(&store, archive(&sample.layout("a"))).unwrap();
    assert_eq!(loaded[0].warnings[0].code(), codes::UR0712);
    sample.config.platform.os = "windows".into();
    assert_eq!(load(&store, archive(&sample.layout("a"))).unwrap_err().code(), codes::UR0712);
}

#[test]
fn a_name_that_is_none_is_left_out_with_a_warning() {
    let (_home, store) = store();
    let loaded = load(&store, archive(&Sample::new("one").layout("Not A Name"))).unwrap();
    assert!(loaded[0].image.names.is_empty());
    assert_eq!(loaded[0].warnings[0].code(), codes::UR0702);
    assert_eq!(Images::of(&store).list().unwrap().len(), 1);
}

#[test]
fn a_root_filesystem_is_imported() {
    let (_home, store) = store();
    for bytes in [layer("etc/os-release", "x"), gzip(&layer("etc/os-release", "x"))] {
        let input = Input::Stream(Box::new(Cursor::new(bytes)), "stdin");
        let changes = ["CMD [\"/bin/sh\"]".to_owned(), "ENV A=b".to_owned()];
        let name = Reference::parse_local("debian:trixie").unwrap();
        let loaded = Images::of(&store).import(input, Some(&name), &changes, Some("hi"), &intake()).unwrap();
        assert_eq!(loaded.image.config.cmd, ["/bin/sh"]);
        assert_eq!(loaded.image.config.history[0].comment, "hi");
        assert_eq!(loaded.image.layers, [Digest::of(layer("etc/os-release", "x"))]);
        assert_eq!(Images::of(&store).resolve("debian:trixie").unwrap(), loaded.image);
        assert!(loaded.image.config.created.is_some());
    }
    let xz = Input::Stream(Box::new(Cursor::new(b"\xfd7zXZ\0rest")), "stdin");
    assert_eq!(Images::of(&store).import(xz, None, &[], None, &intake()).unwrap_err().code(), codes::UR0714);
}

#[test]
fn a_built_in_image_is_made_once() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let make = |contents: &'static [u8]| {
        let files = [BuiltInFile { path: "/usr/bin/hello", mode: 0o755, contents }];
        let config = ImageConfig { cmd: vec!["/usr/bin/hello".into()], ..ImageConfig::default() };
        images.built_in(&reference("localhost/hello"), &files, config, &intake()).unwrap()
    };
    let first = make(b"one");
    assert_eq!(first.names, [reference("localhost/hello:latest")]);
    let files = store.layer(&first.layers[0]).unwrap().unwrap().files().unwrap();
    assert_eq!(files.stat("usr/bin/hello").unwrap().st_mode & 0o7777, 0o755);
    assert_eq!(files.stat("usr").unwrap().st_mode & 0o7777, 0o755);
    assert_eq!(make(b"one"), first);
    let second = make(b"two");
    assert_ne!(first.id, second.id);
    assert_eq!(images.resolve("hello").unwrap().id, second.id);
    // The first has lost its name and is still here.
    assert!(images.by_id(&first.id).unwrap().unwrap().names.is_empty());
    // What is damaged is made again.
    store.remove_layer(&second.layers[0]).unwrap();
    assert_eq!(make(b"two"), second);
}
