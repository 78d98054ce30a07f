//! `unroot pull`.

use clap::{Args, ValueEnum};
use diag::Result;
use engine::pull::{PullRequest, When};

use super::Verb;
use crate::{call::Call, choice::Person, console, progress, registry_options::RegistryOptions};

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
    /// Pull the image for this operating system and architecture; this machine's otherwise
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", conflicts_with_all = ["os", "arch", "variant"])]
    platform: Option<String>,
    /// Pull the image for this operating system
    #[arg(long, value_name = "OS")]
    os: Option<String>,
    /// Pull the image for this architecture
    #[arg(long, value_name = "ARCH")]
    arch: Option<String>,
    /// Pull the image for this variant of the architecture
    #[arg(long, value_name = "VARIANT")]
    variant: Option<String>,
    /// When to ask the registry
    #[arg(long, value_name = "WHEN", value_enum, default_value = "always")]
    policy: Policy,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    registry: RegistryOptions,
    /// Names of images
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
}

/// `--policy`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Policy {
    Always,
    Missing,
    Never,
    Newer,
}

fn run(call: &Call) -> Result<u8> {
    let options: Options = call.args()?;
    let platform = match (&options.platform, [&options.os, &options.arch, &options.variant]) {
        (Some(platform), _) => Some(call.words.one("platform", platform.clone())),
        (None, [None, None, None]) => None,
        (None, parts) => {
            let parts = parts.map(|part| part.clone().unwrap_or_default());
            Some(call.words.one("arch", parts.join("/").trim_end_matches('/').to_owned()))
        }
    };
    let request = PullRequest {
        all_tags: options.all_tags,
        platform,
        when: match options.policy {
            Policy::Always => When::Always,
            Policy::Missing => When::Missing,
            Policy::Never => When::Never,
            Policy::Newer => When::Newer,
        },
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
