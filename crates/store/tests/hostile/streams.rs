//! Streams that end too early, that go on, that grow.

use std::io::Write;

use diag::codes::*;

use crate::{
    archive::{Archive, Head},
    table::{Case, refused, there},
};

pub fn cases() -> Vec<Case> {
    [cut(), more(), packed(), others()].into_iter().flatten().collect()
}

fn good() -> Vec<u8> {
    Archive::new().file("x", "y").end()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn cut() -> Vec<Case> {
    let whole = Archive::new().file("x", &"y".repeat(2000)).end();
    let pax = Archive::new().pax(&[("comment", &[b'c'; 2000])]).file("x", "").end();
    let part = |bytes: &[u8], n: usize| bytes[..n].to_vec();
    vec![
        refused("nothing at all", Vec::new(), UR0704, "ends"),
        refused("one byte", part(&whole, 1), UR0704, "ends"),
        refused("cut off in a header", part(&whole, 511), UR0704, "ends"),
        refused("cut off behind a header", part(&whole, 512), UR0704, "ends"),
        refused("cut off in contents", part(&whole, 1500), UR0704, "ends"),
        refused("cut off in an extended header", part(&pax, 1000), UR0704, "ends"),
        refused("cut off behind an extended header", part(&pax, 512 + 2048), UR0704, "ends"),
        refused("no mark of its end", Archive::new().file("x", "y").0, UR0704, "mark of its end"),
        refused("half a mark, then another entry", [&[0; 512][..], &good()].concat(), UR0704, "zeros"),
        there("half a mark", [Archive::new().file("x", "y").0, vec![0; 512]].concat(), &["f x=y"]),
        refused(
            "gzip, cut off",
            {
                let gz = gzip(&whole);
                part(&gz, gz.len() / 2)
            },
            UR0704,
            "archive",
        ),
        refused(
            "gzip, cut off in its sum",
            {
                let gz = gzip(&whole);
                part(&gz, gz.len() - 3)
            },
            UR0704,
            "archive",
        ),
        refused(
            "zstd, cut off",
            {
                let zs = zstd(&whole);
                part(&zs, zs.len() / 2)
            },
            UR0704,
            "archive",
        ),
    ]
}

fn more() -> Vec<Case> {
    let damaged = |mut bytes: Vec<u8>, back: usize| {
        let at = bytes.len() - back;
        bytes[at] ^= 1;
        bytes
    };
    vec![
        there("zeros behind the end", [good(), vec![0; 9000]].concat(), &["f x=y"]),
        there("garbage behind the end", [good(), b"garbage".repeat(1000)].concat(), &["f x=y"]),
        there(
            "another archive behind the end is not read",
            [good(), Archive::new().file("evil", "x").end()].concat(),
            &["f x=y"],
        ),
        there("gzip in several members", [gzip(&good()[..700]), gzip(&good()[700..])].concat(), &["f x=y"]),
        refused("garbage behind gzip", [gzip(&good()), b"garbage".to_vec()].concat(), UR0704, "archive"),
        there("zstd in several frames", [zstd(&good()[..700]), zstd(&good()[700..])].concat(), &["f x=y"]),
        refused("garbage behind zstd", [zstd(&good()), b"garbage".to_vec()].concat(), UR0704, "archive"),
        refused("gzip with a wrong sum", damaged(gzip(&good()), 8), UR0704, "archive"),
        refused("gzip with a wrong length", damaged(gzip(&good()), 1), UR0704, "archive"),
        refused("gzip within gzip", gzip(&gzip(&good())), UR0704, ""),
    ]
}

fn packed() -> Vec<Case> {
    // A window of 2 GiB: frame header with a window descriptor of 2^31, no single segment, one empty raw block.
    let window = [0x28, 0xb5, 0x2f, 0xfd, 0x00, (31 - 10) << 3, 0x01, 0x00, 0x00].to_vec();
    // A single segment that promises 4 GiB at once.
    let segment = [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &u32::MAX.to_le_bytes(), &[0x01, 0x00, 0x00]].concat();
    let liar = Archive::new().entry(&Head::new(b'0', "zeros", 16 << 20), b"").0;
    vec![
        refused("zstd that wants 2 GiB of memory", window, UR0704, "archive"),
        refused("zstd that promises 4 GiB at once", segment, UR0704, "archive"),
        refused("gzip that grows beyond all limits", bomb(&liar, true), UR0704, "larger than"),
        refused("zstd that grows beyond all limits", bomb(&liar, false), UR0704, "larger than"),
        refused(
            "zstd of a dictionary that nobody has",
            [0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 0x07, 0x01, 0x00, 0x00].to_vec(),
            UR0704,
            "archive",
        ),
    ]
}

/// 32 MiB of zeros behind a header.
fn bomb(head: &[u8], is_gzip: bool) -> Vec<u8> {
    let zeros = vec![0; 1 << 20];
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut zs = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let out: &mut dyn Write = if is_gzip { &mut gz } else { &mut zs };
    out.write_all(head).unwrap();
    for _ in 0..32 {
        out.write_all(&zeros).unwrap();
    }
    if is_gzip { gz.finish().unwrap() } else { zs.finish().unwrap() }
}

fn others() -> Vec<Case> {
    vec![
        refused("a script", b"#!/bin/sh\n".to_vec(), UR0704, "ends"),
        refused("text", b"x".repeat(1024), UR0704, "not a tar header"),
        refused("bzip2", b"BZh91AY&SY".to_vec(), UR0714, "bzip2"),
        refused("xz", b"\xfd7zXZ\0\0\0".to_vec(), UR0714, "xz"),
        refused("lz4", b"\x04\x22\x4d\x18\0\0\0".to_vec(), UR0714, "lz4"),
        refused("gzip's first bytes and no more", b"\x1f\x8b".to_vec(), UR0704, "archive"),
        refused("gzip's first bytes and garbage", b"\x1f\x8b\x08\0garbage garbage garbage".to_vec(), UR0704, "archive"),
        refused("zstd's first bytes and garbage", b"\x28\xb5\x2f\xfdgarbage garbage".to_vec(), UR0704, "archive"),
        there("nothing but the mark of its end", vec![0; 1024], &[]),
    ]
}
