//! `delete`.

use std::{process::ExitCode, time::Duration};

use diag::{Error, Result, codes};
use oci::{Bundle, Source};
use runtime::{
    cgroup::{self, Cgroup},
    containers::{Containers, Held},
    launch::clear_away,
    state::{State, Status},
};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{containers, this_host};
use crate::{arguments::Global, report::Reporter};

/// `delete`: removes what is left of a container that has stopped; with `--force`, kills it first.
pub fn delete(global: &Global, id: &str, force: bool, reporter: &Reporter) -> Result<ExitCode> {
    let containers = containers(global)?;
    let held = match containers.hold(id) {
        Err(error) if force && error.code() == codes::UR0602 => return Ok(ExitCode::SUCCESS),
        held => held?,
    };
    remove(&containers, held, id, force, reporter)?;
    Ok(ExitCode::SUCCESS)
}

fn remove(containers: &Containers, held: Held, id: &str, force: bool, reporter: &Reporter) -> Result<()> {
    if held.dir.has(runtime::state::FILE) {
        let mut state = State::read(&held.dir)?;
        let now = state.now();
        if !force && now != Status::Stopped && now != Status::Created {
            return Err(Error::new(
                codes::UR0603,
                format!("the container `{id}` cannot be deleted: it is {}", now.name()),
            )
            .help_run("kill it first", format!("unroot-runtime kill {id} KILL")));
        }
        let cgroup = Cgroup::reopen(&state.unroot.cgroup)?;
        if now == Status::Paused {
            // With version 1 of control groups, what stands still does not even die.
            cgroup::freeze(&state.unroot.cgroup, false)?;
        }
        if now != Status::Stopped {
            end(&state)?;
        }
        if force {
            // Without a pid namespace of their own its processes outlive init.
            cgroup.kill()?;
        }
        // A bundle that is gone has no hooks to run.
        let bundle = Bundle::open(&state.bundle).ok();
        reporter.warnings(&clear_away(bundle.as_ref(), &mut state, &cgroup, &held.dir));
    } else {
        clear_groups(&held, id)?;
    }
    containers.remove(id, held)
}

/// A create that was killed before it wrote a state leaves its directory and its control groups; its init dies with it.
fn clear_groups(held: &Held, id: &str) -> Result<()> {
    let path = held.noted_cgroup();
    let plan = cgroup::decide(path.as_deref(), id, &this_host()?.cgroups()?, &Source::new("config.json", ""));
    // A path that is none was refused by create.
    plan.map_or(Ok(()), |plan| plan.clear())
}

/// Kills init, and with it all processes of its pid namespace, and waits until it is gone.
fn end(state: &State) -> Result<()> {
    let pid = state.pid.unwrap_or(0);
    let Some(Ok(pidfd)) = Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty())) else { return Ok(()) };
    // It may have ended by itself.
    let _ = pidfd_send_signal(&pidfd, Signal::KILL);
    for _ in 0..1000 {
        if !state.is_alive() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(Error::new(codes::UR0603, format!("the container `{}` does not die", state.id))
        .fact(format!("process {pid} was sent SIGKILL 10 seconds ago; it is in an uninterruptible sleep")))
}
