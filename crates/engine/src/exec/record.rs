//! The records of the sessions of a container: what was executed in it, and how it ended.
//!
//! ```text
//! <run directory>/exec/<id>.json    one session; removed when it ends, or, in the background, when the container is started again
//! ```

use oci::spec::Process;
use serde::{Deserialize, Serialize};
use sys::Dir;

use crate::{create::now, life};
use diag::{Result, codes};

/// The directory of the records.
const DIRECTORY: &str = "exec";
/// The longest record that is read.
const LIMIT: usize = 4 << 20;
/// So many sessions that have ended are remembered.
const REMEMBERED: usize = 64;

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// The command.
    pub args: Vec<String>,
    /// Whether it has a terminal.
    pub tty: bool,
    /// Whether it is in the background.
    pub detached: bool,
    /// When it was started: seconds since the epoch.
    pub started: u64,
    /// Its process, once it runs.
    pub process: Option<life::Process>,
    /// Its exit status, once it has ended.
    pub exit: Option<u8>,
}

impl Session {
    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.exit.is_none() && self.process.as_ref().is_some_and(life::Process::is_alive)
    }
}

/// Where a container's sessions are kept.
#[derive(Debug)]
pub(crate) struct Sessions {
    run: Dir,
}

impl Sessions {
    /// By the container's run directory.
    pub(crate) fn of(run: Dir) -> Sessions {
        Sessions { run }
    }

    /// All that are known, the oldest first.
    pub(crate) fn all(&self) -> Vec<Session> {
        let Ok(dir) = self.run.dir(DIRECTORY) else { return Vec::new() };
        let read = |name: &std::ffi::OsString| serde_json::from_slice(&dir.read(name, LIMIT).ok()?).ok();
        let mut all: Vec<Session> = dir.names().unwrap_or_default().iter().filter_map(read).collect();
        all.sort_by_key(|session| session.started);
        all
    }

    /// Prepares a record; it is written when the process is there.
    pub(super) fn begin(self, id: String, process: &Process, detached: bool) -> Result<Record> {
        let dir = self
            .run
            .ensure_dir(DIRECTORY, 0o700)
            .map_err(|failed| failed.into_error(codes::UR0606, "the sessions of the container cannot be recorded"))?;
        if detached {
            self.forget_the_oldest(&dir);
        }
        let (args, tty) = (process.args.clone(), process.terminal);
        let session = Session { id, args, tty, detached, started: now(), process: None, exit: None };
        Ok(Record { dir, session })
    }

    fn forget_the_oldest(&self, dir: &Dir) {
        let ended: Vec<Session> = self.all().into_iter().filter(|session| !session.is_running()).collect();
        for session in ended.iter().take(ended.len().saturating_sub(REMEMBERED)) {
            // One that another command has removed meanwhile is gone as well.
            let _ = dir.remove_file(file(&session.id));
        }
    }
}

fn file(id: &str) -> String {
    format!("{id}.json")
}

/// The record of one session. That one cannot be written is no reason to end the command.
#[derive(Debug)]
pub(super) struct Record {
    dir: Dir,
    session: Session,
}

impl Record {
    pub(super) fn id(&self) -> &str {
        &self.session.id
    }

    /// The process is there.
    pub(super) fn runs(mut self, pid: i32) -> Record {
        self.session.process = life::Process::of(pid);
        self.write();
        self
    }

    /// It has ended.
    pub(super) fn ended(mut self, status: u8) {
        self.session.exit = Some(status);
        self.write();
    }

    /// It has ended, and who started it knows how.
    pub(super) fn forget(self) {
        let _ = self.dir.remove_file(file(&self.session.id));
    }

    fn write(&self) {
        let text = serde_json::to_vec(&self.session).unwrap_or_default();
        let _ = self.dir.write(file(&self.session.id), &text, 0o600);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_remembered_while_they_run() {
        let dir = tempfile::tempdir().unwrap();
        let sessions = || Sessions::of(Dir::open(dir.path()).unwrap());
        let process = Process { args: vec!["a".into()], ..Process::default() };
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(sessions().all(), []);
        let first = sessions().begin("1".repeat(64), &process, false).unwrap().runs(own);
        let second = sessions().begin("2".repeat(64), &process, true).unwrap().runs(own);
        assert_eq!(sessions().all().iter().filter(|session| session.is_running()).count(), 2);
        first.forget();
        second.ended(7);
        let all = sessions().all();
        assert_eq!((all.len(), all[0].exit, all[0].is_running()), (1, Some(7), false));
    }
}
