//! `start`: the word that a created container waits for.

use std::{os::fd::AsFd, process::ExitCode};

use diag::{Error, Result, codes};
use oci::Bundle;
use runtime::{
    containers::Held,
    explain,
    launch::{poststart, start_address, start_over},
    own_namespace,
    plan::{self, Wishes},
    seccomp::listener,
    state::{START_SOCKET, State, Status},
    wire::Wire,
};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, connect, socket_with},
    process::{Pid, PidfdFlags, pidfd_open},
};
use sys::Alone;

use super::{containers, this_host};
use crate::{arguments::Global, report::Reporter};

/// `start`.
pub fn start(global: &Global, id: &str, reporter: &Reporter) -> Result<ExitCode> {
    let held = containers(global)?.hold(id)?;
    let mut state = State::read(&held.dir)?;
    let now = state.now();
    if now != Status::Created {
        return Err(Error::new(codes::UR0603, format!("the container `{id}` cannot be started: it is {}", now.name())));
    }
    let bundle = Bundle::open(&state.bundle)?;
    let wire = reach(&held, id)?;
    if let Some(failure) = start_over(&wire, |number| deliver(&bundle, &state, number))? {
        let plan = decided_again(&state, &bundle)?;
        return Err(explain::failure(&bundle, &plan.steps, plan.map.as_ref(), failure));
    }
    state.status = Status::Running;
    state.write(&held.dir)?;
    let removed = held.dir.remove_file(START_SOCKET);
    removed.map_err(|failed| {
        failed.into_error(codes::UR0606, format!("the socket of the container `{id}` cannot be removed"))
    })?;
    reporter.warnings(&poststart(&bundle, &state));
    Ok(ExitCode::SUCCESS)
}

/// Gives the descriptor of the container's seccomp notifications to its agent.
fn deliver(bundle: &Bundle, state: &State, number: i32) -> Result<()> {
    let pid = state.pid.unwrap_or(0);
    let process = Pid::from_raw(pid).ok_or(Errno::SRCH).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
    let process = process.map_err(|errno| {
        Error::new(codes::UR0603, format!("the container `{}` cannot be started: it has stopped", state.id))
            .os(format!("pidfd_open({pid})"), errno.raw_os_error())
    })?;
    listener::deliver(bundle, state, process.as_fd(), pid, number)
}

/// Connects to the container's first process.
fn reach(held: &Held, id: &str) -> Result<Wire> {
    let failed = |call: &str, errno: Errno| {
        Error::new(codes::UR0603, format!("the container `{id}` does not wait to be started"))
            .os(call.to_owned(), errno.raw_os_error())
    };
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|errno| failed("socket()", errno))?;
    let address = start_address(&held.dir).map_err(|errno| failed("connect(start)", errno))?;
    connect(&socket, &address).map_err(|errno| failed("connect(start)", errno))?;
    Ok(Wire::from_socket(socket))
}

/// The steps that a failure counts: they are decided once more, from the same bundle, as they were for `create`.
fn decided_again(state: &State, bundle: &Bundle) -> Result<plan::Plan> {
    let wishes = Wishes {
        id: &state.id,
        root: &state.unroot.root,
        stdio: None,
        no_pivot: false,
        preserve_fds: 0,
        die_with_parent: false,
    };
    let host = this_host()?;
    own_namespace::enter_for(&Alone::at_start()?, bundle, &host)?;
    plan::decide(bundle, wishes, &host)
}
