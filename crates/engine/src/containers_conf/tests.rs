use std::fs;

use diag::{
    Origin, codes,
    render::{Style, text},
};
use tempfile::TempDir;

use super::*;

/// A directory with these files, as the places of a user or of root.
fn places(user: bool, files: &[(&str, &str)]) -> (TempDir, Places) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let places = Places {
        distribution: dir.path().join("usr"),
        system: dir.path().join("etc"),
        user: user.then(|| dir.path().join("home")),
        only: None,
        last: None,
        storage: None,
    };
    (dir, places)
}

fn userns(conf: &ContainersConf) -> Option<&str> {
    conf.containers.userns.as_ref().map(|given| given.value.as_str())
}

#[test]
fn nothing_is_there() {
    let (_dir, places) = places(true, &[]);
    let conf = ContainersConf::read(&places).unwrap();
    assert!(
        conf.containers.userns.is_none() && conf.auto_userns_min_size.is_none() && conf.root_auto_userns_user.is_none()
    );
}

#[test]
fn the_later_file_counts() {
    let line = |mode: &str| format!("[engine]\nevents_logger = \"file\"\n[containers]\nuserns = \"{mode}\"\n");
    let files = [
        ("usr/containers.conf", line("host")),
        ("etc/containers.conf", line("private")),
        ("etc/containers.conf.d/20-b.conf", line("auto:size=20")),
        ("etc/containers.conf.d/10-a.conf", line("auto:size=10")),
        ("etc/containers.conf.d/README", "not toml".to_owned()),
        ("home/containers.conf", line("keep-id")),
        ("other.conf", line("nomap")),
        ("empty.conf", "# nothing\n".to_owned()),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let (dir, root) = places(false, &files);
    assert_eq!(userns(&ContainersConf::read(&root).unwrap()), Some("auto:size=20"));
    let user = Places { user: Some(dir.path().join("home")), ..root.clone() };
    let conf = ContainersConf::read(&user).unwrap();
    assert_eq!(userns(&conf), Some("keep-id"));
    let Some(Origin::Line { file, line, text }) = conf.containers.userns.unwrap().at else { panic!("no line") };
    assert!(
        file.ends_with("home/containers.conf") && line == 4 && text == "userns = \"keep-id\"",
        "{file}:{line} {text}"
    );
    let last = Places { last: Some(dir.path().join("other.conf")), ..user.clone() };
    assert_eq!(userns(&ContainersConf::read(&last).unwrap()), Some("nomap"));
    let only = Places { only: Some(dir.path().join("empty.conf")), ..user };
    assert_eq!(userns(&ContainersConf::read(&only).unwrap()), None);
    let missing = Places { only: Some(dir.path().join("none.conf")), ..root };
    assert_eq!(ContainersConf::read(&missing).unwrap_err().code(), codes::UR0811);
}

#[test]
fn of_storage_conf_one_counts() {
    let of = |min: u32| {
        format!(
            "[storage]\ndriver = \"overlay\"\n[storage.options]\nauto-userns-min-size = {min}\nauto-userns-max-size=0\n"
        )
    };
    let (etc, home) = (of(2048), of(4096));
    let mut files = vec![
        ("usr/storage.conf", "[storage.options]\nroot-auto-userns-user = \"storage\"\nauto-userns-max-size = 9\n"),
        ("etc/storage.conf", etc.as_str()),
        ("home/storage.conf", home.as_str()),
    ];
    let size = |conf: &ContainersConf| conf.auto_userns_min_size.as_ref().map(|given| given.value);
    let (dir, root) = places(false, &files);
    let conf = ContainersConf::read(&root).unwrap();
    assert_eq!((size(&conf), conf.auto_userns_max_size.is_none()), (Some(2048), true));
    assert!(conf.root_auto_userns_user.is_none());
    let named = Places { storage: Some(dir.path().join("usr/storage.conf")), ..root };
    let conf = ContainersConf::read(&named).unwrap();
    assert_eq!(conf.root_auto_userns_user.unwrap().value, "storage");
    assert_eq!(conf.auto_userns_max_size.unwrap().value, 9);
    let (_dir, user) = places(true, &files);
    assert_eq!(size(&ContainersConf::read(&user).unwrap()), Some(4096));
    files.pop();
    let (_dir, user) = places(true, &files);
    assert_eq!(size(&ContainersConf::read(&user).unwrap()), None);
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    for (bad, at) in [
        ("[containers]\nuserns = auto\n", 2),
        ("[containers]\n\nuserns = 7\n", 3),
        ("[containers\n", 1),
        ("containers = 1", 1),
    ] {
        let (_dir, places) = places(false, &[("etc/containers.conf", bad)]);
        let error = ContainersConf::read(&places).unwrap_err();
        let shown = text(error.report(), Style::PLAIN);
        assert!(error.code() == codes::UR0811 && shown.contains(&format!("etc/containers.conf:{at}")), "{shown}");
    }
    let (_dir, places) = places(false, &[("etc/storage.conf", "[storage.options]\nauto-userns-min-size = -1\n")]);
    assert_eq!(ContainersConf::read(&places).unwrap_err().code(), codes::UR0811);
}
