//! What a layer looks like once it is unpacked.

mod owners;

use std::{io::Write, path::Path};

use diag::codes::*;
use sys::{
    Dir,
    rustix::fs::{FileType, fgetxattr, makedev},
};

use crate::{
    Durability, Layer, Meta, Owners, Ownership, Store, Unpack,
    testing::{Archive, Head, how, privileged, record, skipped, store},
};

/// Unpacks and publishes.
#[track_caller]
fn unpacked(store: &Store, archive: impl Into<Vec<u8>>) -> (Dir, Meta) {
    let staged = store.unpack(archive.into().as_slice(), &how()).unwrap();
    let layer = published(store, staged);
    (layer.files().unwrap(), layer.meta().unwrap())
}

fn published(store: &Store, staged: crate::StagedLayer) -> Layer {
    store.publish(Vec::new(), vec![staged], Durability::Volatile).unwrap().remove(0)
}

fn mode(files: &Dir, name: &str) -> u32 {
    files.stat(name).unwrap().st_mode & 0o7777
}

fn kind(files: &Dir, name: &str) -> FileType {
    FileType::from_raw_mode(files.stat(name).unwrap().st_mode)
}

fn xattr(files: &Dir, name: &str, key: &str) -> Option<Vec<u8>> {
    let file = files.open_at(name, sys::rustix::fs::OFlags::RDONLY, sys::rustix::fs::Mode::empty()).unwrap();
    let mut value = vec![0; 1000];
    let length = fgetxattr(&file, key, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}

fn is_opaque(files: &Dir, name: &str) -> bool {
    xattr(files, name, "user.overlay.opaque").as_deref() == Some(b"y")
}

fn is_whiteout(files: &Dir, name: &str) -> bool {
    files
        .stat(name)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0)
}

#[test]
fn a_layer_has_files_directories_and_links() {
    let (_home, store) = store();
    let archive = Archive::new()
        .entry(&Head::new(b'5', "./", 0).mode(0o751), b"")
        .dir("etc/")
        .file("etc/hosts", "localhost\n")
        .symlink("etc/link", "/etc/../../anywhere")
        .hard_link("etc/same", "./etc/hosts")
        .file("deep/er/file", "x")
        .entry(&Head::new(b'6', "fifo", 0).mode(0o620), b"");
    let (files, meta) = unpacked(&store, archive.end());
    assert_eq!(files.read_text("etc/hosts", 100).unwrap(), "localhost\n");
    assert_eq!(files.read_link("etc/link").unwrap(), Path::new("/etc/../../anywhere"));
    assert_eq!(files.stat("etc/hosts").unwrap().st_ino, files.stat("etc/same").unwrap().st_ino);
    assert_eq!((mode(&files, ""), mode(&files, "etc"), mode(&files, "deep/er")), (0o751, 0o755, 0o755));
    assert_eq!((kind(&files, "fifo"), mode(&files, "fifo")), (FileType::Fifo, 0o620));
    assert_eq!(files.stat("etc/hosts").unwrap().st_mtime, 1);
    assert_eq!(files.stat("etc").unwrap().st_mtime, 1, "made before its entries, timed after them");
    assert_eq!((meta.files, meta.bytes), (8, 11));
    assert_eq!(meta.uids.into_iter().collect::<Vec<_>>(), [(0, 8)]);
}

#[test]
fn all_compressions_give_the_same_layer() {
    let (_home, store) = store();
    let plain = Archive::new().file("f", &"contents ".repeat(100_000)).end();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    // Several members, as pigz and estargz write them.
    let mut members = Vec::new();
    for part in plain.chunks(100_000) {
        let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        member.write_all(part).unwrap();
        members.extend(member.finish().unwrap());
    }
    let skippable =
        [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd::encode_all(plain.as_slice(), 1).unwrap()].concat();
    let expected = oci::Digest::of(&plain);
    for archive in [plain, gzip, members, skippable] {
        let staged = store.unpack(archive.as_slice(), &Unpack { diff_id: Some(&expected), ..how() }).unwrap();
        assert_eq!(staged.diff_id(), &expected);
        assert_eq!(staged.meta().bytes, 900_000);
    }
}

#[test]
fn what_comes_after_the_end_counts_for_the_digest() {
    let (_home, store) = store();
    let archive = [Archive::new().file("f", "").end(), vec![0; 9000]].concat();
    let staged = store.unpack(archive.as_slice(), &how()).unwrap();
    assert_eq!(staged.diff_id(), &oci::Digest::of(&archive));
    assert_eq!(staged.meta().archive_bytes, archive.len() as u64);
}

#[test]
fn another_digest_than_promised_is_refused() {
    let (_home, store) = store();
    let expected = oci::Digest::of(b"something else");
    let archive = Archive::new().file("f", "").end();
    let error = store.unpack(archive.as_slice(), &Unpack { diff_id: Some(&expected), ..how() }).unwrap_err();
    assert_eq!(error.code(), UR0703);
    assert!(store.tmp.names().unwrap().is_empty() && store.layers.names().unwrap().is_empty());
}

#[test]
fn an_end_that_is_not_marked_is_enough_if_the_digest_is_right() {
    let (_home, store) = store();
    let archive = Archive::new().file("f", "").0;
    let digest = oci::Digest::of(&archive);
    store.unpack(archive.as_slice(), &Unpack { diff_id: Some(&digest), ..how() }).unwrap();
    store.unpack(&[0; 1024][..], &how()).unwrap();
}

#[test]
fn a_layer_that_is_there_already_stays_as_it_is() {
    let (_home, store) = store();
    let archive = Archive::new().file("f", "x").end();
    let (first, _) = unpacked(&store, archive.clone());
    let (second, _) = unpacked(&store, archive.clone());
    assert_eq!(first.stat("").unwrap().st_ino, second.stat("").unwrap().st_ino);
    let digest = oci::Digest::of(&archive);
    assert_eq!(store.layer_digests().unwrap(), [digest]);
    store.remove_layer(&digest).unwrap();
    store.remove_layer(&digest).unwrap();
    assert!(store.layer(&digest).unwrap().is_none());
    assert!(store.tmp.names().unwrap().is_empty());
}

#[test]
fn long_names_of_both_kinds() {
    let (_home, store) = store();
    let long = format!("{}/{}", "d".repeat(200), "f".repeat(200));
    let gnu = [long.as_bytes(), b"\0"].concat();
    let archive = Archive::new()
        .entry(&Head::new(b'L', "././@LongLink", gnu.len() as u64), &gnu)
        .file("cut", "gnu")
        .pax(&[("path", format!("{long}2").as_bytes()), ("mtime", b"-1.25")])
        .file("cut", "pax")
        .entry(&Head::new(b'K', "././@LongLink", gnu.len() as u64), &gnu)
        .symlink("link", "cut");
    let (files, _) = unpacked(&store, archive.end());
    assert_eq!(files.read_text(&long, 10).unwrap(), "gnu");
    assert_eq!(files.read_text(format!("{long}2"), 10).unwrap(), "pax");
    assert_eq!(files.read_link("link").unwrap(), Path::new(&long));
    let stat = files.stat(format!("{long}2")).unwrap();
    assert_eq!((stat.st_mtime, stat.st_mtime_nsec), (-2, 750_000_000));
    let mut prefixed = Head::new(b'0', "name", 0);
    prefixed.put(345, b"some/prefix");
    let (files, _) = unpacked(&store, Archive::new().entry(&prefixed, b"").end());
    assert!(files.has("some/prefix/name"));
}

#[test]
fn global_headers_hold_for_what_follows() {
    let (_home, store) = store();
    let body = [record("comment", b"from git"), record("mtime", b"77")].concat();
    let archive = Archive::new()
        .entry(&Head::new(b'g', "global", body.len() as u64), &body)
        .file("a", "")
        .pax(&[("mtime", b"78")])
        .file("b", "");
    let (files, _) = unpacked(&store, archive.end());
    assert_eq!((files.stat("a").unwrap().st_mtime, files.stat("b").unwrap().st_mtime), (77, 78));
}

#[test]
fn the_last_of_several_entries_counts() {
    let (_home, store) = store();
    let archive = Archive::new()
        .file("f", "one")
        .file("f", "two")
        .dir("d")
        .file("d/kept", "")
        .entry(&Head::new(b'5', "d", 0).mode(0o700), b"")
        .dir("gone")
        .dir("gone/sub")
        .file("gone/sub/f", "")
        .file("gone", "a file now")
        .file("now-dir", "")
        .dir("now-dir")
        .file("now-dir/f", "")
        .symlink("link", "a")
        .symlink("link", "b")
        .file("again/f", "")
        .symlink("again", "x")
        .dir("again");
    let (files, _) = unpacked(&store, archive.end());
    assert_eq!(files.read_text("f", 10).unwrap(), "two");
    assert!(files.has("d/kept") && mode(&files, "d") == 0o700);
    assert_eq!(files.read_text("gone", 10).unwrap(), "a file now");
    assert!(files.has("now-dir/f"));
    assert_eq!(files.read_link("link").unwrap(), Path::new("b"));
    assert_eq!(files.dir("again").unwrap().names().unwrap().len(), 0);
}

#[test]
fn directories_that_nobody_may_search_can_be_filled_and_removed() {
    let (_home, store) = store();
    let shut = |name: &str| Head::new(b'5', name, 0).mode(0o000);
    let archive =
        Archive::new().entry(&shut("a"), b"").entry(&shut("a/b"), b"").file("a/b/c", "x").entry(&shut("a"), b"");
    let staged = store.unpack(archive.end().as_slice(), &how()).unwrap();
    drop(staged);
    assert!(store.tmp.names().unwrap().is_empty());
}

#[test]
fn whiteouts_hide_what_is_below_and_nothing_of_this_layer() {
    let (_home, store) = store();
    let archive = Archive::new()
        .file(".wh.gone", "")
        .file("dir/.wh.gone", "")
        .dir("opaque")
        .file("opaque/.wh..wh..opq", "")
        .file("opaque/new", "")
        .file("implied/.wh..wh..opq", "")
        .file(".wh.first", "")
        .file("first", "x")
        .file("then", "x")
        .file(".wh.then", "")
        .file(".wh.first-dir", "")
        .dir("first-dir")
        .dir("then-dir")
        .file("then-dir/f", "")
        .file(".wh.then-dir", "")
        .file(".wh.way", "")
        .file("way/f", "")
        .file(".wh..wh.aufs", "")
        .file(".wh..wh.plnk/1.2", "");
    let (files, meta) = unpacked(&store, archive.end());
    assert!(is_whiteout(&files, "gone") && is_whiteout(&files, "dir/gone"));
    for dir in ["opaque", "implied", "first-dir", "then-dir", "way"] {
        assert!(is_opaque(&files, dir), "{dir}");
    }
    assert!(!is_opaque(&files, "dir"));
    for file in ["opaque/new", "first", "then", "then-dir/f", "way/f"] {
        assert_eq!(kind(&files, file), FileType::RegularFile, "{file}");
    }
    assert_eq!(files.names().unwrap().len(), 9);
    assert_eq!(meta.whiteouts, 9);
}

#[test]
fn privileged_opaque_directories_have_both_marks() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let (files, _) = unpacked(&store, Archive::new().file("d/.wh..wh..opq", "").end());
    for key in ["trusted.overlay.opaque", "user.overlay.opaque"] {
        assert_eq!(xattr(&files, "d", key).as_deref(), Some(&b"y"[..]), "{key}");
    }
}

#[test]
fn attributes_are_kept_and_those_of_overlayfs_are_not() {
    let (_home, store) = store();
    let records: [(&str, &[u8]); 7] = [
        ("SCHILY.xattr.user.note", b"a\nb\0c"),
        ("SCHILY.xattr.user.overlay.redirect", b"/../../etc"),
        ("SCHILY.xattr.user.overlay.opaque", b"y"),
        ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
        ("SCHILY.xattr.trusted.x", b"y"),
        ("SCHILY.xattr.security.selinux", b"system_u"),
        ("SCHILY.xattr.security.ima", b"y"),
    ];
    let read_only = Head::new(b'0', "f", 0).mode(0o444);
    let archive =
        Archive::new().pax(&records).entry(&read_only, b"").pax(&records).dir("d").pax(&records).symlink("l", "x");
    let mut staged = store.unpack(archive.end().as_slice(), &how()).unwrap();
    let warnings = staged.take_warnings();
    assert_eq!(warnings.iter().map(diag::Error::code).collect::<Vec<_>>(), [UR0715]);
    let (files, meta) = {
        let layer = published(&store, staged);
        (layer.files().unwrap(), layer.meta().unwrap())
    };
    for name in ["f", "d"] {
        assert_eq!(xattr(&files, name, "user.note").as_deref(), Some(&b"a\nb\0c"[..]));
        for (key, _) in &records[1..] {
            assert_eq!(xattr(&files, name, key.strip_prefix("SCHILY.xattr.").unwrap()), None, "{key}");
        }
    }
    assert_eq!(meta.skipped["security.ima"], 2);
}

#[test]
fn files_with_holes() {
    let (_home, store) = store();
    let mut old = Head::new(b'S', "old", 10);
    old.octal(386, 12, 0)
        .octal(398, 12, 5)
        .octal(410, 12, 1_000_000)
        .octal(422, 12, 5)
        .octal(434, 12, 2_000_000)
        .octal(446, 12, 0);
    old.octal(483, 12, 2_000_000);
    let mut map = b"2\n0\n5\n1000000\n5\n".to_vec();
    map.resize(512, 0);
    let body = [&map[..], b"helloworld"].concat();
    let new: [(&str, &[u8]); 4] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"new"),
        ("GNU.sparse.realsize", b"2000000"),
    ];
    let middle: [(&str, &[u8]); 3] =
        [("GNU.sparse.size", b"2000000"), ("GNU.sparse.name", b"middle"), ("GNU.sparse.map", b"0,5,1000000,5")];
    let first: [(&str, &[u8]); 6] = [
        ("GNU.sparse.size", b"2000000"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.offset", b"0"),
        ("GNU.sparse.numbytes", b"5"),
        ("GNU.sparse.offset", b"1000000"),
        ("GNU.sparse.numbytes", b"5"),
    ];
    let archive = Archive::new()
        .entry(&old, b"helloworld")
        .pax(&new)
        .entry(&Head::new(b'0', "x", body.len() as u64), &body)
        .pax(&middle)
        .file("x", "helloworld")
        .pax(&first)
        .file("first", "helloworld")
        .file("after", "y");
    let (files, _) = unpacked(&store, archive.end());
    for name in ["old", "new", "middle", "first"] {
        let contents = files.read(name, 3_000_000).unwrap();
        assert_eq!(contents.len(), 2_000_000, "{name}");
        assert_eq!((&contents[..5], &contents[1_000_000..1_000_005]), (&b"hello"[..], &b"world"[..]), "{name}");
        assert_eq!(contents.iter().filter(|byte| **byte != 0).count(), 10);
        assert!(files.stat(name).unwrap().st_blocks < 1000, "{name} has no holes");
    }
    assert_eq!(files.read_text("after", 10).unwrap(), "y");
}

#[test]
fn another_program_writes_and_we_read() {
    let (_home, store) = store();
    let mut builder = tar::Builder::new(Vec::new());
    for (name, contents) in [("short", "a".to_owned()), (&*format!("dir/{}", "long".repeat(60)), "b".repeat(600))] {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o640);
        header.set_mtime(1_700_000_000);
        builder.append_data(&mut header, name, contents.as_bytes()).unwrap();
    }
    let (files, _) = unpacked(&store, builder.into_inner().unwrap());
    assert_eq!(files.read_text("short", 10).unwrap(), "a");
    assert_eq!(files.stat(format!("dir/{}", "long".repeat(60))).unwrap().st_size, 600);
    assert_eq!((mode(&files, "short"), files.stat("short").unwrap().st_mtime), (0o640, 1_700_000_000));
}
