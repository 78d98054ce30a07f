//! A container's life under its monitor: names under a race, restarts, logs, health, attaching and detaching.

use std::{fs, process::Stdio, thread};

use crate::{
    home::{Home, until},
    terminal::Terminal,
};

#[test]
fn privileged_of_fifty_with_one_name_one_wins() {
    let Some(home) = Home::privileged() else { return };
    let words = ["run", "-d", "--name", "same", "box", "sleep", "60"];
    let start = |_| home.command(&words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let children: Vec<_> = (0..50).map(|nth| start(nth).expect("unroot runs")).collect();
    let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().expect("its end")).collect();
    let (won, lost): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    assert_eq!((won.len(), lost.len()), (1, 49));
    for output in lost {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(125) && said.contains("error[UR0801]"), "{said}");
    }
    assert_eq!(home.says(&["ps", "-aq", "--no-trunc"]).trim(), String::from_utf8_lossy(&won[0].stdout).trim());
    home.says(&["rm", "-f", "same"]);
    home.assert_empty();
}

#[test]
fn privileged_two_who_start_and_remove_the_same_do_not_wait_for_each_other() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["create", "--name", "c", "box", "sleep", "60"]);
    for _ in 0..5 {
        let run = |words: &[&str]| drop(home.command(words).output().expect("unroot runs"));
        thread::scope(|scope| {
            for words in [&["start", "c"][..], &["stop", "-t0", "c"], &["kill", "c"]] {
                scope.spawn(move || run(words));
            }
        });
    }
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}

#[test]
fn privileged_a_restart_policy_brings_it_back_and_stop_ends_it() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--name", "c", "--restart", "on-failure:2", "box", "sh", "-c", "echo life; exit 3"]);
    until("it has had enough", || home.says(&["ps", "-a", "--format", "{{.State}}"]).trim() == "exited");
    assert_eq!(home.says(&["logs", "c"]), "life\nlife\nlife\n");
    home.says(&["run", "-d", "--name", "d", "--restart", "always", "box", "sh", "-c", "echo up; sleep 60"]);
    home.says(&["stop", "-t", "0", "d"]);
    assert_eq!(home.says(&["ps", "-a", "--filter", "name=d", "--format", "{{.State}}"]).trim(), "exited");
    assert_eq!(home.says(&["start", "--all", "--filter", "restart-policy=always"]).lines().count(), 1);
    let (status, said) = home.fails(&["run", "--rm", "--restart", "always", "box", "true"]);
    assert!(status == 125 && said.contains("error[UR0830]"), "{said}");
    home.says(&["rm", "-f", "c", "d"]);
    home.assert_empty();
}

#[test]
fn privileged_logs_are_followed_to_the_end_and_cut() {
    let Some(home) = Home::privileged() else { return };
    let script = "echo one; echo two >&2; sleep 1; echo three; printf open";
    home.says(&["run", "-d", "--name", "c", "box", "sh", "-c", script]);
    let output = home.command(&["logs", "--follow", "c"]).output().expect("unroot runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\nthree\nopen");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "two\n");
    assert_eq!(home.says(&["logs", "--tail", "1", "c"]), "three\nopen");
    let stamped = home.says(&["logs", "-t", "--since", "1h", "c"]);
    assert!(stamped.lines().next().is_some_and(|line| line.ends_with("Z one")), "{stamped}");
    let many = "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); done";
    home.says(&["run", "--name", "j", "--log-driver=json-file", "--log-opt=max-size=500", "box", "sh", "-c", many]);
    let kept = home.says(&["logs", "j"]);
    assert!(kept.ends_with("line 39\n") && kept.lines().count() < 20, "{kept}");
    home.says(&["run", "--name", "n", "--log-driver=none", "box", "echo", "x"]);
    let (status, said) = home.fails(&["logs", "n"]);
    assert!(status == 125 && said.contains("error[UR0820]"), "{said}");
    home.says(&["rm", "c", "j", "n"]);
    home.assert_empty();
}

#[test]
fn privileged_health_is_checked_in_the_container() {
    let Some(home) = Home::privileged() else { return };
    let check = ["--health-cmd", "test -e /well", "--health-interval", "200ms", "--health-retries", "2"];
    home.says(
        &[&["run", "-d", "--name", "c"], &check[..], &["box", "sh", "-c", "sleep 2; touch /well; sleep 60"]].concat(),
    );
    let health = |wanted: &str| home.says(&["ps", "-q", "--filter", &format!("health={wanted}")]).lines().count() == 1;
    until("it is unhealthy", || health("unhealthy"));
    until("it is healthy", || health("healthy"));
    home.says(&["healthcheck", "run", "c"]);
    home.says(&["run", "-d", "--name", "plain", "box", "sleep", "60"]);
    let (status, said) = home.fails(&["healthcheck", "run", "plain"]);
    assert!(status == 125 && said.contains("error[UR0821]"), "{said}");
    home.says(&["rm", "-f", "c", "plain"]);
    home.assert_empty();
}

#[test]
fn privileged_a_terminal_is_left_and_taken_up_again() {
    let Some(home) = Home::privileged() else { return };
    let mut first = Terminal::run(&home, &["run", "-it", "--name", "c", "box", "sh"]);
    first.type_in("echo rea''dy\r");
    first.expect("ready");
    first.type_in("\x10\x11");
    assert_eq!(first.wait().code(), Some(0), "{}", first.seen);
    assert_eq!(home.says(&["ps", "--format", "{{.Names}}"]).trim(), "c");
    let mut second = Terminal::run(&home, &["attach", "--detach-keys", "ctrl-x", "c"]);
    second.type_in("stty size; echo agai''n\r");
    second.expect("again");
    assert!(second.seen.contains("33 101"), "{}", second.seen);
    let mut third = Terminal::run(&home, &["attach", "c"]);
    third.type_in("echo to bo''th\r");
    third.expect("to both");
    second.expect("to both");
    third.type_in("exit 4\r");
    assert_eq!((second.wait().code(), third.wait().code()), (Some(4), Some(4)));
    home.says(&["rm", "c"]);
    home.assert_empty();
}

#[test]
fn privileged_wait_rename_exists_and_the_exit_statuses_of_rm() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--name", "c", "box", "sh", "-c", "sleep 0.5; exit 7"]);
    assert_eq!(home.says(&["wait", "c"]), "7\n");
    home.says(&["rename", "c", "d"]);
    assert_eq!(home.fails(&["container", "exists", "c"]).0, 1);
    home.says(&["container", "exists", "d"]);
    home.says(&["run", "-d", "--name", "up", "box", "sleep", "60"]);
    let (taken, said) = home.fails(&["rename", "d", "up"]);
    assert!(taken == 125 && said.contains("error[UR0801]"), "{said}");
    assert_eq!(home.fails(&["rm", "up"]).0, 2);
    assert_eq!(home.fails(&["rm", "nosuch"]).0, 1);
    assert_eq!(home.fails(&["kill", "d"]).0, 125);
    home.says(&["kill", "--signal", "KILL", "up"]);
    home.says(&["restart", "-t", "0", "up"]);
    let events = home.says(&["events", "--stream=false", "--filter", "container=up", "--format", "{{.Status}}"]);
    assert!(events.ends_with("kill\nrestart\nstart\n"), "{events}");
    home.says(&["rm", "--force", "--all"]);
    home.assert_empty();
}

#[test]
fn privileged_time_is_limited_and_pids_are_left() {
    let Some(home) = Home::privileged() else { return };
    let file = home.path("init.pid");
    let path = file.to_str().expect("text");
    let words = ["run", "--rm", "--timeout", "1", "--pidfile", path, "box", "sleep", "60"];
    assert_eq!(home.fails(&words).0, 255);
    assert!(fs::read_to_string(&file).expect("a pid").parse::<u32>().is_ok());
    home.assert_empty();
}
