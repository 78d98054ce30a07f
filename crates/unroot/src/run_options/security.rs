//! What the container may do.

use clap::{ArgAction, Args};
use engine::request::Security;

// Flattened into the options of `run`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Security")]
pub struct Options {
    /// Give all capabilities within the container's own user namespace
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    privileged: bool,
    /// Make the root filesystem read-only
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    read_only: bool,
}

impl Options {
    /// What they ask for.
    pub fn request(self) -> Security {
        Security { privileged: self.privileged, read_only: self.read_only }
    }
}
