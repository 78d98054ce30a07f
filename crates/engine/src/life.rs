//! Whether a container lives: its lock says so, and nothing else. What is left of one that died is cleared away.

use std::{
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use diag::{Error, Result, codes};
use oci::Source;
use runtime::{
    cgroup::{self, Cgroup, CgroupHost, Hierarchy},
    job::Exit,
    state::{self, Birth, State},
};
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, fstat},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use serde::{Deserialize, Serialize};
use store::{Container, Store};
use sys::{Dir, Failed};

use crate::userdb;

/// The file in a container's run directory that names its monitor.
const MONITOR: &str = "monitor.json";

/// The file there that says that a monitor was started. It stays until nothing of that monitor can be left.
const BEGUN: &str = "begun";

/// The longest state file that is read.
const LIMIT: usize = 1 << 20;

/// A process, told from a later one with the same pid by the time of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its pid on the host.
    pub pid: i32,
    /// Field 22 of `/proc/PID/stat`: clock ticks since boot.
    pub start: u64,
}

impl Process {
    /// A process that lives now.
    pub fn of(pid: i32) -> Option<Process> {
        Some(Process { pid, start: start_of(pid)? })
    }

    /// Whether it still lives.
    pub fn is_alive(&self) -> bool {
        start_of(self.pid) == Some(self.start)
    }

    /// Kills it. That it is gone already is no failure.
    pub fn kill(&self) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        // The pidfd is held, so from here on the pid cannot become another process's.
        if self.is_alive() {
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            await_death(&pidfd);
        }
    }
}

/// Waits a little for a process that was killed: its namespaces and its files go with it.
fn await_death(pidfd: &OwnedFd) {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    let _ = poll(&mut fds, Some(&rustix::time::Timespec { tv_sec: 5, tv_nsec: 0 }));
}

/// The start of a process that is not a zombie.
fn start_of(pid: i32) -> Option<u64> {
    Birth::of(pid).filter(|birth| !birth.is_dead).map(|birth| birth.start_time)
}

/// What the lock and the records say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It was never started.
    Created,
    /// A monitor holds its lock. The init's pid on the host, if it is known.
    Running(Option<Process>),
    /// A monitor holds its lock, and will start it again in a moment. How it ended, if that is recorded already.
    Restarting(Option<Exit>),
    /// It has ended.
    Exited(Exit),
    /// It was started, and nobody knows how it ended: its monitor was killed, or the machine went down.
    Lost,
}

/// The lock of a container that does not run, held by this process: nobody else starts or removes it.
#[derive(Debug)]
#[must_use = "the lock is released at once"]
pub struct Held {
    /// The lock's file.
    pub lock: OwnedFd,
    /// The container's directory in the run root.
    pub dir: Dir,
}

/// Takes a container's lock; `None` if it runs.
pub fn hold(store: &Store, id: &str) -> Result<Option<Held>> {
    let what = || format!("the state of container {} cannot be kept", &id[..id.len().min(12)]);
    let io = |failed: Failed| failed.into_error(codes::UR0606, what());
    let dir = store.running().ensure_dir(id, 0o700).map_err(io)?;
    let lock = dir.open_at("lock", OFlags::RDWR | OFlags::CREATE, Mode::RUSR | Mode::WUSR).map_err(io)?;
    for _ in 0..LOOKS {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if fstat(&lock).is_ok_and(|stat| stat.st_nlink > 0) => return Ok(Some(Held { lock, dir })),
            // Whoever had it has removed the container.
            Ok(()) => return Err(Error::new(codes::UR0802, format!("container {id} was removed meanwhile"))),
            Err(Errno::WOULDBLOCK) if read_init(&dir).is_none() => std::thread::sleep(GLANCE),
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(io(Failed::new("flock", &dir.path().join("lock"), errno))),
        }
    }
    Ok(None)
}

/// Whoever asks whether a container lives holds its lock for a moment. A lock without an init is looked at so often, …
const LOOKS: u32 = 50;
/// … and so long apart.
const GLANCE: Duration = Duration::from_millis(4);

/// Kills the init of a container whose monitor has just died.
pub fn end_without_monitor(store: &Store, id: &str) {
    if wait_for_end(store, id, Duration::from_secs(2))
        && let Ok(dir) = store.running().dir(id)
    {
        bury(&dir);
    }
}

/// Ends what a monitor that was killed has left: the init, and its control groups. Whether nothing is left; what cannot be removed
/// yet is tried again by the next command.
pub fn bury(dir: &Dir) -> bool {
    if let Some(init) = read_init(dir) {
        init.kill();
    }
    userdb::forget(dir);
    let cleared = match State::read(dir) {
        // A group of another boot, or one that others may not touch, is not ours to mind.
        Ok(state) => Cgroup::reopen(&state.unroot.cgroup).and_then(|cgroup| cgroup.delete()),
        // The groups are made before the state is written.
        Err(_) if dir.has(BEGUN) => clear_groups(dir),
        Err(_) => return true,
    };
    if cleared.is_ok() {
        let _ = dir.remove_file(state::FILE).and_then(|()| dir.remove_file(BEGUN));
    }
    cleared.is_ok()
}

/// Notes that a monitor is about to be started, before it is: from then on there may be something to bury.
pub fn note_begin(dir: &Dir) -> Result<()> {
    dir.write(BEGUN, b"", 0o600).map_err(unkept)
}

fn unkept(failed: Failed) -> Error {
    failed.into_error(codes::UR0606, "the state of the container cannot be kept")
}

/// Removes the control groups that a container's monitor would have made, wherever it would have made them.
fn clear_groups(dir: &Dir) -> Result<()> {
    let id = dir.path().file_name().unwrap_or_default().to_string_lossy();
    let host = CgroupHost::read()?;
    let cleared = cgroup::decide(None, &id, &host, &Source::new("", ""))?.clear();
    let is_there = |hierarchy: &Hierarchy| {
        let below = |top: &Path| top.join("unroot").join(&*id).exists();
        below(&hierarchy.mount) || below(&hierarchy.mount.join(&hierarchy.own))
    };
    // Where nothing may be removed, nothing can have been made.
    cleared.or_else(|error| if host.hierarchies.iter().any(is_there) { Err(error) } else { Ok(()) })
}

/// Waits until nobody holds a container's lock; false if that takes too long.
pub fn wait_for_end(store: &Store, id: &str, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let lock = store.running().dir(id).and_then(|dir| dir.open_at("lock", OFlags::RDONLY, Mode::empty()));
        match lock {
            Err(_) => return true,
            Ok(lock) if flock(&lock, FlockOperation::NonBlockingLockShared).is_ok() => return true,
            Ok(_) if Instant::now() > until => return false,
            Ok(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}

/// Looks whether a container lives. If its monitor was killed, its init is killed now, too: a container without a monitor
/// is nobody's.
pub fn of(store: &Store, container: &Container) -> Result<Life> {
    let id = container.id().as_str();
    let Ok(dir) = store.running().dir(id) else { return Ok(records(container)) };
    let Ok(lock) = dir.open_at("lock", OFlags::RDONLY, Mode::empty()) else { return Ok(records(container)) };
    if flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK) {
        let init = read_init(&dir);
        // Between two lives there is no init, and the record of the last one's end says that there will be another.
        return Ok(match read_exit(container).filter(|exit| init.is_none() && exit.again) {
            Some(exit) => Life::Restarting(Some(exit)),
            None => Life::Running(init),
        });
    }
    bury(&dir);
    drop(lock);
    Ok(records(container))
}

/// What the container's own directory says about its last life.
fn records(container: &Container) -> Life {
    match read_exit(container) {
        Some(exit) => Life::Exited(exit),
        None if container.dir().has(STARTED) => Life::Lost,
        None => Life::Created,
    }
}

/// How it ended, if it has.
pub fn read_exit(container: &Container) -> Option<Exit> {
    serde_json::from_slice(&container.dir().read("exit.json", LIMIT).ok()?).ok()
}

/// How often its monitor has started it again since a person did.
pub fn restarts(container: &Container) -> u32 {
    container.dir().read_text("restarts", 64).ok().and_then(|text| text.trim().parse().ok()).unwrap_or_default()
}

/// The file that says when a container was started last: seconds since the epoch.
pub const STARTED: &str = "started";

/// When it was started last.
pub fn started(container: &Container) -> Option<u64> {
    container.dir().read_text(STARTED, 64).ok()?.trim().parse().ok()
}

/// The monitor of a container that runs or ran, as the engine noted it.
pub fn read_monitor(dir: &Dir) -> Option<Process> {
    serde_json::from_slice(&dir.read(MONITOR, LIMIT).ok()?).ok()
}

/// Notes the monitor.
pub fn write_monitor(dir: &Dir, monitor: Process) -> Result<()> {
    let text = serde_json::to_vec(&monitor).unwrap_or_default();
    dir.write(MONITOR, &text, 0o600).map_err(unkept)
}

/// The init of a container, as its monitor noted it: of this boot, and alive.
fn read_init(dir: &Dir) -> Option<Process> {
    let state = State::read(dir).ok().filter(State::is_alive)?;
    Some(Process { pid: state.pid?, start: state.unroot.start_time })
}

/// Kills the inits of containers whose monitors were killed. A user's own namespace must not have been entered yet: only from
/// outside may a user act on processes of any of their namespaces.
pub fn kill_orphans(running: &Dir) {
    for name in running.names().unwrap_or_default() {
        let Ok(dir) = running.dir(&name) else { continue };
        let Ok(lock) = dir.open_at("lock", OFlags::RDONLY, Mode::empty()) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockShared).is_ok() {
            bury(&dir);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_known_by_its_start() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id().try_into().unwrap()).unwrap();
        assert!(process.is_alive());
        let other = Process { start: process.start + 1, ..process };
        other.kill();
        assert!(process.is_alive(), "another process of the same pid was killed");
        process.kill();
        assert!(!process.is_alive());
        child.wait().unwrap();
        assert_eq!(Process::of(0), None);
    }
}
