//! Environment, time, limits, names, labels, and the verb `create`.

use std::{fs, process::Stdio};

use super::{refused, script};
use crate::home::Home;

#[test]
fn privileged_environment_from_everywhere() {
    let Some(home) = Home::privileged() else { return };
    let file = home.path("file.env");
    fs::write(&file, "# note\nA=file\nB=\"x y\"\n\nGIVEN\nNEVER_SET\n").expect("a file");
    let file = file.to_str().expect("text");
    let words = ["run", "--rm", "--env-file", file, "-e", "A=option", "--env-merge", "PATH=${PATH}:/x", "box", "env"];
    let output = home.command(&words).env("GIVEN", "here").env("https_proxy", "p").stdin(Stdio::null()).output();
    let said = String::from_utf8(output.expect("unroot runs").stdout).expect("text");
    for line in ["A=option", "B=\"x y\"", "GIVEN=here", "https_proxy=p"] {
        assert!(said.lines().any(|own| own == line), "{line}: {said}");
    }
    assert!(said.contains("/bin:/x\n") && !said.contains("NEVER_SET"), "{said}");
    let words = ["run", "--rm", "--unsetenv-all", "--http-proxy=false", "--env-host", "box", "/bin/env"];
    let output = home.command(&words).env("GIVEN", "here").env("https_proxy", "p").env("PATH", "/own:/bin").output();
    let said = String::from_utf8(output.expect("unroot runs").stdout).expect("text");
    assert!(said.contains("PATH=/own:/bin\n") && said.contains("GIVEN=here\n") && said.contains("https_proxy=p\n"));
    refused(&home, "UR0831", &[&["--env-file", "/no/such/file"], &["--label-file", "/no/such/file"]]);
    home.assert_empty();
}

#[test]
fn privileged_umask_zone_and_limits() {
    let Some(home) = Home::privileged() else { return };
    let options = ["--umask", "77", "--shm-size", "2m", "--ulimit", "nofile=100:200", "--oom-score-adj", "700"];
    let look =
        "umask; grep /dev/shm /proc/mounts; grep -i 'open files' /proc/self/limits; cat /proc/self/oom_score_adj";
    let said = script(&home, &options, look);
    assert!(said.starts_with("0077\n") && said.contains("size=2048k") && said.ends_with("\n700\n"), "{said}");
    let limit: Vec<&str> = said.lines().nth(2).expect("a line").split_whitespace().collect();
    assert_eq!(limit[3..5], ["100", "200"]);
    let said = script(&home, &["--sysctl", "net.ipv4.ip_forward=1"], "cat /proc/sys/net/ipv4/ip_forward");
    assert_eq!(said, "1\n");
    if std::path::Path::new("/usr/share/zoneinfo/Asia/Tokyo").exists() {
        assert_ne!(script(&home, &["--tz", "Asia/Tokyo"], "wc -c < /etc/localtime").trim(), "0");
    }
    let wrong: &[&[&str]] = &[
        &["--umask", "8"],
        &["--tz", "Mars/Base"],
        &["--tz", "../../etc/passwd"],
        &["--ulimit", "legs=2"],
        &["--shm-size", "much"],
        &["--oom-score-adj", "1001"],
        &["--sysctl", "net.ipv4.ip_forward"],
        &["--stop-timeout", "soon"],
    ];
    refused(&home, "UR0806", wrong);
    refused(&home, "UR0510", &[&["--sysctl", "kernel.core_pattern=x"], &["--network=host", "--sysctl", "net.a=1"]]);
    home.assert_empty();
}

#[test]
fn privileged_names_that_are_told() {
    let Some(home) = Home::privileged() else { return };
    let options =
        ["--add-host", "db;db2:192.0.2.7", "--dns", "192.0.2.1", "--dns-search", "example.org", "--dns-opt=x"];
    let said = script(&home, &options, "cat /etc/hosts /etc/resolv.conf");
    assert!(said.starts_with("192.0.2.7\tdb db2\n127.0.0.1\tlocalhost\n"), "{said}");
    assert!(said.ends_with("search example.org\nnameserver 192.0.2.1\noptions x\n"), "{said}");
    let said = script(&home, &["--no-hosts", "--no-hostname", "--network=host", "--dns=none"], "ls /etc");
    assert_eq!(said, "group\npasswd\nshadow\n");
    let file = home.path("hosts");
    fs::write(&file, "192.0.2.9 there\n").expect("a file");
    let said = script(&home, &["--hosts-file", file.to_str().expect("text")], "cat /etc/hosts");
    assert!(said.starts_with("192.0.2.9 there\n127.0.1.1\t"), "{said}");
    refused(&home, "UR0830", &[&["--no-hosts", "--add-host", "a:192.0.2.1"], &["--dns=none", "--dns-search", "x"]]);
    refused(&home, "UR0806", &[&["--add-host", "a"], &["--dns", "a"], &["--hosts-file", "relative"]]);
    home.assert_empty();
}

#[test]
fn privileged_made_first_and_started_later() {
    let Some(home) = Home::privileged() else { return };
    let cid = home.path("cid");
    let file = cid.to_str().expect("text");
    let id = home.says(&["create", "--name", "late", "--cidfile", file, "-e", "A=1", "box", "sh", "-c", "echo $A -v"]);
    assert_eq!(fs::read_to_string(&cid).expect("a file"), id.trim());
    assert_eq!(home.field("late", "State"), "created");
    assert_eq!(home.says(&["start", "-a", "late"]), "1 -v\n");
    let (status, said) = home.fails(&["container", "create", "--cidfile", file, "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0831]") && said.contains("exists already"), "{said}");
    let (status, said) = home.fails(&["create", "--name", "late", "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0801]"), "{said}");
    let other = home.says(&["create", "--name", "late", "--replace", "box", "true"]);
    assert!(other != id && home.says(&["ps", "-aq"]).lines().count() == 1);
    refused(&home, "UR0830", &[&["--replace"]]);
    home.says(&["rm", "late"]);
    home.assert_empty();
}

#[test]
fn privileged_defaults_of_the_configuration() {
    let Some(home) = Home::privileged() else { return };
    let file = home.path("containers.conf");
    let text = "[containers]\numask = \"0027\"\nenv = [\"CONF=1\"]\ndefault_ulimits = [\"nofile=50:60\"]\n\
                dns_servers = [\"192.0.2.3\"]\nshm_size = \"1m\"\nannotations = [\"a=b\"]\nread_only = true\n";
    fs::write(&file, text).expect("a file");
    let look =
        "umask; echo $CONF; ulimit -n; cat /etc/resolv.conf; grep -c size=1024k /proc/mounts; touch /x || echo no";
    let mut command = home.command(&["run", "--rm", "--umask", "22", "box", "sh", "-c", look]);
    let output = command.env("CONTAINERS_CONF", &file).stdin(Stdio::null()).output().expect("unroot runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0022\n1\n50\nnameserver 192.0.2.3\n1\nno\n");
    fs::write(&file, "[containers]\numask = \"rwx\"\n").expect("a file");
    let output = home.command(&["run", "box", "true"]).env("CONTAINERS_CONF", &file).output().expect("unroot runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("error[UR0806]") && said.contains("containers.conf:2"), "{said}");
    home.assert_empty();
}

#[test]
fn privileged_an_image_goes_with_its_container() {
    let Some(home) = Home::privileged() else { return };
    let run = |words: &[&str]| home.command(words).stdin(Stdio::null()).output().expect("unroot runs").status.code();
    assert_eq!(run(&["tag", "box", "passing"]), Some(0));
    assert_eq!(run(&["run", "--rmi", "passing", "true"]), Some(0));
    assert_eq!((run(&["image", "exists", "passing"]), run(&["image", "exists", "box"])), (Some(1), Some(0)));
    // Who is still used stays.
    assert_eq!(run(&["create", "--name", "other", "box", "true"]), Some(0));
    assert_eq!(run(&["run", "--rmi", "box", "true"]), Some(0));
    assert_eq!(run(&["image", "exists", "box"]), Some(0));
    assert_eq!(run(&["rm", "other"]), Some(0));
    home.assert_empty();
}
