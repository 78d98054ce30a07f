//! Containers seen from outside: `top`, `diff`, `export`.

use std::{collections::BTreeMap, fs::File};

use crate::home::Home;

/// What an archive holds: names with owners and kinds.
fn listed(path: &std::path::Path) -> BTreeMap<String, (u64, u64, tar::EntryType)> {
    let mut archive = tar::Archive::new(File::open(path).expect("an archive"));
    let entries = archive.entries().expect("entries").map(|entry| {
        let entry = entry.expect("an entry");
        let header = entry.header();
        let name = entry.path().expect("a name").display().to_string();
        (
            name.trim_end_matches('/').to_owned(),
            (header.uid().expect("a uid"), header.gid().expect("a gid"), header.entry_type()),
        )
    });
    entries.collect()
}

const SCRIPT: &str = "echo x > /tmp/new; chown 101:102 /tmp/new; ln /tmp/new /tmp/also; ln -s new /tmp/link; \
    rm /etc/shadow; echo more >> /etc/group; rm -r /data; mkdir /data; sleep 600";

fn changes_are_seen(home: &Home) {
    home.says(&["run", "-d", "--name", "c", "box", "sh", "-c", SCRIPT]);
    let seen = || home.says(&["diff", "c"]);
    crate::home::until("all has happened", || seen().contains("C /data") && seen().contains("/tmp/link"));
    let expected = "C /data\nC /etc\nC /etc/group\nD /etc/shadow\nC /tmp\nA /tmp/also\nA /tmp/link\nA /tmp/new\n";
    assert_eq!(seen(), expected);
    let json: serde_json::Value =
        serde_json::from_str(&home.says(&["container", "diff", "--format", "json", "c"])).expect("JSON");
    assert_eq!(json["deleted"], serde_json::json!(["/etc/shadow"]));
    let file = home.path("c.tar");
    let name = file.display().to_string();
    let archive = || {
        home.says(&["export", "-o", &name, "c"]);
        listed(&file)
    };
    let running = archive();
    assert_eq!(running["tmp/new"].0, 101);
    assert_eq!((running["tmp/new"].1, running["bin/busybox"].0), (102, 0));
    assert!(!running.contains_key("etc/shadow") && running["tmp/link"].2 == tar::EntryType::Symlink);
    assert!([running["tmp/new"].2, running["tmp/also"].2].contains(&tar::EntryType::Link));
    home.says(&["stop", "-t", "0", "c"]);
    assert_eq!(archive(), running);
    assert_eq!(seen(), expected);
    home.says(&["import", &name, "copy"]);
    assert_eq!(home.says(&["run", "--rm", "copy", "/bin/stat", "-c", "%u:%g", "/tmp/also"]), "101:102\n");
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}

#[test]
fn privileged_diff_and_export_have_the_ids_of_the_container() {
    let Some(home) = Home::privileged() else { return };
    changes_are_seen(&home);
}

#[test]
fn rootless_diff_and_export_have_the_ids_of_the_container() {
    let Some(home) = Home::rootless() else { return };
    if home.says(&["info", "--format", "{{.host.rootfsMapping}}"]).starts_with("the user's own namespace") {
        changes_are_seen(&home);
    }
}

#[test]
fn privileged_top_tells_of_the_processes() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--name", "c", "-u", "redis", "box", "sleep", "600"]);
    let usual = home.says(&["top", "c"]);
    let lines: Vec<Vec<&str>> = usual.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["USER", "PID", "PPID", "%CPU", "ELAPSED", "TTY", "TIME", "COMMAND"]);
    assert_eq!((lines.len(), lines[1][0], lines[1][1], lines[1][2]), (2, "redis", "1", "0"));
    assert!(usual.trim_end().ends_with("sleep 600"), "{usual}");
    let chosen = home.says(&["container", "top", "c", "hpid", "uid", "gid", "comm"]);
    let row: Vec<&str> = chosen.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!(row, [home.init_of("c").to_string().as_str(), "101", "102", "sleep"]);
    let (status, said) = home.fails(&["top", "c", "colour"]);
    assert!(status == 125 && said.contains("error[UR0862]"), "{status}: {said}");
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}
