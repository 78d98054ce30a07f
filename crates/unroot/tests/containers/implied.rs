//! Layers whose archives do not mention directories that lower layers have, made by umoci.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    home::{Home, skip},
    rootfs::{self, Tree},
};

/// Adds a layer to an image.
fn add(image: &str, archive: &Path) {
    umoci(&["raw", "add-layer", "--image", image, archive.to_str().expect("text")]);
}

fn umoci(words: &[&str]) {
    let status = Command::new("umoci").args(words).stdout(Stdio::null()).status();
    assert!(status.expect("umoci runs").success(), "umoci {words:?}");
}

/// An image of busybox and above it layers that have files only.
fn image(home: &Home) -> Option<String> {
    if !Path::new("/usr/bin/umoci").exists() {
        return skip("umoci is not installed");
    }
    let Some(busybox) = rootfs::busybox() else { return skip("no busybox (apt install busybox-static)") };
    let layout = home.path("layout");
    let image = format!("{}:implied", layout.display());
    umoci(&["init", "--layout", layout.to_str()?]);
    umoci(&["new", "--image", &image]);
    let lower = home.path("lower.tar");
    fs::write(&lower, rootfs::archive(&busybox)).expect("an archive");
    add(&image, &lower);
    for (number, paths) in [["tmp/one", "data/deep/one"], ["tmp/two", "data/deep/two"]].iter().enumerate() {
        let mut files = Tree::empty();
        for path in paths {
            files.file(path, 0, &[]);
        }
        let archive = home.path(&format!("upper{number}.tar"));
        fs::write(&archive, files.end()).expect("an archive");
        add(&image, &archive);
    }
    home.says(&["load", "-i", layout.to_str()?]);
    Some("localhost/implied".to_owned())
}

/// The directories look as the lowest layer has them, in new containers under any map and after changes.
fn as_the_lower_layer_has_them(home: &Home, options: &[&str]) {
    let Some(image) = image(home) else { return };
    let script = "stat -c '%a %u:%g' /tmp /data /data/deep; ls /tmp /data/deep";
    let expected = "1777 0:0\n755 101:102\n755 0:0\n/data/deep:\none\ntwo\n\n/tmp:\none\ntwo\n";
    let run = [&["run", "--rm"], options, &[&image, "sh", "-c", script]].concat();
    let sorted = |text: &str| {
        text.replace("/tmp:\none\ntwo\n\n/data/deep:\none\ntwo\n", "/data/deep:\none\ntwo\n\n/tmp:\none\ntwo\n")
    };
    assert_eq!(sorted(&home.says(&run)), expected);
    let name = [&["run", "--name", "kept"], options, &[&image, "chmod", "700", "/tmp"]].concat();
    home.says(&name);
    home.says(&["rm", "kept"]);
    assert_eq!(sorted(&home.says(&run)), expected, "the image's directory is nobody's to change");
    home.assert_empty();
}

#[test]
fn privileged_implied_directories_are_those_of_the_layer_below() {
    let Some(home) = Home::bare(true) else { return };
    as_the_lower_layer_has_them(&home, &[]);
}

#[test]
fn privileged_implied_directories_without_a_range_of_their_own() {
    let Some(home) = Home::bare(true) else { return };
    as_the_lower_layer_has_them(&home, &["--userns=host"]);
}

#[test]
fn rootless_implied_directories_are_those_of_the_layer_below() {
    let Some(home) = Home::bare(false) else { return };
    as_the_lower_layer_has_them(&home, &[]);
}

#[test]
fn rootless_implied_directories_under_another_map() {
    let Some(home) = Home::bare(false) else { return };
    as_the_lower_layer_has_them(&home, &["--userns=auto:size=2000"]);
}
