//! Pulls from a registry in this process.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use diag::codes;
use oci::{
    Digest,
    image::{Descriptor, Index, Platform, media_type},
};

use super::{
    super::{Image, Images, Loaded, Wanted},
    sample::{Packed, Sample, assert_empty, intake, reference},
};
use crate::{
    Store,
    progress::{Part, Progress, Silent, State},
    registry::{
        Access, Registry,
        fake::{Asked, Fake, Fault},
    },
    testing,
};

fn wanted(which: &str) -> Wanted {
    Wanted { which: which.into(), names: vec![reference("reg.example/a/b:1")], platform: Platform::here(), jobs: 3 }
}

fn serve(fake: &Fake, sample: &Sample, tag: &str) -> Digest {
    for blob in sample.blobs() {
        fake.put_blob("a/b", &blob);
    }
    fake.put_manifest("a/b", tag, media_type::MANIFEST, sample.manifest().to_json().as_bytes())
}

fn pull_as(store: &Store, fake: &Fake, wanted: &Wanted, progress: &dyn Progress) -> diag::Result<Loaded> {
    let registry = Registry::open(fake.endpoint("a/b"), &Access::Pull)?;
    Images::of(store).pull(&registry, wanted, &intake(), progress)
}

fn pull(store: &Store, fake: &Fake, which: &str) -> diag::Result<Image> {
    pull_as(store, fake, &wanted(which), &Silent).map(|loaded| loaded.image)
}

fn is_layer(asked: &Asked, sample: &Sample) -> bool {
    asked.method == "GET"
        && sample.manifest().layers.iter().any(|layer| asked.path.ends_with(&layer.digest.to_string()))
}

#[test]
fn an_image_comes_as_it_is_however_it_is_packed() {
    for packed in [Packed::Plain, Packed::Gzip, Packed::Zstd] {
        let (_home, store) = testing::store();
        let fake = Fake::start();
        let sample = Sample { packed, ..Sample::new("x") };
        let digest = serve(&fake, &sample, "1");
        let image = pull(&store, &fake, "1").unwrap();
        assert_eq!((image.id, image.manifest, image.names.len()), (sample.id(), digest, 1));
        // The manifest and the archives are here byte by byte, and survive a collection.
        Images::of(&store).collect(|| Ok(Vec::new())).unwrap();
        for blob in sample.blobs() {
            let size = store.blob_size(&Digest::of(&blob)).unwrap();
            assert_eq!(size, Some(blob.len() as u64), "{packed:?}");
        }
        assert_eq!(Images::of(&store).resolve("reg.example/a/b:1").unwrap().id, sample.id());
        assert!(store.tmp.names().unwrap().is_empty());
    }
}

#[test]
fn what_is_here_is_not_fetched_again() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    let (one, two) = (Sample::new("one"), Sample::new("two"));
    serve(&fake, &one, "1");
    serve(&fake, &two, "2");
    pull(&store, &fake, "1").unwrap();
    pull(&store, &fake, "1").unwrap();
    pull(&store, &fake, "2").unwrap();
    let base = one.manifest().layers[0].digest;
    assert_eq!(fake.asked("GET", &base.to_string()).len(), 1);
    assert_eq!(fake.asked("GET", &one.manifest().layers[1].digest.to_string()).len(), 1);
}

#[test]
fn an_index_leads_to_the_platform_that_is_wanted() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    let platform = |architecture: &str| Platform { architecture: architecture.into(), ..Platform::here() };
    let (here, there) = (Sample::new("here"), Sample::new("there"));
    serve(&fake, &here, "h");
    serve(&fake, &there, "t");
    let entries = vec![there.entry(&[], Some(platform("s390x"))), here.entry(&[], Some(Platform::here()))];
    let index = Index { manifests: entries }.to_json();
    let digest = fake.put_manifest("a/b", "multi", media_type::INDEX, index.as_bytes());
    assert_eq!(pull(&store, &fake, "multi").unwrap().id, here.id());
    let foreign = Wanted { platform: platform("s390x"), ..wanted("multi") };
    let loaded = pull_as(&store, &fake, &foreign, &Silent).unwrap();
    assert_eq!(loaded.image.id, there.id());
    let nowhere = Wanted { platform: platform("vax"), ..wanted("multi") };
    assert_eq!(pull_as(&store, &fake, &nowhere, &Silent).unwrap_err().code(), codes::UR0712);
    // By the index's digest, it is found by this digest later.
    let name = reference(&format!("reg.example/a/b@{digest}"));
    let by_digest = Wanted { names: vec![name.clone()], ..wanted(&digest.to_string()) };
    pull_as(&store, &fake, &by_digest, &Silent).unwrap();
    assert_eq!(Images::of(&store).resolve(&name.to_string()).unwrap().id, here.id());
    let removed = Images::of(&store).remove(&name.to_string(), || Ok(Vec::new()), false).unwrap();
    assert_eq!(removed.untagged, [name]);
}

#[test]
fn damaged_content_is_refused_and_leaves_nothing() {
    let sample = Sample::new("x");
    let layer = sample.manifest().layers[1].clone();
    let damage: [(&str, Vec<u8>); 3] = [
        ("other bytes", vec![7; usize::try_from(layer.size).unwrap()]),
        ("shorter", sample.stored_layers()[1][..50].to_vec()),
        ("an archive of something else", {
            let mut bytes = Sample::new("y").stored_layers()[1].clone();
            bytes.resize(usize::try_from(layer.size).unwrap(), 0);
            bytes
        }),
    ];
    for (what, bytes) in damage {
        let (_home, store) = testing::store();
        let fake = Fake::start();
        serve(&fake, &sample, "1");
        let digest = layer.digest.to_string();
        fake.behave(move |asked| asked.path.ends_with(&digest).then(|| Fault::Answer(200, vec![], bytes.clone())));
        assert_eq!(pull(&store, &fake, "1").unwrap_err().code(), codes::UR0703, "{what}");
        assert_empty(&store);
    }
}

#[test]
fn configurations_that_lie_are_refused() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    let sample = Sample::new("x");
    serve(&fake, &sample, "1");
    let id = sample.id().to_string();
    fake.behave(move |asked| asked.path.ends_with(&id).then(|| Fault::Answer(200, vec![], b"{}".to_vec())));
    assert_eq!(pull(&store, &fake, "1").unwrap_err().code(), codes::UR0703);
    // A layer whose files are not those that the configuration promises.
    let mut lying = Sample::new("y");
    lying.config.diff_ids[1] = Digest::of("something else");
    let fake = Fake::start();
    serve(&fake, &lying, "1");
    assert_eq!(pull(&store, &fake, "1").unwrap_err().code(), codes::UR0703);
    assert_empty(&store);
}

#[test]
fn foreign_layers_are_refused_by_name() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    let sample = Sample::new("x");
    serve(&fake, &sample, "0");
    let mut manifest = sample.manifest();
    manifest.layers[0].media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".into();
    fake.put_manifest("a/b", "1", media_type::MANIFEST, manifest.to_json().as_bytes());
    let error = pull(&store, &fake, "1").unwrap_err();
    assert_eq!(error.code(), codes::UR0714);
    assert!(error.report().what.contains("foreign.diff"), "{}", error.report().what);
    assert_empty(&store);
}

#[test]
fn docker_schema_two_is_read() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    let sample = Sample::new("x");
    serve(&fake, &sample, "0");
    let manifest = sample
        .manifest()
        .to_json()
        .replace(media_type::MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
        .replace(media_type::CONFIG, "application/vnd.docker.container.image.v1+json")
        .replace(media_type::LAYER_GZIP, "application/vnd.docker.image.rootfs.diff.tar.gzip");
    let digest =
        fake.put_manifest("a/b", "1", "application/vnd.docker.distribution.manifest.v2+json", manifest.as_bytes());
    assert_eq!(pull(&store, &fake, "1").unwrap().manifest, digest);
}

#[test]
fn a_failure_of_one_layer_ends_the_others() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    let sample = Sample::new("x");
    serve(&fake, &sample, "1");
    let (first, second) =
        (sample.manifest().layers[0].digest.to_string(), sample.manifest().layers[1].digest.to_string());
    fake.behave(move |asked| {
        if asked.path.ends_with(&first) {
            return Some(Fault::Answer(404, vec![], vec![]));
        }
        (asked.path.ends_with(&second)).then_some(Fault::Wait(Duration::from_millis(200)))
    });
    assert_eq!(pull(&store, &fake, "1").unwrap_err().code(), codes::UR0923);
    assert_empty(&store);
}

/// Collects what is told.
#[derive(Default)]
struct Told(Mutex<(Vec<Part>, Vec<String>)>);

impl Progress for Told {
    fn expect(&self, parts: &[Part]) {
        self.0.lock().unwrap().0.extend(parts.iter().cloned());
    }

    fn tell(&self, _: &Digest, state: State<'_>) {
        self.0.lock().unwrap().1.push(format!("{state:?}"));
    }
}

#[test]
fn progress_is_told() {
    let (_home, store) = testing::store();
    let fake = Fake::start();
    let sample = Sample::new("x");
    serve(&fake, &sample, "1");
    let cut = sample.clone();
    fake.behave(move |asked| (is_layer(asked, &cut) && asked.before == 0).then_some(Fault::CutAfter(10)));
    let told = Told::default();
    pull_as(&store, &fake, &wanted("1"), &told).unwrap();
    pull_as(&store, &fake, &wanted("1"), &told).unwrap();
    let (parts, states) = told.0.into_inner().unwrap();
    let layers: Vec<Descriptor> = sample.manifest().layers;
    assert_eq!(parts.iter().map(|part| part.digest).take(2).collect::<Vec<_>>(), [layers[0].digest, layers[1].digest]);
    assert_eq!(states.iter().filter(|state| *state == "Done").count(), 2);
    assert_eq!(states.iter().filter(|state| *state == "Here").count(), 2);
    assert_eq!(states.iter().filter(|state| state.starts_with("Interrupted")).count(), 2);
}

#[test]
fn a_layer_that_another_fetches_is_waited_for() {
    let (home, store) = testing::store();
    let fake = Fake::start();
    // The lower layer is the same.
    serve(&fake, &Sample::new("one"), "1");
    serve(&fake, &Sample::new("two"), "2");
    let base = Sample::new("one").manifest().layers[0].digest.to_string();
    let slow = base.clone();
    fake.behave(move |asked| asked.path.ends_with(&slow).then_some(Fault::Wait(Duration::from_millis(200))));
    let other = Store::open(&home.path().join("root"), &home.path().join("run")).unwrap();
    thread::scope(|scope| {
        let one = scope.spawn(|| pull(&store, &fake, "1").unwrap());
        let two = scope.spawn(|| pull(&other, &fake, "2").unwrap());
        assert_ne!(one.join().unwrap().id, two.join().unwrap().id);
    });
    assert_eq!(fake.asked("GET", &base).len(), 1);
}

#[test]
fn many_pull_while_others_remove() {
    let (home, store) = testing::store();
    let fake = Fake::start();
    for number in 0..4 {
        serve(&fake, &Sample::new(&number.to_string()), &number.to_string());
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let pulls: Vec<_> = (0..6)
            .map(|number| {
                let (home, fake) = (&home, &fake);
                scope.spawn(move || {
                    let store = Store::open(&home.path().join("root"), &home.path().join("run")).unwrap();
                    let tag = (number % 4).to_string();
                    let names = vec![reference(&format!("reg.example/a/b:{tag}"))];
                    for _ in 0..5 {
                        pull_as(&store, fake, &Wanted { names: names.clone(), ..wanted(&tag) }, &Silent).unwrap();
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for number in 0..4 {
                    let name = format!("reg.example/a/b:{number}");
                    if let Err(error) = Images::of(&store).remove(&name, || Ok(Vec::new()), false) {
                        assert_eq!(error.code(), codes::UR0701, "{error:?}");
                    }
                }
            }
        });
        let outcomes: Vec<_> = pulls.into_iter().map(|pull| pull.join().is_ok()).collect();
        over.store(true, Ordering::Relaxed);
        assert!(outcomes.into_iter().all(|fine| fine));
    });
    // What is left is whole.
    let (images, faults) = Images::of(&store).survey().unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    for image in images {
        assert!(store.layer(&image.layers[0]).unwrap().is_some());
    }
    assert!(store.tmp.names().unwrap().is_empty());
}
