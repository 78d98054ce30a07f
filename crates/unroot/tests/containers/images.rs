//! Images: what is loaded, listed and removed; and the built-in one.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    home::{Home, skip},
    rootfs,
};

/// An image of the busybox root filesystem, as the documents and the layer that it consists of.
struct Parts {
    layer: Vec<u8>,
    config: Vec<u8>,
}

fn hex(bytes: &[u8]) -> String {
    let words: Vec<_> = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    words.concat()
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    let digest = format!("sha256:{}", hex(bytes));
    json!({ "mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": bytes.len() })
}

impl Parts {
    fn new() -> Option<Parts> {
        let Some(busybox) = rootfs::busybox() else { return skip("no busybox (apt install busybox-static)") };
        let layer = rootfs::archive(&busybox);
        let architecture = if cfg!(target_arch = "x86_64") { "amd64" } else { "arm64" };
        let config = json!({
            "architecture": architecture, "os": "linux", "created": "2024-05-06T07:08:09Z",
            "config": { "Cmd": ["id", "-u"], "User": "redis", "Env": ["MADE=by hand"] },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))] },
        });
        Some(Parts { layer, config: config.to_string().into_bytes() })
    }

    /// An OCI layout directory.
    fn layout(&self, dir: &Path, name: &str) {
        let blobs = dir.join("blobs/sha256");
        fs::create_dir_all(&blobs).expect("a directory");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor("config.v1+json", &self.config), "layers": [descriptor("layer.v1.tar", &self.layer)],
        });
        let manifest = manifest.to_string().into_bytes();
        for bytes in [&self.layer, &self.config, &manifest] {
            fs::write(blobs.join(hex(bytes)), bytes).expect("a blob");
        }
        let mut entry = descriptor("manifest.v1+json", &manifest);
        entry["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        let index = json!({ "schemaVersion": 2, "manifests": [entry] });
        fs::write(dir.join("index.json"), index.to_string()).expect("the index");
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("the layout");
    }

    /// A docker-archive.
    fn docker_archive(&self, path: &Path, name: &str) {
        let manifest = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }]);
        let mut tar = tar::Builder::new(fs::File::create(path).expect("a file"));
        for (name, bytes) in [
            ("manifest.json", manifest.to_string().as_bytes()),
            ("config.json", &self.config),
            ("layer.tar", &self.layer),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, bytes).expect("an entry");
        }
        tar.finish().expect("an archive");
    }
}

/// Loads an image and runs it as it says itself.
fn load_and_run(home: &Home, path: &Path, name: &str) {
    let said = home.says(&["load", "-i", path.to_str().expect("text")]);
    assert!(said.contains(name), "{said}");
    assert_eq!(home.says(&["run", "--rm", name]), "101\n", "{name}");
    assert_eq!(home.says(&["run", "--rm", name, "sh", "-c", "echo $MADE"]), "by hand\n");
}

#[test]
fn privileged_images_of_all_forms_are_loaded() {
    let (Some(home), Some(parts)) = (Home::bare(true), Parts::new()) else { return };
    let layout = home.path("layout");
    parts.layout(&layout, "localhost/dir:1");
    load_and_run(&home, &layout, "localhost/dir:1");
    let again = home.path("again");
    parts.layout(&again, "localhost/archive:1");
    let archive = home.path("oci.tar");
    let mut tar = tar::Builder::new(fs::File::create(&archive).expect("a file"));
    tar.append_dir_all(".", &again).and_then(|()| tar.finish()).expect("an archive");
    load_and_run(&home, &archive, "localhost/archive:1");
    let docker = home.path("docker.tar");
    parts.docker_archive(&docker, "localhost/docker:1");
    load_and_run(&home, &docker, "localhost/docker:1");
    let piped = home.command(&["load"]).stdin(fs::File::open(&docker).expect("the archive")).output();
    assert!(String::from_utf8_lossy(&piped.expect("unroot runs").stdout).contains("localhost/docker:1"));
    assert_eq!(home.says(&["images", "-q"]).lines().count(), 1, "one configuration is one image");
    home.assert_empty();
}

#[test]
fn privileged_images_of_skopeo_are_loaded() {
    let (Some(home), Some(parts)) = (Home::bare(true), Parts::new()) else { return };
    let layout = home.path("layout");
    parts.layout(&layout, "latest");
    let from = format!("oci:{}:latest", layout.display());
    for (kind, suffix) in
        [("oci-archive", ":localhost/a:1"), ("docker-archive", ":localhost/b:1"), ("oci", ":localhost/c:1")]
    {
        let path = home.path(kind);
        let to = format!("{kind}:{}{suffix}", path.display());
        let mut skopeo = Command::new("skopeo");
        skopeo.args(["--insecure-policy", "copy", "-q", &from, &to]).env("TMPDIR", home.path(""));
        let Ok(status) = skopeo.stdout(Stdio::null()).status() else {
            return skip("no skopeo").unwrap_or_default();
        };
        assert!(status.success(), "{kind}");
        load_and_run(&home, &path, &suffix[1..]);
    }
    home.assert_empty();
}

#[test]
fn privileged_an_image_in_use_stays() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "--name", "c", "box", "sleep", "60"]);
    let (status, said) = home.fails(&["rmi", "box"]);
    assert!(status != 0 && said.contains("error[UR0710]"), "{status} {said}");
    home.says(&["stop", "-t", "0", "c"]);
    let (_, said) = home.fails(&["rmi", "box"]);
    assert!(said.contains("error[UR0710]"), "{said}");
    home.says(&["rm", "c"]);
    assert!(home.says(&["rmi", "box"]).contains("Untagged: localhost/box:latest"));
    assert_eq!((home.says(&["images", "-q"]), home.entries("root/layers")), (String::new(), vec![]));
    home.assert_empty();
}

#[test]
fn privileged_lists_for_programs() {
    let Some(home) = Home::privileged() else { return };
    let id = home.says(&["run", "-d", "--name", "c", "box", "sleep", "60"]);
    let json = |words: &[&str]| serde_json::from_str::<Value>(&home.says(words)).expect("JSON");
    let listed = json(&["ps", "--format", "json"]);
    assert_eq!((&listed[0]["Id"], &listed[0]["Names"]), (&json!(id.trim()), &json!(["c"])), "{listed}");
    assert_eq!((&listed[0]["State"], &listed[0]["Image"]), (&json!("running"), &json!("localhost/box:latest")));
    let info = json(&["info", "--format", "json"]);
    assert_eq!(
        (&info["store"]["containerStore"]["running"], &info["store"]["leases"]),
        (&json!(1), &json!(1)),
        "{info}"
    );
    assert_eq!((&info["host"]["security"]["rootless"], &info["host"]["without"]), (&json!(false), &json!([])));
    let images = json(&["images", "--format", "json"]);
    let short = home.says(&["images", "-q"]);
    assert!(images[0]["Id"].as_str().expect("an id").starts_with(short.trim()), "{images}");
    assert_eq!(home.says(&["ps", "-q"]).trim(), &id[..12]);
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}

#[test]
fn privileged_hello_gives_way_to_an_image_of_that_name() {
    let Some(home) = Home::privileged() else { return };
    assert!(home.says(&["run", "--name", "c", "hello"]).contains("Hello from a container."));
    assert_eq!(home.field("c", "Image"), "localhost/hello:latest");
    let again = home.says(&["start", "-a", "c"]);
    assert!(again.contains("a number that nobody else there has"), "{again}");
    home.says(&["rm", "c"]);
    assert!(home.says(&["images"]).contains("Built in"), "{}", home.says(&["images"]));
    let archive = home.path("box.tar");
    let archive = archive.to_str().expect("text");
    // A name of Docker's, which `hello` can mean too.
    home.says(&["import", "--change", "CMD [\"hostname\"]", archive, "docker.io/library/hello:latest"]);
    assert_eq!(home.says(&["run", "--rm", "-h", "mine", "hello"]), "mine\n");
    home.says(&["rmi", "docker.io/library/hello:latest"]);
    assert!(home.says(&["run", "--rm", "hello"]).contains("Hello from a container."));
    home.says(&["import", "--change", "CMD [\"pwd\"]", archive, "hello"]);
    assert_eq!(home.says(&["run", "--rm", "hello"]), "/\n");
    home.assert_empty();
}
