#![allow(clippy::disallowed_methods, reason = "tests stand outside of the store")]

use std::{fs, io::Write as _};

use super::*;
use crate::{
    Durability,
    image::Input,
    testing::{self, Archive},
};

fn archive() -> Vec<u8> {
    Archive::new()
        .dir("etc")
        .file("etc/hosts", "127.0.0.1")
        .file("a", "one")
        .hard_link("b", "a")
        .symlink("c", "a")
        .end()
}

fn intake() -> Intake {
    Intake { ownership: testing::how().ownership, durability: Durability::Volatile, ..Intake::default() }
}

fn asked() -> Examination {
    Examination { quick: false, how: intake(), age: Duration::ZERO, containers: Vec::new() }
}

/// A store with one image of one layer.
fn stocked() -> (tempfile::TempDir, Store, Digest) {
    let (home, store) = testing::store();
    let input = Input::Stream(Box::new(std::io::Cursor::new(archive())), "a stream");
    let name = "localhost/x".parse().unwrap();
    let loaded = Images::of(&store).import(input, Some(&name), &[], None, &intake()).unwrap();
    let layer = loaded.image.layers[0];
    (home, store, layer)
}

fn found(store: &Store, asked: &Examination) -> Vec<String> {
    let examined = store.examine(asked).unwrap();
    examined
        .findings
        .iter()
        .map(|finding| format!("{}: {}", finding.error.code().id(), finding.error.report().what))
        .collect()
}

fn mend_all(store: &Store, force: bool) -> Vec<Mended> {
    let findings = store.examine(&asked()).unwrap().findings;
    findings.iter().map(|finding| store.mend(finding, &asked(), force).unwrap()).collect()
}

#[test]
fn every_change_of_a_layer_is_found_and_undone() {
    let (home, store, layer) = stocked();
    assert_eq!(found(&store, &asked()), [""; 0]);
    let files = home.path().join("root/layers").join(layer.hex()).join("fs");
    let changes: [(&str, &dyn Fn()); 5] = [
        ("`/etc/hosts` has other contents", &|| fs::write(files.join("etc/hosts"), "127.0.0.2").unwrap()),
        ("`/new` is there", &|| fs::write(files.join("new"), "").unwrap()),
        ("`/c` is missing", &|| fs::remove_file(files.join("c")).unwrap()),
        ("a link to another file", &|| {
            fs::remove_file(files.join("b")).unwrap();
            fs::copy(files.join("a"), files.join("b")).unwrap();
            let time = fs::metadata(files.join("a")).unwrap().modified().unwrap();
            fs::File::open(files.join("b")).unwrap().set_modified(time).unwrap();
        }),
        ("what is known about layer", &|| fs::write(files.join("../meta.json"), "{}").unwrap()),
    ];
    for (fact, change) in changes {
        change();
        let examined = store.examine(&asked()).unwrap();
        let report = examined.findings[0].error.report();
        assert_eq!(report.code, codes::UR0721, "{report:?}");
        assert!(
            examined.defects() == 1 && format!("{report:?}").contains(fact.trim_matches('`')),
            "{fact}: {report:?}"
        );
        assert!(matches!(mend_all(&store, false)[0], Mended::Done(_)));
        assert_eq!(found(&store, &asked()), [""; 0], "{fact}");
    }
}

#[test]
fn a_layer_without_its_archive_goes_with_its_image() {
    let (home, store, layer) = stocked();
    fs::remove_dir_all(home.path().join("root/layers").join(layer.hex())).unwrap();
    let archive = store.blob_digests().unwrap().into_iter().find(|blob| *blob == layer).unwrap();
    store.remove_blob(&archive).unwrap();
    assert!(matches!(mend_all(&store, false)[0], Mended::Left(_)));
    assert!(matches!(mend_all(&store, true)[0], Mended::Done(_)));
    mend_all(&store, false);
    assert_eq!(found(&store, &asked()), [""; 0]);
    assert_eq!(store.blob_digests().unwrap(), []);
}

#[test]
fn a_container_that_runs_keeps_its_layer() {
    let (home, store, layer) = stocked();
    fs::write(home.path().join("root/layers").join(layer.hex()).join("fs/new"), "").unwrap();
    let live = Standing {
        id: ContainerId::random(),
        name: "web".to_owned(),
        image: None,
        layers: vec![layer],
        writable: false,
        live: true,
        fault: None,
    };
    let asked = Examination { containers: vec![live], ..asked() };
    let examined = store.examine(&asked).unwrap();
    let mended = store.mend(&examined.findings[0], &asked, true).unwrap();
    assert_eq!(mended, Mended::Left("the container `web` runs on it; stop it first".to_owned()));
}

#[test]
fn what_is_left_over_is_collected() {
    let (home, store, _) = stocked();
    store.put_blob(b"nobody's").unwrap();
    std::os::unix::fs::symlink("../containers/none", home.path().join("root/names/gone")).unwrap();
    let examined = store.examine(&asked()).unwrap();
    assert_eq!(examined.defects(), 0);
    assert_eq!(examined.findings.len(), 2);
    let patient = Examination { age: Duration::from_hours(1), ..asked() };
    assert_eq!(found(&store, &patient).len(), 1);
    mend_all(&store, false);
    assert_eq!(found(&store, &asked()), [""; 0]);
}

#[test]
fn a_damaged_blob_is_told_from_a_missing_one() {
    let (home, store, layer) = stocked();
    let path = home.path().join("root/blobs/sha256").join(layer.hex());
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(b"x").unwrap();
    let first = found(&store, &asked());
    assert!(first.len() == 1 && first[0].contains("is damaged"), "{first:?}");
    mend_all(&store, false);
    // An archive as it was before compression may be missing: images that are made here need none.
    assert_eq!(found(&store, &asked()), [""; 0]);
}

#[test]
fn what_a_killed_writer_has_left_is_found_and_removed() {
    let (home, store, _) = stocked();
    let mut writer = std::process::Command::new("true").spawn().unwrap();
    writer.wait().unwrap();
    let container = home.path().join("root/containers").join("c".repeat(64));
    fs::create_dir(&container).unwrap();
    let (gone, lives) = (format!(".config.json.{}", writer.id()), format!(".config.json.{}", std::process::id()));
    for name in [&gone, &lives, ".hidden", ".1", "a.1"] {
        fs::write(container.join(name), "").unwrap();
    }
    fs::write(home.path().join(format!("root/.mine.{}", writer.id())), "").unwrap();
    let expected = format!("UR0725: `containers/{}/{gone}` was not written to its end", "c".repeat(64));
    assert_eq!(found(&store, &asked()), [expected]);
    assert!(matches!(mend_all(&store, false)[..], [Mended::Done(_)]));
    assert!(!container.join(gone).exists() && container.join(lives).exists());
    assert_eq!(found(&store, &asked()), [""; 0]);
}
