//! Whether and how the container is kept: its name, its labels, the files that tell of it, who stays connected.

use clap::{ArgAction, Args};
use engine::request::Life;

use crate::words::Words;

// Flattened into the options of `run` and `create`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Life and Records")]
pub struct Options {
    /// Name the container
    #[arg(long, value_name = "NAME", overrides_with = "name")]
    name: Option<String>,
    /// Remove a container that has the name already
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "replace")]
    replace: Option<bool>,
    /// Remove the container when it has ended
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "rm")]
    rm: Option<bool>,
    /// Remove the image, too, when the container has ended, unless others use it; implies --rm
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "rmi")]
    rmi: Option<bool>,
    /// Write the container's id to a new file
    #[arg(long, value_name = "FILE", overrides_with = "cidfile")]
    cidfile: Option<String>,
    /// Write the pid of the container's process on the host to a file
    #[arg(long, value_name = "FILE", overrides_with = "pidfile")]
    pidfile: Option<String>,
    /// Write the pid of the container's monitor to a file
    #[arg(long, value_name = "FILE", overrides_with = "conmon_pidfile")]
    conmon_pidfile: Option<String>,
    /// Label the container: NAME=VALUE or NAME; may be repeated
    #[arg(short, long, value_name = "LABEL")]
    label: Vec<String>,
    /// Read labels from a file, one a line; may be repeated
    #[arg(long, value_name = "FILE")]
    label_file: Vec<String>,
    /// Annotate the container for its runtime and hooks; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    annotation: Vec<String>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Life {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        let flag = |id: &str, value: Option<bool>| value.map(|value| words.one(id, value));
        Life {
            name: one("name", self.name),
            replace: flag("replace", self.replace),
            rm: flag("rm", self.rm),
            rmi: flag("rmi", self.rmi),
            cidfile: one("cidfile", self.cidfile),
            pidfile: one("pidfile", self.pidfile),
            conmon_pidfile: one("conmon_pidfile", self.conmon_pidfile),
            label: words.each("label", self.label),
            label_file: words.each("label_file", self.label_file),
            annotation: words.each("annotation", self.annotation),
        }
    }
}
