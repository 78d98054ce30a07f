//! What an engine asks a monitor for, and what the two say to each other afterwards.
//!
//! The engine starts `unroot-runtime monitor --job FD`. The descriptor is a sealed memfd with a [`Job`] as JSON; the other
//! descriptors that the job names are inherited. They talk over a `SOCK_SEQPACKET` socket in [`frame`]s:
//! the first client's is inherited too; more may connect to `attach` in the run directory.

pub mod duration;
pub mod health;
pub mod logging;
pub mod notify;
pub mod restart;
mod supervision;

use std::{os::fd::RawFd, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use supervision::{STOP_TIMEOUT, Supervision};

/// One container to be started and watched.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The container's id: 64 hexadecimal digits for the engine's own.
    pub id: String,
    /// The container's directory in the store: `config.json`, `log`, and, once it has ended, `exit.json`.
    pub bundle: PathBuf,
    /// The container's directory below the run root: `state.json`, `lock`, `attach`.
    pub run_dir: PathBuf,
    /// What becomes the root filesystem.
    pub root: Root,
    /// Whether the container's standard input is connected; otherwise it is `/dev/null`.
    pub stdin: bool,
    /// Whether the container gets a terminal (`process.terminal` says the same).
    pub terminal: bool,
    /// The inherited socket of the first client.
    pub client: RawFd,
    /// Inherited descriptors that are only to be held for as long as the container lives: the container's lock
    /// (`lock` in the run directory, under `flock` already) and the leases of its ranges.
    pub hold: Vec<RawFd>,
    /// Files that go with the container: removed when it has ended, before its lock is free.
    #[serde(default)]
    pub remove_at_end: Vec<PathBuf>,
    /// What the monitor executes (program and arguments, all of its standard descriptors `/dev/null`) as its very last act,
    /// with the lock and the leases given back, if no client was there to be told of the container's end: for `--rm`.
    /// Empty: nothing.
    #[serde(default)]
    pub exit_command: Vec<String>,
    /// How the container is looked after.
    #[serde(default)]
    pub supervision: Supervision,
    /// Inherited descriptors that become the container's standard streams as they are ([`logging::LogDriver::Passthrough`]).
    #[serde(default)]
    pub passthrough: Option<[RawFd; 3]>,
    /// How the container is called where its life is written down.
    #[serde(default)]
    pub subject: Subject,
    /// The service manager's socket (`NOTIFY_SOCKET` of whoever starts the container): a path, or `@` and an abstract name.
    #[serde(default)]
    pub notify_socket: Option<String>,
}

#[cfg(test)]
impl Job {
    /// The least that a job can say.
    pub(crate) fn bare() -> Job {
        Job {
            id: "x".into(),
            bundle: PathBuf::new(),
            run_dir: PathBuf::new(),
            root: Root::Bundle { idmap: false },
            stdin: false,
            terminal: false,
            client: -1,
            hold: Vec::new(),
            remove_at_end: Vec::new(),
            exit_command: Vec::new(),
            supervision: Supervision::default(),
            passthrough: None,
            subject: Subject::default(),
            notify_socket: None,
        }
    }
}

/// How a container is called in the [chronicle](crate::chronicle), and where that is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The container's name when it was started.
    pub name: String,
    /// Its image's name.
    pub image: String,
    /// The directory of the chronicle; empty: nothing is written down.
    pub chronicle: PathBuf,
    /// What else is told: labels.
    #[serde(default)]
    pub attributes: std::collections::BTreeMap<String, String>,
}

/// Where a container's root filesystem comes from. The files' owners are the ids that the container sees, if nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// `root.path` of config.json, as it stands or through an idmapped mount.
    Bundle {
        /// Whether the files carry container ids, so that the mount must be idmapped.
        idmap: bool,
    },
    /// An overlay of layers.
    Overlay {
        /// The directories of the layers' files, the uppermost first; at least one.
        lower: Vec<PathBuf>,
        /// Directories with contents that inodes of the layers refer to; nothing else of them is seen.
        #[serde(default)]
        data: Vec<PathBuf>,
        /// What is idmapped by the container's user namespace. The other files have the ids that the container's have outside.
        #[serde(default)]
        idmapped: Idmapped,
        /// A directory that has `upper` and `work` in it. Without one the container's root is read-only.
        writable: Option<PathBuf>,
        /// Whether the writes may be lost in a crash (`--rm`): saves the sync of the whole disk at the end.
        volatile: bool,
    },
}

/// Which of an overlay's directories hold files with the ids that the container sees. Contents have no owners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Idmapped {
    /// All of them.
    #[default]
    All,
    /// The layers, but not what is written.
    Layers,
    /// None.
    Nothing,
}

/// How a container ended; `exit.json` in its directory.
#[expect(clippy::struct_excessive_bools, reason = "each is a circumstance of its own")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit status; 128 + n if signal n killed it.
    pub code: u8,
    /// The signal that killed it.
    pub signal: Option<u8>,
    /// When: seconds since the epoch.
    pub at: u64,
    /// Whether the kernel killed a process of it for want of memory.
    #[serde(default)]
    pub oom: bool,
    /// Whether a person wanted the end: `stop`, `kill`, `rm -f`.
    #[serde(default)]
    pub by_person: bool,
    /// Whether its time was up (`--timeout`).
    #[serde(default)]
    pub timed_out: bool,
    /// Whether the monitor starts it again in a moment.
    #[serde(default)]
    pub again: bool,
    /// How often its monitor had restarted it.
    #[serde(default)]
    pub restarts: u32,
}

/// The exit status of a container whose time was up, as Podman has it.
pub const TIMED_OUT: u8 = 255;

/// The messages between a monitor and a client: one packet each, at most [`frame::LIMIT`] bytes, the first byte says which.
pub mod frame {
    /// The version of these messages. Whoever gets a message of a kind that it does not know passes over it; a client that needs
    /// a newer monitor than it talks to knows by the [`HELLO`], which those of version 1 do not send.
    ///
    /// * 1: all but what follows;
    /// * 2: `HELLO`, `QUIET`, `KEEP_DOWN`, `CHECK_HEALTH`, `CHECKED`.
    pub const VERSION: u32 = 2;

    /// The largest packet.
    pub const LIMIT: usize = 32 * 1024;

    /// Client: bytes for the container's standard input or terminal.
    pub const STDIN: u8 = b'i';
    /// Client: its standard input has ended.
    pub const STDIN_END: u8 = b'e';
    /// Client: the terminal's size; rows and columns, 16 bits each, little-endian.
    pub const RESIZE: u8 = b'w';
    /// Client: a signal for the container's init; one byte.
    pub const SIGNAL: u8 = b's';
    /// Client: it wants to hear no output, only what becomes of the container.
    pub const QUIET: u8 = b'q';
    /// Client: whatever the restart policy says, the container is not to be started again.
    pub const KEEP_DOWN: u8 = b'k';
    /// Client: the container's health is to be checked now.
    pub const CHECK_HEALTH: u8 = b'c';

    /// Monitor: the first message: the [`VERSION`] that it speaks, as decimal text.
    pub const HELLO: u8 = b'h';
    /// Monitor: the container runs; its init's pid on the host as decimal text.
    pub const STARTED: u8 = b'r';
    /// Monitor: the container did not start; a [`diag::Report`] as JSON. Nothing follows.
    pub const FAILED: u8 = b'f';
    /// Monitor: bytes of the container's standard output or terminal.
    pub const STDOUT: u8 = b'o';
    /// Monitor: bytes of the container's standard error.
    pub const STDERR: u8 = b'E';
    /// Monitor: the container's health was checked: a `runtime::monitor::health::Finding` as JSON; `null` if there is no check.
    pub const CHECKED: u8 = b'C';
    /// Monitor: a warning; a [`diag::Report`] as JSON.
    pub const WARNING: u8 = b'n';
    /// Monitor: the container has ended and all its output was sent; an [`super::Exit`] as JSON. Nothing follows, even if the
    /// container is to be started again.
    pub const EXIT: u8 = b'x';
}
