//! `unroot-runtime monitor`: one small process beside each container of the engine's.
//!
//! # Theory of operation
//! An engine comes and goes, a container stays. So the engine writes down what it wants ([`Job`]), starts a monitor and
//! hands over the container's lock. The monitor detaches (`detach`), makes the streams (`streams`), has the container
//! made and started by [`crate::launch`], and then sits in one poll(2) (`watch`) until init's pidfd is readable. In
//! between it carries bytes: from the container into the log (`log`) and to whoever is attached (`clients`), and back
//! (`input`). In the end it writes down how the container ended, has it cleaned up, lets go of the lock, and only then
//! tells its clients: who hears of the end may take the lock at once.
//!
//! * *must*: hold the lock exactly as long as the container lives; be the parent of init; have written `exit.json` before the
//!   lock is free; keep its memory bounded, whatever the container prints and whatever its clients do not read; lose no
//!   byte that a client is still there to read.
//! * *must not*: have a second thread; die of a signal (but SIGKILL, and then the container dies with it); wait for a client
//!   before the container's end is recorded; keep anything of the engine's open; print.
//!
//! A container waits for a client that does not read, as any command waits for a slow pipe. The end of a container does not:
//! all that is left then (a pipe's contents) is kept for the slow ones, and the monitor, no longer holding anything, stays
//! for them until they have read it or are gone.

mod clients;
mod container;
mod detach;
mod input;
mod log;
mod order;
mod streams;
mod watch;

use std::{
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::PathBuf,
    process::Command,
};

use diag::{Error, Result, codes};
use sys::{Alone, Dir};

use crate::{
    attach::{Listener, SOCKET},
    host::Host,
    job::{Exit, Job, frame},
};
use clients::{Clients, FAILED, WARNING};
use container::{Made, Started, Waiting};
use log::Log;
use order::Order;
use streams::Streams;
use watch::{Watch, farewell};

/// How a container ended, in its bundle.
const EXIT: &str = "exit.json";

/// What a monitor's work came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// The container's exit status, or that of the failure to start it.
    status: u8,
    /// Whether a client was there to be told.
    told: bool,
}

/// Does a job from its beginning to its end; the container's exit status, or that of the failure to start it. If nobody was
/// there to be told of the end and the job has an `exit_command`, this process becomes that command and does not return.
///
/// Errors: only what happens before there is a client who could be told, all UR0699 or UR0606.
pub fn run(alone: &Alone, host: &Host, job: OwnedFd) -> Result<u8> {
    let order = Order::receive(job)?;
    detach::detach()?;
    let exit_command = order.job.exit_command.clone();
    let outcome = attend(order, |job, run_dir, stdio| Made::new(alone, host, job, run_dir, stdio));
    if !outcome.told {
        become_exit_command(&exit_command);
    }
    Ok(outcome.status)
}

/// Returns only if there is none, or if it cannot be executed; then nobody is left who could be told.
fn become_exit_command(command: &[String]) {
    if let Some((program, arguments)) = command.split_first() {
        // Its standard descriptors are /dev/null since this monitor detached.
        let _ = Command::new(program).args(arguments).exec();
    }
}

/// Does a job whose container `create` makes, given its standard streams (none if it has a terminal).
fn attend<W: Waiting>(order: Order, create: impl FnOnce(&Job, &Dir, Option<[OwnedFd; 3]>) -> Result<W>) -> Outcome {
    let Order { mut job, bundle, run_dir, client, hold } = order;
    let remove_at_end = std::mem::take(&mut job.remove_at_end);
    let mut clients = Clients::default();
    clients.add(client);
    let (mut watch, mut container) = match prepare(&job, &bundle, &run_dir, create) {
        Ok(prepared) => prepared,
        Err(error) => {
            remove(&remove_at_end);
            return give_up(clients, error, &run_dir, hold);
        }
    };
    drop(job);
    for warning in container.take_warnings() {
        clients.tell_report(WARNING, warning);
    }
    watch.clients = clients;
    watch.hear_all();
    let Started { warnings, clear_away } = match container.start() {
        Ok(started) => started,
        Err(error) => {
            remove(&remove_at_end);
            return give_up(watch.clients, error, &run_dir, hold);
        }
    };
    for warning in warnings {
        watch.clients.tell_report(WARNING, warning);
    }
    watch.clients.tell(frame::STARTED, watch.pid.to_string().as_bytes());
    let ended = watch.run();
    let Watch { mut clients, mut buffer, .. } = watch;
    let mut warnings: Vec<Error> =
        ended.as_ref().ok().and_then(|exit| record(&bundle, *exit).err()).into_iter().collect();
    warnings.extend(clear_away());
    warnings.extend(remove_socket(&run_dir).err());
    remove(&remove_at_end);
    // From here on the container is nobody's: a client that hears of its end may remove it or start it again.
    drop(hold);
    for warning in warnings {
        clients.tell_report(WARNING, warning);
    }
    let status = match ended {
        Ok(exit) => {
            // An `Exit` is three numbers; it cannot fail to become JSON.
            clients.tell(frame::EXIT, &serde_json::to_vec(&exit).unwrap_or_default());
            exit.code
        }
        Err(error) => {
            let status = error.code().class().exit_status();
            clients.tell_report(FAILED, error);
            status
        }
    };
    Outcome { status, told: farewell(&mut clients, &mut buffer) }
}

/// Everything up to the word.
fn prepare<W: Waiting>(
    job: &Job,
    bundle: &Dir,
    run_dir: &Dir,
    create: impl FnOnce(&Job, &Dir, Option<[OwnedFd; 3]>) -> Result<W>,
) -> Result<(Watch, W)> {
    let log =
        Log::open(bundle).map_err(|failed| failed.into_error(codes::UR0707, "the container's log cannot be opened"))?;
    let listener = Listener::bind(run_dir)
        .map_err(|failed| failed.into_error(codes::UR0606, "the container's socket cannot be made"))?;
    let (streams, init) = if job.terminal {
        let mut init = create(job, run_dir, None)?;
        let master = init.take_terminal().ok_or_else(|| contradiction("has none"))?;
        (Streams::terminal(master)?, init)
    } else {
        let (streams, ends) = Streams::pipes(job.stdin)?;
        let mut init = create(job, run_dir, Some(ends))?;
        if init.take_terminal().is_some() {
            return Err(contradiction("has one"));
        }
        (streams, init)
    };
    let pidfd = init.pidfd()?;
    let pid = init.pid();
    Ok((Watch { pidfd, pid, streams, clients: Clients::default(), listener, log, buffer: Vec::new() }, init))
}

fn contradiction(found: &str) -> Error {
    Error::new(
        codes::UR0413,
        format!("by `process.terminal` the container {found}, and the engine asked for the opposite"),
    )
}

/// The container did not start.
fn give_up(mut clients: Clients, error: Error, run_dir: &Dir, hold: Vec<OwnedFd>) -> Outcome {
    let status = error.code().class().exit_status();
    // A socket that stays behind is refused to clients and replaced by the next monitor.
    let _ = remove_socket(run_dir);
    drop(hold);
    clients.tell_report(FAILED, error);
    Outcome { status, told: farewell(&mut clients, &mut Vec::new()) }
}

fn record(bundle: &Dir, exit: Exit) -> Result<()> {
    let failed = "how the container ended cannot be recorded";
    let text = serde_json::to_vec(&exit).map_err(|error| Error::warning(codes::UR0606, failed).words(error))?;
    bundle.write(EXIT, &text, 0o600).map_err(|error| error.into_error(codes::UR0606, failed))
}

/// Nobody is told if one cannot be removed: who clears away after this container tries again.
fn remove(files: &[PathBuf]) {
    for file in files {
        let (Some(dir), Some(name)) = (file.parent(), file.file_name()) else { continue };
        let _ = Dir::open(dir).and_then(|dir| dir.remove_file(name));
    }
}

fn remove_socket(run_dir: &Dir) -> Result<()> {
    run_dir
        .remove_file(SOCKET)
        .map_err(|failed| failed.into_error(codes::UR0606, "the container's socket cannot be removed"))
}

#[cfg(test)]
mod tests;
