//! `unroot pull`.

use std::path::PathBuf;

use clap::Args;
use diag::Result;
use engine::pull::PullRequest;

use super::Verb;
use crate::{
    call::Call,
    choice::Person,
    console,
    image_options::{PlatformOptions, Policy},
    progress,
    registry_options::RegistryOptions,
};

pub static VERB: Verb = Verb { name: "pull", about: "Pull images from registries", args: Options::augment_args, run };

// `unroot pull [OPTIONS] IMAGE...`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  unroot pull debian:trixie
  unroot pull --platform linux/arm64 docker.io/library/redis:7
  unroot pull --tls-verify=false localhost:5000/web@sha256:…")]
struct Options {
    /// Pull all tags of the repository
    #[arg(short, long)]
    all_tags: bool,
    #[command(flatten)]
    platform: PlatformOptions,
    /// When to ask the registry
    #[arg(long, value_name = "WHEN", value_enum, default_value = "always")]
    policy: Policy,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    /// Let this policy.json decide which images may come in
    #[arg(long, value_name = "PATH")]
    signature_policy: Option<PathBuf>,
    #[command(flatten)]
    registry: RegistryOptions,
    /// Names of images
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let request = PullRequest {
        all_tags: options.all_tags,
        platform: options.platform.given(call.words),
        when: options.policy.into(),
        policy: options.signature_policy.map(|path| call.words.one("signature_policy", path)),
        way: options.registry.way(call)?,
        ..PullRequest::default()
    };
    let engine = call.engine()?;
    let names = call.words.operands_from(0, options.images);
    Ok(call.for_each(names, |name| {
        let progress = progress::shown(options.quiet, "pulling");
        let request = PullRequest { name: name.clone(), ..request.clone() };
        for id in engine.pull(&request, &*progress, &Person)? {
            console::line(id);
        }
        Ok(())
    }))
}
