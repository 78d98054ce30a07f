//! `create` or `run` is killed at some moment: what it leaves can be cleared away, and then nothing is left.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    bundle::{Bundle, privileged},
    call::{wait, wait_until},
};

const TIMES: u32 = 50;

/// How long `create` takes when nobody kills it.
fn duration_of_create(bundle: &Bundle) -> Duration {
    let begun = Instant::now();
    bundle.create().ok();
    let took = begun.elapsed();
    bundle.verb("delete", &["--force"]).ok();
    took
}

/// Calls a verb that makes a container, and kills the call after a while.
fn make_and_kill(bundle: &Bundle, verb: &str, after: Duration) {
    let mut make = bundle.making(verb);
    let mut child = make.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    wait(&mut child);
}

fn kill_many_times(bundle: &mut Bundle, verb: &str) {
    bundle.sh("sleep 60");
    let usual = (0..5).map(|_| duration_of_create(bundle)).min().unwrap();
    for n in 0..TIMES {
        // A little beyond the end, too.
        make_and_kill(bundle, verb, usual * n * 6 / 5 / TIMES);
        bundle.verb("delete", &["--force"]).ok();
        bundle.nothing_is_left();
    }
}

#[test]
fn privileged_a_killed_create_can_be_cleared_away() {
    privileged(|bundle| kill_many_times(bundle, "create"));
}

#[test]
fn privileged_a_killed_run_can_be_cleared_away() {
    privileged(|bundle| kill_many_times(bundle, "run"));
}

#[test]
fn privileged_control_groups_of_a_killed_create_are_found_by_their_path() {
    privileged(|bundle| {
        bundle.set("/linux/cgroupsPath", format!("/{}", bundle.id));
        create_and_kill_in_a_hook(bundle);
    });
}

#[test]
fn privileged_a_killed_create_with_a_hook_can_be_cleared_away() {
    privileged(create_and_kill_in_a_hook);
}

fn create_and_kill_in_a_hook(bundle: &mut Bundle) {
    let reached = bundle.outside().join("reached");
    let script = format!("touch {}; exec sleep 1", reached.display());
    let hook = json!([{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}]);
    bundle.set("/hooks/createRuntime", hook);
    let mut create = bundle.making("create").stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    assert!(wait_until(|| reached.exists()));
    create.kill().unwrap();
    wait(&mut create);
    bundle.verb("delete", &["--force"]).ok();
    bundle.nothing_is_left();
}
