//! The container's process: its command, surroundings and terminal.

use clap::{ArgAction, Args};
use engine::request::Process;

use crate::words::Words;

// Flattened into the options of `run`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Process")]
pub struct Options {
    /// Keep standard input open
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    interactive: bool,
    /// Give the container a terminal
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_default_value = true, hide_possible_values = true)]
    tty: bool,
    /// Replace the image's entry point: a word, or a JSON array of words
    #[arg(long, value_name = "COMMAND", overrides_with = "entrypoint")]
    entrypoint: Option<String>,
    /// Begin in this directory of the container
    #[arg(short, long, value_name = "DIR", overrides_with = "workdir")]
    workdir: Option<String>,
    /// Set an environment variable: NAME=VALUE, or NAME to pass the caller's on; may be repeated
    #[arg(short, long, value_name = "ENV")]
    env: Vec<String>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Process {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        Process {
            interactive: self.interactive,
            tty: self.tty,
            entrypoint: one("entrypoint", self.entrypoint),
            workdir: one("workdir", self.workdir),
            env: words.each("env", self.env),
        }
    }
}
