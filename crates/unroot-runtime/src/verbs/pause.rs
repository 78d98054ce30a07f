//! `pause` and `resume`.

use std::process::ExitCode;

use diag::{Error, Result, codes};
use runtime::{
    cgroup::freeze,
    state::{State, Status},
};

use super::containers;
use crate::arguments::Global;

/// `pause`: all processes of the container stand still.
pub fn pause(global: &Global, id: &str) -> Result<ExitCode> {
    let state = State::read(&containers(global)?.get(id)?)?;
    match state.now() {
        Status::Running | Status::Created => {}
        now => return Err(wrong(id, "paused", now)),
    }
    freeze(&state.unroot.cgroup, true)?;
    Ok(ExitCode::SUCCESS)
}

/// `resume`: they go on.
pub fn resume(global: &Global, id: &str) -> Result<ExitCode> {
    let state = State::read(&containers(global)?.get(id)?)?;
    match state.now() {
        Status::Paused => {}
        now => return Err(wrong(id, "resumed", now)),
    }
    freeze(&state.unroot.cgroup, false)?;
    Ok(ExitCode::SUCCESS)
}

fn wrong(id: &str, done: &str, now: Status) -> Error {
    Error::new(codes::UR0603, format!("the container `{id}` cannot be {done}: it is {}", now.name()))
}
