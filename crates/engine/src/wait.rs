//! `wait`: until a container is as somebody wants it.

use std::{thread, time::Duration};

use diag::{Error, Result, codes};
use runtime::job::duration;

use crate::{
    Engine,
    client::Client,
    life::{self, Life},
    ps::State,
    request::Given,
};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It was made and never started.
    Created,
    /// It runs.
    Running,
    /// It has ended.
    Stopped,
    /// It is frozen.
    Paused,
    /// Its health check has succeeded.
    Healthy,
    /// Its health check has failed too often.
    Unhealthy,
    /// It is no more.
    Removing,
}

impl Condition {
    /// Reads Podman's words; UR0806.
    pub fn parse(given: &Given<String>) -> Result<Condition> {
        match given.value.as_str() {
            "configured" | "created" | "initialized" => Ok(Condition::Created),
            "running" => Ok(Condition::Running),
            "stopped" | "exited" | "stopping" => Ok(Condition::Stopped),
            "paused" => Ok(Condition::Paused),
            "healthy" => Ok(Condition::Healthy),
            "unhealthy" => Ok(Condition::Unhealthy),
            "removing" => Ok(Condition::Removing),
            other => Err(given
                .blame(Error::new(codes::UR0806, format!("`{other}` is no state to wait for")).help(
                    "the states are created, running, paused, stopped, exited, healthy, unhealthy and removing",
                ))),
        }
    }
}

/// Reads `--interval`: a duration, or milliseconds. UR0806.
pub fn interval(text: &str) -> Result<Duration> {
    match text.parse() {
        Ok(milliseconds) => Ok(Duration::from_millis(milliseconds)),
        Err(_) => duration::parse(text),
    }
}

/// The exit status of a container of which nobody knows it.
const UNKNOWN: i32 = -1;

impl Engine<'_> {
    /// Waits until a container meets one of the conditions (without any: until it does not run), looking so often; its exit status, or
    /// -1 while there is none. That it is removed meanwhile ends the waiting, too.
    pub fn wait(&self, key: &Given<String>, conditions: &[Condition], interval: Duration) -> Result<i32> {
        let id = self.find(key)?.id().clone();
        loop {
            let row = match self.row(id.as_str()) {
                Ok(row) => row,
                Err(error) if error.code() == codes::UR0802 => return Ok(UNKNOWN),
                Err(error) => return Err(error),
            };
            let code = match row.state {
                State::Exited { code, .. } => i32::from(code),
                State::Created => 0,
                _ => UNKNOWN,
            };
            if conditions.is_empty() {
                if !matches!(row.state, State::Running { .. } | State::Restarting { .. } | State::Paused { .. }) {
                    return Ok(code);
                }
                if let Some(code) = self.await_exit(id.as_str(), interval)? {
                    return Ok(code);
                }
                continue;
            }
            if conditions.iter().any(|condition| row.meets(*condition)) {
                return Ok(code);
            }
            thread::sleep(interval);
        }
    }

    /// Listens to the monitor for its word of the end; `None` if it has not come in this time.
    fn await_exit(&self, id: &str, limit: Duration) -> Result<Option<i32>> {
        let Ok(link) = self.link(id) else {
            thread::sleep(Duration::from_millis(5).min(limit));
            return Ok(None);
        };
        if !Client::quiet(link, self.notices).await_end(limit.max(Duration::from_secs(1)))? {
            return Ok(None);
        }
        // Its record is there before its end is told; and it stays, unless it is removed at once.
        let Ok(container) = self.store.container(id) else { return Ok(Some(UNKNOWN)) };
        match life::of(&self.store, &container)? {
            Life::Exited(exit) | Life::Restarting(Some(exit)) => Ok(Some(i32::from(exit.code))),
            Life::Lost => Ok(Some(UNKNOWN)),
            _ => Ok(None),
        }
    }
}
