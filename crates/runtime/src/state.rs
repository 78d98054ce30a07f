//! What is known of a container, and its file.
//!
//! `state.json` lies in the container's directory below the run root. It is replaced by rename, so a reader sees one state or the
//! next. A pid in it counts only together with the process's start time and the boot that it was started in.

use std::{collections::BTreeMap, path::PathBuf};

use diag::{Error, Result, codes};
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};
use serde::{Deserialize, Serialize};
use sys::Dir;

use crate::{
    cgroup::{self, Record},
    job::Root,
};

/// The version of the specification that states are written by.
pub const OCI_VERSION: &str = "1.2.0";
/// The file's name.
pub const FILE: &str = "state.json";
/// The socket by which `start` reaches a container that waits.
pub const START_SOCKET: &str = "start";

/// The state of a container's life (OCI runtime specification, runtime.md "State").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is being set up.
    Creating,
    /// It waits for `start`.
    Created,
    /// Its command runs.
    Running,
    /// It runs and stands still.
    Paused,
    /// Its command has ended.
    Stopped,
}

impl Status {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        }
    }
}

/// What is kept of a container.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The version of the specification.
    pub oci_version: String,
    /// The container's id.
    pub id: String,
    /// Where it was when this was written; [`State::now`] tells where it is.
    pub status: Status,
    /// The pid of its init on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The absolute path of its bundle.
    pub bundle: PathBuf,
    /// The bundle's annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// What only this runtime needs.
    pub unroot: Private,
}

/// What only this runtime needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Private {
    /// The root filesystem.
    pub root: Root,
    /// The root filesystem's path, as `list` and `state` show it.
    pub rootfs: PathBuf,
    /// When init was started: clock ticks since the boot (field 22 of /proc/PID/stat).
    pub start_time: u64,
    /// The boot.
    pub boot: String,
    /// When the container was made: seconds since the epoch.
    pub created: u64,
    /// Who made it.
    pub owner: u32,
    /// Its control groups.
    pub cgroup: Vec<Record>,
}

/// The state as the specification has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Public<'a> {
    oci_version: &'a str,
    id: &'a str,
    status: Status,
    pid: i32,
    bundle: &'a PathBuf,
    annotations: &'a BTreeMap<String, String>,
}

impl State {
    /// What hooks get on their standard input, and `state` prints.
    pub fn for_hooks(&self) -> Vec<u8> {
        serde_json::to_vec(&self.public()).unwrap_or_default()
    }

    /// What the specification has of it.
    pub(crate) fn public(&self) -> Public<'_> {
        Public {
            oci_version: &self.oci_version,
            id: &self.id,
            status: self.status,
            pid: self.pid.unwrap_or(0),
            bundle: &self.bundle,
            annotations: &self.annotations,
        }
    }

    /// Reads the state of the container whose directory this is.
    pub fn read(dir: &Dir) -> Result<State> {
        let shown = dir.path().join(FILE);
        let bytes = dir.read(FILE, 4 << 20).map_err(|failed| {
            let what = format!("the state of the container `{}` cannot be read", shown.display());
            failed.into_error(codes::UR0606, what)
        })?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Error::new(codes::UR0606, format!("`{}` is not the state of a container", shown.display())).words(error)
        })
    }

    /// Writes it.
    pub fn write(&self, dir: &Dir) -> Result<()> {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        dir.write(FILE, &bytes, 0o600).map_err(|failed| {
            failed.into_error(codes::UR0606, format!("the state of the container `{}` cannot be written", self.id))
        })
    }

    /// Where the container is now.
    pub fn now(&self) -> Status {
        match self.status {
            _ if !self.is_alive() => Status::Stopped,
            Status::Running if cgroup::is_frozen(&self.unroot.cgroup) => Status::Paused,
            status => status,
        }
    }

    /// Whether its init is there: the same process in the same boot, and not a zombie.
    pub fn is_alive(&self) -> bool {
        let Some(pid) = self.pid else { return false };
        matches!(Birth::of(pid), Some(birth) if birth.start_time == self.unroot.start_time && !birth.is_dead)
            && boot_id().is_ok_and(|boot| boot == self.unroot.boot)
    }
}

/// What /proc/PID/stat says about a process's beginning and end.
pub struct Birth {
    /// Clock ticks since the boot.
    pub start_time: u64,
    /// Whether it is a zombie, or being taken away.
    pub is_dead: bool,
}

impl Birth {
    /// Asks for a process; `None` if there is none.
    ///
    /// While another thread lists /proc, the kernel (seen on 6.18) may say ENOENT of a process that is there. A life must not hang on
    /// that, so the answer "there is none" counts only if a signal finds none either.
    pub fn of(pid: i32) -> Option<Birth> {
        let path = format!("/proc/{pid}/stat");
        for _ in 0..TRIES {
            match read_word(&path) {
                Ok(stat) => return Birth::parse(&stat),
                Err(_) if is_there(pid) => std::thread::yield_now(),
                Err(_) => return None,
            }
        }
        None
    }

    fn parse(stat: &str) -> Option<Birth> {
        // The second field is the program's name in parentheses, and the name may have any character.
        let after_name = &stat[stat.rfind(')')? + 1..];
        let mut fields = after_name.split_ascii_whitespace();
        let status = fields.next()?;
        let start_time = fields.nth(18)?.parse().ok()?;
        Some(Birth { start_time, is_dead: matches!(status, "Z" | "X" | "x") })
    }
}

/// How often /proc is asked for a process that is there.
const TRIES: u32 = 100;

/// Whether a process of this pid is there: one that may not be signalled is, too.
fn is_there(pid: i32) -> bool {
    let process = if pid > 0 { Pid::from_raw(pid) } else { None };
    process.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// The id of this boot.
pub fn boot_id() -> rustix::io::Result<String> {
    Ok(read_word("/proc/sys/kernel/random/boot_id")?.trim_end().to_owned())
}

/// Reads a file of /proc that has one line: the kernel hands it over in one piece.
pub(crate) fn read_word(path: &str) -> rustix::io::Result<String> {
    use rustix::fs::{Mode, OFlags, open};
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut line = [0; 1024];
    let n = rustix::io::read(file, &mut line)?;
    Ok(String::from_utf8_lossy(&line[..n]).into_owned())
}

/// Reads a file of /proc.
pub(crate) fn read_proc(path: &str) -> rustix::io::Result<String> {
    use rustix::fs::{Mode, OFlags, open};
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    String::from_utf8(sys::dir::read_all(file, 1 << 20)?).map_err(|_| Errno::ILSEQ)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_was_born_and_lives() {
        let birth = Birth::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(birth.start_time > 0 && !birth.is_dead);
        assert!(Birth::of(-1).is_none());
    }

    #[test]
    fn a_boot_has_an_id() {
        assert_eq!(boot_id().unwrap().len(), 36);
    }
}
