//! `kill`.

use std::process::ExitCode;

use diag::{Error, Result, codes};
use runtime::{
    cgroup::{self, Cgroup},
    signal::Signal,
    state::State,
};
use rustix::{
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::containers;
use crate::arguments::Global;

/// `SIGKILL`.
const KILL: u8 = 9;

/// `kill`: a signal for the container's first process, or for all.
pub fn kill(global: &Global, id: &str, signal: &str, all: bool) -> Result<ExitCode> {
    let signal = Signal::parse(signal)?;
    let dir = containers(global)?.get(id)?;
    let state = State::read(&dir)?;
    if all {
        let pids = Cgroup::reopen(&state.unroot.cgroup)?.procs()?;
        pids.into_iter().try_for_each(|pid| send(id, pid, signal))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !state.is_alive() {
        return Err(not_running(id));
    }
    send(id, state.pid.unwrap_or(0), signal)?;
    if signal.number() == KILL && cgroup::is_frozen(&state.unroot.cgroup) {
        // With version 1 of control groups, what stands still does not even die.
        cgroup::freeze(&state.unroot.cgroup, false)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The process is opened first and then looked at again: a pid that was reused in between is not signalled.
fn send(id: &str, pid: i32, signal: Signal) -> Result<()> {
    let sent = Pid::from_raw(pid)
        .ok_or(Errno::SRCH)
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()))
        .and_then(|pidfd| sys::signals::send(pidfd, signal.number()));
    match sent {
        Ok(()) => Ok(()),
        Err(Errno::SRCH) => Err(not_running(id)),
        Err(errno) => Err(Error::new(codes::UR0603, format!("the container `{id}` cannot be signalled"))
            .os(format!("pidfd_send_signal({pid}, {})", signal.number()), errno.raw_os_error())),
    }
}

/// containerd looks for these words.
fn not_running(id: &str) -> Error {
    Error::new(codes::UR0603, format!("container not running: `{id}` has stopped already"))
}
