//! Where the image comes from when it is not here.

use clap::Args;
use diag::Result;
use engine::{Engine, pull::PullRequest, request::RunRequest};

use crate::{
    call::Call,
    choice::Person,
    image_options::{PlatformOptions, Policy},
    progress,
    registry_options::RegistryOptions,
};

// The image's options. (A doc comment would become the verb's description.)
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub struct Options {
    /// When to pull the image
    #[arg(long, value_name = "WHEN", value_enum, default_value = "missing", overrides_with = "pull")]
    pull: Policy,
    #[command(flatten)]
    platform: PlatformOptions,
    /// Show no progress of a pull
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    registry: RegistryOptions,
}

impl Options {
    /// Sees to it that the image is here, if it has to come from a registry; `request` is told which it is.
    pub fn obtain(self, call: &Call, engine: &Engine<'_>, request: &mut RunRequest) -> Result<()> {
        if request.rootfs {
            return Ok(());
        }
        let wanted = PullRequest {
            name: request.image.clone(),
            platform: self.platform.given(call.words),
            when: self.pull.into(),
            way: self.registry.way(call)?,
            ..PullRequest::default()
        };
        let progress = progress::shown(self.quiet, "pulling");
        if let Some(id) = engine.obtain(&wanted, &*progress, &Person)? {
            request.image.value = id;
        }
        Ok(())
    }
}
