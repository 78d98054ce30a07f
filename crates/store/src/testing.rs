//! What tests of several modules need.

use sys::rustix::process::geteuid;
use tempfile::TempDir;

use crate::{Limits, Ownership, Store, Unpack};

mod archive;

pub(crate) use archive::{Archive, Head, record};

/// An empty store in a directory of its own.
pub(crate) fn store() -> (TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(&home.path().join("root"), &home.path().join("run")).unwrap();
    (home, store)
}

/// Whether the test may do what only root may; says so if not.
pub(crate) fn privileged() -> bool {
    let root = geteuid().is_root();
    if !root {
        skipped("this test needs root");
    }
    root
}

/// Says why a test does less than its name promises.
#[expect(clippy::print_stderr)]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// How tests unpack: as far as their user may.
pub(crate) fn how() -> Unpack<'static> {
    let ownership = if geteuid().is_root() { Ownership::Canonical } else { Ownership::Single };
    Unpack { diff_id: None, ownership, limits: Limits::default() }
}
