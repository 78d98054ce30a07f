//! Kills everything in a container's groups.

use std::{thread::sleep, time::Duration};

use diag::{Error, Result, codes};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{Cgroup, v1, v2};

/// Rounds of looking and killing, with a pause of [`PAUSE`] between.
const ROUNDS: usize = 200;
const PAUSE: Duration = Duration::from_millis(5);

pub(super) fn kill(cgroup: &Cgroup) -> Result<()> {
    for member in cgroup.members.iter().filter(|member| member.is_v2()) {
        // What this does not reach (an old kernel, a process that left for another hierarchy's group), the rounds do.
        v2::kill(&member.dir).map_err(|failed| super::error("a control group cannot be killed".to_owned(), &failed))?;
    }
    let mut left = cgroup.procs()?;
    for _ in 0..ROUNDS {
        if left.is_empty() {
            return Ok(());
        }
        round(cgroup, &left)?;
        sleep(PAUSE);
        left = cgroup.procs()?;
    }
    if left.is_empty() {
        return Ok(());
    }
    let facts = left.iter().take(8).map(|pid| format!("process {pid} is still there"));
    let error = Error::new(codes::UR0607, "processes of a control group do not end although they were killed");
    Err(facts.fold(error, Error::fact))
}

fn round(cgroup: &Cgroup, listed: &[i32]) -> Result<()> {
    let frozen: Vec<_> =
        cgroup.members.iter().filter(|member| v1::freeze(&member.record.controllers, &member.dir)).collect();
    let killed = kill_listed(cgroup, listed);
    // Thawed in any case: a frozen process does not even take SIGKILL.
    frozen.iter().try_for_each(|member| v1::thaw(&member.dir)).and(killed)
}

/// A pid may be another process's by the time it is used. So each is opened first, and then it is looked whether that
/// number is still in the group: if it is, the descriptor is of that process, or of one that is in the group as well.
fn kill_listed(cgroup: &Cgroup, listed: &[i32]) -> Result<()> {
    let open = |&pid: &i32| Some((pid, pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?));
    for some in listed.chunks(64) {
        let opened: Vec<_> = some.iter().filter_map(open).collect();
        let still = cgroup.procs()?;
        for (_, pidfd) in opened.iter().filter(|(pid, _)| still.binary_search(pid).is_ok()) {
            // It can only have ended meanwhile.
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }
    Ok(())
}
