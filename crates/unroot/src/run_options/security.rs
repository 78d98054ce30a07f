//! What the container may do.

use clap::{ArgAction, Args};
use engine::request::Security;

use crate::words::Words;

// Flattened into the options of `run` and `create`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Security")]
pub struct Options {
    /// Give all capabilities within the container's own user namespace, and hide nothing
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "privileged")]
    privileged: Option<bool>,
    /// Make the root filesystem read-only
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "read_only")]
    read_only: Option<bool>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Security {
        let flag = |id: &str, value: Option<bool>| value.map(|value| words.one(id, value));
        Security { privileged: flag("privileged", self.privileged), read_only: flag("read_only", self.read_only) }
    }
}
