//! How the kernel treats a process: its processors, their memory, its turn at disks, its execution domain.

use std::mem;

use rustix::io::{self, Errno};

use crate::errno::last_errno;

/// `struct sched_attr`
#[repr(C)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// How a process is scheduled (`sched_setattr(2)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// `SCHED_*`.
    pub policy: u32,
    /// `SCHED_FLAG_*`.
    pub flags: u64,
    /// For `SCHED_OTHER` and `SCHED_BATCH`: -20 to 19.
    pub nice: i32,
    /// For `SCHED_FIFO` and `SCHED_RR`: 1 to 99.
    pub priority: u32,
    /// For `SCHED_DEADLINE`, in nanoseconds.
    pub runtime: u64,
    /// For `SCHED_DEADLINE`, in nanoseconds.
    pub deadline: u64,
    /// For `SCHED_DEADLINE`, in nanoseconds.
    pub period: u64,
}

/// Schedules a process's first thread.
///
/// # Errors
/// `EPERM`: real-time policies take `CAP_SYS_NICE` on the host; `EINVAL`: a policy, flag or number that does not fit; `EBUSY`: no room for a
/// deadline.
pub fn set_scheduling(pid: i32, scheduling: Scheduling) -> io::Result<()> {
    let Scheduling { policy, flags, nice, priority, runtime, deadline, period } = scheduling;
    let size = u32::try_from(mem::size_of::<Attributes>()).map_err(|_| Errno::RANGE)?;
    let mut attributes = Attributes { size, policy, flags, nice, priority, runtime, deadline, period };
    // SAFETY: the kernel reads as many bytes as the struct's own first member says, which are all there. If it knows more, it may write
    // its own size to that member, which is why the pointer is a mutable one.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, pid, &raw mut attributes, 0) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Gives a process its turn at disks (`ioprio_set(2)`): the class (1 real time, 2 best effort, 3 idle) and 0 to 7 in it.
pub fn set_io_priority(pid: i32, class: u16, priority: u16) -> io::Result<()> {
    const PROCESS: libc::c_int = 1;
    let value = libc::c_int::from(class) << 13 | libc::c_int::from(priority);
    // SAFETY: the call takes integers and touches no memory of this process.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, PROCESS, pid, value) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Lets this thread allocate memory from some NUMA nodes (`set_mempolicy(2)`): mode and flags in one number, nodes as bits.
pub fn set_memory_policy(mode: i32, nodes: &[u64]) -> io::Result<()> {
    // The kernel reads one bit less than it is told.
    let bits = libc::c_ulong::try_from(nodes.len() * 64 + 1).map_err(|_| Errno::RANGE)?;
    let (pointer, bits) = if nodes.is_empty() { (std::ptr::null(), 0) } else { (nodes.as_ptr(), bits) };
    // SAFETY: the kernel reads as many bits from the pointer as the slice behind it has, or none from null.
    let result = unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, pointer, bits) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

/// Sets the execution domain of this process (`personality(2)`).
pub fn set_personality(domain: u32) -> io::Result<()> {
    // SAFETY: the call takes an integer and touches no memory of this process.
    let result = unsafe { libc::syscall(libc::SYS_personality, libc::c_ulong::from(domain)) };
    if result == -1 { Err(last_errno()) } else { Ok(()) }
}

/// Binds a process's first thread to some processors (`sched_setaffinity(2)`), as bits; those that there are not are passed over.
pub fn set_affinity(pid: i32, processors: &[u64]) -> io::Result<()> {
    // SAFETY: the kernel reads as many bytes from the pointer as the slice behind it has.
    let result =
        unsafe { libc::syscall(libc::SYS_sched_setaffinity, pid, mem::size_of_val(processors), processors.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(last_errno()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_nothing_is_taken() {
        set_io_priority(0, 2, 4).unwrap();
        set_affinity(0, &[u64::MAX; 16]).unwrap();
        assert_eq!(set_affinity(0, &[0]), Err(Errno::INVAL));
        set_scheduling(0, Scheduling::default()).unwrap();
        assert_eq!(set_scheduling(0, Scheduling { policy: 77, ..Scheduling::default() }), Err(Errno::INVAL));
        set_personality(0xffff_ffff).unwrap();
    }
}
