//! `bpf(2)`, as far as control groups of version 2 need it: programs that decide about devices.

use std::{
    mem,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use rustix::io::{self, Errno};

use crate::errno::last_errno;

/// One instruction (`struct bpf_insn`).
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation.
    pub code: u8,
    /// The registers: the destination in the lower four bits, the source in the upper ones.
    pub registers: u8,
    /// A distance: of a jump, or of a place in memory.
    pub offset: i16,
    /// An operand.
    pub immediate: i32,
}

const PROG_LOAD: libc::c_long = 5;
const PROG_ATTACH: libc::c_long = 8;
const PROG_DETACH: libc::c_long = 9;
const PROG_QUERY: libc::c_long = 16;
const PROG_GET_FD_BY_ID: libc::c_long = 13;
const TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
const ALLOW_MULTI: u32 = 2;

/// The head of `union bpf_attr` for `BPF_PROG_LOAD`; what follows may be left out, and is zero then.
#[repr(C)]
struct Load {
    kind: u32,
    len: u32,
    instructions: u64,
    license: u64,
}

/// The one for `BPF_PROG_ATTACH` and `BPF_PROG_DETACH`.
#[repr(C)]
struct Attach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
}

/// The one for `BPF_PROG_QUERY`.
#[repr(C)]
struct Query {
    target: u32,
    kind: u32,
    flags: u32,
    attached: u32,
    ids: u64,
    count: u32,
    padding: u32,
}

/// The most programs of one group that are looked at.
const MOST: usize = 64;

/// Loads a program that decides about devices (`BPF_PROG_TYPE_CGROUP_DEVICE`).
///
/// # Errors
/// `EPERM`: no `CAP_BPF` in the initial user namespace; `EINVAL`: the kernel's verifier refuses the program, or knows no such kind.
pub fn load_device_program(program: &[Instruction]) -> io::Result<OwnedFd> {
    let license = c"Apache-2.0";
    let attributes = Load {
        kind: TYPE_CGROUP_DEVICE,
        len: u32::try_from(program.len()).map_err(|_| Errno::TOOBIG)?,
        instructions: program.as_ptr() as u64,
        license: license.as_ptr() as u64,
    };
    let fd = call(PROG_LOAD, &attributes)?;
    // SAFETY: the kernel has opened this descriptor for us, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Attaches a program to a group beside those that are there: all of them must agree.
pub fn attach_device_program(group: impl AsFd, program: impl AsFd) -> io::Result<()> {
    let attributes = attach(group.as_fd(), program.as_fd())?;
    call(PROG_ATTACH, &attributes).map(drop)
}

/// Takes a program off a group.
pub fn detach_device_program(group: impl AsFd, program: impl AsFd) -> io::Result<()> {
    let attributes = Attach { flags: 0, ..attach(group.as_fd(), program.as_fd())? };
    call(PROG_DETACH, &attributes).map(drop)
}

/// The programs that are attached to a group.
pub fn device_programs(group: impl AsFd) -> io::Result<Vec<OwnedFd>> {
    let mut ids = [0_u32; MOST];
    let mut query = Query {
        target: number(group.as_fd())?,
        kind: ATTACH_CGROUP_DEVICE,
        flags: 0,
        attached: 0,
        ids: (&raw mut ids) as u64,
        count: u32::try_from(MOST).map_err(|_| Errno::RANGE)?,
        padding: 0,
    };
    // SAFETY: the kernel writes at most `count` ids to the array behind `ids`, and the count and the flags to the attributes
    // themselves; both outlive the call, and the size is that of the attributes.
    let result = unsafe { libc::syscall(libc::SYS_bpf, PROG_QUERY, &raw mut query, mem::size_of::<Query>()) };
    if result == -1 {
        return Err(last_errno());
    }
    let count = usize::try_from(query.count).unwrap_or(0).min(MOST);
    ids[..count].iter().map(|id| by_id(*id)).collect()
}

fn by_id(id: u32) -> io::Result<OwnedFd> {
    let fd = call(PROG_GET_FD_BY_ID, &[id, 0, 0])?;
    // SAFETY: the kernel has opened this descriptor for us, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn attach(group: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<Attach> {
    Ok(Attach { target: number(group)?, program: number(program)?, kind: ATTACH_CGROUP_DEVICE, flags: ALLOW_MULTI })
}

fn number(fd: BorrowedFd<'_>) -> io::Result<u32> {
    u32::try_from(fd.as_raw_fd()).map_err(|_| Errno::BADF)
}

fn call<T>(command: libc::c_long, attributes: &T) -> io::Result<RawFd> {
    // SAFETY: `T` is a C struct of integers that is laid out as the head of `union bpf_attr` for this command, and the size is its own;
    // what its addresses lead to is read within the call, and outlives it in the callers above.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), mem::size_of::<T>()) };
    if result == -1 { Err(last_errno()) } else { RawFd::try_from(result).map_err(|_| Errno::RANGE) }
}
