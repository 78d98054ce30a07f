//! What takes a right over ids to write: owners, capabilities, devices.

use super::*;

#[test]
fn one_id_flattens_and_remembers() {
    let (_home, store) = store();
    let archive = Archive::new().dir("d").entry(&Head::new(b'0', "d/f", 0).owner(101, 102).mode(0o4755), b"");
    let mut staged = store.unpack(archive.end().as_slice(), &Unpack { ownership: Ownership::Single, ..how() }).unwrap();
    assert_eq!(staged.take_warnings()[0].code(), UR0207);
    let layer = published(&store, staged);
    let (files, meta) = (layer.files().unwrap(), layer.meta().unwrap());
    assert_eq!(files.stat("d/f").unwrap().st_uid, sys::rustix::process::geteuid().as_raw());
    assert_eq!(mode(&files, "d/f"), 0o4755);
    assert_eq!(meta.ownership, Owners::Flattened);
    assert_eq!((meta.uids[&101], meta.gids[&102], meta.uids[&0], meta.setuid), (1, 1, 2, 1));
}

#[test]
fn privileged_owners_are_those_of_the_archive() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let archive = Archive::new()
        .entry(&Head::new(b'5', "d", 0).owner(5, 6).mode(0o2775), b"")
        .entry(&Head::new(b'0', "d/f", 0).owner(101, 102).mode(0o6755), b"")
        .entry(&Head::new(b'2', "d/l", 0).owner(7, 8).link("f"), b"")
        .entry(&Head::new(b'6', "d/p", 0).owner(9, 10).mode(0o666), b"")
        .file("d/own", "")
        .pax(&[("uid", b"4000000000"), ("gid", b"65534")])
        .file("big", "");
    let (files, meta) = unpacked(&store, archive.end());
    let owners = |name: &str| files.stat(name).map(|stat| (stat.st_uid, stat.st_gid, stat.st_mode & 0o7777)).unwrap();
    assert_eq!(owners("d"), (5, 6, 0o2775));
    assert_eq!(owners("d/f"), (101, 102, 0o6755));
    assert_eq!(owners("d/l"), (7, 8, 0o777));
    assert_eq!(owners("d/p"), (9, 10, 0o666));
    assert_eq!(owners("d/own"), (0, 0, 0o644), "the set-gid directory does not give its group away");
    assert_eq!(owners("big"), (4_000_000_000, 65534, 0o644));
    assert_eq!((meta.ownership, meta.setuid, meta.files), (Owners::Canonical, 1, 7));
}

#[test]
fn privileged_capabilities_survive_the_owner() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let capability = [&[1, 0, 0, 2][..], &[0, 0x20, 0, 0], &[0; 12]].concat();
    let archive = Archive::new()
        .pax(&[("SCHILY.xattr.security.capability", &capability)])
        .entry(&Head::new(b'0', "ping", 3).owner(1, 2).mode(0o755), b"elf");
    let (files, meta) = unpacked(&store, archive.end());
    assert_eq!(xattr(&files, "ping", "security.capability").unwrap(), capability);
    assert_eq!(meta.setuid, 1);
}

#[test]
fn privileged_devices_are_devices() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let archive = Archive::new()
        .entry(&Head::new(b'3', "null", 0).device(1, 3).mode(0o666).owner(3, 4), b"")
        .entry(&Head::new(b'4', "disk", 0).device(259, 65537).mode(0o600), b"");
    let (files, meta) = unpacked(&store, archive.end());
    if !meta.skipped.is_empty() {
        skipped("this root may not make devices");
        return;
    }
    let stat = files.stat("null").unwrap();
    assert_eq!((stat.st_rdev, stat.st_mode & 0o7777, stat.st_uid, stat.st_gid), (makedev(1, 3), 0o666, 3, 4));
    assert_eq!(files.stat("disk").unwrap().st_rdev, makedev(259, 65537));
}
