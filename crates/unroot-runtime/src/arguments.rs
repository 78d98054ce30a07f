//! The command line: options before the verb, the verb, its options and words. Their meaning comes later.

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use diag::{Error, Origin, Result, codes};
use lexopt::{Arg, Parser, ValueExt};

/// How a log file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines of `key=value`.
    #[default]
    Text,
    /// Lines of JSON.
    Json,
}

/// Options that hold for all verbs.
#[derive(Debug, Default)]
pub struct Global {
    /// `--root`.
    pub root: Option<PathBuf>,
    /// `--log`.
    pub log: Option<PathBuf>,
    /// `--log-format`.
    pub log_format: LogFormat,
    /// Whether `--log-format` was given, so that errors on the terminal follow it too.
    pub log_format_given: bool,
    /// `--debug`.
    pub debug: bool,
}

/// Options of `create` and `run`.
#[derive(Debug, Default)]
pub struct Create {
    /// The container's id.
    pub id: String,
    /// `--bundle`.
    pub bundle: PathBuf,
    /// `--console-socket`.
    pub console_socket: Option<PathBuf>,
    /// `--pid-file`.
    pub pid_file: Option<PathBuf>,
    /// `--preserve-fds`.
    pub preserve_fds: u32,
    /// `--no-pivot`.
    pub no_pivot: bool,
    /// `--idmap-root`.
    pub idmap_root: bool,
    /// `--detach` (`run` alone).
    pub detach: bool,
    /// `--keep` (`run` alone).
    pub keep: bool,
}

/// What is to be done.
#[derive(Debug)]
pub enum Verb {
    /// Make a container.
    Create(Create),
    /// Make and start a container, and wait for it.
    Run(Create),
    /// Let a container's command execute.
    Start(String),
    /// Print a container's state.
    State(String),
    /// Send a signal.
    Kill { id: String, signal: String, all: bool },
    /// Remove a container.
    Delete { id: String, force: bool },
    /// List the containers.
    List { format: String, quiet: bool },
    /// Write a config.json to start from.
    Spec { bundle: Option<PathBuf>, rootless: bool },
    /// Print what this runtime can do.
    Features,
    /// Watch an engine's container.
    Monitor { job: i32 },
    /// Print the version.
    Version,
    /// Print help.
    Help(Option<String>),
}

/// The whole command line.
#[derive(Debug)]
pub struct CommandLine {
    /// Options before the verb.
    pub global: Global,
    /// The verb.
    pub verb: Verb,
}

/// Reads the arguments after the program's name.
pub fn parse(argv: &Arc<[String]>, words: Vec<OsString>) -> Result<CommandLine> {
    let mut reader = Reader { parser: Parser::from_args(words), argv: Arc::clone(argv) };
    let mut global = Global::default();
    let verb = loop {
        match reader.next()? {
            None => break Verb::Help(None),
            Some(Word::Option(name)) => match name.as_str() {
                "root" => global.root = Some(reader.path()?),
                "log" => global.log = Some(reader.path()?),
                "log-format" => {
                    global.log_format = reader.log_format()?;
                    global.log_format_given = true;
                }
                "debug" => global.debug = true,
                "help" | "h" => break Verb::Help(None),
                "version" | "v" => break Verb::Version,
                "systemd-cgroup" | "rootless" | "criu" => return Err(reader.unsupported(&name)),
                _ => return Err(reader.unknown(&name, None)),
            },
            Some(Word::Plain(verb)) => break reader.verb(&verb)?,
        }
    };
    Ok(CommandLine { global, verb })
}

enum Word {
    Option(String),
    Plain(String),
}

struct Reader {
    parser: Parser,
    argv: Arc<[String]>,
}

impl Reader {
    fn next(&mut self) -> Result<Option<Word>> {
        let word = match self.parser.next() {
            Ok(None) => return Ok(None),
            Ok(Some(Arg::Long(name))) => Word::Option(name.to_owned()),
            Ok(Some(Arg::Short(letter))) => Word::Option(letter.to_string()),
            Ok(Some(Arg::Value(value))) => Word::Plain(text(value).map_err(|error| self.wrong(error))?),
            Err(error) => return Err(self.wrong(error.to_string())),
        };
        Ok(Some(word))
    }

    fn verb(&mut self, name: &str) -> Result<Verb> {
        match name {
            "create" => Ok(Verb::Create(self.create(name)?)),
            "run" => Ok(Verb::Run(self.create(name)?)),
            "start" => Ok(Verb::Start(self.only_id(name)?)),
            "state" => Ok(Verb::State(self.only_id(name)?)),
            "kill" => self.kill(),
            "delete" => self.delete(),
            "list" => self.list(),
            "spec" => self.spec(),
            "features" => self.no_words(name).map(|()| Verb::Features),
            "monitor" => self.monitor(),
            "help" => Ok(Verb::Help(self.words(name, |_, _| Ok(false))?.into_iter().next())),
            "exec" | "ps" | "pause" | "resume" | "update" | "events" | "checkpoint" | "restore" => {
                Err(Error::new(codes::UR0610, format!("the verb `{name}` is runc's and not supported by this version"))
                    .at(self.here(name)))
            }
            _ => Err(Error::new(codes::UR0610, format!("`{name}` is no verb of this runtime"))
                .at(self.here(name))
                .help_run("see what there is", "unroot-runtime --help")),
        }
    }

    fn create(&mut self, verb: &str) -> Result<Create> {
        let mut create = Create::default();
        let run = verb == "run";
        let words = self.words(verb, |reader, name| {
            match name {
                "bundle" | "b" => create.bundle = reader.path()?,
                "console-socket" => create.console_socket = Some(reader.path()?),
                "pid-file" => create.pid_file = Some(reader.path()?),
                "preserve-fds" => create.preserve_fds = reader.number()?,
                "no-pivot" => create.no_pivot = true,
                "idmap-root" => create.idmap_root = true,
                "detach" | "d" if run => create.detach = true,
                "keep" if run => create.keep = true,
                "no-new-keyring" => return Err(reader.unsupported(name)),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        create.id = self.one(verb, words)?;
        Ok(create)
    }

    fn kill(&mut self) -> Result<Verb> {
        let mut all = false;
        let words = self.words("kill", |_, name| {
            all |= name == "all" || name == "a";
            Ok(name == "all" || name == "a")
        })?;
        let mut words = words.into_iter();
        let Some(id) = words.next() else { return Err(self.missing_id("kill")) };
        let signal = words.next().unwrap_or_else(|| "SIGTERM".to_owned());
        match words.next() {
            None => Ok(Verb::Kill { id, signal, all }),
            Some(extra) => Err(self.extra(&extra)),
        }
    }

    fn delete(&mut self) -> Result<Verb> {
        let mut force = false;
        let words = self.words("delete", |_, name| {
            force |= name == "force" || name == "f";
            Ok(name == "force" || name == "f")
        })?;
        Ok(Verb::Delete { id: self.one("delete", words)?, force })
    }

    fn list(&mut self) -> Result<Verb> {
        let (mut format, mut quiet) = ("table".to_owned(), false);
        let words = self.words("list", |reader, name| {
            match name {
                "format" | "f" => format = reader.value()?,
                "quiet" | "q" => quiet = true,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        match words.first() {
            Some(extra) => Err(self.extra(extra)),
            None if format == "table" || format == "json" => Ok(Verb::List { format, quiet }),
            None => Err(self.wrong(format!("`{format}` is no format of a list: there are `table` and `json`"))),
        }
    }

    fn spec(&mut self) -> Result<Verb> {
        let (mut bundle, mut rootless) = (None, false);
        let words = self.words("spec", |reader, name| {
            match name {
                "bundle" | "b" => bundle = Some(reader.path()?),
                "rootless" => rootless = true,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        words.first().map_or(Ok(Verb::Spec { bundle, rootless }), |extra| Err(self.extra(extra)))
    }

    fn monitor(&mut self) -> Result<Verb> {
        let mut job = None;
        self.words("monitor", |reader, name| {
            if name == "job" {
                job = Some(reader.number()?);
            }
            Ok(name == "job")
        })?;
        let job: u32 = job.ok_or_else(|| self.wrong("`monitor` needs `--job`".to_owned()))?;
        Ok(Verb::Monitor { job: i32::try_from(job).unwrap_or(-1) })
    }

    /// Reads a verb's options and words. `option` says whether it knows an option.
    fn words(&mut self, verb: &str, mut option: impl FnMut(&mut Self, &str) -> Result<bool>) -> Result<Vec<String>> {
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

    fn only_id(&mut self, verb: &str) -> Result<String> {
        let words = self.words(verb, |_, _| Ok(false))?;
        self.one(verb, words)
    }

    fn no_words(&mut self, verb: &str) -> Result<()> {
        self.words(verb, |_, _| Ok(false))?.first().map_or(Ok(()), |extra| Err(self.extra(extra)))
    }

    fn one(&self, verb: &str, words: Vec<String>) -> Result<String> {
        let mut words = words.into_iter();
        match (words.next(), words.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => Err(self.missing_id(verb)),
            (_, Some(extra)) => Err(self.extra(&extra)),
        }
    }

    fn value(&mut self) -> Result<String> {
        let value = self.parser.value().map_err(|error| self.wrong(error.to_string()))?;
        text(value).map_err(|error| self.wrong(error))
    }

    fn path(&mut self) -> Result<PathBuf> {
        self.parser.value().map(PathBuf::from).map_err(|error| self.wrong(error.to_string()))
    }

    fn number(&mut self) -> Result<u32> {
        let value = self.parser.value().map_err(|error| self.wrong(error.to_string()))?;
        value.parse().map_err(|error| self.wrong(error.to_string()))
    }

    fn log_format(&mut self) -> Result<LogFormat> {
        match self.value()?.as_str() {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            other => Err(self.wrong(format!("`{other}` is no format of a log: there are `text` and `json`"))),
        }
    }

    /// The argument that a word came from.
    fn here(&self, word: &str) -> Origin {
        let dashed = |argument: &String| {
            let bare = argument.trim_start_matches('-');
            argument == word || (argument.starts_with('-') && bare.split('=').next() == Some(word))
        };
        let index = self.argv.iter().position(dashed).unwrap_or(0);
        Origin::Arg { argv: Arc::clone(&self.argv), index, range: None }
    }

    fn wrong(&self, what: impl Into<String>) -> Error {
        Error::new(codes::UR0610, what.into()).help_run("see how it is written", "unroot-runtime --help")
    }

    fn missing_id(&self, verb: &str) -> Error {
        self.wrong(format!("`{verb}` needs the id of a container"))
    }

    fn extra(&self, word: &str) -> Error {
        self.wrong(format!("`{word}` is one word too many")).at(self.here(word))
    }

    fn unknown(&self, name: &str, verb: Option<&str>) -> Error {
        let whose = verb.map_or_else(String::new, |verb| format!(" of `{verb}`"));
        self.wrong(format!("`{}` is no option{whose}", spelled(name))).at(self.here(name))
    }

    fn unsupported(&self, name: &str) -> Error {
        Error::new(
            codes::UR0610,
            format!("`{}` is an option of runc's and not supported by this version", spelled(name)),
        )
        .at(self.here(name))
    }
}

fn spelled(name: &str) -> String {
    if name.chars().count() == 1 { format!("-{name}") } else { format!("--{name}") }
}

fn text(value: OsString) -> std::result::Result<String, String> {
    value.into_string().map_err(|value| format!("`{}` is not UTF-8", value.to_string_lossy()))
}

/// `VERB --help`, which ends the reading like an error does; `main` prints help for it.
fn help_wanted(verb: &str) -> Error {
    Error::new(codes::UR0610, HELP_WANTED).words(verb)
}

/// The sentence of an error that is no error.
pub const HELP_WANTED: &str = "help";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<CommandLine> {
        let argv: Arc<[String]> = line.split(' ').map(str::to_owned).collect();
        let words = line.split(' ').skip(1).map(OsString::from).collect();
        parse(&argv, words)
    }

    #[test]
    fn create_as_containerd_says_it() {
        let line = "r --root /run/r --log /b/log.json --log-format json create --bundle /b --pid-file /b/pid abc";
        let line = read(line).unwrap();
        assert_eq!((line.global.root, line.global.log_format), (Some("/run/r".into()), LogFormat::Json));
        let Verb::Create(create) = line.verb else { panic!() };
        assert_eq!((create.id.as_str(), create.bundle, create.pid_file), ("abc", "/b".into(), Some("/b/pid".into())));
    }

    #[test]
    fn kill_as_containerd_says_it() {
        let Verb::Kill { id, signal, all } = read("r kill --all abc 9").unwrap().verb else { panic!() };
        assert_eq!((id.as_str(), signal.as_str(), all), ("abc", "9", true));
        let Verb::Kill { signal, .. } = read("r kill abc").unwrap().verb else { panic!() };
        assert_eq!(signal, "SIGTERM");
    }

    #[test]
    fn nothing_is_ignored() {
        for line in [
            "r create",
            "r create a b",
            "r --nope list",
            "r list x",
            "r run --nope a",
            "r fly",
            "r state",
            "r list --format yaml",
            "r --systemd-cgroup list",
            "r exec a",
            "r create --preserve-fds x a",
            "r --log",
        ] {
            assert_eq!(read(line).unwrap_err().code(), codes::UR0610, "{line}");
        }
    }
}
