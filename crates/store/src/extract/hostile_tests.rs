//! Archives that want something else than to be unpacked.

mod canary;

use std::io::Read;

use diag::{Code, codes::*};
use proptest::prelude::*;

use self::canary::Canary;
use crate::{
    Durability, Limits, Store, Unpack,
    testing::{Archive, Head, how, store},
};

fn assert_nothing_left(store: &Store) {
    assert_eq!(store.tmp.names().unwrap().len(), 0, "something is left in tmp");
    assert_eq!(store.layers.names().unwrap().len(), 0, "something was published");
}

/// The archive is refused with `code`, its message has `words` in it, and nothing is left of it.
#[track_caller]
fn refused(archive: impl Into<Vec<u8>>, code: Code, words: &str) {
    refused_within(archive, Limits::default(), code, words);
}

#[track_caller]
fn refused_within(archive: impl Into<Vec<u8>>, limits: Limits, code: Code, words: &str) {
    let (_home, store) = store();
    let error = store.unpack(archive.into().as_slice(), &Unpack { limits, ..how() }).unwrap_err();
    assert_eq!(error.code(), code, "{error:?}");
    let report = error.report();
    let text = format!("{} {:?}", report.what, report.cause);
    assert!(text.contains(words), "{text}");
    assert_nothing_left(&store);
}

#[test]
fn names_that_climb_out() {
    for name in ["../evil", "a/../../evil", "/../evil", "./..", "a/../.."] {
        refused(Archive::new().file(name, "x").end(), UR0705, &format!("`{name}`"));
        refused(Archive::new().dir(name).end(), UR0705, "`..`");
    }
    refused(Archive::new().pax(&[("path", b"../evil")]).file("good", "x").end(), UR0705, "`../evil`");
    let long = Archive::new().entry(&Head::new(b'L', "././@LongLink", 8), b"../evil\0");
    refused(long.file("good", "x").end(), UR0705, "`../evil`");
}

#[test]
fn names_that_no_file_can_have() {
    refused(Archive::new().file("", "x").end(), UR0705, "empty name");
    refused(Archive::new().pax(&[("path", b"a\0b")]).file("g", "x").end(), UR0705, "NUL");
    refused(Archive::new().pax(&[("path", "x".repeat(256).as_bytes())]).file("g", "x").end(), UR0705, "255 bytes");
    refused(Archive::new().pax(&[("path", "ab/".repeat(2000).as_bytes())]).dir("g").end(), UR0705, "4095 bytes");
    refused(Archive::new().pax(&[("path", "a/".repeat(257).as_bytes())]).dir("g").end(), UR0705, "256 directories");
    refused(Archive::new().file(".", "x").end(), UR0705, "root");
    refused(Archive::new().symlink("./", "x").end(), UR0705, "root");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    refused(Archive::new().file("../\x1b[31mred", "x").end(), UR0705, "\\u{1b}[31mred");
}

#[test]
fn parents_that_are_links_lead_nowhere() {
    let canary = Canary::new();
    let out = canary.path();
    let absolute = Archive::new().symlink("way", &out);
    refused(absolute.hard_link("stolen", "way/dir/file").end(), UR0705, "`way/dir/file`");
    refused(Archive::new().symlink("loop", "loop").file("loop/x", "x").end(), UR0705, "40 symbolic links");
    refused(Archive::new().file("f", "x").file("f/x", "x").end(), UR0705, "`f`, which is not a directory");
    canary.assert_untouched();
}

/// Links of the layer are followed as a container would follow them: its `/` is the layer's directory.
#[test]
fn parents_that_are_links_lead_to_places_in_the_layer() {
    let canary = Canary::new();
    let (_home, store) = store();
    let archive = Archive::new()
        .symlink("way", &canary.path())
        .file("way/dir/file", "mine")
        .file("way/.wh.dir2", "")
        .dir("d")
        .symlink("d/up", "../../..")
        .file("d/up/here", "x");
    let staged = store.unpack(archive.end().as_slice(), &how()).unwrap();
    let layer = store.publish(Vec::new(), vec![staged], Durability::Volatile).unwrap().remove(0);
    let files = layer.files().unwrap();
    let inside = canary.path().trim_start_matches('/').to_owned();
    assert_eq!(files.read_text(format!("{inside}/dir/file"), 10).unwrap(), "mine");
    assert!(files.has("here"));
    canary.assert_untouched();
}

#[test]
fn what_is_named_twice_is_replaced_and_not_followed() {
    let canary = Canary::new();
    let (_home, store) = store();
    let file = format!("{}/dir/file", canary.path());
    let archive =
        Archive::new().symlink("f", &file).file("f", "mine").symlink("d", &canary.path()).dir("d").file("d/x", "x");
    store.unpack(archive.end().as_slice(), &how()).unwrap();
    canary.assert_untouched();
}

#[test]
fn hard_links_stay_within_the_layer() {
    refused(Archive::new().hard_link("x", "/etc/passwd").end(), UR0705, "`etc/passwd`");
    refused(Archive::new().hard_link("x", "../../../../etc/passwd").end(), UR0705, "`..`");
    refused(Archive::new().hard_link("x", "").end(), UR0705, "empty");
    refused(Archive::new().hard_link("x", "x").end(), UR0705, "itself");
    refused(Archive::new().file("x", "y").hard_link("x", "./x").end(), UR0705, "itself");
    refused(Archive::new().hard_link("x", "later").file("later", "").end(), UR0705, "`later`");
    refused(Archive::new().dir("d").hard_link("x", "d").end(), UR0705, "`d`");
    refused(Archive::new().dir("d").hard_link("x", "/").end(), UR0705, "hard link");
    refused(Archive::new().file(".wh.gone", "").hard_link("x", "gone").end(), UR0705, "`gone`");
    refused(Archive::new().dir("d").file("d/f", "x").hard_link("d", "d/f").end(), UR0705, "`d/f`");
}

#[test]
fn a_hard_link_to_a_link_is_the_link() {
    let canary = Canary::new();
    let (_home, store) = store();
    let file = format!("{}/dir/file", canary.path());
    let archive = Archive::new().symlink("l", &file).hard_link("h", "l").file("h", "mine");
    store.unpack(archive.end().as_slice(), &how()).unwrap();
    canary.assert_untouched();
}

#[test]
fn whiteouts_of_nothing_in_particular() {
    for name in [".wh.", ".wh..", ".wh...", "a/.wh...", ".wh.a/b", "a/.wh.b/c/d"] {
        refused(Archive::new().file(name, "").end(), UR0705, &format!("`{name}`"));
    }
    refused(Archive::new().file("../.wh.etc", "").end(), UR0705, "`..`");
}

#[test]
fn links_with_targets_that_no_link_can_have() {
    refused(Archive::new().symlink("x", "").end(), UR0705, "`x`");
    let long = "y".repeat(5000);
    refused(Archive::new().pax(&[("linkpath", long.as_bytes())]).symlink("x", "y").end(), UR0705, "`x`");
    refused(Archive::new().pax(&[("linkpath", b"a\0b")]).symlink("x", "y").end(), UR0705, "`x`");
}

#[test]
fn owners_that_no_file_can_have() {
    refused(Archive::new().pax(&[("uid", b"4294967295")]).file("x", "").end(), UR0705, "uid 4294967295");
    refused(Archive::new().pax(&[("gid", b"4294967296")]).file("x", "").end(), UR0705, "gid 4294967296");
    refused(Archive::new().pax(&[("uid", b"-1")]).file("x", "").end(), UR0704, "`-1`");
    let mut head = Head::new(b'0', "x", 0);
    head.put(108, &[0x80, 0, 0, 1, 0, 0, 0, 0]);
    refused(Archive::new().entry(&head, b"").end(), UR0705, "uid 4294967296");
    head.put(108, &[0xff; 8]);
    refused(Archive::new().entry(&head, b"").end(), UR0704, "uid of the archive's entry `x`");
}

#[test]
fn sizes_that_disagree() {
    refused(
        Archive::new().pax(&[("size", b"512")]).file("x", "").end(),
        UR0705,
        "0 in one header and 512 in the other",
    );
    refused(Archive::new().pax(&[("size", b"0")]).file("x", "inner").end(), UR0705, "5 in one header");
    refused(Archive::new().pax(&[("size", b"18446744073709551616")]).file("x", "").end(), UR0704, "size");
    refused(Archive::new().pax(&[("size", b"9999999999999999999")]).file("x", "").end(), UR0705, "larger");
    let global = Head::new(b'g', "g", 12);
    refused(Archive::new().entry(&global, b"12 size=512\n").file("x", "").end(), UR0704, "`size`");
    // What is no file has no contents, whatever its header says: what follows is taken for a header.
    for kind in [b'2', b'3', b'4', b'5', b'6'] {
        refused(
            Archive::new().entry(&Head::new(kind, "x", 512).link("y"), &[b'x'; 512]).end(),
            UR0704,
            "not a tar header",
        );
    }
    refused(Archive::new().entry(&Head::new(b'0', "dir/", 5), b"inner").end(), UR0704, "not a tar header");
}

#[test]
fn sizes_beyond_everything() {
    let mut head = Head::new(b'0', "x", 0);
    head.put(124, &[0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    refused(Archive::new().entry(&head, b"").end(), UR0705, "larger");
    head.put(124, &[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    refused(Archive::new().entry(&head, b"").end(), UR0704, "size");
    head.put(124, &[0xff; 12]);
    refused(Archive::new().entry(&head, b"").end(), UR0704, "size");
    refused(Archive::new().entry(&Head::new(b'V', "label", 0o77_777_777_777), b"").end(), UR0704, "middle of an entry");
    refused(Archive::new().entry(&Head::new(b'x', "pax", 1 << 30), b"").end(), UR0704, "extended header");
    refused(Archive::new().entry(&Head::new(b'L', "long", 1 << 30), b"").end(), UR0704, "extended header");
}

#[test]
fn archives_that_end_too_early() {
    let whole = Archive::new().file("x", &"y".repeat(2000)).end();
    for length in [1, 100, 511, 513, 1024, 2000] {
        refused(&whole[..length], UR0704, "ends");
    }
    refused(Vec::new(), UR0704, "ends");
    refused(Archive::new().file("x", "y").0, UR0704, "ends");
    refused(Archive::new().pax(&[("path", b"y")]).end(), UR0704, "ends");
    refused([&[0; 512][..], &Archive::new().file("x", "y").0].concat(), UR0704, "zeros");
}

#[test]
fn things_that_are_no_archives() {
    refused(&b"#!/bin/sh\n"[..], UR0704, "ends");
    refused("x".repeat(1024), UR0704, "not a tar header");
    refused(&b"BZh91AY&SY"[..], UR0714, "bzip2");
    refused(&b"\xfd7zXZ\0\0\0"[..], UR0714, "xz");
    refused(&b"\x1f\x8b\x08\0garbage garbage garbage"[..], UR0704, "archive");
    refused(&b"\x28\xb5\x2f\xfdgarbage garbage"[..], UR0704, "archive");
    let mut bad = Archive::new().file("x", "y").end();
    bad[0] = b'z';
    refused(bad, UR0704, "not a tar header");
    refused(Archive::new().entry(&Head::new(b'M', "x", 0), b"").end(), UR0705, "`M`");
    refused(Archive::new().entry(&Head::new(0x1b, "x", 0), b"").end(), UR0705, "`x`");
}

#[test]
fn doubled_headers() {
    let twice = Archive::new().pax(&[("path", b"a")]).pax(&[("path", b"b")]).file("x", "");
    refused(twice.end(), UR0704, "two extended headers");
    let long = Head::new(b'L', "long", 2);
    refused(
        Archive::new().entry(&long, b"a\0").entry(&long, b"b\0").file("x", "").end(),
        UR0704,
        "two extended headers",
    );
    refused(Archive::new().entry(&long, b"a\0").pax(&[("path", b"b")]).file("x", "").end(), UR0704, "`b` and `a`");
}

#[test]
fn malformed_extended_headers() {
    for body in [&b"99 path=x\n"[..], b"path=x\n", b"10 path=xx", b"0 path=x\n"] {
        refused(
            Archive::new().entry(&Head::new(b'x', "pax", body.len() as u64), body).file("x", "").end(),
            UR0704,
            "extended",
        );
    }
    refused(Archive::new().pax(&[("mtime", b"soon")]).file("x", "").end(), UR0704, "`soon`");
}

#[test]
fn attributes_that_are_not_acceptable() {
    let long = format!("SCHILY.xattr.user.{}", "n".repeat(300));
    refused(Archive::new().pax(&[(&long, b"v")]).file("x", "").end(), UR0705, "`x`");
    for value in [&b""[..], b"\x01\0\0\x02", &[0; 20], &[3; 1000]] {
        refused(
            Archive::new().pax(&[("SCHILY.xattr.security.capability", value)]).file("x", "").end(),
            UR0705,
            "capabilities",
        );
    }
}

#[test]
fn devices_that_linux_cannot_have() {
    let mut head = Head::new(b'3', "dev", 0).device(0o7_777_777, 1);
    refused(Archive::new().entry(&head, b"").end(), UR0705, "`dev`");
    head = Head::new(b'4', "dev", 0);
    head.put(337, &[0x80, 0, 0, 1, 0, 0, 0, 0]);
    refused(Archive::new().entry(&head, b"").end(), UR0705, "`dev`");
}

/// A PAX sparse file of format 1.0 with this map and these contents.
fn sparse(map: &str, size: &str, contents: &[u8]) -> Vec<u8> {
    let mut body = map.as_bytes().to_vec();
    body.resize(body.len().next_multiple_of(512), 0);
    body.extend_from_slice(contents);
    let keys: [(&str, &[u8]); 4] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"sparse"),
        ("GNU.sparse.realsize", size.as_bytes()),
    ];
    Archive::new().pax(&keys).entry(&Head::new(b'0', "GNUSparseFile.0/sparse", body.len() as u64), &body).end()
}

#[test]
fn sparse_files_whose_maps_lie() {
    for (map, size) in [
        ("1\n0\n5\n", "4"),
        ("2\n0\n3\n2\n2\n", "10"),
        ("2\n5\n3\n0\n2\n", "10"),
        ("1\n0\n4\n", "10"),
        ("1\n18446744073709551615\n5\n", "10"),
        ("1\n0\n99999999999999999999999\n", "10"),
        ("99999999\n", "10"),
        ("1\n", "10"),
        ("x\n", "10"),
        ("-1\n", "10"),
    ] {
        refused(sparse(map, size, b"hello"), UR0705, "`sparse`");
    }
    refused(sparse("1\n0\n5\n", "9999999999999999999", b"hello"), UR0705, "larger");
    let mut head = Head::new(b'S', "old", 5);
    head.octal(386, 12, 0).octal(398, 12, 50).octal(483, 12, 5);
    refused(Archive::new().entry(&head, b"hello").end(), UR0705, "`old`");
    head.put(482, b"\x01");
    refused(Archive::new().entry(&head, b"").0, UR0704, "ends");
    refused(Archive::new().pax(&[("GNU.sparse.size", b"5")]).file("x", "").end(), UR0705, "not known");
    refused(
        Archive::new().pax(&[("GNU.sparse.size", b"5"), ("GNU.sparse.map", b"0,1,2")]).file("x", "").end(),
        UR0705,
        "map",
    );
}

#[test]
fn archives_that_are_too_much() {
    let limits = Limits { entries: 10, ..Limits::default() };
    let many = (0..11).fold(Archive::new(), |archive, i| archive.file(&format!("f{i}"), ""));
    refused_within(many.end(), limits, UR0704, "more than 10 entries");
    let limits = Limits { bytes: 4096, ..Limits::default() };
    refused_within(Archive::new().file("x", &"y".repeat(8192)).end(), limits, UR0704, "larger than 4096 bytes");
    let limits = Limits { bytes: 4096, ..Limits::default() };
    refused_within(sparse("0\n", "5000", b""), limits, UR0705, "larger than 4096 bytes");
}

#[test]
fn bombs_are_stopped_by_their_ratio() {
    let (_home, store) = store();
    let head = Archive::new().entry(&Head::new(b'0', "zeros", 1 << 32), b"").0;
    let zeros = head.as_slice().chain(std::io::repeat(0).take(8 << 20));
    let bomb = zstd::encode_all(zeros, 1).unwrap();
    let limits = Limits { ratio_from: 4 << 20, ..Limits::default() };
    let error = store.unpack(bomb.as_slice(), &Unpack { limits, ..how() }).unwrap_err();
    assert_eq!(error.code(), UR0704, "{error:?}");
    assert!(error.report().what.contains("1000 times"), "{error:?}");
    assert_nothing_left(&store);
}

/// Entries of every kind with names from so few words that they meet all the time. `CANARY` stands for its path.
fn any_entries() -> impl Strategy<Value = Vec<(u8, String, String)>> {
    let word = prop_oneof![
        5 => "[ab]", 3 => "[ab]/[ab]", 1 => "[ab]/[ab]/[ab]",
        1 => "(\\.wh\\.[ab]|[ab]/\\.wh\\.[ab]|[ab]/\\.wh\\.\\.wh\\.\\.opq)",
        1 => prop::sample::select(vec!["..", ".", "CANARY", "CANARY/dir/file", "../../../../.."]).prop_map(str::to_owned),
    ];
    let word = word.boxed();
    prop::collection::vec((prop::sample::select(b"0012256x".to_vec()), word.clone(), word), 1..25)
}

fn written(entries: Vec<(u8, String, String)>, canary: &str) -> Vec<u8> {
    let put = |archive: Archive, (kind, name, other): (u8, String, String)| {
        let (name, other) = (name.replace("CANARY", canary), other.replace("CANARY", canary));
        match kind {
            b'0' => archive.file(&name, &other),
            b'x' => archive.pax(&[("path", other.as_bytes()), ("SCHILY.xattr.user.x", b"y")]),
            kind => archive.entry(&Head::new(kind, &name, 0).link(&other).mode(0o7000), b""),
        }
    };
    entries.into_iter().fold(Archive::new(), put).end()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_the_entries_nothing_outside_is_touched(entries in any_entries(), cut in any::<prop::sample::Index>(), whole in prop::bool::weighted(0.8)) {
        let canary = Canary::new();
        let (_home, store) = store();
        let archive = written(entries, &canary.path());
        let length = if whole { archive.len() } else { cut.index(archive.len()) };
        if let Err(error) = store.unpack(&archive[..length], &how()) {
            prop_assert!([UR0704, UR0705].contains(&error.code()), "{:?}", error);
        }
        assert_nothing_left(&store);
        canary.assert_untouched();
    }

    #[test]
    fn any_bytes_are_an_archive_or_not(bytes in prop::collection::vec(any::<u8>(), 0..3000), kind in any::<u8>(), at in 0_usize..512) {
        let (_home, store) = store();
        let _ = store.unpack(bytes.as_slice(), &how());
        // A header that is right but for its fields gets further.
        let mut head = Head::new(kind, "name", 0);
        let n = bytes.len().min(512 - at);
        head.put(at, &bytes[..n]);
        let _ = store.unpack(Archive::new().entry(&head, &bytes).end().as_slice(), &how());
        assert_nothing_left(&store);
    }
}
