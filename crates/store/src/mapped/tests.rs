use idmap::{Extent, Extents};
use sys::rustix::{
    fs::{FileType, Stat, XattrFlags, getxattr, lgetxattr, setxattr},
    io::Errno,
};

use super::*;
use crate::{
    Durability, NewContainer, RootDir,
    container::ContainerId,
    testing::{Archive, Head, how, privileged, store},
};

pub(super) fn map(list: &[(u32, u32, u32)]) -> IdMap {
    let extents =
        || Extents::new(list.iter().map(|&(inside, outside, len)| Extent::new(inside, outside, len))).unwrap();
    IdMap { uid: extents(), gid: extents() }
}

pub(super) fn container(store: &Store, begin: &str) -> Container {
    let id = ContainerId::parse(&format!("{begin:0<64}")).unwrap();
    let root = RootDir { mode: 0o755, ..own() };
    let (upper, durability) = (root.into(), Durability::Volatile);
    let new = NewContainer { id: &id, name: None, config: b"{}", upper: Some(&upper), durability };
    store.create_container(&new).unwrap()
}

/// Whoever runs the test.
pub(super) fn own() -> RootDir {
    use sys::rustix::process::{getegid, geteuid};
    RootDir { mode: 0o755, uid: geteuid().as_raw(), gid: getegid().as_raw() }
}

fn layer(store: &Store, archive: Archive) -> Digest {
    let staged = store.unpack(archive.end().as_slice(), &how()).unwrap();
    *store.publish(Vec::new(), vec![staged], Durability::Volatile).unwrap()[0].diff_id()
}

/// The tree of one layer.
fn mapped(store: &Store, layer: Digest, map: &IdMap, way: Way) -> Dir {
    let current = IdMap::identity();
    let made = store.map_layers(&[layer], Keep::Layers, &Mapping { map, current: &current, way }).unwrap();
    assert_eq!(made.data.len(), usize::from(way == Way::Metadata));
    Dir::open(&made.lower[0]).unwrap()
}

pub(super) fn owners(dir: &Dir, name: &str) -> (u32, u32) {
    let stat = dir.stat(name).unwrap();
    (stat.st_uid, stat.st_gid)
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

pub(super) fn attribute(dir: &Dir, name: &str, key: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    match lgetxattr(dir.path().join(name), key, &mut *value) {
        Err(Errno::NODATA) => None,
        length => {
            value.truncate(length.unwrap());
            Some(value)
        }
    }
}

/// The contents that an inode refers to.
fn contents(store: &Store, layer: &Digest, dir: &Dir, name: &str) -> String {
    let redirect = attribute(dir, name, "user.overlay.redirect").unwrap();
    assert!(redirect.len() <= 24 && redirect[0] == b'/', "{redirect:?}");
    assert_eq!(attribute(dir, name, "user.overlay.metacopy").unwrap(), b"");
    let data = store.layers.dir(layer.hex()).unwrap().dir("data").unwrap();
    data.read_text(std::str::from_utf8(&redirect[1..]).unwrap(), 100).unwrap()
}

/// One of everything that an ordinary user can unpack, too.
fn everything() -> Archive {
    Archive::new()
        .dir("d")
        .file("d/f", "first")
        .file("d/empty", "")
        .hard_link("d/again", "d/f")
        .symlink("d/l", "/nowhere")
        .entry(&Head::new(b'6', "d/p", 0).mode(0o622), b"")
        .file("d/.wh.gone", "")
        .dir("d/o")
        .file("d/o/.wh..wh..opq", "")
        .file("d/new\nline", "second")
        .pax(&[("path", "n".repeat(255).as_bytes())])
        .file("x", "third")
        .entry(&Head::new(b'0', "closed", 4).mode(0o400), b"4444")
        .entry(&Head::new(b'5', "sticky", 0).mode(0o1777), b"")
        .pax(&[("SCHILY.xattr.user.note", b"hello")])
        .file("noted", "fifth")
        .pax(&[("path", b"odd\xff"), ("mtime", b"1234567.5")])
        .file("x", "sixth")
}

#[test]
fn a_tree_is_its_layer_once_more() {
    let (_home, store) = store();
    let layer = layer(&store, everything());
    let source = store.layer(&layer).unwrap().unwrap().files().unwrap();
    for way in [Way::Metadata, Way::Copy] {
        let tree = mapped(&store, layer, &IdMap::identity(), way);
        let mut seen = 0;
        alike(&source, &tree, &mut seen);
        assert_eq!(seen, 14);
        assert_eq!(attribute(&tree, "d/o", "user.overlay.opaque").unwrap(), b"y");
        assert_eq!(attribute(&tree, "noted", "user.note").unwrap(), b"hello");
        assert_eq!(tree.stat("d/f").unwrap().st_ino, tree.stat("d/again").unwrap().st_ino);
        assert_eq!(tree.stat("d/f").unwrap().st_nlink, 2);
        let files = [("d/f", "first"), ("d/again", "first"), ("d/new\nline", "second"), ("closed", "4444")];
        for (name, text) in files {
            match way {
                Way::Metadata => assert_eq!(contents(&store, &layer, &tree, name), text),
                Way::Copy => {
                    assert_eq!(tree.read_text(name, 100).unwrap(), text);
                    assert_eq!(attribute(&tree, name, "user.overlay.metacopy"), None);
                }
            }
        }
        assert_eq!(attribute(&tree, "d/empty", "user.overlay.metacopy"), None, "nothing refers to nothing");
    }
}

/// Whether two directories have the same entries, of the same kinds, sizes, permissions and times.
fn alike(one: &Dir, two: &Dir, seen: &mut u32) {
    assert_eq!(one.names().unwrap(), two.names().unwrap());
    for name in one.names().unwrap() {
        let (a, b) = (one.stat(&name).unwrap(), two.stat(&name).unwrap());
        assert_eq!((a.st_mode, a.st_rdev, a.st_uid, a.st_gid), (b.st_mode, b.st_rdev, b.st_uid, b.st_gid), "{name:?}");
        if a.st_rdev != 0 || kind(&a) != FileType::CharacterDevice {
            assert_eq!((a.st_mtime, a.st_mtime_nsec), (b.st_mtime, b.st_mtime_nsec), "{name:?}");
        }
        match kind(&a) {
            FileType::Directory => alike(&one.dir(&name).unwrap(), &two.dir(&name).unwrap(), seen),
            FileType::RegularFile => assert_eq!(a.st_size, b.st_size, "{name:?}"),
            FileType::Symlink => assert_eq!(one.read_link(&name).unwrap(), two.read_link(&name).unwrap()),
            _ => {}
        }
        *seen += 1;
    }
}

#[test]
fn a_tree_is_made_once() {
    let (_home, store) = store();
    let layer = layer(&store, everything());
    let number = |way| mapped(&store, layer, &IdMap::identity(), way).stat("").unwrap().st_ino;
    let (first, other) = (number(Way::Metadata), number(Way::Copy));
    assert_eq!((number(Way::Metadata), number(Way::Copy)), (first, other));
    assert_ne!(first, other);
    assert!(store.tmp.names().unwrap().is_empty());
    store.remove_layer(&layer).unwrap();
    assert!(store.layers.names().unwrap().is_empty() && store.tmp.names().unwrap().is_empty());
}

#[test]
fn a_containers_own_trees_are_those_of_its_last_map() {
    let (_home, store) = store();
    let layers = [layer(&store, everything()), layer(&store, Archive::new().file("f", "x"))];
    let container = container(&store, "abc");
    let current = IdMap::identity();
    let start = |map: &IdMap| {
        let mapping = Mapping { map, current: &current, way: Way::Metadata };
        store.map_layers(&layers, Keep::Container(&container), &mapping).unwrap()
    };
    let first = start(&IdMap::identity());
    assert_eq!((first.lower.len(), first.data.len()), (2, 2));
    assert_eq!(start(&IdMap::identity()).lower, first.lower);
    // As good as the first, but written otherwise; an ordinary user may not give files away.
    let two = Extents::new([Extent::new(0, 0, 70_000), Extent::new(70_000, 70_000, 1)]).unwrap();
    let second = start(&IdMap { uid: two.clone(), gid: two });
    assert_ne!(first.lower, second.lower);
    assert_eq!(container.dir().dir("mapped").unwrap().names().unwrap().len(), 2);
    assert!(first.lower.iter().all(|path| Dir::open(path).is_err()));
    store.remove_container(container.id()).unwrap();
    assert!(store.tmp.names().unwrap().is_empty());
}

#[test]
fn trees_that_nobody_uses_make_room() {
    let (_home, store) = store();
    let layer = layer(&store, Archive::new().file("f", "x"));
    let current = IdMap::identity();
    let make = |len: u32| {
        let ids = Extents::new([Extent::new(0, 0, 70_000), Extent::new(70_000, 70_000, len)]).unwrap();
        let mapping = Mapping { map: &IdMap { uid: ids.clone(), gid: ids }, current: &current, way: Way::Copy };
        store.map_layers(&[layer], Keep::Layers, &mapping).unwrap()
    };
    let used = make(1);
    let unused = make(2).lower;
    let further: Vec<_> = (3..20).map(|len| make(len).lower).collect();
    let is_there = |lower: &[PathBuf]| Dir::open(&lower[0]).is_ok();
    assert!(is_there(&used.lower) && is_there(&further[16]) && !is_there(&unused));
    let trees = store.layers.dir(layer.hex()).unwrap().dir("mapped").unwrap();
    assert_eq!(trees.names().unwrap().len(), 8);
    // As many as are used.
    let all: Vec<_> = (20..32).map(make).collect();
    assert!(all.iter().all(|mapped| is_there(&mapped.lower)));
    assert!(store.tmp.names().unwrap().is_empty());
}

#[test]
fn what_a_death_leaves_is_swept_away() {
    let (home, store) = store();
    let layer = layer(&store, everything());
    let made = store.layer(&layer).unwrap().unwrap();
    // As far as a kill in the middle would have let it come.
    let (draft, dir) = Draft::dir(&store).unwrap();
    tree::build(&dir, &made, &Translation::new(&IdMap::identity(), &IdMap::identity()), Contents::Copied).unwrap();
    std::mem::forget(draft);
    assert_eq!(store.tmp.names().unwrap().len(), 1);
    sys::rustix::fs::flock(&dir, sys::rustix::fs::FlockOperation::Unlock).unwrap();
    let again = Store::open(&home.path().join("root"), &home.path().join("run")).unwrap();
    assert!(again.tmp.names().unwrap().is_empty());
}

#[test]
fn one_tree_in_memory_serves_everybody() {
    let (_home, store) = store();
    let layer = layer(&store, everything());
    let memory = tempfile::tempdir().unwrap();
    let dir = Dir::open(memory.path()).unwrap();
    let make = || store.layers_in_memory(&[layer], &dir, &IdMap::identity()).unwrap().unwrap();
    let (first, number) = (make(), dir.dir(layer.hex()).unwrap().stat("").unwrap().st_ino);
    assert_eq!((make().lower, dir.dir(layer.hex()).unwrap().stat("").unwrap().st_ino), (first.lower.clone(), number));
    assert_eq!(dir.names().unwrap().len(), 1);
    assert_eq!(contents(&store, &layer, &Dir::open(&first.lower[0]).unwrap(), "d/f"), "first");
}

#[test]
fn privileged_owners_are_the_maps() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let capability = [&[1, 0, 0, 2][..], &[0, 0x20, 0, 0], &[0; 12]].concat();
    let archive = Archive::new()
        .entry(&Head::new(b'5', "d", 0).owner(5, 6).mode(0o2775), b"")
        .entry(&Head::new(b'0', "d/own", 1).owner(0, 0), b"x")
        .entry(&Head::new(b'0', "d/suid", 1).owner(7, 8).mode(0o6755), b"x")
        .entry(&Head::new(b'2', "d/l", 0).owner(7, 8).link("f"), b"")
        .entry(&Head::new(b'6', "d/p", 0).owner(9, 10).mode(0o666), b"")
        .pax(&[("SCHILY.xattr.security.capability", &capability)])
        .entry(&Head::new(b'0', "ping", 3).mode(0o755), b"elf")
        .entry(&Head::new(b'0', "stranger", 3).owner(500, 3), b"abc");
    let layer = layer(&store, archive);
    let map = map(&[(0, 1000, 100)]);
    for way in [Way::Metadata, Way::Copy] {
        let tree = mapped(&store, layer, &map, way);
        let of = |name: &str| (owners(&tree, name), tree.stat(name).unwrap().st_mode & 0o7777);
        assert_eq!(of(""), ((1000, 1000), 0o755));
        assert_eq!(of("d"), ((1005, 1006), 0o2775));
        assert_eq!(of("d/own"), ((1000, 1000), 0o644), "the set-gid directory does not give its group away");
        assert_eq!(of("d/suid"), ((1007, 1008), 0o6755));
        assert_eq!(of("d/l"), ((1007, 1008), 0o777));
        assert_eq!(of("d/p"), ((1009, 1010), 0o666));
        assert_eq!(of("stranger"), ((0, 1003), 0o644), "it is nobody's in the container");
        let expected = [&[1, 0, 0, 3][..], &capability[4..], &1000_u32.to_le_bytes()].concat();
        assert_eq!(attribute(&tree, "ping", "security.capability").unwrap(), expected);
    }
}

#[test]
fn privileged_a_map_of_everything_has_no_place_for_strangers() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let layer = layer(&store, Archive::new().entry(&Head::new(b'0', "stranger", 0).owner(500, 3), b""));
    let (map, current) = (map(&[(0, 1, 50), (400, 0, 1)]), map(&[(0, 0, 51)]));
    for way in [Way::Metadata, Way::Copy] {
        let refused = store.map_layers(&[layer], Keep::Layers, &Mapping { map: &map, current: &current, way });
        let error = refused.unwrap_err();
        assert_eq!(error.code(), codes::UR0302);
        assert!(error.report().facts[1].contains("stranger"), "{error:?}");
        assert!(store.tmp.names().unwrap().is_empty());
    }
}

#[test]
fn privileged_lists_have_the_maps_ids() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let layer = layer(&store, Archive::new().file("f", "x"));
    let source = store.layer(&layer).unwrap().unwrap().path().join("f");
    let list = |id: u32| {
        let entry = |tag: u8, perm: u8, id: u32| [&[tag, 0, perm, 0][..], &id.to_le_bytes()].concat();
        let none = u32::MAX;
        [
            vec![2, 0, 0, 0],
            entry(1, 6, none),
            entry(2, 6, id),
            entry(4, 4, none),
            entry(16, 6, none),
            entry(32, 4, none),
        ]
        .concat()
    };
    match setxattr(&source, "system.posix_acl_access", &list(33), XattrFlags::empty()) {
        Err(Errno::OPNOTSUPP) => return crate::testing::skipped("this file system has no access control lists"),
        set => set.unwrap(),
    }
    let tree = mapped(&store, layer, &map(&[(0, 1000, 100)]), Way::Metadata);
    let mut value = [0; 64];
    let length = getxattr(tree.path().join("f"), "system.posix_acl_access", &mut value).unwrap();
    assert_eq!(value[..length], list(1033));
}
