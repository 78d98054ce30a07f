//! Records of the host's journal, by journalctl.

use std::{
    io::{ErrorKind, Read},
    process::{Child, ChildStdout, Command, Stdio},
};

use diag::{Error, Result, codes};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::record::{self, Record};

const PROGRAM: &str = "journalctl";

/// A journalctl that shows one container's records.
pub(super) struct JournalSource {
    child: Child,
    output: Option<ChildStdout>,
    rest: Vec<u8>,
    follows: bool,
}

impl JournalSource {
    /// Starts it. UR0820 if it cannot be.
    pub(super) fn start(id: &str, follow: bool) -> Result<JournalSource> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::new(codes::UR0820, "the host's journal cannot be read")
                .words(error.to_string())
                .fact(format!("the container's log driver is journald, and `{PROGRAM}` shows what is in the journal"))
        };
        let mut command = Command::new(PROGRAM);
        command.args(["--quiet", "--output=json", "--all", "--no-pager"]);
        if follow {
            command.args(["--follow", "--lines=all"]);
        }
        command.arg(format!("CONTAINER_ID_FULL={id}"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|error| failed(&error))?;
        let output = child.stdout.take();
        if let Some(output) = output.as_ref().filter(|_| follow) {
            let flags = fcntl_getfl(output).map_err(|errno| failed(&errno))?;
            fcntl_setfl(output, flags | OFlags::NONBLOCK).map_err(|errno| failed(&errno))?;
        }
        Ok(JournalSource { child, output, rest: Vec::new(), follows: follow })
    }

    /// What it has shown since the last time.
    pub(super) fn read(&mut self) -> Vec<Record> {
        let mut bytes = std::mem::take(&mut self.rest);
        if let Some(output) = &mut self.output {
            match output.read_to_end(&mut bytes) {
                // What was read before it would have slept is there.
                Err(error) if self.follows && error.kind() == ErrorKind::WouldBlock => {}
                _ => self.output = None,
            }
        }
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.rest = bytes.split_off(whole);
        bytes.split(|&byte| byte == b'\n').filter_map(record::parse_journal).collect()
    }
}

impl Drop for JournalSource {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
