use std::collections::BTreeMap;

use idmap::IdMap;
use sys::rustix::fs::{Gid, Mode, Uid, XattrFlags, chownat, fchmod, fchown, fgetxattr, fsetxattr, linkat, mknodat};

use super::*;
use crate::testing::{privileged, store};

fn record(name: &str) -> Record {
    Record { name: name.to_owned(), created: 7, ..Record::default() }
}

fn volume(store: &Store, name: &str) -> Volume {
    store.create_volume(&record(name)).unwrap().unwrap()
}

#[test]
fn a_name_belongs_to_one_volume() {
    let (_home, store) = store();
    let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let made = store.create_volume(&Record { labels: labels.clone(), ..record("data") }).unwrap().unwrap();
    assert_eq!((made.record().labels.clone(), made.record().filled), (labels, false));
    assert!(store.create_volume(&record("data")).unwrap().is_none());
    assert!(store.tmp.names().unwrap().is_empty());
    for bad in ["", "a/b", "..", "-x", "a b"] {
        assert_eq!(store.create_volume(&record(bad)).unwrap_err().code(), codes::UR0804, "{bad}");
        assert_eq!(store.volume(bad).unwrap_err().code(), codes::UR0840, "{bad}");
    }
    assert_eq!(store.volume_names().unwrap(), ["data"]);
}

#[test]
fn beginnings_of_names() {
    let (_home, store) = store();
    for name in ["web", "webdata", "db"] {
        volume(&store, name);
    }
    assert_eq!(store.find_volume("web").unwrap().name(), "web");
    assert_eq!(store.find_volume("d").unwrap().name(), "db");
    assert_eq!(store.find_volume("we").unwrap_err().code(), codes::UR0809);
    assert_eq!(store.find_volume("x").unwrap_err().code(), codes::UR0840);
    assert_eq!(store.find_volume("").unwrap_err().code(), codes::UR0840);
}

#[test]
fn a_volume_in_a_running_container_stays() {
    let (_home, store) = store();
    let data = volume(&store, "data");
    let running = data.hold().unwrap();
    assert!(data.alone().unwrap().is_none());
    let lock = store.exclude_volumes().unwrap();
    assert_eq!(store.remove_volume(&data, &lock).unwrap_err().code(), codes::UR0842);
    drop(running);
    store.remove_volume(&data, &lock).unwrap();
    assert_eq!(store.volume("data").unwrap_err().code(), codes::UR0840);
    assert_eq!(store.remove_volume(&data, &lock).unwrap_err().code(), codes::UR0840);
}

/// Two layers, the uppermost first.
fn layers(home: &Dir) -> Vec<Dir> {
    let lower = home.make_dir("lower", 0o755).unwrap();
    lower.make_dir("sub", 0o750).unwrap().write("old", b"old", 0o640).unwrap();
    lower.make_dir("hidden", 0o755).unwrap().write("below", b"x", 0o644).unwrap();
    lower.write("file", b"lower", 0o644).unwrap();
    lower.write("gone", b"x", 0o644).unwrap();
    lower.symlink("link", "/etc/passwd").unwrap();
    let upper = home.make_dir("upper", 0o755).unwrap();
    upper.write("file", b"upper", 0o600).unwrap();
    linkat(&upper, "file", &upper, "second", AtFlags::empty()).unwrap();
    upper.make_dir("sub", 0o711).unwrap().write("new", b"new", 0o600).unwrap();
    let hidden = upper.make_dir("hidden", 0o755).unwrap();
    fsetxattr(&hidden, "user.overlay.opaque", b"y", XattrFlags::empty()).unwrap();
    vec![upper, lower]
}

use sys::rustix::fs::AtFlags;

#[test]
fn an_empty_volume_is_filled_once() {
    let (home, store) = store();
    let mut data = volume(&store, "data");
    let layers = || layers(&Dir::open(tempfile::tempdir_in(home.path()).unwrap().keep()).unwrap());
    let own = data.data().unwrap().stat("").unwrap();
    let root = RootDir { mode: 0o1777, uid: own.st_uid, gid: own.st_gid };
    let alone = data.alone().unwrap().unwrap();
    data.fill(&store, &layers(), Some(root), &IdMap::identity(), &alone).unwrap();
    let files = data.data().unwrap();
    assert_eq!(files.stat("").unwrap().st_mode & 0o7777, 0o1777);
    let names: Vec<_> = files.names().unwrap().into_iter().map(|name| name.into_string().unwrap()).collect();
    assert_eq!(names, ["file", "gone", "hidden", "link", "second", "sub"]);
    assert_eq!(files.read("file", 100).unwrap(), b"upper");
    assert_eq!(files.stat("file").unwrap().st_ino, files.stat("second").unwrap().st_ino);
    assert_eq!(files.read_link("link").unwrap(), Path::new("/etc/passwd"));
    assert!(files.dir("hidden").unwrap().names().unwrap().is_empty());
    assert!(fgetxattr(files.dir("hidden").unwrap(), "user.overlay.opaque", &mut [0; 8]).is_err());
    let sub = files.dir("sub").unwrap();
    assert_eq!((sub.stat("").unwrap().st_mode & 0o7777, sub.names().unwrap().len()), (0o711, 2));
    assert!(store.tmp.names().unwrap().is_empty());
    // What a container has removed does not come back.
    files.remove_file("gone").unwrap();
    data.fill(&store, &layers(), Some(root), &IdMap::identity(), &alone).unwrap();
    assert!(!data.data().unwrap().has("gone") && store.volume("data").unwrap().record().filled);
}

#[test]
fn what_is_there_is_not_covered() {
    let (home, store) = store();
    let mut data = volume(&store, "data");
    data.data().unwrap().write("mine", b"x", 0o600).unwrap();
    let layers = layers(&Dir::open(tempfile::tempdir_in(home.path()).unwrap().keep()).unwrap());
    let alone = data.alone().unwrap().unwrap();
    data.fill(&store, &layers, None, &IdMap::identity(), &alone).unwrap();
    assert_eq!(data.data().unwrap().names().unwrap(), ["mine"]);
    assert!(data.record().filled);
}

#[test]
fn a_crash_leaves_it_unfilled() {
    let (home, store) = store();
    let mut data = volume(&store, "data");
    // As if it were killed in the middle: the draft is there, under nobody's lock.
    store.tmp.make_dir("00", 0o700).unwrap().make_dir("data", 0o700).unwrap().write("half", b"x", 0o600).unwrap();
    let store = Store::open(&home.path().join("root"), &home.path().join("run")).unwrap();
    assert!(store.tmp.names().unwrap().is_empty());
    assert!(data.data().unwrap().names().unwrap().is_empty() && !store.volume("data").unwrap().record().filled);
    // Killed after the rename, before the record: it is full, and only the record lags behind.
    data.data().unwrap().write("whole", b"x", 0o600).unwrap();
    let alone = data.alone().unwrap().unwrap();
    let layers = layers(&Dir::open(tempfile::tempdir_in(home.path()).unwrap().keep()).unwrap());
    data.fill(&store, &layers, None, &IdMap::identity(), &alone).unwrap();
    assert_eq!(data.data().unwrap().names().unwrap(), ["whole"]);
}

#[test]
fn privileged_owners_modes_and_attributes_are_kept() {
    if !privileged() {
        return;
    }
    let (home, store) = store();
    let mut data = volume(&store, "data");
    let layer = Dir::open(tempfile::tempdir_in(home.path()).unwrap().keep()).unwrap();
    layer.write("suid", b"x", 0o755).unwrap();
    let file = layer.open_at("suid", OFlags::RDONLY, Mode::empty()).unwrap();
    fchown(&file, Some(Uid::from_raw(999)), Some(Gid::from_raw(998))).unwrap();
    fchmod(&file, Mode::from_raw_mode(0o4755)).unwrap();
    fsetxattr(&file, "user.note", b"kept", XattrFlags::empty()).unwrap();
    let fifo = sys::rustix::fs::FileType::Fifo;
    mknodat(&layer, "fifo", fifo, Mode::from_raw_mode(0o622), 0).unwrap();
    chownat(&layer, "fifo", Some(Uid::from_raw(33)), None, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    let root = RootDir { mode: 0o700, uid: 999, gid: 999 };
    let alone = data.alone().unwrap().unwrap();
    data.fill(&store, &[layer], Some(root), &IdMap::identity(), &alone).unwrap();
    let files = data.data().unwrap();
    let stat = files.stat("suid").unwrap();
    assert_eq!((stat.st_uid, stat.st_gid, stat.st_mode & 0o7777), (999, 998, 0o4755));
    let mut value = [0; 16];
    let file = files.open_at("suid", OFlags::RDONLY, Mode::empty()).unwrap();
    let length = fgetxattr(file, "user.note", &mut value).unwrap();
    assert_eq!(&value[..length], b"kept");
    assert_eq!(files.stat("fifo").unwrap().st_uid, 33);
    assert_eq!((files.stat("").unwrap().st_uid, files.stat("").unwrap().st_mode & 0o7777), (999, 0o700));
}

#[test]
fn out_and_in_again() {
    let (home, store) = store();
    let mut from = volume(&store, "from");
    let layers = layers(&Dir::open(tempfile::tempdir_in(home.path()).unwrap().keep()).unwrap());
    let alone = from.alone().unwrap().unwrap();
    from.fill(&store, &layers, None, &IdMap::identity(), &alone).unwrap();
    let mut archive = Vec::new();
    from.export(&mut archive).unwrap();
    let to = volume(&store, "to");
    to.data().unwrap().write("file", b"replaced", 0o600).unwrap();
    to.import(&store, archive.as_slice(), crate::testing::how().ownership, &IdMap::identity()).unwrap();
    let files = to.data().unwrap();
    assert_eq!(files.names().unwrap(), from.data().unwrap().names().unwrap());
    assert_eq!(files.read("file", 100).unwrap(), b"upper");
    assert_eq!(files.stat("file").unwrap().st_ino, files.stat("second").unwrap().st_ino);
    let twice: Vec<_> = {
        let mut twice = Vec::new();
        to.export(&mut twice).unwrap();
        twice
    };
    assert_eq!(twice.len(), archive.len());
    // A file where the volume has a directory.
    let bad = crate::testing::Archive::new().file("sub", "x").end();
    let refused = to.import(&store, bad.as_slice(), crate::testing::how().ownership, &IdMap::identity());
    assert_eq!(refused.unwrap_err().code(), codes::UR0705);
    assert!(store.tmp.names().unwrap().is_empty());
}

#[test]
fn subpaths_stay_inside() {
    let (_home, store) = store();
    let data = volume(&store, "data");
    data.data().unwrap().make_dir("a", 0o755).unwrap().symlink("out", "/etc").unwrap();
    assert!(data.below(Path::new("a")).is_ok());
    for bad in ["a/out", "..", "b", "/etc", "a/out/passwd"] {
        assert_eq!(data.below(Path::new(bad)).unwrap_err().code(), codes::UR0315, "{bad}");
    }
}
