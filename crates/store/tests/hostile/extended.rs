//! Extended headers, POSIX's and GNU's.

use diag::codes::*;

use crate::{
    archive::{Archive, Head, record},
    table::{Case, refused, there},
};

pub fn cases() -> Vec<Case> {
    [malformed(), recursive(), global(), attributes(), gnu()].into_iter().flatten().collect()
}

/// A file behind an extended header with this body.
fn body(body: &[u8]) -> Vec<u8> {
    Archive::new().entry(&Head::new(b'x', "pax", body.len() as u64), body).file("x", "").end()
}

fn malformed() -> Vec<Case> {
    vec![
        refused("a record longer than its header", body(b"99 path=x\n"), UR0704, "extended"),
        refused("a record without a length", body(b"path=x\n"), UR0704, "extended"),
        refused("a record shorter than it says", body(b"10 path=xx"), UR0704, "extended"),
        refused("a record of length 0", body(b"0 path=x\n"), UR0704, "extended"),
        refused("a negative length", body(b"-9 path=x\n"), UR0704, "extended"),
        refused("a length of 2^64", body(b"18446744073709551616 path=x\n"), UR0704, "extended"),
        refused("a length of 30 digits", body(b"000000000000000000000000000009 path=x\n"), UR0704, "extended"),
        refused("a record without `=`", body(b"7 path\n"), UR0704, "extended"),
        refused("a record without a key", body(b"6 =x\n\n"), UR0704, "extended"),
        refused("NULs behind the last record", body(b"9 path=x\n\0\0\0"), UR0704, "extended"),
        there("an empty extended header", body(b""), &["f x="]),
        there(
            "a record that takes a value back",
            Archive::new().pax(&[("path", b"a"), ("path", b"")]).file("x", "").end(),
            &["f x="],
        ),
        there(
            "a value with line breaks",
            Archive::new().pax(&[("comment", b"\n9 path=evil\n")]).file("x", "").end(),
            &["f x="],
        ),
        refused(
            "an extended header of 1 GiB",
            Archive::new().entry(&Head::new(b'x', "pax", 1 << 30), b"").end(),
            UR0704,
            "extended header",
        ),
    ]
}

fn recursive() -> Vec<Case> {
    let pax = || Archive::new().pax(&[("path", b"a")]);
    vec![
        refused(
            "two extended headers",
            pax().pax(&[("path", b"b")]).file("x", "").end(),
            UR0704,
            "two extended headers",
        ),
        refused("an extended header without its entry", pax().end(), UR0704, "ends"),
        refused(
            "a thousand extended headers",
            (0..1000).fold(Archive::new(), |archive, _| archive.pax(&[("path", b"a")])).end(),
            UR0704,
            "two extended headers",
        ),
        there(
            "a global header between a header and its entry",
            pax().pax_global(&[("comment", b"x")]).file("x", "").end(),
            &["f a="],
        ),
        there(
            "ten thousand global headers",
            (0..10_000).fold(Archive::new(), |archive, _| archive.pax_global(&[("comment", b"x")])).file("x", "").end(),
            &["f x="],
        ),
    ]
}

fn global() -> Vec<Case> {
    let global = |key: &str, value: &[u8]| Archive::new().pax_global(&[(key, value)]).file("x", "").file("y", "").end();
    vec![
        refused("a global name", global("path", b"evil"), UR0704, "`path`"),
        refused("a global link", global("linkpath", b"/etc/passwd"), UR0704, "`linkpath`"),
        refused("a global size", global("size", b"512"), UR0704, "`size`"),
        refused("a global map of holes", global("GNU.sparse.map", b"0,1"), UR0704, "`GNU.sparse.map`"),
        there("a global comment, as git writes it", global("comment", b"0123456789abcdef"), &["f x=", "f y="]),
        refused("a global owner that no file can have", global("uid", b"4294967295"), UR0705, "uid 4294967295"),
    ]
}

fn attributes() -> Vec<Case> {
    let with = |key: &str, value: &[u8]| Archive::new().pax(&[(key, value)]).file("x", "").end();
    let capability = |value: &[u8]| with("SCHILY.xattr.security.capability", value);
    let own_root = [&[1, 0, 0, 3][..], &[0, 0x20, 0, 0], &[0; 12], &1000_u32.to_le_bytes()].concat();
    let long = format!("SCHILY.xattr.user.{}", "n".repeat(300));
    vec![
        refused("an attribute with a NUL in its name", with("SCHILY.xattr.user.a\0b", b"x"), UR0705, "NUL"),
        refused("an attribute with a long name", with(&long, b"v"), UR0705, "too long"),
        refused("an attribute of 100 kB", with("SCHILY.xattr.user.a", &[b'v'; 100_000]), UR0705, "too long"),
        there("an attribute without a name", with("SCHILY.xattr.", b"x"), &["f x="]),
        there("overlayfs' marks", with("SCHILY.xattr.trusted.overlay.opaque", b"y"), &["f x="]),
        there(
            "overlayfs' marks for users",
            Archive::new()
                .pax(&[
                    ("SCHILY.xattr.user.overlay.opaque", b"y"),
                    ("SCHILY.xattr.user.overlay.redirect", b"/../../etc"),
                ])
                .dir("d")
                .end(),
            &["d d"],
        ),
        there("overlayfs' marks that are escaped", with("SCHILY.xattr.user.overlay.overlay.opaque", b"y"), &["f x="]),
        there(
            "a label of another host",
            with("SCHILY.xattr.security.selinux", b"system_u:object_r:shadow_t:s0"),
            &["f x="],
        ),
        there("capabilities with a root of their own", capability(&own_root), &["f x="]),
        refused("no capabilities", capability(b""), UR0705, "capabilities"),
        refused("capabilities of the wrong size", capability(b"\x01\0\0\x02"), UR0705, "capabilities"),
        refused("capabilities of an unknown kind", capability(&[9; 20]), UR0705, "capabilities"),
        refused("capabilities with a root, cut off", capability(&own_root[..20]), UR0705, "capabilities"),
        there("an access list in words that are none", with("SCHILY.acl.access", b"user:rwx:::,\0"), &["f x="]),
        there(
            "an access list in bytes that are none",
            with("SCHILY.xattr.system.posix_acl_access", b"\x02\0\0\0xxxx"),
            &["f x="],
        ),
    ]
}

fn gnu() -> Vec<Case> {
    let long = |kind: u8, name: &[u8]| (Head::new(kind, "././@LongLink", name.len() as u64), name.to_vec());
    let put = |archive: Archive, kind: u8, name: &[u8]| {
        let (head, name) = long(kind, name);
        archive.entry(&head, &name)
    };
    let new = Archive::new;
    vec![
        refused("a GNU name without its entry", put(new(), b'L', b"a\0").end(), UR0704, "ends"),
        refused(
            "two GNU names",
            put(put(new(), b'L', b"a\0"), b'L', b"b\0").file("x", "").end(),
            UR0704,
            "two extended headers",
        ),
        refused(
            "a GNU name and another",
            put(new(), b'L', b"a\0").pax(&[("path", b"b")]).file("x", "").end(),
            UR0704,
            "`b` and `a`",
        ),
        refused("an empty GNU name", put(new(), b'L', b"\0").file("x", "").end(), UR0705, "empty name"),
        there(
            "a GNU name with more behind its NUL",
            put(new(), b'L', b"a\0/../../evil").file("x", "").end(),
            &["f a="],
        ),
        there("a GNU link's name before a file", put(new(), b'K', b"/etc/passwd\0").file("x", "y").end(), &["f x=y"]),
        refused(
            "a GNU name of 1 GiB",
            new().entry(&Head::new(b'L', "long", 1 << 30), b"").end(),
            UR0704,
            "extended header",
        ),
        refused(
            "a GNU name of 5000 bytes",
            put(new(), b'L', &[b"ab/".repeat(1700), b"\0".to_vec()].concat()).file("x", "").end(),
            UR0705,
            "4095 bytes",
        ),
        there(
            "a header in the record of another",
            body(&record("comment", &Head::new(b'0', "evil", 0).block())),
            &["f x="],
        ),
    ]
}
