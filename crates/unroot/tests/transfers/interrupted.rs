//! Ctrl-C and its like, while a registry or a pipe is silent: what was begun is gone at once.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{Registry, can, made, proxy::Proxy};

/// Waits until something is so.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The bytes that lie in a directory of the store, in files.
fn bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|file| file.len()).sum()
}

/// Sends a signal; what the command has said, and the status that it ends with.
fn stopped(child: Child, signal: Signal) -> (i32, String) {
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), signal).unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    (status.code().expect("it ends by itself"), String::from_utf8_lossy(&stderr).into_owned())
}

fn assert_nothing(registry: &Registry, store: &str) {
    for place in ["tmp", "blobs/sha256", "layers", "images"] {
        assert_eq!(made::count(&registry.dir.path().join(store).join(place)), 0, "{store}/{place}");
    }
}

fn what_is_interrupted_leaves_nothing() {
    let registry = Registry::start();
    let home = registry.dir.path();
    let layer = made::archive(&[("noise", &made::noise("noise", 4 << 20))]);
    let name = registry.at("a/large:1");
    let layout = made::image(home, &name, &[&layer]);
    registry.fine("one", &["load", "-i", layout.to_str().unwrap()]);
    registry.fine("one", &["push", "-q", "--tls-verify=false", &name]);
    pull(&registry, &layer);
    push(&registry, &name);
    pipes(&registry, &layer);
    registry.fine("one", &["rmi", "-f", &name]);
}

fn pull(registry: &Registry, layer: &[u8]) {
    let slow = Proxy::before(&registry.host, layer.len() / 2);
    let name = format!("{}/a/large:1", slow.host);
    let mut command = registry.command("pulls", &["pull", "-q", "--tls-verify=false", &name]);
    let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let tmp = registry.dir.path().join("pulls/tmp");
    until("something has come", || bytes(&tmp) > 100_000);
    let (status, said) = stopped(child, Signal::INT);
    assert!(status == 130 && said.contains("error[UR0728]: interrupted by SIGINT"), "{status}: {said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    assert_nothing(registry, "pulls");
    let again = registry.at("a/large:1");
    registry.fine("pulls", &["pull", "-q", "--tls-verify=false", &again]);
    registry.fine("pulls", &["rmi", "-f", &again]);
}

fn push(registry: &Registry, name: &str) {
    let slow = Proxy::before(&registry.host, 1 << 20);
    let to = format!("{}/b/large:1", slow.host);
    let words = ["push", "-q", "--compression-format", "gzip", "--force-compression", "--tls-verify=false", name, &to];
    let child = registry.command("one", &words).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    until("the registry is asked", || !slow.is_unused());
    let (status, said) = stopped(child, Signal::TERM);
    assert!(status == 143 && said.contains("interrupted by SIGTERM"), "{status}: {said}");
    assert_eq!(made::count(&registry.dir.path().join("one/tmp")), 0);
}

/// Standard input that stays open and silent.
fn pipes(registry: &Registry, layer: &[u8]) {
    for (words, signal, expected) in [
        (&["import", "-", "x"][..], Signal::HUP, 129),
        (&["load"][..], Signal::INT, 130),
        (&["import", "-q", "-"][..], Signal::TERM, 143),
    ] {
        let mut command = registry.command("pipes", words);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&layer[..1 << 20]).unwrap();
        let tmp = registry.dir.path().join("pipes/tmp");
        until("something has come", || made::count(&tmp) > 0);
        let (status, said) = stopped(child, signal);
        drop(pipe);
        assert!(status == expected && said.contains("error[UR0728]"), "{words:?}: {status}: {said}");
        assert_nothing(registry, "pipes");
    }
}

#[test]
fn privileged_what_is_interrupted_leaves_nothing() {
    if can(true) {
        what_is_interrupted_leaves_nothing();
    }
}

#[test]
fn rootless_what_is_interrupted_leaves_nothing() {
    if can(false) {
        what_is_interrupted_leaves_nothing();
    }
}
