//! What tests of several modules need.

use tempfile::TempDir;

use crate::Store;

/// An empty store in a directory of its own.
pub(crate) fn store() -> (TempDir, Store) {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(&home.path().join("root"), &home.path().join("run")).unwrap();
    (home, store)
}
