//! What the container may use, and the parameters of the kernel that it has.

use clap::Args;
use engine::request::Resources;

use crate::words::Words;

// Flattened into the options of `run` and `create`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Resources")]
pub struct Options {
    /// Give /dev/shm this size: a number and b, k, m or g; 0 for no limit (default 64m)
    #[arg(long, value_name = "SIZE", overrides_with = "shm_size")]
    shm_size: Option<String>,
    /// Set a resource limit of the process, or `host` for those of the caller; may be repeated
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    ulimit: Vec<String>,
    /// Be killed sooner or later than others when memory runs out: -1000 to 1000
    #[arg(long, value_name = "NUMBER", overrides_with = "oom_score_adj", allow_hyphen_values = true)]
    oom_score_adj: Option<String>,
    /// Set a parameter of the kernel for the container's namespaces; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    sysctl: Vec<String>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Resources {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        Resources {
            shm_size: one("shm_size", self.shm_size),
            ulimit: words.each("ulimit", self.ulimit),
            oom_score_adj: one("oom_score_adj", self.oom_score_adj),
            sysctl: words.each("sysctl", self.sysctl),
        }
    }
}
