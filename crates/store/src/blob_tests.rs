use std::io::Read;

use super::*;
use crate::testing::store;

const HELLO: &str = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn hello() -> Digest {
    Digest::parse(HELLO).unwrap()
}

#[test]
fn content_is_found_by_its_digest() {
    let (_home, store) = store();
    assert_eq!(store.put_blob(b"hello").unwrap(), hello());
    assert_eq!(store.put_blob(b"hello").unwrap(), hello());
    let mut text = String::new();
    store.blob(&hello()).unwrap().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello");
    assert_eq!(store.read_blob(&hello(), 5).unwrap().unwrap(), b"hello");
    assert_eq!(store.blob_size(&hello()).unwrap(), Some(5));
    assert_eq!(store.blob_digests().unwrap(), [hello()]);
    store.remove_blob(&hello()).unwrap();
    store.remove_blob(&hello()).unwrap();
    assert!(store.blob(&hello()).unwrap().is_none());
    assert!(store.read_blob(&hello(), 5).unwrap().is_none());
    assert!(store.blob_size(&hello()).unwrap().is_none());
}

#[test]
fn content_that_is_not_what_was_promised_is_refused() {
    let (_home, store) = store();
    for (content, size) in [("hello", 4), ("hello", 6), ("jello", 5)] {
        let mut writer = store.write_blob().unwrap();
        writer.write_all(content.as_bytes()).unwrap();
        let error = writer.finish(Some(&hello()), Some(size)).unwrap_err();
        assert_eq!(error.code(), codes::UR0703);
    }
    assert!(store.blob_digests().unwrap().is_empty());
    assert!(store.tmp.names().unwrap().is_empty());
}

#[test]
fn content_that_was_changed_on_the_disk_is_noticed() {
    let (_home, store) = store();
    store.put_blob(b"hello").unwrap();
    store.blobs.write(hello().hex(), b"jello", 0o600).unwrap();
    assert_eq!(store.read_blob(&hello(), 5).unwrap_err().code(), codes::UR0703);
    assert!(store.read_blob(&hello(), 4).is_err());
}

#[test]
fn nothing_is_seen_before_it_is_published() {
    let (_home, store) = store();
    let mut writer = store.write_blob().unwrap();
    writer.write_all(b"hello").unwrap();
    let staged = writer.finish(Some(&hello()), Some(5)).unwrap();
    assert!(store.blob(&hello()).unwrap().is_none());
    store.publish(vec![staged], Vec::new(), crate::Durability::Synced).unwrap();
    assert!(store.blob(&hello()).unwrap().is_some());
    drop(store.write_blob().unwrap());
    assert!(store.tmp.names().unwrap().is_empty());
}
