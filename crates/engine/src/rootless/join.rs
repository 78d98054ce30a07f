//! Into the namespace of a container of the same user that runs.

use std::os::fd::OwnedFd;

use diag::{Error, Result, codes};
use rustix::{
    fs::{FlockOperation, Mode, OFlags, flock, open},
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use sys::Dir;

use crate::life::{self, Process};

/// Joins the first that lets us; false if there is none. `running` has a directory a container.
pub fn any(running: &Dir) -> Result<bool> {
    let Ok(names) = running.names() else { return Ok(false) };
    for name in names {
        let Ok(dir) = running.dir(&name) else { continue };
        let monitor = life::read_monitor(&dir);
        if let Some(monitor) = monitor.filter(|_| is_held(&dir))
            && let Some((user, mount)) = namespaces(&monitor)
        {
            return join(&user, &mount).map(|()| true);
        }
    }
    Ok(false)
}

/// Whether a monitor holds the container's lock.
fn is_held(dir: &Dir) -> bool {
    let Ok(lock) = dir.open_at("lock", OFlags::RDONLY, Mode::empty()) else { return false };
    flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// The namespaces of a monitor. Its pid may be another process's by now, so the time of its start is compared afterwards.
fn namespaces(monitor: &Process) -> Option<(OwnedFd, OwnedFd)> {
    let of = |kind: &str| {
        let path = format!("/proc/{}/ns/{kind}", monitor.pid);
        open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()
    };
    let both = (of("user")?, of("mnt")?);
    monitor.is_alive().then_some(both)
}

fn join(user: &OwnedFd, mount: &OwnedFd) -> Result<()> {
    let failed = |errno: Errno| {
        Error::new(codes::UR0206, "the user namespace of your running containers cannot be entered")
            .os("setns", errno.raw_os_error())
    };
    move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User)).map_err(failed)?;
    move_into_link_name_space(mount.as_fd(), Some(LinkNameSpaceType::Mount)).map_err(failed)
}

use std::os::fd::AsFd as _;
