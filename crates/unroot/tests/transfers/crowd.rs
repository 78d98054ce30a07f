//! Ten at once pull images that share layers, while others run, remove and prune.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::{Registry, can, has_runtime, made, proxy::Proxy};

/// The images: each has the lowest layers of those before it.
const LAYERS: [&str; 6] = ["base", "a", "b", "c", "d", "e"];

/// How many images there are, and how many pull at a time.
const IMAGES: usize = 5;
const AT_ONCE: usize = 10;

fn fill(registry: &Registry, busybox: &[u8]) {
    let layer = |name: &&str| {
        let (noise, file) = (made::noise(name, 600_000), format!("{name}/noise"));
        let mut files: Vec<(String, &[u8])> = vec![(file, &noise), ("last".to_owned(), name.as_bytes())];
        let small: Vec<String> = (0..40).map(|number| format!("{name}/{number}")).collect();
        files.extend(small.iter().map(|path| (path.clone(), path.as_bytes())));
        if *name == "base" {
            files.push(("bin/busybox".to_owned(), busybox));
        }
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), *bytes)).collect();
        made::archive(&files)
    };
    let layers: Vec<Vec<u8>> = LAYERS.iter().map(layer).collect();
    for index in 0..IMAGES {
        let name = registry.at(&format!("many/{index}:1"));
        let own: Vec<&[u8]> = layers[..index + 2].iter().map(Vec::as_slice).collect();
        let layout = made::image(registry.dir.path(), &name, &own);
        registry.fine("one", &["load", "-i", layout.to_str().unwrap()]);
        registry.fine("one", &["push", "-q", "--tls-verify=false", &name]);
        registry.fine("one", &["rmi", "-f", &name]);
    }
}

fn name(proxy: &Proxy, index: usize) -> String {
    format!("{}/many/{}:1", proxy.host, index % IMAGES)
}

/// Pulls by ten at once: all of it is here, and each blob was fetched once.
fn once(registry: &Registry) {
    let proxy = Proxy::before(&registry.host, usize::MAX);
    thread::scope(|scope| {
        for index in 0..AT_ONCE {
            let name = name(&proxy, index);
            scope.spawn(move || registry.fine("crowd", &["pull", "-q", "--tls-verify=false", &name]));
        }
    });
    let blobs = proxy.blobs();
    let layers = registry.dir.path().join("crowd/layers");
    assert_eq!(made::count(&layers), IMAGES + 1);
    // Configurations are small, are not waited for, and are no layers.
    let digests: BTreeSet<&String> = blobs.keys().collect();
    assert_eq!(digests.len(), IMAGES + 1 + IMAGES, "{blobs:?}");
    let twice = blobs.iter().filter(|(_, times)| **times > 1).count();
    assert!(twice <= IMAGES && blobs.values().filter(|times| **times == 1).count() > IMAGES, "{blobs:?}");
    for (digest, times) in &blobs {
        let is_layer = layers.join(digest.trim_start_matches("sha256:")).exists();
        assert!(!is_layer || *times == 1, "{digest} was fetched {times} times");
    }
}

/// What may go wrong while others remove the same things.
fn is_expected(words: &[&str], said: &str) -> bool {
    let any = |codes: &[&str]| codes.iter().any(|code| said.contains(&format!("error[{code}]")));
    match words[0] {
        // Somebody else has removed it, or it is used.
        "rmi" => any(&["UR0701", "UR0716", "UR0717"]) || said.contains("is used by"),
        // The image went between the question and the container.
        "run" => any(&["UR0701"]),
        _ => false,
    }
}

fn mixed(registry: &Registry) {
    let proxy = Proxy::before(&registry.host, usize::MAX);
    let ended = AtomicBool::new(false);
    let ask = |words: &[&str]| {
        let (fine, _, said) = registry.unroot("crowd", words);
        assert!(fine || is_expected(words, &said), "{words:?}: {said}");
    };
    thread::scope(|scope| {
        let pulls: Vec<_> = (0..AT_ONCE)
            .map(|index| {
                let (ask, name) = (&ask, name(&proxy, index));
                scope.spawn(move || (0..2).for_each(|_| ask(&["pull", "-q", "--tls-verify=false", &name])))
            })
            .collect();
        let others = |words: &'static [&'static str], pause: u64| {
            let (ask, ended, proxy) = (&ask, &ended, &proxy);
            scope.spawn(move || {
                for index in 0.. {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    let name = name(proxy, index);
                    let words: Vec<&str> =
                        words.iter().map(|word| if *word == "IMAGE" { name.as_str() } else { word }).collect();
                    ask(&words);
                    thread::sleep(Duration::from_millis(pause));
                }
            })
        };
        if has_runtime() {
            others(
                &["run", "--rm", "--network", "none", "--pull", "never", "IMAGE", "/bin/busybox", "cat", "/last"],
                20,
            );
        }
        others(&["rmi", "IMAGE"], 150);
        others(&["system", "prune", "-f"], 200);
        let failed = pulls.into_iter().filter_map(|pull| pull.join().err()).count();
        ended.store(true, Ordering::Relaxed);
        assert_eq!(failed, 0, "some pulls have failed");
    });
    let said = registry.fine("crowd", &["system", "check"]);
    assert!(said.ends_with(": nothing\n"), "{said}");
    assert_eq!(made::count(&registry.dir.path().join("crowd/tmp")), 0);
}

fn ten_at_once() {
    let Some(busybox) = made::busybox() else {
        return println!("skipped: no busybox");
    };
    let registry = Registry::start();
    fill(&registry, &busybox);
    once(&registry);
    mixed(&registry);
    registry.fine("crowd", &["system", "prune", "-a", "-f"]);
}

#[test]
fn privileged_ten_at_once_beside_others() {
    if can(true) {
        ten_at_once();
    }
}

#[test]
fn rootless_ten_at_once_beside_others() {
    if can(false) {
        ten_at_once();
    }
}
