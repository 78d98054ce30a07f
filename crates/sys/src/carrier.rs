//! User namespaces that carry a map and no process.

use std::os::fd::OwnedFd;

use rustix::{
    fs::{self, Mode, OFlags},
    io,
    process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid},
};

use crate::{
    Alone,
    clone::{Child, How, Namespaces, clone3},
};

/// Makes a user namespace with the given maps (the text of `uid_map` and `gid_map`) and returns its descriptor.
/// The process that the kernel needs for its birth is gone when this returns.
pub fn user_namespace(alone: &Alone, uid_map: &str, gid_map: &str) -> io::Result<OwnedFd> {
    let how = How { namespaces: Namespaces::USER, ..How::default() };
    let child = clone3(alone, how, |_| {
        // It waits to be killed; if its parent dies first, it must not stay.
        let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
        let _ = rustix::thread::nanosleep(&rustix::time::Timespec { tv_sec: 60, tv_nsec: 0 });
        0
    })?;
    let made = write_maps(child.pid, uid_map, gid_map).and_then(|()| open_namespace(child.pid, "user"));
    reap(&child);
    made
}

/// Writes the maps of a process whose user namespace has none yet.
pub fn write_maps(pid: i32, uid_map: &str, gid_map: &str) -> io::Result<()> {
    write_proc(pid, "uid_map", uid_map)?;
    write_proc(pid, "gid_map", gid_map)
}

/// Writes a file of a process's directory in /proc in one call.
pub fn write_proc(pid: i32, name: &str, text: &str) -> io::Result<()> {
    let fd = fs::open(format!("/proc/{pid}/{name}"), OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&fd, text.as_bytes()).map(drop)
}

/// Opens a namespace of a process that cannot have been reaped: a child of ours, or ourselves.
pub fn open_namespace(pid: i32, kind: &str) -> io::Result<OwnedFd> {
    fs::open(format!("/proc/{pid}/ns/{kind}"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Kills a child and waits for it.
pub fn reap(child: &Child) {
    use std::os::fd::AsFd;
    // Both can fail only if the child has been waited for already, and then there is nothing to do.
    let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED) {}
}
