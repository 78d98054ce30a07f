//! Images that share layers, in a registry on loopback.

use std::{
    fs,
    io::Write as _,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Trial;
use crate::call::{self, Outcome, While};

/// The images: a name, and its layers from the lowest on.
pub const IMAGES: [(&str, &[&str]); 3] =
    [("one", &["base", "red"]), ("two", &["base", "red", "green"]), ("three", &["base", "blue"])];

/// How many small files a layer has.
const FILES: u32 = 200;

/// What the file `/last` of an image says.
pub fn last_layer(image: usize) -> &'static str {
    IMAGES[image].1.last().copied().unwrap_or_default()
}

/// A registry; it ends with the value.
pub struct Registry {
    process: Child,
    host: String,
    dir: PathBuf,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Starts Debian's docker-registry.
    pub fn start(dir: &Path) -> Outcome<Registry> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let host = free.during(|| "a port".to_owned())?.to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '{host}'}}\n",
            dir.join("registry").display()
        );
        fs::write(dir.join("config.yml"), config).during(|| "config.yml".to_owned())?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(dir.join("config.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().during(|| call::shown(&command))?;
        let registry = Registry { process, host, dir: dir.to_owned() };
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&registry.host).is_err() {
            if Instant::now() > end {
                return Err("docker-registry does not start".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(registry)
    }

    /// An image's name.
    pub fn name(&self, image: usize) -> String {
        format!("{}/{}:1", self.host, IMAGES[image].0)
    }

    /// Makes the images, loads them into a store, and pushes them from there; their archives stay.
    pub fn fill(&self, trial: &Trial, busybox: &Path) -> Outcome<()> {
        fs::create_dir(self.dir.join("layers")).during(|| "layers".to_owned())?;
        for name in ["base", "red", "green", "blue"] {
            self.layer(name, (name == "base").then_some(busybox))?;
        }
        for (index, (name, layers)) in IMAGES.iter().enumerate() {
            let layout = self.layout(name, layers, &self.name(index))?;
            let archive = self.dir.join(format!("{name}.tar"));
            call::run(Command::new("tar").arg("-C").arg(&layout).arg("-cf").arg(&archive).arg("."))?;
            trial.fine(&["load", "-i", &layout.display().to_string()])?;
            trial.fine(&["push", "-q", "--tls-verify=false", &self.name(index)])?;
        }
        Ok(())
    }

    /// A tar archive: many small files, one large one that does not compress well, and its own name.
    fn layer(&self, name: &str, busybox: Option<&Path>) -> Outcome<()> {
        let dir = self.dir.join("layers").join(name);
        let write = |file: &str, bytes: &[u8]| {
            let path = dir.join(file);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
            made.during(|| path.display().to_string())
        };
        for number in 0..FILES {
            write(&format!("{name}/{}/{number}", number % 7), number.to_string().as_bytes())?;
        }
        let mut noise: Vec<u8> = Vec::new();
        while noise.len() < 3 << 20 {
            let next: [u8; 32] =
                Sha256::digest([name.as_bytes(), &noise[noise.len().saturating_sub(32)..]].concat()).into();
            noise.extend(next);
        }
        write(&format!("{name}/noise"), &noise)?;
        write("last", name.as_bytes())?;
        if let Some(busybox) = busybox {
            let bytes = fs::read(busybox).during(|| busybox.display().to_string())?;
            write("bin/busybox", &bytes)?;
            call::run(Command::new("chmod").arg("755").arg(dir.join("bin/busybox")))?;
        }
        let archive = self.dir.join("layers").join(format!("{name}.tar"));
        call::run(
            Command::new("tar")
                .args(["--sort=name", "--mtime=@1", "--owner=0", "--group=0", "-C"])
                .arg(&dir)
                .arg("-cf")
                .arg(archive)
                .arg("."),
        )
    }

    /// An OCI layout with one image.
    fn layout(&self, name: &str, layers: &[&str], reference: &str) -> Outcome<PathBuf> {
        let dir = self.dir.join(name);
        fs::create_dir_all(dir.join("blobs/sha256")).during(|| dir.display().to_string())?;
        let put = |bytes: &[u8]| -> Outcome<(String, usize)> {
            let hex = Sha256::digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            let mut file = fs::File::create(dir.join("blobs/sha256").join(&hex)).during(|| hex.clone())?;
            file.write_all(bytes).during(|| hex.clone())?;
            Ok((format!("sha256:{hex}"), bytes.len()))
        };
        let mut described: Vec<Value> = Vec::new();
        for layer in layers {
            let path = self.dir.join("layers").join(format!("{layer}.tar"));
            let (digest, size) = put(&fs::read(&path).during(|| path.display().to_string())?)?;
            described
                .push(json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size }));
        }
        let diff_ids: Vec<&Value> = described.iter().map(|layer| &layer["digest"]).collect();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = json!({ "architecture": architecture, "os": "linux", "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids } });
        let (config, size) = put(config.to_string().as_bytes())?;
        let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": size });
        let manifest = json!({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config, "layers": described });
        let (manifest, size) = put(manifest.to_string().as_bytes())?;
        let index = json!({ "schemaVersion": 2, "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifest, "size": size,
            "annotations": { "org.opencontainers.image.ref.name": reference } }] });
        fs::write(dir.join("index.json"), index.to_string()).during(|| "index.json".to_owned())?;
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).during(|| "oci-layout".to_owned())?;
        Ok(dir)
    }
}
