use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::testing::{privileged, store};

fn open(home: &tempfile::TempDir) -> Result<Store> {
    Store::open(&home.path().join("root"), &home.path().join("run"))
}

fn mode(dir: &Dir, name: &str) -> u32 {
    dir.stat(name).unwrap().st_mode & 0o7777
}

#[expect(clippy::disallowed_methods, reason = "tests stand outside of the store")]
fn chmod(path: std::path::PathBuf, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_store_has_its_layout_for_its_owner_alone() {
    let (home, store) = store();
    assert_eq!(store.root().read_text("version", 10).unwrap(), "1\n");
    for name in ["", "blobs", "blobs/sha256", "layers", "images", "containers", "names", "volumes", "networks", "tmp"] {
        assert_eq!(mode(store.root(), name), 0o700, "{name}");
    }
    for name in ["", "containers", "ids"] {
        assert_eq!(mode(store.run_root(), name), 0o700, "{name}");
    }
    open(&home).unwrap();
}

#[test]
fn directories_above_the_store_are_made() {
    let home = tempfile::tempdir().unwrap();
    let (root, run) = (home.path().join("a/b/root"), home.path().join("c/run"));
    Store::open(&root, &run).unwrap();
    Store::open(&root, &run).unwrap();
}

#[test]
fn a_store_that_others_can_enter_is_refused() {
    for (which, loose) in [("root", 0o701), ("root", 0o755), ("run", 0o750)] {
        let (home, _) = store();
        let path = home.path().join(which);
        chmod(path.clone(), loose);
        let error = open(&home).unwrap_err();
        assert_eq!(error.code(), codes::UR0709);
        assert!(error.report().what.contains(&format!("{loose:04o}")), "{error}");
        let command = error.report().help[0].command.clone().unwrap();
        assert_eq!(command, format!("chmod 700 {}", path.display()));
        assert!(std::process::Command::new("sh").args(["-c", &command]).status().unwrap().success());
        open(&home).unwrap();
    }
}

#[test]
fn privileged_a_store_of_somebody_else_is_refused() {
    if !privileged() {
        return;
    }
    let (home, store) = store();
    sys::rustix::fs::fchown(store.root(), Some(sys::rustix::fs::Uid::from_raw(1000)), None).unwrap();
    let error = open(&home).unwrap_err();
    assert_eq!(error.code(), codes::UR0709);
    assert!(error.report().what.contains("uid 1000"), "{error}");
}

#[test]
fn a_newer_layout_is_refused_and_a_strange_one_too() {
    let (home, store) = store();
    for (text, code) in
        [("2\n", codes::UR0708), ("4294967295", codes::UR0708), ("one\n", codes::UR0707), ("", codes::UR0707)]
    {
        store.root().write("version", text.as_bytes(), 0o600).unwrap();
        assert_eq!(open(&home).unwrap_err().code(), code, "{text:?}");
    }
}

#[test]
fn a_layout_whose_making_was_interrupted_is_completed() {
    let (home, store) = store();
    store.root().remove_file("version").unwrap();
    store.root().remove_dir("names").unwrap();
    open(&home).unwrap();
    assert!(store.root().has("version") && store.root().has("names"));
}

#[test]
fn the_lock_is_shared_or_exclusive() {
    let (home, first) = store();
    let second = open(&home).unwrap();
    let shared = (first.share().unwrap(), second.share().unwrap());
    drop(shared);
    let exclusive = first.exclude().unwrap();
    std::thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        scope.spawn(move || sender.send(second.share().is_ok()));
        assert!(receiver.recv_timeout(std::time::Duration::from_millis(100)).is_err(), "shared beside exclusive");
        drop(exclusive);
        assert!(receiver.recv().unwrap());
    });
}

#[test]
fn a_root_that_is_a_file_is_an_error() {
    let home = tempfile::NamedTempFile::new().unwrap();
    let error = Store::open(home.path(), home.path()).unwrap_err();
    assert_eq!(error.code(), codes::UR0707);
}
