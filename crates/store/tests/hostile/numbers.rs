//! Sizes, ids and times that no file can have.

use diag::codes::*;

use crate::{
    archive::{Archive, Head},
    table::{Case, refused, there},
};

const SIZE: usize = 124;
const UID: usize = 108;
const GID: usize = 116;
const MODE: usize = 100;
const TIME: usize = 136;

/// A file whose header has these bytes in one field.
fn field(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut head = Head::new(b'0', "x", 0);
    head.put(at, bytes);
    Archive::new().entry(&head, b"").end()
}

/// GNU's binary form, in a field of 12 bytes.
fn binary(number: i64) -> Vec<u8> {
    let sign = if number < 0 { 0xff } else { 0 };
    let mut bytes = [&[sign; 4][..], &number.to_be_bytes()].concat();
    bytes[0] |= 0x80;
    bytes
}

pub fn cases() -> Vec<Case> {
    [sizes(), ids(), others()].into_iter().flatten().collect()
}

fn sizes() -> Vec<Case> {
    let pax = |size: &[u8], contents: &str| Archive::new().pax(&[("size", size)]).file("x", contents).end();
    vec![
        refused("a negative size", field(SIZE, &[0xff; 12]), UR0704, "size"),
        refused("a binary size of -1", field(SIZE, &binary(-1)), UR0704, "size"),
        refused("a size of 8 EiB", field(SIZE, &binary(i64::MAX)), UR0705, "larger"),
        refused("a size of more than 64 bits", field(SIZE, &[0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), UR0704, "size"),
        refused("a size that is not octal", field(SIZE, b"00000000009\0"), UR0704, "size"),
        refused("a size with a sign", field(SIZE, b"-0000000001\0"), UR0704, "size"),
        refused("a size with a NUL within", field(SIZE, b"000\x000000001\0"), UR0704, "size"),
        refused("a size that is not there", field(SIZE, b"77777777777\0"), UR0705, "larger"),
        refused("more than is there", Archive::new().entry(&Head::new(b'0', "x", 100_000), b"y").end(), UR0704, "ends"),
        refused("two sizes, 512 and 0", pax(b"512", ""), UR0705, "0 in one header and 512 in the other"),
        refused("two sizes, 0 and 5", pax(b"0", "inner"), UR0705, "5 in one header"),
        refused("a size of 2^64", pax(b"18446744073709551616", ""), UR0704, "size"),
        refused("a negative size in words", pax(b"-1", ""), UR0704, "`-1`"),
        refused("a size with blanks", pax(b" 5", "inner"), UR0704, "size"),
        // Nothing follows what is no file, whatever its header says.
        there(
            "a directory with a size",
            Archive::new().entry(&Head::new(b'5', "d", 4096), b"").file("x", "y").end(),
            &["d d", "f x=y"],
        ),
        there(
            "a link with a size",
            Archive::new().entry(&Head::new(b'2', "l", 9).link("x"), b"").file("x", "y").end(),
            &["f x=y", "l l->x"],
        ),
        refused(
            "contents hidden behind a link",
            Archive::new().entry(&Head::new(b'2', "l", 512).link("x"), &[b'x'; 512]).end(),
            UR0704,
            "not a tar header",
        ),
        refused(
            "a volume label without end",
            Archive::new().entry(&Head::new(b'V', "label", 0o77_777_777_777), b"").end(),
            UR0704,
            "ends",
        ),
    ]
}

fn ids() -> Vec<Case> {
    let pax = |key: &'static str, id: &[u8]| Archive::new().pax(&[(key, id)]).file("x", "").end();
    vec![
        refused("the uid -1, in words", pax("uid", b"4294967295"), UR0705, "uid 4294967295"),
        refused("the gid 2^32", pax("gid", b"4294967296"), UR0705, "gid 4294967296"),
        refused("a negative uid in words", pax("uid", b"-1"), UR0704, "`-1`"),
        refused("a uid in hexadecimal", pax("uid", b"0x10"), UR0704, "`0x10`"),
        refused("a binary uid of 2^32", field(UID, &[0x80, 0, 0, 1, 0, 0, 0, 0]), UR0705, "uid 4294967296"),
        refused("a negative binary uid", field(UID, &[0xff; 8]), UR0704, "uid of the archive's entry `x`"),
        refused("a negative binary gid", field(GID, &[0xff; 8]), UR0704, "gid"),
        refused("a uid that is not a number", field(UID, b"root\0\0\0\0"), UR0704, "uid"),
        refused("a binary marker that is none", field(UID, &[0xc0, 0, 0, 0, 0, 0, 0, 0]), UR0704, "uid"),
        there("an empty uid", field(UID, &[0; 8]), &["f x="]),
    ]
}

fn others() -> Vec<Case> {
    vec![
        refused("a mode that is not octal", field(MODE, b"rwxr-xr\0"), UR0704, "mode"),
        there("a mode with the bits of a file's type", field(MODE, b"0177777\0"), &["f x="]),
        refused("a time that is no number", field(TIME, b"yesterday\0\0\0"), UR0704, "mtime"),
        refused("a time of more than 64 bits", field(TIME, &[0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), UR0704, "mtime"),
        there("a time before 1970", field(TIME, &binary(-1)), &["f x="]),
        there("a time at the end of all times", field(TIME, &binary(i64::MAX)), &["f x="]),
        there("a time before all times", field(TIME, &binary(i64::MIN + 1)), &["f x="]),
        refused(
            "a time in words that is none",
            Archive::new().pax(&[("mtime", b"soon")]).file("x", "").end(),
            UR0704,
            "`soon`",
        ),
        there(
            "a time with 40 digits behind the point",
            Archive::new().pax(&[("mtime", b"1.0123456789012345678901234567890123456789")]).file("x", "").end(),
            &["f x="],
        ),
        refused("a wrong checksum", wrong_sum(), UR0704, "checksum"),
        refused("a type that nobody knows", Archive::new().entry(&Head::new(b'M', "x", 0), b"").end(), UR0705, "`M`"),
        refused(
            "a type that is a control character",
            Archive::new().entry(&Head::new(0x1b, "x", 0), b"").end(),
            UR0705,
            "`x`",
        ),
    ]
}

fn wrong_sum() -> Vec<u8> {
    let mut archive = Archive::new().file("x", "y").end();
    archive[0] = b'z';
    archive
}
