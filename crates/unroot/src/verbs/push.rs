//! `unroot push`.

use std::{fs, path::PathBuf};

use clap::Args;
use diag::{Error, Origin, Result, codes};
use engine::push::PushRequest;

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

The image keeps its digests: what the registry has then is what is here.")]
struct Options {
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
        image: call.words.operands_from(0, vec![options.image]).pop().unwrap_or_default(),
        destination: call.words.operands_from(1, options.destination.into_iter().collect()).pop(),
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
