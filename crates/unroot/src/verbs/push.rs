//! `unroot push`.

use std::{fs, path::PathBuf};

use clap::Args;
use diag::{Error, Origin, Result, codes};
use engine::push::{House, Method, Packing, PushRequest, Wrapping};

use super::Verb;
use crate::{call::Call, progress, registry_options::RegistryOptions};

pub static VERB: Verb = Verb { name: "push", about: "Push an image to a registry", args: Options::augment_args, run };

// `unroot push [OPTIONS] IMAGE [DESTINATION]`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot push registry.example/team/web:1
  unroot push web registry.example/team/web:1
  unroot push --tls-verify=false --digestfile digest web localhost:5000/web

An image that was pulled keeps its digests. Layers of an image that was made here are compressed with gzip.")]
struct Options {
    /// Compress layers that are not compressed with gzip or zstd, and with --force-compression all layers
    #[arg(long, value_name = "FORMAT")]
    compression_format: Option<String>,
    /// Compress so hard: 1 to 9 for gzip, 1 to 22 for zstd
    #[arg(long, value_name = "LEVEL")]
    compression_level: Option<u8>,
    /// Compress layers again that are compressed in another format; on with --compression-format
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    force_compression: Option<bool>,
    /// Write the manifest as oci or v2s2 has it; as it is here otherwise
    #[arg(short, long, value_name = "FORMAT")]
    format: Option<String>,
    /// Send no signatures: none is sent without it either
    #[arg(long)]
    remove_signatures: bool,
    /// Write the digest of what was pushed into this file
    #[arg(long, value_name = "PATH")]
    digestfile: Option<PathBuf>,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    registry: RegistryOptions,
    /// The image's name or id
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Its name in the registry; without it, its name here
    #[arg(value_name = "DESTINATION")]
    destination: Option<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let request = PushRequest {
        image: call.words.operands_from(0, vec![options.image.clone()]).pop().unwrap_or_default(),
        destination: call.words.operands_from(1, options.destination.clone().into_iter().collect()).pop(),
        wrapping: wrapping(call, &options)?,
        way: options.registry.way(call)?,
    };
    let engine = call.viewer()?;
    let progress = progress::shown(options.quiet, "pushing");
    let digest = engine.push(&request, &*progress)?;
    drop(progress);
    if let Some(path) = options.digestfile {
        let given = call.words.one("digestfile", path);
        fs::write(&given.value, &digest).map_err(|error| {
            let what = format!("the digest cannot be written into `{}`", given.value.display());
            given.blame(Error::new(codes::UR0909, what).at(Origin::Path { path: given.value.clone() })).words(error)
        })?;
    }
    Ok(0)
}

/// What is to be different about the image there. UR0806, UR0808.
fn wrapping(call: &Call, options: &Options) -> Result<Wrapping> {
    let method = match options.compression_format.as_deref() {
        None => None,
        Some("gzip") => Some(Method::Gzip),
        Some("zstd") => Some(Method::Zstd),
        Some(other) => return Err(call.words.one("compression_format", ()).blame(unknown_compression(other))),
    };
    let limit = if method == Some(Method::Zstd) { 22 } else { 9 };
    if let Some(level) = options.compression_level.filter(|level| !(1..=limit).contains(level)) {
        let what = format!("`{level}` is not a level of this compression: it has 1 to {limit}");
        return Err(call.words.one("compression_level", ()).blame(Error::new(codes::UR0806, what)));
    }
    let house = match options.format.as_deref() {
        None => None,
        Some("oci") => Some(House::Oci),
        Some("v2s2" | "docker") => Some(House::Docker),
        Some(other) => return Err(call.words.one("format", ()).blame(unknown_format(other))),
    };
    if (method, house) == (Some(Method::Zstd), Some(House::Docker)) {
        let error = Error::new(codes::UR0806, "Docker's format `v2s2` knows no layers that are compressed with zstd");
        return Err(call.words.one("compression_format", ()).blame(error).help("push it with `--format oci`"));
    }
    let packs = method.is_some() || options.compression_level.is_some();
    let packing = Packing { method: method.unwrap_or(Method::Gzip), level: options.compression_level };
    let force = options.force_compression.unwrap_or(method.is_some());
    Ok(Wrapping { house, packing: packs.then_some(packing), force })
}

fn unknown_compression(name: &str) -> Error {
    if name == "zstd:chunked" {
        return Error::new(codes::UR0808, "layers cannot be written as `zstd:chunked`").help("`zstd` is as small");
    }
    Error::new(codes::UR0806, format!("`{name}` is not a compression of layers")).help("write `gzip` or `zstd`")
}

fn unknown_format(name: &str) -> Error {
    if name == "v2s1" {
        return Error::new(codes::UR0808, "Docker's first format, `v2s1`, is not written any more")
            .help("every registry of the last ten years takes `v2s2`");
    }
    Error::new(codes::UR0806, format!("`{name}` is not a format of manifests")).help("write `oci` or `v2s2`")
}
