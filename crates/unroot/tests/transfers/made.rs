//! Images of layers that they share, made by hand: an OCI layout each.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A static busybox, for images that are to be run.
pub fn busybox() -> Option<Vec<u8>> {
    let path = std::env::var("UNROOT_TEST_BUSYBOX").unwrap_or_else(|_| "/bin/busybox".into());
    fs::read(path).ok()
}

/// Bytes that do not compress, the same for the same name.
pub fn noise(name: &str, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::with_capacity(length + 32);
    while bytes.len() < length {
        let last = &bytes[bytes.len().saturating_sub(32)..];
        let next: [u8; 32] = Sha256::digest([name.as_bytes(), last].concat()).into();
        bytes.extend(next);
    }
    bytes.truncate(length);
    bytes
}

/// A tar archive of files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, contents) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o755);
        header.set_mtime(1);
        archive.append_data(&mut header, name, *contents).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Writes an image with this name; the layout's directory.
pub fn image(home: &Path, name: &str, layers: &[&[u8]]) -> PathBuf {
    let short: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).collect();
    let dir = home.join(format!("layout-{short}"));
    fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
    let put = |bytes: &[u8], kind: &str| -> Value {
        let hex = Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        fs::write(dir.join("blobs/sha256").join(&hex), bytes).unwrap();
        json!({ "digest": format!("sha256:{hex}"), "size": bytes.len(),
            "mediaType": format!("application/vnd.oci.image.{kind}") })
    };
    let layers: Vec<Value> = layers.iter().map(|layer| put(layer, "layer.v1.tar")).collect();
    let diff_ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let config = json!({ "architecture": architecture, "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let config = put(config.to_string().as_bytes(), "config.v1+json");
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest = json!({ "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers });
    let mut manifest = put(manifest.to_string().as_bytes(), "manifest.v1+json");
    manifest["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
    fs::write(dir.join("index.json"), json!({ "schemaVersion": 2, "manifests": [manifest] }).to_string()).unwrap();
    fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    dir
}

/// How many entries a directory has.
pub fn count(dir: &Path) -> usize {
    fs::read_dir(dir).map_or(0, Iterator::count)
}
