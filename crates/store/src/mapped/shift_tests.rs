use std::os::fd::AsFd as _;

use diag::codes;
use sys::rustix::fs::{OFlags, fsetxattr as set};

use super::{
    super::{
        Way,
        tests::{attribute, container, map, own, owners},
    },
    *,
};
use crate::testing::{privileged, store};

fn start(container: &Container, map: &IdMap) -> Result<()> {
    let current = IdMap::identity();
    container.own_upper(own(), &Mapping { map, current: &current, way: Way::Copy })
}

/// A container that has run as it is on disk, and its upper directory.
fn used(store: &crate::Store) -> (Container, Dir) {
    let container = container(store, "abc");
    let upper = container.dir().dir(UPPER).unwrap();
    let etc = upper.make_dir("etc", 0o755).unwrap();
    for (name, uid, gid, mode) in [("own", 0, 0, 0o644), ("redis", 101, 102, 0o640), ("su", 0, 8, 0o6755)] {
        etc.write(name, b"x", 0o600).unwrap();
        chownat(&etc, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::empty()).unwrap();
        chmodat(&etc, name, Mode::from_raw_mode(mode), AtFlags::empty()).unwrap();
    }
    sys::rustix::fs::linkat(&etc, "redis", &upper, "linked", AtFlags::empty()).unwrap();
    upper.symlink("l", "/etc/own").unwrap();
    chownat(&upper, "l", Some(Uid::from_raw(33)), None, AtFlags::SYMLINK_NOFOLLOW).unwrap();
    (container, upper)
}

#[track_caller]
fn assert_base(upper: &Dir, base: u32) {
    let of = |name: &str| owners(upper, name);
    assert_eq!((of(""), of("etc"), of("etc/own")), ((base, base), (base, base), (base, base)));
    assert_eq!((of("etc/redis"), of("linked")), ((base + 101, base + 102), (base + 101, base + 102)));
    assert_eq!((of("etc/su"), upper.stat("etc/su").unwrap().st_mode & 0o7777), ((base, base + 8), 0o6755));
    assert_eq!(of("l"), (base + 33, base));
}

#[test]
fn privileged_from_range_to_range_and_back() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let (container, upper) = used(&store);
    let capability = [&[1, 0, 0, 2][..], &[0, 0x20, 0, 0], &[0; 12]].concat();
    let file = upper.open_at("etc/own", OFlags::RDONLY, Mode::empty()).unwrap();
    set(file.as_fd(), c"security.capability", &capability, XattrFlags::empty()).unwrap();
    // The second overlaps the first, where an owner alone does not say whether it has been changed.
    for base in [1000, 1001, 2000, 1000] {
        for _ in 0..2 {
            start(&container, &map(&[(0, base, 500)])).unwrap();
            assert_base(&upper, base);
            let expected = [&[1, 0, 0, 3][..], &capability[4..], &base.to_le_bytes()].concat();
            assert_eq!(attribute(&upper, "etc/own", "security.capability").unwrap(), expected);
        }
    }
    start(&container, &IdMap::identity()).unwrap();
    assert_base(&upper, 0);
    assert_eq!(attribute(&upper, "etc/own", "security.capability").unwrap(), capability);
}

#[test]
fn privileged_what_a_map_leaves_out_comes_back() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let (container, upper) = used(&store);
    start(&container, &map(&[(0, 1000, 100)])).unwrap();
    assert_eq!((owners(&upper, "linked"), owners(&upper, "l")), ((0, 0), (1033, 1000)));
    start(&container, &map(&[(0, 3000, 50)])).unwrap();
    start(&container, &map(&[(0, 2000, 500)])).unwrap();
    assert_base(&upper, 2000);
}

#[test]
fn privileged_a_death_in_the_middle_is_made_good() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let (container, upper) = used(&store);
    start(&container, &map(&[(0, 1000, 500)])).unwrap();
    // It has decided, and died after the first of its changes.
    let (from, to) = (map(&[(0, 1000, 500)]), map(&[(0, 1001, 500)]));
    let ids = Translation::between(Some(&from), &to, &IdMap::identity());
    let none = BTreeMap::new();
    let mut planner = Planner { ids, before: &none, next: Owners::default(), xattrs: Xattrs::default() };
    walk(&upper, &mut planner).unwrap();
    let decided = Owners { map: Some(to.clone()), ..planner.next };
    decided.write(container.dir(), Written::Now).unwrap();
    let own = sys::rustix::fs::Uid::from_raw(1001);
    chownat(&upper, "etc/su", Some(own), None, AtFlags::empty()).unwrap();
    fchown(&upper, Some(own), None).unwrap();
    // Whichever map is wanted now.
    start(&container, &map(&[(0, 5000, 500)])).unwrap();
    assert_base(&upper, 5000);
    decided.write(container.dir(), Written::Now).unwrap();
    start(&container, &to).unwrap();
    assert_base(&upper, 1001);
    let record = Owners::read(container.dir()).unwrap();
    assert_eq!((record.map, record.todo.len()), (Some(to), 0));
}

#[test]
fn a_record_that_is_torn_matters_only_if_there_is_something() {
    let (_home, store) = store();
    let container = container(&store, "abc");
    container.dir().write("owners.json", b"", 0o600).unwrap();
    start(&container, &IdMap::identity()).unwrap();
    let upper = container.dir().dir(UPPER).unwrap();
    assert_eq!(owners(&upper, ""), (own().uid, own().gid));
    upper.write("file", b"x", 0o600).unwrap();
    assert_eq!(start(&container, &IdMap::identity()).unwrap_err().code(), codes::UR0707);
}

#[test]
fn nothing_is_written_for_the_stores_own_map() {
    let (_home, store) = store();
    let container = container(&store, "abc");
    start(&container, &map(&[(0, 0, 70_000)])).unwrap();
    assert!(!container.dir().has("owners.json"));
}

#[test]
fn privileged_a_tree_deeper_than_any_path() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let container = container(&store, "abc");
    let mut dir = container.dir().dir(UPPER).unwrap();
    for _ in 0..3000 {
        let next = dir.make_dir("d", 0o700).unwrap();
        dir = Dir::from_fd(next.as_fd().try_clone_to_owned().unwrap(), "d");
    }
    dir.write("file", b"x", 0o600).unwrap();
    start(&container, &map(&[(0, 1000, 100)])).unwrap();
    assert_eq!(owners(&dir, "file"), (1000, 1000));
    start(&container, &map(&[(0, 2000, 100)])).unwrap();
    assert_eq!((owners(&dir, "file"), owners(&dir, "")), ((2000, 2000), (2000, 2000)));
}
