//! Names that climb, that are too long, that are named twice.

use diag::codes::*;

use crate::{
    archive::{Archive, Head},
    table::{Case, refused, there},
};

pub fn cases() -> Vec<Case> {
    [climbing(), absolute(), impossible(), twice()].into_iter().flatten().collect()
}

fn named(name: &str) -> Vec<u8> {
    Archive::new().file(name, "x").end()
}

fn pax(name: &[u8]) -> Archive {
    Archive::new().pax(&[("path", name)])
}

fn climbing() -> Vec<Case> {
    let gnu = Head::new(b'L', "././@LongLink", 8);
    vec![
        refused("climbs at once", named("../evil"), UR0705, "`../evil`"),
        refused("climbs far", named("../../../../../../../../etc/passwd"), UR0705, "`..`"),
        refused("climbs behind a directory", named("a/../../evil"), UR0705, "`..`"),
        refused("climbs from the root", named("/../evil"), UR0705, "`..`"),
        refused("climbs behind a dot", named("./../evil"), UR0705, "`..`"),
        refused("a directory that climbs", Archive::new().dir("..").end(), UR0705, "`..`"),
        refused("a link that climbs", Archive::new().symlink("../evil", "x").end(), UR0705, "`..`"),
        refused("climbs in an extended header", pax(b"../evil").file("good", "x").end(), UR0705, "`../evil`"),
        refused(
            "climbs in a GNU name",
            Archive::new().entry(&gnu, b"../evil\0").file("good", "x").end(),
            UR0705,
            "`../evil`",
        ),
        refused("climbs in a prefix", prefixed("..", "evil"), UR0705, "`../evil`"),
        // Podman, Docker and containerd all take such a name by its words.
        there("turns back within the layer", named("a/../b"), &["f b=x"]),
        there("turns back to the root", Archive::new().dir("a/..").file("b", "x").end(), &["f b=x"]),
        there(
            "turns back behind something that is no directory",
            Archive::new().symlink("a", "/etc").file("a/../b", "x").end(),
            &["f b=x", "l a->/etc"],
        ),
    ]
}

fn prefixed(prefix: &str, name: &str) -> Vec<u8> {
    let mut head = Head::new(b'0', name, 1);
    head.put(345, prefix.as_bytes());
    Archive::new().entry(&head, b"x").end()
}

fn absolute() -> Vec<Case> {
    vec![
        there("an absolute name", named("/etc/passwd"), &["d etc", "f etc/passwd=x"]),
        there("an absolute name with more slashes", named("///etc//./passwd"), &["d etc", "f etc/passwd=x"]),
        there("the root itself", Archive::new().dir("/").file("a", "x").end(), &["f a=x"]),
        there("a trailing slash makes a directory", Archive::new().file("a/", "").end(), &["d a"]),
        there("backslashes are no slashes", named(r"..\..\evil"), &[r"f ..\..\evil=x"]),
    ]
}

fn impossible() -> Vec<Case> {
    let long = |n: usize| "n".repeat(n);
    vec![
        refused("no name", named(""), UR0705, "empty name"),
        refused("the root as a file", named("."), UR0705, "root"),
        refused("the root as a link", Archive::new().symlink("./", "x").end(), UR0705, "root"),
        refused("a NUL in a name", pax(b"a\0b").file("g", "x").end(), UR0705, "NUL"),
        refused("a component of 256 bytes", pax(long(256).as_bytes()).file("g", "x").end(), UR0705, "255 bytes"),
        refused("a name of 4096 bytes", pax(&path_of(4096)).file("g", "x").end(), UR0705, "4095 bytes"),
        refused("a name of 100 kB", pax(&path_of(100_000)).file("g", "x").end(), UR0705, "4095 bytes"),
        refused(
            "10000 directories in one name",
            pax("d/".repeat(10_000).as_bytes()).dir("g").end(),
            UR0705,
            "4095 bytes",
        ),
        refused(
            "257 directories in one name",
            pax("d/".repeat(257).as_bytes()).dir("g").end(),
            UR0705,
            "256 directories",
        ),
        refused("10000 directories, one an entry", nested(10_000), UR0705, "directories deep"),
        refused("escape sequences in a name", named("../\x1b]0;evil\x07\x1b[31m"), UR0705, "\\u{1b}"),
        refused("a name that is not UTF-8 climbs", pax(b"\xff/../../evil").file("g", "x").end(), UR0705, "`..`"),
    ]
}

/// A path of exactly so many bytes.
fn path_of(bytes: usize) -> Vec<u8> {
    let mut path = "abcdefg/".repeat(bytes / 8 + 1).into_bytes();
    path.truncate(bytes);
    path[bytes - 1] = b'x';
    path
}

/// Each directory in the one before.
fn nested(depth: usize) -> Vec<u8> {
    let mut archive = Archive::new();
    let mut name = String::new();
    for _ in 0..depth.min(400) {
        name.push_str("d/");
        archive = archive.pax(&[("path", name.as_bytes())]).dir("g");
    }
    archive.end()
}

fn twice() -> Vec<Case> {
    let dir = |archive: Archive| archive.dir("a").file("a/f", "x");
    vec![
        there("a file twice", Archive::new().file("a", "one").file("a", "two").end(), &["f a=two"]),
        there(
            "file, then directory",
            Archive::new().file("a", "x").dir("a").file("a/f", "y").end(),
            &["d a", "f a/f=y"],
        ),
        there("directory, then file", dir(Archive::new()).file("a", "y").end(), &["f a=y"]),
        there("directory, then link", dir(Archive::new()).symlink("a", "/etc").end(), &["l a->/etc"]),
        there("link, then directory", dir(Archive::new().symlink("a", "/etc")).end(), &["d a", "f a/f=x"]),
        there("link, then file", Archive::new().symlink("a", "/etc/passwd").file("a", "x").end(), &["f a=x"]),
        there("file, then link", Archive::new().file("a", "x").symlink("a", "b").end(), &["l a->b"]),
        there("file, directory, link", dir(Archive::new().file("a", "x")).symlink("a", "b").end(), &["l a->b"]),
        there("link, directory, file", dir(Archive::new().symlink("a", "b")).file("a", "x").end(), &["f a=x"]),
        there("directory twice", dir(Archive::new()).dir("a").end(), &["d a", "f a/f=x"]),
        there("file, then fifo", Archive::new().file("a", "x").entry(&Head::new(b'6', "a", 0), b"").end(), &["p a"]),
        refused(
            "a file, then something below it",
            Archive::new().file("a", "x").file("a/b", "y").end(),
            UR0705,
            "not a directory",
        ),
    ]
}
