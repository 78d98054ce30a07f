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
//! When the container's restart policy wants it, all of this happens again (`lives`) while the lock stays held: the same
//! config.json, the same map, the same leases.
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
pub mod health;
mod input;
mod lives;
mod log;
pub mod notify;
mod oom;
mod order;
mod scribe;
mod streams;
mod watch;

use std::{
    os::{fd::OwnedFd, unix::process::CommandExt},
    path::PathBuf,
    process::Command,
};

use diag::{Error, Result, codes};
use oci::spec::Process;
use sys::{Alone, Dir};

use crate::{
    attach::SOCKET,
    exec::{Container, Request},
    host::Host,
    job::{Job, frame},
    state::State,
};
use clients::{Clients, FAILED, WARNING};
use container::{Made, Waiting};
use health::Probe;
use lives::Post;
use order::Order;
use watch::{Watch, farewell};

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
    let run_dir = order
        .run_dir
        .try_clone()
        .map_err(|failed| failed.into_error(codes::UR0606, "the run directory cannot be used"))?;
    let probe = |words: &[String], stdio| execute(alone, host, &run_dir, words, stdio);
    let outcome = attend(order, |job, run_dir, stdio| Made::new(alone, host, job, run_dir, stdio), &probe);
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
fn attend<W: Waiting>(
    order: Order,
    mut create: impl FnMut(&Job, &Dir, Option<[OwnedFd; 3]>) -> Result<W>,
    probe: Probe,
) -> Outcome {
    let Order { job, bundle, run_dir, client, hold, passthrough } = order;
    let post = Post::new(job, bundle, run_dir, passthrough, probe);
    let mut watch = match post.open() {
        Ok(watch) => watch,
        Err(error) => {
            let mut clients = Clients::default();
            clients.add(client);
            return give_up(clients, error, &post, hold);
        }
    };
    watch.welcome(client);
    let ended = match post.live(&mut watch, &mut create, 0) {
        Err(error) => return give_up(watch.clients, error, &post, hold),
        Ok(ended) => post.live_on(&mut watch, &mut create, ended),
    };
    let mut warnings = ended.warnings;
    warnings.extend(remove_socket(&post.run_dir).err());
    remove(&post.job.remove_at_end);
    // From here on the container is nobody's: a client that hears of its end may remove it or start it again.
    drop(hold);
    let Watch { mut clients, mut buffer, .. } = watch;
    for warning in warnings {
        clients.tell_report(WARNING, warning);
    }
    let status = match ended.exit {
        Ok(exit) => {
            // An `Exit` is a few numbers; it cannot fail to become JSON.
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

/// Executes a command in the container of this run directory, as its own process is but for the words; how it ends is for the caller to wait
/// for.
fn execute(alone: &Alone, host: &Host, run_dir: &Dir, words: &[String], stdio: [OwnedFd; 3]) -> Result<OwnedFd> {
    let container = Container::open(State::read(run_dir)?)?;
    let process = Process { args: words.to_vec(), ..container.default_process() };
    let (source, stdio) = (None, Some(stdio));
    let request = Request { process, source, stdio, preserve_fds: 0, groups: Vec::new(), ignore_paused: false };
    Ok(container.enter(alone, request, host)?.execute()?.pidfd)
}

/// The container did not start.
fn give_up(mut clients: Clients, error: Error, post: &Post, hold: Vec<OwnedFd>) -> Outcome {
    let status = error.code().class().exit_status();
    remove(&post.job.remove_at_end);
    // A socket that stays behind is refused to clients and replaced by the next monitor.
    let _ = remove_socket(&post.run_dir);
    drop(hold);
    clients.tell_report(FAILED, error);
    Outcome { status, told: farewell(&mut clients, &mut Vec::new()) }
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
