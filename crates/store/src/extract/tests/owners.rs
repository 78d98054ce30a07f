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
fn privileged_ids_in_lists_and_capabilities_are_counted() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let capability = [&[1, 0, 0, 3][..], &[0, 0x20, 0, 0], &[0; 12], &1000_u32.to_le_bytes()].concat();
    let list = b"user::rw-,user:lisa:r--:205001,group::r--,group:50:rw-,mask::rw-,other::---";
    let archive = Archive::new()
        .pax(&[("SCHILY.xattr.security.capability", &capability)])
        .entry(&Head::new(b'0', "ping", 0).mode(0o755), b"")
        .pax(&[("SCHILY.acl.access", list)])
        .entry(&Head::new(b'0', "shared", 0).mode(0o660), b"")
        .pax(&[("SCHILY.acl.access", list), ("SCHILY.acl.default", list)])
        .entry(&Head::new(b'5', "dir", 0).mode(0o770), b"")
        .pax(&[("SCHILY.acl.access", b"user::rw-,user:lisa:r--,group::r--,mask::r--,other::---")])
        .entry(&Head::new(b'0', "named", 0).mode(0o640), b"");
    let (files, meta) = unpacked(&store, archive.end());
    let Some(kept) = xattr(&files, "shared", "system.posix_acl_access") else {
        skipped("this file system has no access control lists");
        return;
    };
    assert_eq!((kept.len(), mode(&files, "shared"), mode(&files, "dir")), (4 + 6 * 8, 0o660, 0o770));
    assert!(xattr(&files, "dir", "system.posix_acl_default").is_some());
    assert_eq!(meta.acl_uids.into_iter().collect::<Vec<_>>(), [(205_001, 3)]);
    assert_eq!(meta.acl_gids.into_iter().collect::<Vec<_>>(), [(50, 3)]);
    assert_eq!(meta.capability_roots.into_iter().collect::<Vec<_>>(), [(1000, 1)]);
    assert_eq!(meta.skipped["access control list with names and no ids"], 1);
}

#[test]
fn what_is_known_of_older_layers_is_readable() {
    let text = r#"{"format":1,"diff_id":"sha256:00","files":1,"bytes":2,"archive_bytes":3,"uids":{"0":1},"gids":{"5":1},
        "setuid":0,"whiteouts":0,"ownership":"canonical"}"#;
    let meta: Meta = serde_json::from_str(text).unwrap();
    assert!(meta.acl_uids.is_empty() && meta.capability_roots.is_empty() && meta.gids[&5] == 1);
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
