//! The hostile set: archives and images that want something else than to be unpacked, each with what becomes of it.
//!
//! They are made here, block by block, and never kept as files. After each one the whole tree around the layer is compared with what it was
//! before: nothing outside of a layer's directory may change, nothing may be left in `tmp/`, nothing may be published that was refused.

#![allow(missing_docs, clippy::unwrap_used, clippy::too_many_lines)]
#![expect(clippy::disallowed_methods, reason = "the whole tree around a store is looked at by its paths")]

#[path = "../src/testing/archive.rs"]
mod archive;
#[path = "hostile/extended.rs"]
mod extended;
#[path = "hostile/images.rs"]
mod images;
#[path = "hostile/links.rs"]
mod links;
#[path = "hostile/names.rs"]
mod names;
#[path = "hostile/numbers.rs"]
mod numbers;
mod promises;
#[path = "hostile/sparse.rs"]
mod sparse;
#[path = "hostile/streams.rs"]
mod streams;
#[path = "hostile/table.rs"]
mod table;
#[path = "hostile/whiteouts.rs"]
mod whiteouts;

use table::Case;

/// As many as there are; fewer would mean that a table is not called any more.
const LEAST: usize = 140;

#[test]
fn every_archive_of_the_set() {
    let outside = promises::Yard::new().outside();
    let tables: [Vec<Case>; 7] = [
        names::cases(),
        links::cases(&outside),
        whiteouts::cases(),
        numbers::cases(),
        extended::cases(),
        sparse::cases(),
        streams::cases(),
    ];
    let cases: Vec<Case> = tables.into_iter().flatten().collect();
    let count = cases.len() + images::cases().len();
    assert!(count >= LEAST, "the set has {count} cases only");
    for case in cases {
        case.hold();
    }
}

#[test]
fn every_image_of_the_set() {
    for case in images::cases() {
        case.hold();
    }
}

/// What is refused for anybody has to be refused for the fuzz targets too, and the other way round.
#[test]
fn the_promises_hold_for_the_set() {
    for case in names::cases().into_iter().chain(whiteouts::cases()).chain(extended::cases()) {
        promises::tar(&[&[0], case.archive.as_slice()].concat());
    }
}
