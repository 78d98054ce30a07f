//! Images to measure with: the same bytes on every machine.
//!
//! They are OCI layouts whose layers are not compressed; how they are compressed is decided when they are pushed.

use std::{
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::call::{self, Outcome, While};

/// An image of so many layers, each with so many files of so many bytes on average.
pub struct Shape {
    pub name: &'static str,
    layers: usize,
    files: usize,
    bytes: usize,
}

/// About 1 GB in 20 layers.
pub const LARGE: Shape = Shape { name: "large", layers: 20, files: 400, bytes: 128 << 10 };

/// 100,000 small files in one layer.
pub const MANY: Shape = Shape { name: "many", layers: 1, files: 100_000, bytes: 1 << 10 };

impl Shape {
    /// The layout's directory, made if it is not there.
    pub fn layout(&self, bench: &Path) -> Outcome<PathBuf> {
        let done = bench.join(self.name);
        if done.join("index.json").exists() {
            return Ok(done);
        }
        let making = bench.join(format!("{}.new", self.name));
        // What an earlier attempt has left.
        let _ = fs::remove_dir_all(&making);
        self.make(&making).during(|| making.display().to_string())?;
        fs::rename(&making, &done).during(|| done.display().to_string())?;
        Ok(done)
    }

    fn make(&self, at: &Path) -> Outcome<()> {
        let blobs = at.join("blobs/sha256");
        fs::create_dir_all(&blobs).during(|| "a directory".to_owned())?;
        let mut layers = Vec::new();
        for layer in 0..self.layers {
            let file = blobs.join("layer");
            let write = || -> std::io::Result<()> {
                let mut archive = tar::Builder::new(BufWriter::with_capacity(1 << 20, File::create(&file)?));
                self.fill(layer, &mut archive)?;
                archive.into_inner()?.flush()
            };
            write().during(|| "a layer".to_owned())?;
            layers.push(named(&file, "application/vnd.oci.image.layer.v1.tar")?);
        }
        let diff_ids: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
        let rootfs = json!({"type": "layers", "diff_ids": diff_ids});
        let config = json!({"architecture": arch(), "os": "linux", "config": {"Cmd": ["/bin/sh"]}, "rootfs": rootfs});
        let config = document(&blobs, &config, "application/vnd.oci.image.config.v1+json")?;
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers});
        let mut entry = document(&blobs, &manifest, "application/vnd.oci.image.manifest.v1+json")?;
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": "latest"});
        let index = json!({"schemaVersion": 2, "manifests": [entry]});
        fs::write(at.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).during(|| "oci-layout".to_owned())?;
        fs::write(at.join("index.json"), index.to_string()).during(|| "index.json".to_owned())
    }

    /// One layer: directories of 100 files each, with the owners of several accounts.
    fn fill(&self, layer: usize, archive: &mut tar::Builder<impl Write>) -> std::io::Result<()> {
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15 ^ (layer as u64 + 1));
        for file in 0..self.files {
            let dir = format!("opt/layer{layer}/dir{}", file / 100);
            if file % 100 == 0 {
                archive.append_data(&mut header(tar::EntryType::Directory, 0, 0o755, 0), &dir, std::io::empty())?;
            }
            let size = self.bytes / 2 + usize::try_from(noise.next()).unwrap_or(0) % self.bytes;
            let owner = if file % 10 == 0 { 1000 } else { 0 };
            let mut header = header(tar::EntryType::Regular, size as u64, 0o644, owner);
            archive.append_data(&mut header, format!("{dir}/file{file}"), (&mut noise).take(size as u64))?;
        }
        Ok(())
    }
}

fn header(kind: tar::EntryType, size: u64, mode: u32, owner: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_mtime(1_700_000_000);
    header
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// Gives a file its digest for a name; its descriptor. The program `sha256sum` is quicker than an unoptimised build of ours.
fn named(file: &Path, media_type: &str) -> Outcome<Value> {
    let size = fs::metadata(file).during(|| file.display().to_string())?.len();
    let sum = call::output(Command::new("sha256sum").arg(file))?;
    let hex = sum.split_whitespace().next().unwrap_or_default();
    fs::rename(file, file.with_file_name(hex)).during(|| file.display().to_string())?;
    Ok(json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": size}))
}

fn document(blobs: &Path, document: &Value, media_type: &str) -> Outcome<Value> {
    let file = blobs.join("document");
    fs::write(&file, document.to_string()).during(|| file.display().to_string())?;
    named(&file, media_type)
}

/// Bytes that compress about as well as a distribution's files: three of four are words that come again and again.
struct Noise(u64);

impl Noise {
    /// Marsaglia's xorshift.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

const WORDS: [&[u8; 8]; 8] =
    [b"include\n", b"function", b"\0\0\0\0\0\0\0\0", b"/usr/lib", b"return 0", b"x86_64-l", b"license ", b"static i"];

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for piece in buffer.chunks_mut(8) {
            let random = self.next();
            let bytes = if random >> 62 == 0 { random.to_le_bytes() } else { *WORDS[(random >> 40 & 7) as usize] };
            piece.copy_from_slice(&bytes[..piece.len()]);
        }
        Ok(buffer.len())
    }
}
