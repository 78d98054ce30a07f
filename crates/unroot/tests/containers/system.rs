//! `system df`, `system prune`, `system check`, `system reset`.

use std::{fs, path::PathBuf};

use crate::home::Home;

/// The directory of the one layer that `box` has.
fn layer(home: &Home) -> PathBuf {
    let layers = home.entries("root/layers");
    assert_eq!(layers.len(), 1, "{layers:?}");
    home.path("root/layers").join(&layers[0])
}

#[test]
fn privileged_damage_is_found_and_mended() {
    let Some(home) = Home::privileged() else { return };
    assert!(home.says(&["system", "check"]).ends_with(": nothing\n"));
    let file = layer(&home).join("fs/bin/busybox");
    let whole = fs::read(&file).expect("a file");
    fs::write(&file, &whole[1..]).expect("a file");
    fs::remove_dir_all(layer(&home).join("fs/etc")).expect("a directory");
    let (status, said) = home.fails(&["system", "check"]);
    assert!(
        status == 125 && said.contains("error[UR0721]") && said.contains("the image `localhost/box:latest`"),
        "{said}"
    );
    assert!(said.contains("`/etc` is missing") && said.contains("error[UR0726]"), "{said}");
    // What is read without reading files finds nothing.
    home.says(&["system", "check", "--quick"]);
    home.says(&["system", "check", "--repair"]);
    assert!(home.says(&["system", "check"]).ends_with(": nothing\n"));
    assert!(fs::read(&file).expect("a file") == whole);
    fs::remove_dir_all(layer(&home)).expect("a directory");
    assert_ne!(home.fails(&["run", "--rm", "box", "true"]).0, 0);
    home.says(&["system", "check", "--quick", "--repair"]);
    home.says(&["run", "--rm", "box", "true"]);
}

#[test]
fn privileged_what_cannot_be_mended_goes_with_force_only() {
    let Some(home) = Home::privileged() else { return };
    for blob in home.entries("root/blobs/sha256") {
        fs::write(home.path("root/blobs/sha256").join(blob), "x").expect("a blob");
    }
    let (status, said) = home.fails(&["system", "check", "--repair"]);
    assert!(status == 125 && said.contains("error[UR0722]") && said.contains("--force"), "{said}");
    // Nothing is collected while it is not known what is needed.
    assert_ne!(home.fails(&["system", "prune", "-f"]).0, 0);
    home.says(&["system", "check", "--repair", "--force"]);
    home.says(&["system", "prune", "-f"]);
    assert_eq!(home.says(&["images", "-q"]), "");
    assert_eq!((home.entries("root/blobs/sha256").len(), home.entries("root/layers").len()), (0, 0));
}

#[test]
fn privileged_half_a_container_is_in_nobodys_way() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "--name", "whole", "box", "true"]);
    home.says(&["create", "--name", "half", "box", "true"]);
    let id = home.field("half", "ID");
    let dir = home.entries("root/containers").into_iter().find(|name| name.starts_with(&id)).expect("a directory");
    fs::write(home.path("root/containers").join(dir).join("config.json"), "").expect("a file");
    let (status, said) = home.fails(&["system", "check"]);
    assert!(status == 125 && said.contains("error[UR0723]") && said.contains("it has written nothing"), "{said}");
    home.says(&["run", "--rm", "box", "true"]);
    assert_ne!(home.fails(&["rmi", "box"]).0, 0, "the whole one stands on it");
    home.says(&["system", "check", "--repair"]);
    assert_eq!(home.says(&["ps", "-a", "--format", "{{.Names}}"]), "whole\n");
    home.says(&["system", "prune", "-a", "-f"]);
    home.assert_empty();
    assert_eq!(home.says(&["images", "-q"]), "");
}

#[test]
fn privileged_pruning_leaves_what_is_used() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["import", home.path("box.tar").to_str().expect("text"), "other", "-c", "CMD [\"true\"]"]);
    home.says(&["run", "-d", "--name", "runs", "box", "sleep", "60"]);
    home.says(&["run", "--name", "rests", "other"]);
    let table = home.says(&["system", "df"]);
    assert!(
        table.starts_with(
            "TYPE           TOTAL       ACTIVE      SIZE        RECLAIMABLE\nImages         2           2 "
        ),
        "{table}"
    );
    assert!(table.contains("Containers     2           1 "), "{table}");
    let (status, said) = home.fails(&["system", "prune"]);
    assert!(status == 125 && said.contains("[y/N]"), "{said}");
    let said = home.says(&["system", "prune", "--all", "--force"]);
    assert!(said.starts_with("Deleted Containers\n") && said.contains("Deleted Images\n"), "{said}");
    assert_eq!(home.says(&["ps", "-a", "--format", "{{.Names}}"]), "runs\n");
    assert_eq!(home.says(&["images", "--format", "{{.Repository}}"]), "localhost/box\n");
    assert_eq!(home.says(&["image", "prune", "-a", "-f"]), "");
    assert_eq!(home.says(&["container", "prune", "-f", "--filter", "until=1h"]), "");
    home.says(&["rm", "-f", "runs"]);
    let verbose = home.says(&["system", "df", "-v"]);
    assert!(verbose.contains("localhost/box  latest"), "{verbose}");
}

#[test]
fn privileged_volumes_and_labels_count() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["volume", "create", "used"]);
    home.says(&["volume", "create", "unused"]);
    home.says(&[
        "run",
        "--name",
        "one",
        "--label",
        "keep=1",
        "-v",
        "used:/used",
        "box",
        "sh",
        "-c",
        "echo x > /used/x",
    ]);
    home.says(&["run", "--name", "two", "box", "true"]);
    let table = home.says(&["system", "df"]);
    assert!(table.contains("Local Volumes  2           1 "), "{table}");
    let verbose = home.says(&["system", "df", "-v"]);
    let line = |name: &str| verbose.lines().find(|line| line.starts_with(name)).map(str::to_owned).expect("a line");
    assert_eq!(line("used").split_whitespace().nth(1), Some("1"), "{verbose}");
    assert_eq!(line("unused").split_whitespace().nth(1), Some("0"), "{verbose}");
    home.says(&["container", "prune", "-f", "--filter", "label!=keep"]);
    assert_eq!(home.says(&["ps", "-a", "--format", "{{.Names}}"]), "one\n");
    home.says(&["container", "prune", "-f", "--filter", "label=keep=2"]);
    home.says(&["system", "prune", "-f", "--filter", "label=none"]);
    assert_eq!(home.says(&["volume", "ls", "-q"]), "unused\nused\n");
    let said = home.says(&["system", "prune", "-f", "--volumes", "--filter", "label!=keep"]);
    assert!(said.contains("Deleted Volumes\nunused\n") && !said.contains("Deleted Containers"), "{said}");
    home.says(&["container", "prune", "-f", "--filter", "label=keep=1"]);
    home.says(&["system", "prune", "-f", "--volumes"]);
    assert_eq!(home.says(&["volume", "ls", "-q"]), "");
}

#[test]
fn privileged_a_reset_leaves_nothing_but_what_is_not_ours() {
    let Some(home) = Home::privileged() else { return };
    reset(&home);
}

#[test]
fn rootless_a_reset_leaves_nothing_but_what_is_not_ours() {
    let Some(home) = Home::rootless() else { return };
    reset(&home);
}

fn reset(home: &Home) {
    home.says(&["run", "-d", "--name", "c", "box", "sleep", "60"]);
    let (status, said) = home.fails(&["system", "reset"]);
    assert!(status == 125 && said.contains("[y/N]"), "{said}");
    let asked = home.command(&["system", "reset"]).stdin(yes(home)).output().expect("unroot runs");
    assert!(String::from_utf8_lossy(&asked.stderr).contains("error[UR0727]"), "{asked:?}");
    fs::write(home.path("root/mine"), "").expect("a file");
    home.says(&["system", "reset", "--force"]);
    assert_eq!(home.entries("root"), ["mine"]);
    assert_eq!(home.entries("run"), [""; 0]);
    home.assert_no_mounts();
    fs::remove_file(home.path("root/mine")).expect("a file");
    home.says(&["system", "reset", "--force"]);
    assert!(!home.path("root").exists());
}

fn yes(home: &Home) -> fs::File {
    fs::write(home.path("yes"), "y\n").expect("a file");
    fs::File::open(home.path("yes")).expect("a file")
}
