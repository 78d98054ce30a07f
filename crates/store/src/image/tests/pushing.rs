//! Pushes to a registry in this process.

use diag::codes;
use oci::{
    Digest,
    image::{House, Platform, media_type},
};

use super::{
    super::{Images, Input, Method, Packing, Pushed, Shipment, Wanted, Wrapping},
    sample::{Packed, Sample, archive, gzip, intake, load, put, reference, tar_of},
};
use crate::{
    Store,
    progress::Silent,
    registry::{
        Access, Registry,
        fake::{Fake, Fault},
    },
    testing,
};

fn push(store: &Store, fake: &Fake, name: &str, from: &[String]) -> diag::Result<Pushed> {
    let registry = Registry::open(fake.endpoint("to/it"), &Access::Push { from: from.to_vec() })?;
    let images = Images::of(store);
    let how = Shipment { which: "1", from, jobs: 2, wrapping: Wrapping::default() };
    images.push(&images.resolve(name)?, &registry, &how, &Silent)
}

fn pull(store: &Store, fake: &Fake, repository: &str, name: &str) {
    let registry = Registry::open(fake.endpoint(repository), &Access::Pull).unwrap();
    let wanted = Wanted { which: "1".into(), names: vec![reference(name)], platform: Platform::here(), jobs: 2 };
    Images::of(store).pull(&registry, &wanted, &intake(), &Silent).unwrap();
}

fn serve(fake: &Fake, sample: &Sample) -> Digest {
    for blob in sample.blobs() {
        fake.put_blob("from/it", &blob);
    }
    fake.put_manifest("from/it", "1", media_type::MANIFEST, sample.manifest().to_json().as_bytes())
}

#[test]
fn what_was_pulled_goes_on_with_all_its_digests() {
    for packed in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
        let (_home, store) = testing::store();
        let (fake, other) = (Fake::start(), Fake::start());
        let sample = Sample { packed, ..Sample::new("x") };
        let digest = serve(&fake, &sample);
        pull(&store, &fake, "from/it", "r.io/x:1");
        let pushed = push(&store, &other, "r.io/x:1", &[]).unwrap();
        assert_eq!((pushed.digest, pushed.warnings.len()), (digest, 0));
        assert_eq!(Digest::of(other.manifest("to/it", "1").unwrap()), digest);
        for layer in sample.manifest().layers {
            assert_eq!(Digest::of(other.blob("to/it", &layer.digest).unwrap()), layer.digest);
        }
        // The second time nothing is sent but the manifest.
        push(&store, &other, "r.io/x:1", &[]).unwrap();
        assert_eq!(other.asked("PUT", "/blobs/").len(), 3);
        // It can be pulled from there.
        let (_home, fresh) = testing::store();
        pull(&fresh, &other, "to/it", "r.io/y:1");
        assert_eq!(Images::of(&fresh).resolve("r.io/y:1").unwrap().id, sample.id());
    }
}

#[test]
fn layers_are_taken_over_from_another_repository() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    serve(&fake, &Sample::new("x"));
    pull(&store, &fake, "from/it", "r.io/x:1");
    push(&store, &fake, "r.io/x:1", &["no/such".into(), "from/it".into()]).unwrap();
    // Only the configuration travels.
    assert_eq!(fake.asked("PUT", "/blobs/").len(), 1);
}

#[test]
fn what_was_loaded_or_imported_can_be_pushed() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    let loaded = put(&store, "x", "localhost/loaded:1");
    assert_eq!(push(&store, &fake, "localhost/loaded:1", &[]).unwrap().digest, loaded.manifest);
    load(&store, archive(&Sample { packed: Packed::Plain, ..Sample::new("d") }.docker(&["r.io/docker:1"]))).unwrap();
    push(&store, &fake, "r.io/docker:1", &[]).unwrap();
    for tar in [tar_of(&[("a", b"b")]), gzip(&tar_of(&[("c", b"d")]))] {
        let input = Input::Stream(Box::new(tar.as_slice()), "it");
        Images::of(&store).import(input, Some(&reference("r.io/imported:1")), &[], None, &intake()).unwrap();
        assert!(push(&store, &fake, "r.io/imported:1", &[]).unwrap().warnings.is_empty());
        // A plain archive is compressed on its way, any other goes as it is.
        let sent = fake.blob("to/it", &Digest::of(&tar));
        assert_eq!(sent.is_some(), tar.starts_with(b"\x1f\x8b"));
    }
    let (_home, fresh) = testing::store();
    pull(&fresh, &fake, "to/it", "r.io/back:1");
}

#[test]
fn a_layer_that_came_with_another_image_goes_in_its_archive() {
    let (_home, store) = testing::store();
    let (fake, other, third) = (Fake::start(), Fake::start(), Fake::start());
    serve(&fake, &Sample::new("x"));
    let zipped = Sample { packed: Packed::Zstd, ..Sample::new("x") };
    let digest = serve(&other, &zipped);
    pull(&store, &fake, "from/it", "r.io/gzip:1");
    pull(&store, &other, "from/it", "r.io/zstd:1");
    // Both lead to one configuration; the one that is pushed is the first of its names.
    let image = Images::of(&store).resolve("r.io/zstd:1").unwrap();
    assert_eq!(image.manifest, digest);
    let pushed = push(&store, &third, "r.io/zstd:1", &[]).unwrap();
    assert_eq!(pushed.warnings[0].code(), codes::UR0925);
    assert_ne!(pushed.digest, digest);
    let (_home, fresh) = testing::store();
    pull(&fresh, &third, "to/it", "r.io/back:1");
    assert_eq!(Images::of(&fresh).resolve("r.io/back:1").unwrap().id, zipped.id());
    // Where the layers are there, the manifest stays as it is.
    assert_eq!(push(&store, &other, "r.io/zstd:1", &["from/it".into()]).unwrap().digest, digest);
}

#[test]
fn an_image_without_archives_says_so() {
    let (_home, store) = testing::store();
    let image = put(&store, "x", "localhost/x:1");
    for layer in Sample::new("x").manifest().layers {
        store.remove_blob(&layer.digest).unwrap();
    }
    assert_eq!(push(&store, &Fake::start(), "localhost/x:1", &[]).unwrap_err().code(), codes::UR0925);
    // Loading it again brings them back.
    load(&store, archive(&Sample::new("x").layout("x:1"))).unwrap();
    assert_eq!(push(&store, &Fake::start(), "localhost/x:1", &[]).unwrap().digest, image.manifest);
}

#[test]
fn a_registry_that_refuses_is_told() {
    let (_home, store) = testing::store();
    put(&store, "x", "localhost/x:1");
    for (part, status, code) in [
        ("/blobs/uploads", 403, codes::UR0922),
        ("/manifests/", 400, codes::UR0924),
        ("/blobs/uploads", 500, codes::UR0924),
    ] {
        let fake = Fake::start();
        fake.behave(move |asked| {
            (asked.method != "HEAD" && asked.path.contains(part)).then(|| Fault::Answer(status, vec![], vec![]))
        });
        assert_eq!(push(&store, &fake, "localhost/x:1", &[]).unwrap_err().code(), code, "{part} {status}");
        if part != "/manifests/" {
            assert!(fake.asked("PUT", "/manifests/").is_empty());
        }
    }
}

#[test]
fn layers_are_compressed_where_it_is_wanted() {
    let (_home, store) = testing::store();
    let input = Input::Stream(Box::new(std::io::Cursor::new(tar_of(&[("etc/x", b"made here")]))), "stdin");
    Images::of(&store).import(input, Some(&reference("localhost/made:1")), &[], None, &intake()).unwrap();
    let images = Images::of(&store);
    let image = images.resolve("made:1").unwrap();
    let ship = |fake: &Fake, which: &str, wrapping: Wrapping| {
        let registry = Registry::open(fake.endpoint("to/it"), &Access::Push { from: Vec::new() }).unwrap();
        let how = Shipment { which, from: &[], jobs: 2, wrapping };
        images.push(&image, &registry, &how, &Silent).unwrap();
        String::from_utf8(fake.manifest("to/it", which).unwrap()).unwrap()
    };
    let fake = Fake::start();
    let first = ship(&fake, "1", Wrapping::default());
    assert!(first.contains("tar+gzip") && !first.contains("made-here"), "{first}");
    assert_eq!(ship(&fake, "2", Wrapping::default()), first, "the same bytes every time");
    let zstd = Packing { method: Method::Zstd, level: Some(3) };
    let third = ship(&fake, "3", Wrapping { packing: Some(zstd), ..Wrapping::default() });
    assert!(third.contains("tar+zstd"), "{third}");
    let docker = ship(&fake, "4", Wrapping { house: Some(House::Docker), ..Wrapping::default() });
    assert!(docker.contains("rootfs.diff.tar.gzip") && docker.contains("manifest.v2+json"), "{docker}");
}

#[test]
fn what_is_compressed_is_compressed_anew_by_force_only() {
    let (_home, store) = testing::store();
    let image = put(&store, "x", "web:1");
    let images = Images::of(&store);
    let fake = Fake::start();
    let zstd = Packing { method: Method::Zstd, level: None };
    for (which, force) in [("1", false), ("2", true)] {
        let registry = Registry::open(fake.endpoint("to/it"), &Access::Push { from: Vec::new() }).unwrap();
        let wrapping = Wrapping { packing: Some(zstd), force, house: None };
        let how = Shipment { which, from: &[], jobs: 2, wrapping };
        let pushed = images.push(&image, &registry, &how, &Silent).unwrap();
        assert_eq!(pushed.digest == image.manifest, !force);
    }
    pull(&store, &fake, "to/it", "localhost/again:1");
}
