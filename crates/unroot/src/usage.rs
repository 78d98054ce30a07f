//! A command line that clap refuses, as a diagnostic of ours; and the options of Podman that are not there yet.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use diag::{Error, Origin, Result, codes};

use crate::{verbs, words::Argv};

/// The help or the version, if that is what the `error` is; otherwise a diagnostic.
pub fn explain(error: &clap::Error, argv: &Argv) -> Result<String> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(error.to_string()),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => Err(nothing_asked(argv)),
        ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand => Err(unknown(error, argv)),
        _ => Err(refused(error, argv)),
    }
}

/// `unroot`, `unroot image`, or a verb without what it needs.
fn nothing_asked(argv: &Argv) -> Error {
    let verb = called(argv);
    let what =
        if verb.is_empty() { "no verb was given".to_owned() } else { format!("`unroot {verb}` needs more words") };
    Error::new(codes::UR0806, what).help_run("all that can be asked for is listed by", help(&verb))
}

fn help(verb: &str) -> String {
    if verb.is_empty() { "unroot --help".to_owned() } else { format!("unroot {verb} --help") }
}

/// An option or a verb that is not ours: Podman's, perhaps.
fn unknown(error: &clap::Error, argv: &Argv) -> Error {
    let word = text(error, ContextKind::InvalidArg).or_else(|| text(error, ContextKind::InvalidSubcommand));
    let word = word.unwrap_or_default();
    let bare = word.split('=').next().unwrap_or(&word);
    if verbs::of_podman(&called(argv), bare) {
        let error = Error::new(codes::UR0808, format!("Podman's `{bare}` is not supported by this version"));
        return point(error, argv, bare).help("nothing was started; an option is never ignored");
    }
    refused(error, argv)
}

/// clap's own sentence, its tips, and the way to the help.
fn refused(error: &clap::Error, argv: &Argv) -> Error {
    let rendered = error.to_string();
    let mut paragraphs = rendered.split("\n\n");
    let what = backticks(&one_line(paragraphs.next().unwrap_or_default().trim_start_matches("error: ")));
    let mut ours = Error::new(codes::UR0806, what);
    if let Some(value) = text(error, ContextKind::InvalidValue).filter(|value| !value.is_empty()) {
        ours = point_at_value(ours, argv, &value);
    } else if let Some(word) = text(error, ContextKind::InvalidArg) {
        ours = point(ours, argv, &word);
    } else if let Some(word) = text(error, ContextKind::InvalidSubcommand) {
        ours = point(ours, argv, &word);
    }
    for tip in rendered.lines().filter_map(|line| line.trim().strip_prefix("tip: ")) {
        ours = ours.help(backticks(tip));
    }
    if let Some(usage) = rendered.lines().find_map(|line| line.strip_prefix("Usage: ")) {
        ours = ours.fact(format!("usage: {usage}"));
    }
    ours.help_run("all options are listed by", help(&called(argv)))
}

/// The verb that was called, as it was written: `run`, `container ls`; empty if there is none.
fn called(argv: &Argv) -> String {
    // A value of an option before it is no verb, unless somebody calls a directory `run`.
    let mut words = argv.iter().skip(1).skip_while(|word| verbs::group(word).is_none() && verbs::top(word).is_none());
    let Some(first) = words.next() else { return String::new() };
    match (verbs::group(first), words.next()) {
        (Some(group), Some(verb)) if verbs::in_group(group, verb).is_some() => format!("{first} {verb}"),
        _ => first.clone(),
    }
}

/// Points at the word of the command line that begins as clap's does (`--name <NAME>` is how clap writes an option).
fn point(error: Error, argv: &Argv, word: &str) -> Error {
    let word = word.split([' ', '=', '[']).next().unwrap_or(word);
    let is_it = |given: &String| given == word || given.split('=').next() == Some(word);
    let shorthand = |given: &String| {
        word.len() == 2
            && word.starts_with('-')
            && given.starts_with('-')
            && !given.starts_with("--")
            && given.contains(&word[1..])
    };
    let index = argv.iter().skip(1).position(is_it).or_else(|| argv.iter().skip(1).position(shorthand));
    match index {
        Some(index) => error.at(Origin::Arg { argv: argv.clone(), index: index + 1, range: None }),
        None => error,
    }
}

/// Points at the word that is this value, or that ends with it.
fn point_at_value(error: Error, argv: &Argv, value: &str) -> Error {
    let behind = format!("={value}");
    let found = argv.iter().enumerate().skip(1).find_map(|(index, word)| {
        if word == value {
            return Some((index, None));
        }
        word.ends_with(&behind).then(|| (index, Some(word.len() - value.len()..word.len())))
    });
    match found {
        Some((index, range)) => error.at(Origin::Arg { argv: argv.clone(), index, range }),
        None => error,
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// clap quotes with `'`; everything else of ours with backticks.
fn backticks(text: &str) -> String {
    text.replace('\'', "`")
}
