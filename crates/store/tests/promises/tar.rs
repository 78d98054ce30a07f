//! Layers' archives.

use diag::codes::*;

use super::Yard;
use crate::archive::{Archive, Head};

thread_local! {
    static YARD: Yard = Yard::new();
}

/// What an archive may be refused with. The disk's (UR0707) are not among them: whatever it says can be unpacked or not.
const CODES: [diag::Code; 3] = [UR0704, UR0705, UR0714];

/// Bytes as an archive. The first byte says how they are meant: as they are, as headers whose checksums are to be made right,
/// or as a short program whose words meet each other often.
pub fn tar(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    YARD.with(|yard| {
        let archive = match how % 3 {
            0 => bytes.to_vec(),
            1 => mended(bytes),
            _ => program(bytes, &yard.outside()),
        };
        let outcome = yard.store.unpack(archive.as_slice(), &Yard::how());
        if let Err(error) = &outcome {
            assert!(CODES.contains(&error.code()), "{error:?}");
        }
        drop(outcome);
        yard.assert_untouched();
    });
}

/// An archive whose headers have right checksums.
pub fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut archive = bytes.to_vec();
    archive.resize(archive.len().next_multiple_of(512), 0);
    let mut at = 0;
    while let Some(block) = archive.get_mut(at..at + 512) {
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        let head = Head(block.try_into().unwrap());
        let size = head.0[124..135].iter().fold(0_usize, |size, byte| (size * 8 + usize::from(byte & 7)) & 0xff_ffff);
        block.copy_from_slice(&head.block());
        at += 512 + size.next_multiple_of(512);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// Entries of four bytes each: kind, name, other name, attributes.
fn program(bytes: &[u8], outside: &str) -> Vec<u8> {
    let put = |archive: Archive, words: &[u8; 4]| {
        let [kind, name, other, more] = *words;
        let (name, other) = (word(name, outside), word(other, outside));
        match b"012345678xxgLKS"[usize::from(kind) % 15] {
            b'0' | b'7' | b'8' => archive.file(&name, &other),
            b'x' => archive.pax(&[("path", other.as_bytes()), (key(more), name.as_bytes())]),
            b'g' => archive.pax_global(&[(key(more), other.as_bytes())]),
            kind @ (b'L' | b'K') => {
                archive.entry(&Head::new(kind, "long", other.len() as u64 + 1), format!("{other}\0").as_bytes())
            }
            kind => archive.entry(
                &Head::new(kind, &name, 0).link(&other).mode(u64::from(more) * 16).owner(u64::from(more & 1), 0),
                b"",
            ),
        }
    };
    bytes.as_chunks::<4>().0.iter().take(200).fold(Archive::new(), put).end()
}

fn key(byte: u8) -> &'static str {
    const KEYS: [&str; 10] = [
        "linkpath",
        "size",
        "uid",
        "mtime",
        "GNU.sparse.map",
        "GNU.sparse.size",
        "SCHILY.xattr.user.a",
        "SCHILY.xattr.trusted.overlay.redirect",
        "SCHILY.acl.access",
        "SCHILY.xattr.security.capability",
    ];
    KEYS[usize::from(byte) % KEYS.len()]
}

/// Words of which two are often the same, or one below the other.
fn word(byte: u8, outside: &str) -> String {
    const WORDS: [&str; 24] = [
        "a",
        "b",
        "a/b",
        "b/a",
        "a/b/a",
        "b/b",
        "./a/",
        "/b",
        "..",
        "../evil",
        "a/../b",
        "a/../../../evil",
        ".",
        "/",
        ".wh.a",
        "a/.wh.b",
        ".wh..",
        ".wh...",
        "a/.wh..wh..opq",
        ".wh..wh..opq",
        ".wh..wh.aufs",
        "a/.wh.b/a",
        "",
        "c",
    ];
    match usize::from(byte) % 28 {
        24 => outside.to_owned(),
        25 => format!("{outside}/file"),
        26 => format!("{outside}/dir"),
        27 => format!("a/{outside}/link"),
        other => WORDS[other].to_owned(),
    }
}
