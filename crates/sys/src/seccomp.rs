//! `seccomp(2)`: loading a filter of system calls, which is a program of classic BPF.

use std::{
    os::fd::{FromRawFd, OwnedFd, RawFd},
    ptr,
};

use rustix::io::{self, Errno};

use crate::{Alone, errno::last_errno};

/// One instruction (`struct sock_filter`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation.
    pub code: u16,
    /// How many instructions are passed over if its test holds.
    pub jt: u8,
    /// And if not.
    pub jf: u8,
    /// Its operand.
    pub k: u32,
}

/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
pub const MOST_INSTRUCTIONS: usize = 4096;

bitflags::bitflags! {
    /// How a filter is loaded: `SECCOMP_FILTER_FLAG_*`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Flags: u32 {
        /// Into all threads of the process.
        const THREAD_SYNC = 1;
        /// What it refuses is logged.
        const LOG = 1 << 1;
        /// The mitigation of speculative store bypass is left off.
        const SPECULATION_ALLOWED = 1 << 2;
        /// Its notifications can be read from a descriptor.
        const LISTENER = 1 << 3;
        /// A thread that cannot be synchronised is an ESRCH, not its id: both of the above can be had then.
        const THREAD_SYNC_ERROR = 1 << 4;
        /// A call whose notification was received waits killably.
        const WAIT_KILLABLE = 1 << 5;
    }
}

const SET_MODE_FILTER: libc::c_ulong = 1;
const GET_ACTION_AVAILABLE: libc::c_ulong = 2;

#[repr(C)]
struct Program {
    len: u16,
    filter: *const Instruction,
}

/// Loads a filter into this thread, for good. With [`Flags::LISTENER`] its notifications come on the descriptor, which is closed
/// at exec.
///
/// # Errors
/// `EACCES`: neither `no_new_privs` nor `CAP_SYS_ADMIN`; `EINVAL`: an invalid program, or a flag that this kernel does not know;
/// `EBUSY`: there is a listener already; `ENOMEM`: together with earlier filters it is too long.
pub fn load(alone: &Alone, program: &[Instruction], flags: Flags) -> io::Result<Option<OwnedFd>> {
    let _ = alone;
    let program = Program { len: u16::try_from(program.len()).map_err(|_| Errno::INVAL)?, filter: program.as_ptr() };
    // SAFETY: the program's pointer and length are those of a slice that outlives the call; the kernel copies and verifies it.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, libc::c_ulong::from(flags.bits()), &raw const program)
    };
    match (RawFd::try_from(result), flags.contains(Flags::LISTENER)) {
        (Ok(-1), _) => Err(last_errno()),
        // SAFETY: with this flag the kernel returns a descriptor that it has just opened for us, and nobody else owns.
        (Ok(fd), true) => Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) })),
        (Ok(0), false) => Ok(None),
        _ => Err(Errno::SRCH),
    }
}

/// Whether this kernel knows flags: the call without a program fails by its address if it does.
pub fn knows_flags(flags: Flags) -> bool {
    let null = ptr::null::<Program>();
    // SAFETY: the kernel looks at the flags first and then refuses the null pointer; nothing is loaded in either case.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, libc::c_ulong::from(flags.bits()), null) };
    result == -1 && last_errno() == Errno::FAULT
}

/// Whether this kernel knows an action, given as what a filter returns.
pub fn knows_action(action: u32) -> bool {
    // SAFETY: the kernel reads four bytes from a pointer to a value that outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, GET_ACTION_AVAILABLE, 0, &raw const action) };
    result == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_asked() {
        assert!(knows_action(0x7fff_0000) && !knows_action(0x7ffe_0000));
        assert!(knows_flags(Flags::LOG) && !knows_flags(Flags::from_bits_retain(1 << 31)));
    }
}
