//! `state`.

use std::process::ExitCode;

use diag::Result;
use runtime::state::{State, Status};
use serde_json::json;

use super::containers;
use crate::{arguments::Global, help::say};

/// `state`: as runc prints it, the specification's members among others.
pub fn state(global: &Global, id: &str) -> Result<ExitCode> {
    let dir = containers(global)?.get(id)?;
    let state = State::read(&dir)?;
    let text = serde_json::to_string_pretty(&public(&state)).unwrap_or_default();
    say(&format!("{text}\n"))
}

/// What callers see of a state.
pub fn public(state: &State) -> serde_json::Value {
    let status = state.now();
    let pid = if status == Status::Stopped { 0 } else { state.pid.unwrap_or(0) };
    json!({
        "ociVersion": state.oci_version,
        "id": state.id,
        "pid": pid,
        "status": status.name(),
        "bundle": state.bundle,
        "rootfs": state.unroot.rootfs,
        "created": diag::render::rfc3339(created(state)),
        "annotations": state.annotations,
        "owner": if state.unroot.owner == 0 { "root".to_owned() } else { state.unroot.owner.to_string() },
    })
}

/// When a container was made.
pub fn created(state: &State) -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(state.unroot.created)
}
