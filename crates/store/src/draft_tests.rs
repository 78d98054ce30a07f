use super::*;
use crate::testing::store;

#[test]
fn a_draft_goes_with_its_value() {
    let (_home, store) = store();
    let (draft, dir) = Draft::dir(&store).unwrap();
    dir.make_dir("sub", 0o000).unwrap_or_else(|_| dir.try_clone().unwrap());
    let (file, _) = Draft::file(&store).unwrap();
    assert_eq!(store.tmp.names().unwrap().len(), 2);
    drop((draft, file));
    assert_eq!(store.tmp.names().unwrap().len(), 0);
}

#[test]
fn what_is_published_stays_and_the_first_one_wins() {
    let (_home, store) = store();
    let (first, dir) = Draft::dir(&store).unwrap();
    dir.write("which", b"first", 0o600).unwrap();
    let (second, _) = Draft::dir(&store).unwrap();
    assert!(first.publish(&store.layers, "x").unwrap());
    assert!(!second.publish(&store.layers, "x").unwrap());
    assert_eq!(store.layers.read_text("x/which", 10).unwrap(), "first");
    assert_eq!(store.tmp.names().unwrap().len(), 0);
}

#[test]
fn the_sweeper_takes_what_nobody_holds() {
    let (_home, store) = store();
    let (held, _) = Draft::dir(&store).unwrap();
    let (held_file, _) = Draft::file(&store).unwrap();
    store.tmp.make_dir("stale", 0o700).unwrap().make_dir("deeper", 0o700).unwrap();
    store.tmp.write("stale-file", b"x", 0o600).unwrap();
    store.tmp.symlink("link", "/nowhere").unwrap();
    sweep(&store.tmp);
    let mut left: Vec<std::ffi::OsString> = vec![held.name.clone().into(), held_file.name.clone().into()];
    left.sort();
    assert_eq!(store.tmp.names().unwrap(), left);
}

#[test]
fn while_somebody_begins_a_draft_nobody_sweeps() {
    let (_home, store) = store();
    store.tmp.make_dir("not-locked-yet", 0o700).unwrap();
    let beginning = shared(&store.tmp).unwrap();
    sweep(&store.tmp);
    assert_eq!(store.tmp.names().unwrap().len(), 1);
    drop(beginning);
    sweep(&store.tmp);
    assert_eq!(store.tmp.names().unwrap().len(), 0);
}

#[test]
fn a_withdrawn_entry_is_gone_at_once() {
    let (_home, store) = store();
    store.layers.make_dir("x", 0o700).unwrap().write("f", b"", 0o600).unwrap();
    let draft = Draft::withdraw(&store, &store.layers, "x").unwrap();
    assert!(!store.layers.has("x"));
    assert_eq!(store.tmp.names().unwrap().len(), 1);
    draft.remove().unwrap();
    assert_eq!(store.tmp.names().unwrap().len(), 0);
}
