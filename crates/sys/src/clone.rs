//! `clone3(2)`: one call makes the process, all of its namespaces, its pidfd and its place among the control groups.

use std::{
    mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use rustix::{
    io::{self, Errno},
    thread::UnshareFlags,
};

use crate::{Alone, errno::last_errno, exit};

bitflags::bitflags! {
    /// The namespaces that a clone gets for itself: the `CLONE_NEW*` bits.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Namespaces: u64 {
        /// Mounts.
        const MOUNT = libc::CLONE_NEWNS as u64;
        /// Control groups.
        const CGROUP = libc::CLONE_NEWCGROUP as u64;
        /// Host and domain name.
        const UTS = libc::CLONE_NEWUTS as u64;
        /// System V IPC and POSIX message queues.
        const IPC = libc::CLONE_NEWIPC as u64;
        /// Ids and capabilities.
        const USER = libc::CLONE_NEWUSER as u64;
        /// Processes.
        const PID = libc::CLONE_NEWPID as u64;
        /// Network.
        const NET = libc::CLONE_NEWNET as u64;
        /// Clocks (since Linux 5.6).
        const TIME = 0x80;
    }
}

/// A process that was made.
#[derive(Debug)]
pub struct Child {
    /// Its pid, as this process sees it.
    pub pid: i32,
    /// Becomes readable when it ends; waiting on it cannot mistake a reused pid.
    pub pidfd: OwnedFd,
}

/// How a clone differs from its parent.
#[derive(Clone, Copy, Debug, Default)]
pub struct How<'fd> {
    /// Its own namespaces.
    pub namespaces: Namespaces,
    /// The cgroup v2 directory that it is born in.
    pub cgroup: Option<BorrowedFd<'fd>>,
    /// Whether its parent is this process's parent (`CLONE_PARENT`), who then must wait for it.
    pub sibling: bool,
}

const CLONE_PIDFD: u64 = libc::CLONE_PIDFD as u64;
const CLONE_PARENT: u64 = libc::CLONE_PARENT as u64;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Clones this process. The clone has copies of all memory and descriptors, runs `child` and ends with the status that it
/// returns: nothing is flushed and nothing runs at exit, as it befits a clone.
///
/// # Errors
/// As `clone(2)`: `EPERM` (no right to a namespace, or chrooted), `ENOSPC` (a `max_*_namespaces` limit, or 33 levels),
/// `EAGAIN` (processes), `EINVAL` (a namespace that this kernel lacks), `EBUSY` (the control group has processes in its children).
pub fn clone3(alone: &Alone, how: How<'_>, child: impl FnOnce(Alone) -> u8) -> io::Result<Child> {
    let _ = alone;
    let mut pidfd: RawFd = -1;
    // SAFETY: `clone_args` is a C struct of integers, for which all zeroes is a valid value: every field unused.
    let mut args: libc::clone_args = unsafe { mem::zeroed() };
    args.flags = how.namespaces.bits() | CLONE_PIDFD;
    args.pidfd = (&raw mut pidfd) as u64;
    if how.sibling {
        // With CLONE_PARENT the kernel sends the exit signal of the parent's choice and refuses one here.
        args.flags |= CLONE_PARENT;
    } else {
        args.exit_signal = libc::SIGCHLD as u64;
    }
    if let Some(cgroup) = how.cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::try_from(cgroup.as_raw_fd()).map_err(|_| Errno::BADF)?;
    }
    // SAFETY: without CLONE_VM and with no stack given, the kernel copies the address space as fork does, and `pidfd` is
    // written in the parent only. `Alone` proves that no other thread exists that could hold a lock (malloc's included) at
    // this moment, so the clone may use everything that this process may. The size is that of the struct behind the pointer.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, mem::size_of::<libc::clone_args>()) };
    match pid {
        -1 => Err(last_errno()),
        0 => exit::now(child(Alone::cloned())),
        pid => {
            // SAFETY: the call succeeded, so with CLONE_PIDFD the kernel has opened this descriptor for us and nobody else owns it.
            let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
            Ok(Child { pid: i32::try_from(pid).map_err(|_| Errno::RANGE)?, pidfd })
        }
    }
}

/// Gives this process namespaces of its own (`unshare(2)`).
pub fn unshare(alone: &Alone, namespaces: Namespaces) -> io::Result<()> {
    let _ = alone;
    let bits = u32::try_from(namespaces.bits()).map_err(|_| Errno::INVAL)?;
    // SAFETY: what is unsafe about unshare is a file descriptor table that is shared by threads (CLONE_FILES). Only
    // namespace bits exist in `Namespaces`, and `Alone` proves that there is no other thread.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::from_bits_retain(bits)) }
}
