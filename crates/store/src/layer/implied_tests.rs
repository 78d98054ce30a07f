use sys::rustix::fs::{XattrFlags, fgetxattr, fsetxattr};

use super::*;
use crate::{
    ContainerId, Durability, NewContainer, Store,
    testing::{Archive, Head, how, store},
};

fn layers(store: &Store, archives: Vec<Archive>) -> Vec<Layer> {
    let unpack = |archive: Archive| store.unpack(archive.end().as_slice(), &how()).unwrap();
    let staged = archives.into_iter().map(unpack).collect();
    let mut layers = store.publish(Vec::new(), staged, Durability::Volatile).unwrap();
    layers.reverse();
    layers
}

fn dir(name: &str, mode: u64) -> (Head, &'static [u8]) {
    (Head::new(b'5', name, 0).mode(mode), b"")
}

/// What `upper/` begins with for layers, the lowest first: names and modes.
fn beginning(archives: Vec<Archive>) -> Vec<(String, u32)> {
    let (_home, store) = store();
    let upper = Upper::of(&layers(&store, archives)).unwrap();
    let id = ContainerId::parse(&"a".repeat(64)).unwrap();
    let made =
        NewContainer { id: &id, name: None, config: b"{}", upper: Some(&upper), durability: Durability::Volatile };
    let files = store.create_container(&made).unwrap().dir().dir("upper").unwrap();
    let mut seen = vec![(String::new(), files.stat("").unwrap().st_mode & 0o7777)];
    let mut ahead = vec![String::new()];
    while let Some(at) = ahead.pop() {
        for name in files.dir(if at.is_empty() { "." } else { &at }).unwrap().names().unwrap() {
            let path = format!("{at}{}{}", if at.is_empty() { "" } else { "/" }, name.to_str().unwrap());
            seen.push((path.clone(), files.stat(&path).unwrap().st_mode & 0o7777));
            ahead.push(path);
        }
    }
    seen.sort();
    seen
}

fn base() -> Archive {
    let archive = [dir("./", 0o751), dir("tmp", 0o1777), dir("a", 0o700), dir("a/b", 0o2750)];
    archive.iter().fold(Archive::new(), |archive, (head, contents)| archive.entry(head, contents))
}

fn is(list: &[(&str, u32)]) -> Vec<(String, u32)> {
    list.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect()
}

#[test]
fn directories_that_are_implied_keep_what_the_layer_below_gave_them() {
    let upper = Archive::new().file("tmp/x", "").file("a/b/c/d", "");
    assert_eq!(beginning(vec![base(), upper]), is(&[("", 0o751), ("a", 0o700), ("a/b", 0o2750), ("tmp", 0o1777)]));
    let twice = vec![base(), Archive::new().file("tmp/x", ""), Archive::new().file("tmp/y", "")];
    assert_eq!(beginning(twice), is(&[("", 0o751), ("tmp", 0o1777)]));
}

#[test]
fn directories_that_are_mentioned_are_left_alone() {
    assert_eq!(beginning(vec![base(), Archive::new().dir("./").dir("tmp").file("tmp/x", "")]), is(&[("", 0o755)]));
    let implied_then_explicit = vec![base(), Archive::new().file("tmp/x", ""), Archive::new().dir("tmp")];
    assert_eq!(beginning(implied_then_explicit), is(&[("", 0o751)]));
    // One layer may mention a directory after what is in it.
    assert_eq!(beginning(vec![base(), Archive::new().file("tmp/x", "").dir("tmp")]), is(&[("", 0o751)]));
    // What is below needs what is above, as it is.
    let below = Archive::new().dir("a").file("a/b/c", "");
    assert_eq!(beginning(vec![base(), below]), is(&[("", 0o751), ("a", 0o755), ("a/b", 0o2750)]));
}

#[test]
fn what_the_lower_layer_has_no_more_is_forgotten() {
    let only = is(&[("", 0o751)]);
    assert_eq!(beginning(vec![base(), Archive::new().file(".wh.tmp", ""), Archive::new().file("tmp/x", "")]), only);
    assert_eq!(beginning(vec![base(), Archive::new().file(".wh.tmp", "").file("tmp/x", "")]), only);
    assert_eq!(beginning(vec![base(), Archive::new().file("tmp/.wh..wh..opq", "")]), only);
    assert_eq!(beginning(vec![base(), Archive::new().file("tmp", ""), Archive::new().file("tmp/x", "")]), only);
    assert_eq!(beginning(vec![base(), Archive::new().symlink("a", "tmp"), Archive::new().file("a/b/x", "")]), only);
    assert_eq!(beginning(vec![base(), Archive::new().dir("new").file("other/x", "")]), only);
    let hidden_above = vec![base(), Archive::new().file(".wh.a", "").file("a/b/x", "")];
    assert_eq!(beginning(hidden_above), only);
}

#[test]
fn times_and_attributes_come_along() {
    let (_home, store) = store();
    let xattr: (&str, &[u8]) = ("SCHILY.xattr.user.note", b"x");
    let base = Archive::new().pax(&[xattr, ("mtime", b"77.5")]).dir("d");
    let layers = layers(&store, vec![base, Archive::new().file("d/x", "")]);
    // A mark of that layer's own.
    let marked = layers[1].files().unwrap().dir("d").unwrap();
    fsetxattr(&marked, c"user.overlay.origin", b"x", XattrFlags::empty()).unwrap();
    let upper = Upper::of(&layers).unwrap();
    let id = ContainerId::parse(&"b".repeat(64)).unwrap();
    let made =
        NewContainer { id: &id, name: None, config: b"{}", upper: Some(&upper), durability: Durability::Volatile };
    let dir = store.create_container(&made).unwrap().dir().dir("upper/d").unwrap();
    let stat = dir.stat("").unwrap();
    assert_eq!((stat.st_mtime, stat.st_mtime_nsec), (77, 500_000_000));
    let mut value = [0; 8];
    assert_eq!(fgetxattr(&dir, c"user.note", &mut value), Ok(1));
    assert_eq!(fgetxattr(&dir, c"user.overlay.origin", &mut value), Err(Errno::NODATA));
}
