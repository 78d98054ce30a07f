//! The options of verbs that bring images in: for which machine, and when.

use clap::{Args, ValueEnum};
use engine::{pull::When, request::Given};

use crate::words::Words;

// For which machine.
#[derive(Clone, Debug, Args)]
pub struct PlatformOptions {
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
}

impl PlatformOptions {
    /// `os/architecture/variant`, as far as something was written.
    pub fn given(&self, words: &Words) -> Option<Given<String>> {
        match (&self.platform, [&self.os, &self.arch, &self.variant]) {
            (Some(platform), _) => Some(words.one("platform", platform.clone())),
            (None, [None, None, None]) => None,
            (None, parts) => {
                let parts = parts.map(|part| part.clone().unwrap_or_default());
                Some(words.one("arch", parts.join("/").trim_end_matches('/').to_owned()))
            }
        }
    }
}

/// When to ask the registry.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Policy {
    /// Always: what is here already does not travel.
    Always,
    /// If the image is not here.
    Missing,
    /// Never.
    Never,
    /// If the registry has another one, and can be reached.
    Newer,
}

impl From<Policy> for When {
    fn from(policy: Policy) -> When {
        match policy {
            Policy::Always => When::Always,
            Policy::Missing => When::Missing,
            Policy::Never => When::Never,
            Policy::Newer => When::Newer,
        }
    }
}
