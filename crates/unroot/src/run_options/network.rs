//! The container's network, and how it and others are called there.

use clap::Args;
use engine::request::Network;

use crate::words::Words;

// Flattened into the options of `run`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Network and Names")]
pub struct Options {
    /// Connect the container: none (the default of this version) or host
    #[arg(long, visible_alias = "net", value_name = "MODE", overrides_with = "network")]
    network: Option<String>,
    /// Name the container's host
    #[arg(short = 'h', long, value_name = "NAME", overrides_with = "hostname")]
    hostname: Option<String>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Network {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        Network { mode: one("network", self.network), hostname: one("hostname", self.hostname) }
    }
}
