//! The words of a command line one after the other, and what is said about those that are wrong.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use diag::{Error, Origin, Result, codes};
use lexopt::{Arg, Parser, ValueExt};

use super::{HELP_WANTED, LogFormat};

/// An option's name, or another word.
pub(super) enum Word {
    Option(String),
    Plain(String),
}

/// What is left of the command line.
pub(super) struct Reader {
    parser: Parser,
    argv: Arc<[String]>,
}

impl Reader {
    pub(super) fn new(argv: &Arc<[String]>, words: Vec<OsString>) -> Reader {
        Reader { parser: Parser::from_args(words), argv: Arc::clone(argv) }
    }

    pub(super) fn next(&mut self) -> Result<Option<Word>> {
        let word = match self.parser.next() {
            Ok(None) => return Ok(None),
            Ok(Some(Arg::Long(name))) => Word::Option(name.to_owned()),
            Ok(Some(Arg::Short(letter))) => Word::Option(letter.to_string()),
            Ok(Some(Arg::Value(value))) => Word::Plain(text(value).map_err(wrong)?),
            Err(error) => return Err(wrong(error.to_string())),
        };
        Ok(Some(word))
    }

    /// Reads a verb's options and words. `option` says whether it knows an option.
    pub(super) fn words(
        &mut self,
        verb: &str,
        mut option: impl FnMut(&mut Self, &str) -> Result<bool>,
    ) -> Result<Vec<String>> {
        let mut words = Vec::new();
        while let Some(word) = self.next()? {
            match word {
                Word::Plain(word) => words.push(word),
                Word::Option(name) if name == "help" || name == "h" => return Err(help_wanted(verb)),
                Word::Option(name) => {
                    if !option(self, &name)? {
                        return Err(self.unknown(&name, Some(verb)));
                    }
                }
            }
        }
        Ok(words)
    }

    /// All that follows, as it stands.
    pub(super) fn rest(&mut self) -> Result<Vec<String>> {
        let rest = self.parser.raw_args().map_err(|error| wrong(error.to_string()))?;
        rest.map(|word| text(word).map_err(wrong)).collect()
    }

    pub(super) fn only_id(&mut self, verb: &str) -> Result<String> {
        let words = self.words(verb, |_, _| Ok(false))?;
        self.one(verb, words)
    }

    pub(super) fn no_words(&mut self, verb: &str) -> Result<()> {
        self.words(verb, |_, _| Ok(false))?.first().map_or(Ok(()), |extra| Err(self.extra(extra)))
    }

    pub(super) fn one(&self, verb: &str, words: Vec<String>) -> Result<String> {
        let mut words = words.into_iter();
        match (words.next(), words.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => Err(missing_id(verb)),
            (_, Some(extra)) => Err(self.extra(&extra)),
        }
    }

    pub(super) fn value(&mut self) -> Result<String> {
        let value = self.parser.value().map_err(|error| wrong(error.to_string()))?;
        text(value).map_err(wrong)
    }

    pub(super) fn path(&mut self) -> Result<PathBuf> {
        self.parser.value().map(PathBuf::from).map_err(|error| wrong(error.to_string()))
    }

    pub(super) fn number(&mut self) -> Result<u32> {
        let value = self.parser.value().map_err(|error| wrong(error.to_string()))?;
        value.parse().map_err(|error| wrong(error.to_string()))
    }

    pub(super) fn log_format(&mut self) -> Result<LogFormat> {
        match self.value()?.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(wrong(format!("`{other}` is no format of a log: there are `text` and `json`"))),
        }
    }

    /// `--rootless`: whether control groups are needed, which they are for `false`.
    pub(super) fn rootless(&mut self) -> Result<bool> {
        match self.value()?.as_str() {
            "true" | "auto" => Ok(false),
            "false" => Ok(true),
            other => Err(wrong(format!("`--rootless {other}`: there are `true`, `false` and `auto`"))),
        }
    }

    /// The argument that a word came from.
    pub(super) fn here(&self, word: &str) -> Origin {
        let dashed = |argument: &String| {
            let bare = argument.trim_start_matches('-');
            argument == word || (argument.starts_with('-') && bare.split('=').next() == Some(word))
        };
        let index = self.argv.iter().position(dashed).unwrap_or(0);
        Origin::Arg { argv: Arc::clone(&self.argv), index, range: None }
    }

    pub(super) fn extra(&self, word: &str) -> Error {
        wrong(format!("`{word}` is one word too many")).at(self.here(word))
    }

    pub(super) fn unknown(&self, name: &str, verb: Option<&str>) -> Error {
        let whose = verb.map_or_else(String::new, |verb| format!(" of `{verb}`"));
        wrong(format!("`{}` is no option{whose}", spelled(name))).at(self.here(name))
    }

    pub(super) fn unsupported(&self, name: &str) -> Error {
        Error::new(
            codes::UR0610,
            format!("`{}` is an option of runc's and not supported by this version", spelled(name)),
        )
        .at(self.here(name))
    }
}

/// Something is written wrong.
pub(super) fn wrong(what: impl Into<String>) -> Error {
    Error::new(codes::UR0610, what.into()).help_run("see how it is written", "unroot-runtime --help")
}

/// The word that a verb cannot do without is not there.
pub(super) fn missing_id(verb: &str) -> Error {
    wrong(format!("`{verb}` needs the id of a container"))
}

fn spelled(name: &str) -> String {
    if name.chars().count() == 1 { format!("-{name}") } else { format!("--{name}") }
}

fn text(value: OsString) -> std::result::Result<String, String> {
    value.into_string().map_err(|value| format!("`{}` is not UTF-8", value.to_string_lossy()))
}

/// `VERB --help`, which ends the reading like an error does; `main` prints help for it.
pub(super) fn help_wanted(verb: &str) -> Error {
    Error::new(codes::UR0610, HELP_WANTED).words(verb)
}
