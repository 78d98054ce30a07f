//! The container's process: its command, surroundings and terminal.

use clap::{ArgAction, Args};
use engine::request::Process;

use crate::words::Words;

// Flattened into the options of `run` and `create`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Process")]
pub struct Options {
    /// Keep standard input open
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "interactive")]
    interactive: Option<bool>,
    /// Give the container a terminal
    #[arg(short, long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "tty")]
    tty: Option<bool>,
    /// Replace the image's entry point: a word, or a JSON array of words
    #[arg(long, value_name = "COMMAND", overrides_with = "entrypoint")]
    entrypoint: Option<String>,
    /// Begin in this directory of the container
    #[arg(short, long, value_name = "DIR", overrides_with = "workdir")]
    workdir: Option<String>,
    /// Set an environment variable: NAME=VALUE, or NAME to pass the caller's on; may be repeated
    #[arg(short, long, value_name = "ENV")]
    env: Vec<String>,
    /// Read environment variables from a file, one a line; may be repeated
    #[arg(long, value_name = "FILE")]
    env_file: Vec<String>,
    /// Pass all of the caller's environment on
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "env_host")]
    env_host: Option<bool>,
    /// Set a variable out of those of the image, such as PATH=${PATH}:/my/bin; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    env_merge: Vec<String>,
    /// Leave out a variable that is there by default or by the image; may be repeated
    #[arg(long, value_name = "NAME")]
    unsetenv: Vec<String>,
    /// Leave out all variables that are there by default or by the image
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "unsetenv_all")]
    unsetenv_all: Option<bool>,
    /// Pass the variables of the caller that name proxies on (default true)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(action = ArgAction::Set, value_name = "BOOL", hide_possible_values = true, overrides_with = "http_proxy")]
    http_proxy: Option<bool>,
    /// Create files with this umask, in octal digits (default 0022)
    #[arg(long, value_name = "UMASK", overrides_with = "umask")]
    umask: Option<String>,
    /// Set the time zone: a name such as Asia/Tokyo, or local for the host's
    #[arg(long, value_name = "ZONE", overrides_with = "tz")]
    tz: Option<String>,
    /// Ask the container to end by this signal (default the image's, or TERM)
    #[arg(long, value_name = "SIGNAL", overrides_with = "stop_signal")]
    stop_signal: Option<String>,
    /// Wait so long for it to end before it is killed (default 10)
    #[arg(long, value_name = "SECONDS", overrides_with = "stop_timeout")]
    stop_timeout: Option<String>,
}

impl Options {
    /// What they ask for.
    pub fn request(self, words: &Words) -> Process {
        let one = |id: &str, value: Option<String>| value.map(|value| words.one(id, value));
        let flag = |id: &str, value: Option<bool>| value.map(|value| words.one(id, value));
        Process {
            interactive: flag("interactive", self.interactive),
            tty: flag("tty", self.tty),
            entrypoint: one("entrypoint", self.entrypoint),
            workdir: one("workdir", self.workdir),
            env: words.each("env", self.env),
            env_file: words.each("env_file", self.env_file),
            env_host: flag("env_host", self.env_host),
            env_merge: words.each("env_merge", self.env_merge),
            unsetenv: words.each("unsetenv", self.unsetenv),
            unsetenv_all: flag("unsetenv_all", self.unsetenv_all),
            http_proxy: flag("http_proxy", self.http_proxy),
            umask: one("umask", self.umask),
            tz: one("tz", self.tz),
            stop_signal: one("stop_signal", self.stop_signal),
            stop_timeout: one("stop_timeout", self.stop_timeout),
        }
    }
}
