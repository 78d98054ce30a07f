//! The whole way of an image, made by others' programs: pull, run, push, save, load; beside skopeo, which sees the digests.

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};

use super::{Registry, can};

/// Runs a program that must succeed; nothing if it is not installed.
fn others(program: &str, words: &[&str]) -> Option<String> {
    let Ok(output) = Command::new(program).args(words).output() else {
        println!("skipped: {program} is not installed");
        return None;
    };
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

/// An OCI layout of umoci's with a busybox image `base`, the same for another machine, `other`, and an index of both, `multi`.
fn layout(dir: &Path) -> Option<String> {
    let busybox = std::env::var("UNROOT_TEST_BUSYBOX").unwrap_or_else(|_| "/bin/busybox".into());
    if !Path::new(&busybox).exists() || !super::has_runtime() {
        println!("skipped: no busybox, or no unroot-runtime beside unroot");
        return None;
    }
    let layout = dir.display().to_string();
    let image = format!("{layout}:base");
    others("umoci", &["init", "--layout", &layout])?;
    others("umoci", &["new", "--image", &image])?;
    others("umoci", &["insert", "--image", &image, &busybox, "/bin/busybox"])?;
    others(
        "umoci",
        &["config", "--image", &image, "--config.cmd", "/bin/busybox", "--config.cmd", "echo", "--config.cmd", "ran"],
    )?;
    let foreign = if cfg!(target_arch = "x86_64") { "arm64" } else { "amd64" };
    others("umoci", &["config", "--image", &image, "--tag", "other", "--architecture", foreign])?;
    let path = dir.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let own = if foreign == "arm64" { "amd64" } else { "arm64" };
    let entry = |name: &str, architecture: &str| {
        let all = index["manifests"].as_array().unwrap();
        let found = all.iter().find(|entry| entry["annotations"]["org.opencontainers.image.ref.name"] == name);
        let mut entry = found.unwrap().clone();
        entry.as_object_mut().unwrap().remove("annotations");
        entry["platform"] = json!({ "os": "linux", "architecture": architecture });
        entry
    };
    let (base, other) = (entry("base", own), entry("other", foreign));
    let digest = base["digest"].as_str().unwrap().to_owned();
    let both = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [other, base],
    });
    let text = both.to_string();
    let hex = <sha2::Sha256 as sha2::Digest>::digest(&text)
        .iter()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    fs::write(dir.join("blobs/sha256").join(&hex), &text).unwrap();
    index["manifests"].as_array_mut().unwrap().push(json!({
        "mediaType": "application/vnd.oci.image.index.v1+json", "digest": format!("sha256:{hex}"), "size": text.len(),
        "annotations": { "org.opencontainers.image.ref.name": "multi" },
    }));
    fs::write(&path, index.to_string()).unwrap();
    Some(digest)
}

impl Registry {
    /// Puts the layout's images there: as they are, with zstd, as Docker's schema 2, and as an index.
    fn fill_from(&self, layout: &Path) {
        let from = format!("oci:{}", layout.display());
        let kept = self.dir.path().join("kept");
        for (tag, format, compression) in [("gzip", "oci", "gzip"), ("zstd", "oci", "zstd"), ("two", "v2s2", "gzip")] {
            let _ = fs::remove_dir_all(&kept);
            let dir = format!("dir:{}", kept.display());
            let compress = ["--dest-compress", "--dest-compress-format", compression];
            let base = format!("{from}:base");
            self.skopeo(&[&["copy", "-q", "--format", format], &compress[..], &[&base, &dir]].concat());
            let to = format!("docker://{}", self.at(&format!("a/{tag}:1")));
            self.skopeo(&["copy", "-q", "--dest-tls-verify=false", &dir, &to]);
        }
        let to = format!("docker://{}", self.at("a/multi:1"));
        self.skopeo(&["copy", "-q", "--all", "--dest-tls-verify=false", &format!("{from}:multi"), &to]);
    }
}

/// Everything that a saved image goes through on its way back.
fn saved_and_loaded(registry: &Registry, store: &str, kind: &str, name: &str, id: &str) {
    let fine = |words: &[&str]| registry.fine(store, words);
    let digest = fine(&["images", "--format", "{{.Digest}}", name]);
    for form in ["oci-archive", "oci-dir", "docker-archive", "docker-dir"] {
        let path = registry.dir.path().join(format!("{kind}-{form}"));
        let path = path.to_str().unwrap();
        fine(&["save", "-q", "--format", form, "-o", path, name]);
        let transport = match form {
            "oci-dir" => "oci",
            "docker-dir" => "dir",
            same => same,
        };
        let there = registry.at(&format!("c/{kind}-{form}:1"));
        registry.skopeo(&[
            "copy",
            "-q",
            "--dest-tls-verify=false",
            &format!("{transport}:{path}"),
            &format!("docker://{there}"),
        ]);
        let other = format!("{store}-{form}");
        let said = registry.fine(&other, &["load", "-i", path]);
        assert!(said.starts_with("Loaded image: "), "{said}");
        assert_eq!(
            registry.fine(&other, &["images", "-q", "--no-trunc"]).trim(),
            format!("sha256:{id}"),
            "{kind} {form}"
        );
        if form.starts_with("oci") {
            assert_eq!(registry.fine(&other, &["images", "--format", "{{.Digest}}"]), digest, "{kind} {form}");
        }
        registry.fine(&other, &["rmi", "-a"]);
    }
    if kind == "gzip" {
        let place = format!("docker://{}", registry.at("c/gzip-oci-archive:1"));
        let seen = registry.skopeo(&["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &place]);
        assert_eq!(seen, digest, "skopeo copies an archive of ours, and the digest stays");
    }
}

#[test]
fn privileged_images_of_others_go_the_whole_way() {
    if !can(true) {
        return;
    }
    let registry = Registry::start();
    let made = registry.dir.path().join("layout");
    let Some(base) = layout(&made) else { return };
    registry.fill_from(&made);
    for kind in ["gzip", "zstd", "two", "multi"] {
        let (from, to) = (registry.at(&format!("a/{kind}:1")), registry.at(&format!("b/{kind}:2")));
        let store = format!("whole-{kind}");
        // `run` pulls what is not here.
        let ran = registry.fine(&store, &["run", "--rm", "-q", "--tls-verify=false", &from]);
        assert_eq!(ran, "ran\n", "{kind}");
        let id =
            registry.fine(&store, &["pull", "-q", "--tls-verify=false", "--policy=newer", &from]).trim().to_owned();
        registry.fine(&store, &["push", "-q", "--tls-verify=false", &from, &to]);
        if kind == "multi" {
            assert!(registry.seen("b/multi:2").starts_with(&base), "the image for this machine");
        } else {
            assert_eq!(registry.seen(&format!("a/{kind}:1")), registry.seen(&format!("b/{kind}:2")), "{kind}");
        }
        saved_and_loaded(&registry, &store, kind, &from, &id);
        registry.fine(&store, &["rmi", "-a"]);
    }
    let (fine, _, err) = registry.unroot("whole-gzip", &["run", "--pull=never", &registry.at("a/gzip:1")]);
    assert!(!fine && err.contains("UR0701"), "{err}");
}

#[test]
fn privileged_what_is_pushed_is_wrapped_as_asked() {
    if !can(true) {
        return;
    }
    let registry = Registry::start();
    let made = registry.dir.path().join("layout");
    if layout(&made).is_none() {
        return;
    }
    registry.fill_from(&made);
    let from = registry.at("a/gzip:1");
    registry.fine("one", &["pull", "-q", "--tls-verify=false", &from]);
    let push = |words: &[&str], to: &str| {
        let there = registry.at(to);
        let all = [&["push", "-q", "--tls-verify=false"], words, &[from.as_str(), &there]].concat();
        registry.fine("one", &all);
        let place = format!("docker://{}", registry.at(to));
        registry.skopeo(&["inspect", "--tls-verify=false", "--raw", &place])
    };
    assert!(push(&["--compression-format=zstd", "--compression-level=9"], "d/zstd:1").contains("tar+zstd"));
    assert!(push(&["--format", "v2s2"], "d/two:1").contains("rootfs.diff.tar.gzip"));
    for (words, code) in [
        (&["--compression-format", "zstd:chunked"][..], "UR0808"),
        (&["--compression-format", "rar"], "UR0806"),
        (&["--compression-level", "12"], "UR0806"),
        (&["--format", "v2s1"], "UR0808"),
        (&["--format", "v2s2", "--compression-format", "zstd"], "UR0806"),
    ] {
        let there = registry.at("d/no:1");
        let all = [&["push", "--tls-verify=false"], words, &[from.as_str(), &there]].concat();
        let (fine, _, err) = registry.unroot("one", &all);
        assert!(!fine && err.contains(code), "{words:?}: {err}");
    }
    // What the policy rejects stays outside.
    let policy = registry.dir.path().join("policy.json");
    fs::write(&policy, r#"{"default":[{"type":"reject"}]}"#).unwrap();
    let archive = registry.dir.path().join("box.tar");
    registry.fine("one", &["save", "-o", archive.to_str().unwrap(), &from]);
    let words = ["load", "--signature-policy", policy.to_str().unwrap(), "-i", archive.to_str().unwrap()];
    let (fine, _, err) = registry.unroot("two", &words);
    assert!(!fine && err.contains("UR0906"), "{err}");
    let taken = registry.dir.path().join("layout");
    let (fine, _, err) = registry.unroot("one", &["save", "--format=oci-dir", "-o", taken.to_str().unwrap(), &from]);
    assert!(!fine && err.contains("UR0740"), "{err}");
    registry.fine("one", &["rmi", "-a"]);
}
