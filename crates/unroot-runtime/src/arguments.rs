//! The command line: options before the verb, the verb, its options and words. Their meaning comes later.

mod reader;
mod verbs;

use std::{ffi::OsString, path::PathBuf, sync::Arc, time::Duration};

use diag::Result;

use self::reader::{Reader, Word};
use crate::verbs::update::Wanted;

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
    /// `--rootless=false`: a container without a control group of its own is none.
    pub needs_groups: bool,
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

/// Options and words of `exec`.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option that is given or not")]
pub struct Exec {
    /// The container's id.
    pub id: String,
    /// The command and its arguments; empty with `--process`.
    pub command: Vec<String>,
    /// `--process`.
    pub process: Option<PathBuf>,
    /// `--console-socket`.
    pub console_socket: Option<PathBuf>,
    /// `--pid-file`.
    pub pid_file: Option<PathBuf>,
    /// `--cwd`.
    pub cwd: Option<PathBuf>,
    /// `--env`.
    pub env: Vec<String>,
    /// `--user`.
    pub user: Option<String>,
    /// `--additional-gids`.
    pub additional_gids: Vec<u32>,
    /// `--cap`.
    pub cap: Vec<String>,
    /// `--apparmor`.
    pub apparmor: Option<String>,
    /// `--process-label`.
    pub process_label: Option<String>,
    /// `--cgroup`.
    pub cgroup: Vec<String>,
    /// `--preserve-fds`.
    pub preserve_fds: u32,
    /// `--tty`.
    pub tty: bool,
    /// `--detach`.
    pub detach: bool,
    /// `--no-new-privs`.
    pub no_new_privs: bool,
    /// `--ignore-paused`.
    pub ignore_paused: bool,
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
    /// Run a further process in a container.
    Exec(Box<Exec>),
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
    /// Let all processes stand still.
    Pause(String),
    /// Let them go on.
    Resume(String),
    /// Set other limits.
    Update { id: String, wanted: Wanted },
    /// Print what a container uses.
    Events { id: String, once: bool, interval: Duration },
    /// Print its processes.
    Ps { id: String, format: String, words: Vec<String> },
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
                "rootless" => global.needs_groups = reader.rootless()?,
                "systemd-cgroup" | "criu" => return Err(reader.unsupported(&name)),
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
    fn behind_the_id_all_is_the_commands() {
        let Verb::Exec(exec) = read("r exec -t -e A=1 --env B=2 -u 1:2 abc ls -la --help").unwrap().verb else {
            panic!()
        };
        assert_eq!((exec.id.as_str(), exec.command), ("abc", ["ls", "-la", "--help"].map(str::to_owned).to_vec()));
        assert_eq!(
            (exec.tty, exec.env, exec.user),
            (true, vec!["A=1".to_owned(), "B=2".to_owned()], Some("1:2".to_owned()))
        );
    }

    #[test]
    fn exec_as_conmon_says_it() {
        let line = "r exec --pid-file /p --process /x.json --detach --console-socket /s --tty abc";
        let Verb::Exec(exec) = read(line).unwrap().verb else { panic!() };
        assert_eq!((exec.process, exec.console_socket), (Some("/x.json".into()), Some("/s".into())));
        assert!(exec.detach && exec.tty && exec.command.is_empty());
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
            "r --rootless perhaps list",
            "r exec",
            "r exec a",
            "r exec --nope a id",
            "r exec -p x a id",
            "r exec -g x a id",
            "r create --preserve-fds x a",
            "r --log",
        ] {
            assert_eq!(read(line).unwrap_err().code(), codes::UR0610, "{line}");
        }
    }
}
