//! Files with holes whose maps lie: GNU's old format, and the three in extended headers.

use diag::codes::*;

use crate::{
    archive::{Archive, Head},
    table::{Case, refused, there},
};

pub fn cases() -> Vec<Case> {
    [newest(), middle(), oldest()].into_iter().flatten().collect()
}

/// Format 1.0, with the map before the contents.
fn one(map: &str, size: &str) -> Vec<u8> {
    let mut body = map.as_bytes().to_vec();
    body.resize(body.len().next_multiple_of(512), 0);
    body.extend_from_slice(b"hello");
    let keys: [(&str, &[u8]); 4] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"s"),
        ("GNU.sparse.realsize", size.as_bytes()),
    ];
    Archive::new().pax(&keys).entry(&Head::new(b'0', "GNUSparseFile.0/s", body.len() as u64), &body).end()
}

fn newest() -> Vec<Case> {
    let bad = |name, map: &str, size: &str| refused(name, one(map, size), UR0705, "sparse");
    vec![
        there("a right map", one("1\n0\n5\n", "5"), &["f s=hello"]),
        bad("a segment beyond the size", "1\n0\n5\n", "4"),
        bad("segments that overlap", "2\n0\n3\n2\n2\n", "10"),
        bad("segments that go backwards", "2\n5\n3\n0\n2\n", "10"),
        bad("a segment less than is there", "1\n0\n4\n", "10"),
        bad("a segment more than is there", "1\n0\n6\n", "10"),
        bad("a segment at the end of all numbers", "1\n18446744073709551615\n5\n", "10"),
        bad("segments whose sum wraps", "2\n0\n18446744073709551615\n1\n6\n", "18446744073709551615"),
        bad("a length of 23 digits", "1\n0\n99999999999999999999999\n", "10"),
        bad("a hundred million segments", "99999999\n", "10"),
        bad("a segment without a length", "1\n0\n", "10"),
        bad("a count that is no number", "x\n", "10"),
        bad("a negative count", "-1\n", "10"),
        bad("a negative offset", "1\n-5\n5\n", "10"),
        refused("a size of 9 EB", one("1\n0\n5\n", "9999999999999999999"), UR0705, "larger"),
    ]
}

fn middle() -> Vec<Case> {
    let pax = |records: &[(&str, &[u8])], contents: &str| Archive::new().pax(records).file("s", contents).end();
    let zero = |offset: &[u8], length: &[u8]| {
        let records: [(&str, &[u8]); 4] = [
            ("GNU.sparse.size", b"10"),
            ("GNU.sparse.numblocks", b"1"),
            ("GNU.sparse.offset", offset),
            ("GNU.sparse.numbytes", length),
        ];
        pax(&records, "hello")
    };
    let first = |map: &[u8]| pax(&[("GNU.sparse.size", b"10"), ("GNU.sparse.map", map)], "hello");
    vec![
        there("0.1, right", first(b"0,5"), &[r"f s=hello\x00\x00\x00\x00\x00"]),
        refused("0.1, an odd count of numbers", first(b"0,5,6"), UR0705, "map"),
        refused("0.1, no numbers", first(b",,"), UR0705, "map"),
        refused("0.1, overlapping", first(b"0,3,2,2"), UR0705, "map"),
        refused("0.1, negative", first(b"-1,5"), UR0705, "map"),
        there("0.0, right", zero(b"5", b"5"), &[r"f s=\x00\x00\x00\x00\x00hello"]),
        refused("0.0, beyond the size", zero(b"6", b"5"), UR0705, "map"),
        refused("0.0, negative", zero(b"5", b"-5"), UR0705, "map"),
        refused("a size and no map", pax(&[("GNU.sparse.size", b"5")], ""), UR0705, "not known"),
        refused(
            "a version that nobody knows",
            pax(&[("GNU.sparse.major", b"2"), ("GNU.sparse.minor", b"0"), ("GNU.sparse.realsize", b"5")], ""),
            UR0705,
            "not known",
        ),
        refused("a name that climbs", pax(&[("GNU.sparse.name", b"../evil")], ""), UR0705, "`..`"),
    ]
}

fn oldest() -> Vec<Case> {
    let head = |offset: u64, length: u64, size: u64| {
        let mut head = Head::new(b'S', "old", 5);
        head.octal(386, 12, offset).octal(398, 12, length).octal(483, 12, size);
        head
    };
    let file = |head: &Head| Archive::new().entry(head, b"hello").end();
    let mut overlapping = head(0, 3, 10);
    overlapping.octal(410, 12, 1).octal(422, 12, 2);
    let mut negative = head(0, 5, 10);
    negative.put(386, &[0xff; 12]);
    let mut more = head(0, 5, 10);
    more.put(482, b"\x01");
    vec![
        there("old, right", file(&head(0, 5, 5)), &["f old=hello"]),
        refused("old, more than is there", file(&head(0, 50, 100)), UR0705, "map"),
        refused("old, beyond the size", file(&head(1, 5, 5)), UR0705, "map"),
        refused("old, overlapping", file(&overlapping), UR0705, "map"),
        refused("old, negative", file(&negative), UR0705, "map"),
        refused("old, more descriptors that are not there", Archive::new().entry(&more, b"").0, UR0704, "ends"),
    ]
}
