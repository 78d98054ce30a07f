//! The tree of verbs. A verb's arguments are built only when it is the one that was called.

use std::path::PathBuf;

use clap::{ArgMatches, Args as _, Command, FromArgMatches as _};
use diag::{Error, Result, codes};

use crate::{
    call::Call,
    console::{self, LogFormat},
    usage,
    verbs::{self, Verb},
    words::{Argv, Words},
};

/// The options before the verb.
#[derive(Clone, Debug, clap::Args)]
pub struct Globals {
    /// Keep images and containers in this directory
    #[arg(long, value_name = "DIR", global = true, help_heading = "Global Options")]
    pub root: Option<PathBuf>,
    /// Keep the state of running containers in this directory
    #[arg(long, value_name = "DIR", global = true, help_heading = "Global Options")]
    pub runroot: Option<PathBuf>,
    /// Write diagnostics as text, or as one JSON object a line
    #[arg(long, value_name = "FORMAT", global = true, value_enum, default_value = "text", hide_possible_values = true)]
    #[arg(help_heading = "Global Options")]
    pub log_format: LogFormat,
}

/// What a command line turned out to be.
pub enum Asked {
    /// A verb is to be performed.
    Verb {
        /// Which one.
        verb: &'static Verb,
        /// Its arguments.
        matches: Box<ArgMatches>,
        /// Where they stand.
        words: Box<Words>,
        /// The options before it.
        globals: Box<Globals>,
    },
    /// Help or the version was asked for; here it is.
    Help(String),
}

impl Asked {
    /// Prints help; the exit status.
    pub fn print(&self) -> u8 {
        if let Asked::Help(text) = self {
            console::page(text);
        }
        0
    }
}

const ABOUT: &str = "Run containers, each in a user namespace of its own";
const EXAMPLES: &str = "\
Examples:
  unroot run hello
  unroot import rootfs.tar debian:trixie
  unroot run --rm -it debian:trixie bash

Every diagnostic has a code; `unroot explain CODE` tells all about it.";

/// The whole tree.
pub fn command() -> Command {
    let top = Globals::augment_args(Command::new("unroot"))
        .about(ABOUT)
        .after_help(EXAMPLES)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .infer_long_args(false)
        .disable_help_subcommand(true);
    verbs::TOP.iter().fold(top, |top, verb| top.subcommand(leaf(verb, verb.name))).subcommands(groups())
}

/// `unroot container …` and `unroot image …`: the second spelling.
fn groups() -> impl Iterator<Item = Command> {
    verbs::GROUPS.iter().map(|group| {
        let empty = Command::new(group.name)
            .about(group.about)
            .subcommand_required(true)
            .arg_required_else_help(true)
            .disable_help_subcommand(true);
        group.verbs.iter().fold(empty, |command, (name, verb)| {
            let aliases: &[&str] = if *name == "ls" { &["list", "ps"] } else { &[] };
            command.subcommand(leaf(verb, name).aliases(aliases))
        })
    })
}

fn leaf(verb: &Verb, name: &'static str) -> Command {
    Command::new(name).about(verb.about).defer(verb.args)
}

/// What clap is given to read: behind the image everything is the container's, whatever it looks like. clap would look there for
/// options of ours, up to the second word.
fn marked(argv: &Argv, top: &Command) -> Vec<String> {
    let plan = verbs::group("map").and_then(|map| verbs::in_group(map, "plan"));
    let of_containers = ["run", "create", "exec"].map(|name| (name, verbs::top(name)));
    for (name, verb) in of_containers.into_iter().chain([("plan", plan)]) {
        let Some(verb) = verb.filter(|_| argv.iter().any(|word| word == name)) else { continue };
        let words = Words::locate(argv, top, &built(verb));
        if let Some(image) = words.end_of_options(&["container", "map"], name) {
            let mut line = argv.to_vec();
            line.insert(image, "--".to_owned());
            return line;
        }
    }
    argv.to_vec()
}

/// A verb with its arguments and those before it.
fn built(verb: &Verb) -> Command {
    (verb.args)(Globals::augment_args(Command::new(verb.name)))
}

/// Finds out what is asked for; touches nothing.
pub fn parse(argv: &Argv) -> Result<Asked> {
    let mut top = command();
    let line = marked(argv, &top);
    let mut matches = match top.try_get_matches_from_mut(line) {
        Ok(matches) => matches,
        Err(error) => return usage::explain(&error, argv).map(Asked::Help),
    };
    let missing = || Error::new(codes::UR0806, "no verb was given");
    let (mut name, mut inner) = matches.remove_subcommand().ok_or_else(missing)?;
    let verb = match verbs::group(&name) {
        None => verbs::top(&name),
        Some(group) => {
            (name, inner) = inner.remove_subcommand().ok_or_else(missing)?;
            verbs::in_group(group, &name)
        }
    };
    let verb = verb.ok_or_else(missing)?;
    let globals = Globals::from_arg_matches(&inner).map_err(|error| Error::new(codes::UR0806, error.to_string()))?;
    let words = Box::new(Words::locate(argv, &top, &built(verb)));
    Ok(Asked::Verb { verb, words, matches: Box::new(inner), globals: Box::new(globals) })
}

/// A verb's function.
pub type Perform = fn(&Call) -> Result<u8>;

#[cfg(test)]
mod tests {
    use super::*;

    // A verb's arguments are built only when it is called, so clap looks at them only then.
    #[test]
    fn the_arguments_of_all_verbs_fit_together() {
        command().debug_assert();
        let below = verbs::GROUPS.iter().flat_map(|group| group.verbs.iter().map(|(_, verb)| *verb));
        verbs::TOP.iter().copied().chain(below).for_each(|verb| built(verb).debug_assert());
    }
}
