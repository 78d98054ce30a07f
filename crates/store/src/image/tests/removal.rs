use std::collections::HashSet;

use super::{super::*, sample::*};
use crate::testing::store;

#[expect(clippy::unnecessary_wraps, reason = "it stands in for one that can fail")]
fn nobody() -> Result<Vec<Digest>> {
    Ok(Vec::new())
}

#[test]
fn an_image_goes_with_what_only_it_needs() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let (one, two) = (put(&store, "one", "a"), put(&store, "two", "b"));
    let removed = images.remove("a", nobody, false).unwrap();
    assert_eq!((removed.untagged, removed.deleted), (one.names, Some(one.id)));
    assert_eq!(images.list().unwrap(), std::slice::from_ref(&two));
    assert!(store.layer(&one.layers[1]).unwrap().is_none());
    // Its manifest, its configuration, the archives of its layers.
    assert_eq!(store.blob_digests().unwrap().len(), 4);
    images.remove(&two.id.hex()[..12], nobody, false).unwrap();
    assert_empty(&store);
}

#[test]
fn names_are_taken_one_at_a_time() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let image = put(&store, "one", "a");
    images.tag(&image, &reference("quay.io/b/c:d")).unwrap();
    assert_eq!(images.list().unwrap()[0].names.len(), 2);
    assert_eq!(images.remove(&image.id.hex(), nobody, false).unwrap_err().code(), codes::UR0710);
    let removed = images.remove("c:d", nobody, false).unwrap();
    assert_eq!((removed.untagged, removed.deleted), (vec![reference("quay.io/b/c:d")], None));
    images.untag(&reference("localhost/a")).unwrap();
    assert!(images.list().unwrap()[0].names.is_empty());
    images.tag(&image, &reference("localhost/z")).unwrap();
    images.tag(&image, &reference("localhost/y")).unwrap();
    assert_eq!(images.remove(&image.id.hex(), nobody, true).unwrap().deleted, Some(image.id));
    assert_empty(&store);
}

#[test]
fn what_containers_stand_on_stays() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let image = put(&store, "one", "a");
    let used = || Ok(vec![image.id]);
    assert_eq!(images.remove("a", used, false).unwrap_err().code(), codes::UR0710);
    let removed = images.remove("a", used, true).unwrap();
    assert_eq!((removed.untagged.len(), removed.deleted), (1, None));
    assert_eq!(images.by_id(&image.id).unwrap().unwrap().layers, image.layers);
    assert_eq!(images.remove(&image.id.hex(), nobody, false).unwrap().deleted, Some(image.id));
    assert_empty(&store);
}

#[test]
fn a_name_that_moves_leaves_its_image_without_one() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let (old, new) = (put(&store, "one", "a"), put(&store, "two", "a"));
    assert_eq!(images.resolve("a").unwrap().id, new.id);
    let kept = images.resolve(&old.id.hex()).unwrap();
    assert!(kept.names.is_empty());
    // Loading it again under another name makes it an ordinary image.
    put(&store, "one", "b");
    assert_eq!(images.list().unwrap().len(), 2);
    assert_eq!(store.images().names().unwrap().len(), 2);
}

#[test]
fn two_manifests_of_one_configuration_are_one_image() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let sample = Sample::new("one");
    let first = put(&store, "one", "a");
    let second = load(&store, archive(&sample.docker(&["localhost/b"]))).unwrap().remove(0).image;
    assert_ne!(first.manifest, second.manifest);
    let list = images.list().unwrap();
    assert_eq!((list.len(), list[0].names.len()), (1, 2));
    images.remove("b", nobody, false).unwrap();
    images.remove("a", nobody, false).unwrap();
    assert_empty(&store);
}

#[test]
fn nothing_is_collected_while_a_record_cannot_be_followed() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let (one, two) = (put(&store, "one", "a"), put(&store, "two", "b"));
    store.remove_blob(&one.manifest).unwrap();
    assert_eq!(images.collect(nobody).unwrap_err().code(), codes::UR0707);
    let (list, faults) = images.survey().unwrap();
    assert_eq!((list.len(), faults.len()), (1, 1));
    assert_eq!(images.remove("a", nobody, false).unwrap().untagged.len(), 1);
    let collected = images.collect(nobody).unwrap();
    assert_eq!(collected.layers, [one.layers[1]]);
    let archive = Sample::new("one").manifest().layers[1].digest;
    assert_eq!(HashSet::<_>::from_iter(collected.blobs), HashSet::from([one.id, archive]));
    assert_eq!(images.list().unwrap(), [two]);
}

#[test]
fn a_record_that_is_damaged_hides_no_other_image() {
    let (_home, store) = store();
    let images = Images::of(&store);
    put(&store, "one", "a");
    store.images().write("localhost%b:latest", b"{", 0o600).unwrap();
    let (list, faults) = images.survey().unwrap();
    assert_eq!((list.len(), faults[0].code()), (1, codes::UR0707));
    images.resolve("a").unwrap();
    assert_eq!(images.resolve("b").unwrap_err().code(), codes::UR0707);
    assert_eq!(images.collect(nobody).unwrap_err().code(), codes::UR0707);
    put(&store, "two", "b");
    assert_eq!(images.survey().unwrap().0.len(), 2);
}

#[test]
fn a_container_keeps_its_layers_even_without_a_record() {
    let (_home, store) = store();
    let images = Images::of(&store);
    let image = put(&store, "one", "a");
    store.images().remove_file("localhost%a:latest").unwrap();
    let collected = images.collect(|| Ok(vec![image.id])).unwrap();
    assert!(collected.blobs.contains(&image.manifest) && !collected.blobs.contains(&image.id));
    assert!(collected.layers.is_empty());
    assert_eq!(images.collect(nobody).unwrap().layers.len(), 2);
    assert_empty(&store);
}
