//! Links that lead out, and what is written by way of them.

use diag::codes::*;

use crate::{
    archive::{Archive, Head},
    table::{Case, Outcome, refused, there},
};

/// `outside` is a directory that is really there.
pub fn cases(outside: &str) -> Vec<Case> {
    [through(outside), hard(outside), targets(), devices()].into_iter().flatten().collect()
}

/// Entries below links. As in a container, the layer's directory is `/` for them.
fn through(outside: &str) -> Vec<Case> {
    let out = || Archive::new().symlink("way", outside);
    let loops = (0..50).fold(Archive::new(), |archive, i| archive.symlink(&format!("l{i}"), &format!("l{}", i + 1)));
    vec![
        there(
            "a link to outside, alone",
            Archive::new().symlink("a", "../../../../etc/passwd").end(),
            &["l a->../../../../etc/passwd"],
        ),
        there(
            "below an absolute link",
            Archive::new().symlink("way", "/etc").file("way/evil", "x").end(),
            &["d etc", "f etc/evil=x", "l way->/etc"],
        ),
        there(
            "below a link that climbs",
            Archive::new().dir("a").symlink("a/way", "../../../../etc").file("a/way/evil", "x").end(),
            &["d a", "d etc", "f etc/evil=x", "l a/way->../../../../etc"],
        ),
        there(
            "a whiteout below a link",
            Archive::new().symlink("way", "/etc").file("way/.wh.passwd", "").end(),
            &["d etc", "l way->/etc", "w etc/passwd"],
        ),
        there(
            "an opaque mark below a link",
            Archive::new().symlink("way", "etc").file("way/.wh..wh..opq", "").end(),
            &["l way->etc", "o etc"],
        ),
        there(
            "links through links",
            Archive::new().dir("r").symlink("a", "r").symlink("b", "/a/.").file("b/x", "x").end(),
            &["d r", "f r/x=x", "l a->r", "l b->/a/."],
        ),
        there(
            "a link that is swapped between two entries",
            Archive::new()
                .dir("a")
                .file("a/f", "x")
                .symlink("a", "/b")
                .file("a/f", "y")
                .dir("a")
                .file("a/f", "z")
                .end(),
            &["d a", "d b", "f a/f=z", "f b/f=y"],
        ),
        there(
            "a directory that is swapped for a link to outside",
            Archive::new().dir("a").file("a/f", "x").symlink("a", "..").file("a/f", "y").end(),
            &["f f=y", "l a->.."],
        ),
        refused(
            "a link to itself",
            Archive::new().symlink("a", "a").file("a/x", "x").end(),
            UR0705,
            "40 symbolic links",
        ),
        refused(
            "two links to each other",
            Archive::new().symlink("a", "b").symlink("b", "a").file("a/x", "x").end(),
            UR0705,
            "40 symbolic links",
        ),
        refused("a chain of fifty links", loops.file("l0/x", "x").end(), UR0705, "40 symbolic links"),
        refused(
            "below a link to a file",
            Archive::new().file("f", "x").symlink("a", "f").file("a/x", "x").end(),
            UR0705,
            "not a directory",
        ),
        refused("a link to a place too deep", deep_link(), UR0705, "too deep"),
        Case {
            name: "a real directory outside",
            archive: out().file("way/.wh.dir", "").file("way/dir/file", "x").symlink("way/link", "x").dir("way").end(),
            outcome: Outcome::Refused(UR0705, "not a directory"),
        }
        .accepted_or_clean(outside),
    ]
}

/// Links that make each other's way longer.
fn deep_link() -> Vec<u8> {
    let long = "d/".repeat(200);
    Archive::new()
        .pax(&[("linkpath", long.as_bytes())])
        .symlink("a", "x")
        .pax(&[("path", format!("{long}b").as_bytes()), ("linkpath", long.as_bytes())])
        .symlink("b", "x")
        .pax(&[("path", format!("{long}b/x").as_bytes())])
        .file("f", "x")
        .end()
}

impl Case {
    /// The layer then has what the link names, below itself; how deep that is depends on where the tests run.
    fn accepted_or_clean(self, outside: &str) -> Case {
        let parts: Vec<&str> = outside.split('/').filter(|part| !part.is_empty()).collect();
        let mut tree: Vec<String> = (1..=parts.len()).map(|n| format!("d {}", parts[..n].join("/"))).collect();
        let inner = parts.join("/");
        tree.extend([
            format!("d {inner}/dir"),
            format!("f {inner}/dir/file=x"),
            format!("l {inner}/link->x"),
            "d way".into(),
        ]);
        tree.sort();
        // A directory in the place of a whiteout hides what the whiteout hid.
        for line in &mut tree {
            if *line == format!("d {inner}/dir") {
                *line = format!("o {inner}/dir");
            }
        }
        tree.sort();
        let tree: Vec<&'static str> = tree.into_iter().map(|line| &*line.leak()).collect();
        Case { outcome: Outcome::There(tree.leak()), ..self }
    }
}

fn hard(outside: &str) -> Vec<Case> {
    let file = format!("{outside}/file");
    vec![
        refused(
            "a hard link to outside",
            Archive::new().hard_link("a", &file).end(),
            UR0705,
            "not a file that came before",
        ),
        refused(
            "a hard link that climbs",
            Archive::new().hard_link("a", "../../../../../../etc/passwd").end(),
            UR0705,
            "`..`",
        ),
        refused(
            "a hard link by way of a link",
            Archive::new().symlink("way", outside).hard_link("a", "way/file").end(),
            UR0705,
            "`way/file`",
        ),
        refused(
            "a hard link by way of a climbing link",
            Archive::new().symlink("way", "../../../..").hard_link("a", "way/etc/passwd").end(),
            UR0705,
            "came before",
        ),
        there(
            "a hard link to a link is the link",
            Archive::new().symlink("l", &file_static()).hard_link("h", "l").file("h", "x").end(),
            &["f h=x", "l l->/etc/passwd"],
        ),
        there(
            "a hard link within, by way of a link",
            Archive::new().dir("d").file("d/f", "x").symlink("way", "/d").hard_link("a", "way/f").end(),
            &["d d", "f a=x", "f d/f=x", "l way->/d"],
        ),
        refused("a hard link to nothing", Archive::new().hard_link("a", "").end(), UR0705, "empty"),
        refused("a hard link to itself", Archive::new().file("a", "x").hard_link("a", "./a").end(), UR0705, "itself"),
        refused(
            "a hard link to what comes later",
            Archive::new().hard_link("a", "b").file("b", "").end(),
            UR0705,
            "`b`",
        ),
        refused("a hard link to a directory", Archive::new().dir("d").hard_link("a", "d").end(), UR0705, "`d`"),
        refused("a hard link to the root", Archive::new().dir("d").hard_link("a", "/").end(), UR0705, "hard link"),
        refused("a hard link to a whiteout", Archive::new().file(".wh.b", "").hard_link("a", "b").end(), UR0705, "`b`"),
        refused(
            "a hard link to a whiteout's name",
            Archive::new().file(".wh.b", "").hard_link("a", ".wh.b").end(),
            UR0705,
            "came before",
        ),
        refused(
            "a hard link in the place of its target's directory",
            Archive::new().dir("d").file("d/f", "x").hard_link("d", "d/f").end(),
            UR0705,
            "`d/f`",
        ),
        there(
            "a hard link in the place of a link to outside",
            Archive::new().file("f", "x").symlink("a", &file_static()).hard_link("a", "f").end(),
            &["f a=x", "f f=x"],
        ),
        there(
            "a file in the place of a hard link leaves the other",
            Archive::new().file("f", "x").hard_link("a", "f").file("a", "y").end(),
            &["f a=y", "f f=x"],
        ),
        there(
            "a hard link with the size of its target",
            Archive::new().file("f", "x").entry(&Head::new(b'1', "a", 1).link("f"), b"").end(),
            &["f a=x", "f f=x"],
        ),
    ]
}

fn file_static() -> String {
    "/etc/passwd".to_owned()
}

fn targets() -> Vec<Case> {
    let long = "y".repeat(5000);
    vec![
        refused("a link to nothing", Archive::new().symlink("a", "").end(), UR0705, "empty"),
        refused(
            "a link to a name of 5000 bytes",
            Archive::new().pax(&[("linkpath", long.as_bytes())]).symlink("a", "y").end(),
            UR0705,
            "too long",
        ),
        refused(
            "a link with a NUL",
            Archive::new().pax(&[("linkpath", b"a\0b")]).symlink("a", "y").end(),
            UR0705,
            "NUL",
        ),
        refused(
            "a GNU link without its entry",
            Archive::new().entry(&Head::new(b'K', "k", 2), b"x\0").end(),
            UR0704,
            "ends",
        ),
    ]
}

fn devices() -> Vec<Case> {
    let mut huge = Head::new(b'4', "dev", 0);
    huge.put(337, &[0x80, 0, 0, 1, 0, 0, 0, 0]);
    let device = |name, head: Head, line| Case {
        name,
        archive: Archive::new().entry(&head, b"").end(),
        outcome: Outcome::Device(line),
    };
    vec![
        device("a character device", Head::new(b'3', "mem", 0).device(1, 1), "c mem"),
        device("a block device", Head::new(b'4', "disk", 0).device(8, 0), "b disk"),
        there("a fifo", Archive::new().entry(&Head::new(b'6', "p", 0), b"").end(), &["p p"]),
        there(
            "the device that is a whiteout",
            Archive::new().entry(&Head::new(b'3', "a", 0).device(0, 0), b"").end(),
            &["w a"],
        ),
        refused(
            "a device that Linux cannot have",
            Archive::new().entry(&Head::new(b'3', "dev", 0).device(0o7_777_777, 1), b"").end(),
            UR0705,
            "`dev`",
        ),
        refused("a device number of 64 bits", Archive::new().entry(&huge, b"").end(), UR0705, "`dev`"),
        refused(
            "a hard link to a device that is a whiteout",
            Archive::new().entry(&Head::new(b'3', "a", 0).device(0, 0), b"").hard_link("b", "a").end(),
            UR0705,
            "`a`",
        ),
        Case {
            name: "a device named twice",
            archive: Archive::new().file("mem", "x").entry(&Head::new(b'3', "mem", 0).device(1, 1), b"").end(),
            outcome: Outcome::Device("c mem"),
        },
        Case {
            name: "a hard link to a device, then a file in its place",
            archive: Archive::new().entry(&Head::new(b'6', "mem", 0), b"").hard_link("a", "mem").file("a", "x").end(),
            outcome: Outcome::There(&["f a=x", "p mem"]),
        },
    ]
}
