//! Whether the command stays connected to the container.

use clap::{ArgAction, Args};
use engine::request::Attachment;

use crate::words::Words;

// Flattened into the options of `run` and `create`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Connection")]
pub struct Options {
    /// Run in the background and print the container's id
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "detach")]
    detach: Option<bool>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Attachment {
        let flag = |id: &str, value: Option<bool>| value.map(|value| words.one(id, value));
        Attachment { detach: flag("detach", self.detach) }
    }
}
