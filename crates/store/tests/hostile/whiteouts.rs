//! Whiteouts of things that cannot be whited out, and opaque marks in odd places.

use diag::codes::*;

use crate::{
    archive::{Archive, Head},
    table::{Case, refused, there},
};

pub fn cases() -> Vec<Case> {
    let file = |name: &str| Archive::new().file(name, "").end();
    vec![
        refused("a whiteout of nothing", file(".wh."), UR0705, "`.wh.`"),
        refused("a whiteout of `.`", file(".wh.."), UR0705, "`.wh..`"),
        refused("a whiteout of `..`", file(".wh..."), UR0705, "`.wh...`"),
        refused("a whiteout of `..` in a directory", file("a/.wh..."), UR0705, "`a/.wh...`"),
        refused("a whiteout that climbs", file("../.wh.etc"), UR0705, "`..`"),
        refused("a file below a whiteout", file(".wh.a/b"), UR0705, "below a whiteout"),
        refused("a whiteout below a whiteout", file("a/.wh.b/.wh.c"), UR0705, "below a whiteout"),
        refused(
            "a whiteout below a file",
            Archive::new().file("a", "x").file("a/.wh.b", "").end(),
            UR0705,
            "not a directory",
        ),
        there("a whiteout", file("a/.wh.b"), &["d a", "w a/b"]),
        there("a whiteout of a dot file", file(".wh..b"), &["w .b"]),
        there("a whiteout, then the file", Archive::new().file(".wh.a", "").file("a", "x").end(), &["f a=x"]),
        there("the file, then its whiteout", Archive::new().file("a", "x").file(".wh.a", "").end(), &["f a=x"]),
        there(
            "the directory, then its whiteout",
            Archive::new().dir("a").file("a/f", "x").file(".wh.a", "").end(),
            &["f a/f=x", "o a"],
        ),
        there(
            "a whiteout, then something below it",
            Archive::new().file(".wh.a", "").file("a/f", "x").end(),
            &["f a/f=x", "o a"],
        ),
        there("a whiteout that is a directory", Archive::new().dir(".wh.a").end(), &["w a"]),
        there("a whiteout that is a link", Archive::new().symlink(".wh.a", "/etc").end(), &["w a"]),
        there("a whiteout that is a hard link", Archive::new().hard_link(".wh.a", "../../etc/passwd").end(), &["w a"]),
        there(
            "a whiteout with contents",
            Archive::new().file(".wh.a", "contents").file("b", "x").end(),
            &["f b=x", "w a"],
        ),
        there(
            "a whiteout with an owner and a mode",
            Archive::new().entry(&Head::new(b'0', ".wh.a", 0).owner(7, 8).mode(0o7777), b"").end(),
            &["w a"],
        ),
        there("an opaque root", file(".wh..wh..opq"), &[]),
        there("an opaque mark in a directory that is not there", file("a/b/.wh..wh..opq"), &["d a", "o a/b"]),
        there(
            "an opaque mark, twice",
            Archive::new().file("a/.wh..wh..opq", "").file("a/.wh..wh..opq", "").end(),
            &["o a"],
        ),
        there(
            "an opaque mark after what it does not hide",
            Archive::new().file("a/f", "x").file("a/.wh..wh..opq", "").end(),
            &["f a/f=x", "o a"],
        ),
        refused(
            "an opaque mark in a file",
            Archive::new().file("a", "x").file("a/.wh..wh..opq", "").end(),
            UR0705,
            "not a directory",
        ),
        there(
            "what AUFS kept for itself",
            Archive::new()
                .file(".wh..wh.aufs", "x")
                .dir(".wh..wh.plnk")
                .file(".wh..wh.plnk/1.2", "x")
                .file("a", "x")
                .end(),
            &["f a=x"],
        ),
        refused("below an opaque mark", file("a/.wh..wh..opq/b"), UR0705, "below a whiteout"),
    ]
}
