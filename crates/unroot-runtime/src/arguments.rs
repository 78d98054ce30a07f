//! The command line: options before the verb, the verb, its options and words. Their meaning comes later.

mod reader;
mod verbs;

use std::{ffi::OsString, path::PathBuf, sync::Arc};

use diag::Result;

use self::reader::{Reader, Word};

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
#[expect(clippy::struct_excessive_bools, reason = "each is an option that is given or not")]
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
    let mut reader = Reader::new(argv, words);
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

/// The sentence of an error that is no error.
pub const HELP_WANTED: &str = "help";

#[cfg(test)]
mod tests {
    use diag::codes;

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
