//! Harmless things that root of a host can do and root of a container cannot: each is tried, and the kernel's answer is shown.
//!
//! *Must not*: leave anything behind should one of them work.

use std::ffi::CStr;

use diag::errno;
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, chown, makedev, mknodat, open, stat, unlinkat},
    io::{self, Errno},
    mount::{MountFlags, UnmountFlags, mount, unmount},
    process::{Uid, getpid},
    system::{sethostname, uname},
};

/// Something that was tried.
pub struct Attempt {
    /// What.
    pub what: &'static str,
    /// How it went.
    pub answer: String,
}

/// All of them, tried now.
pub fn all() -> Vec<Attempt> {
    vec![
        attempt(
            "read the host's /etc/shadow",
            "there is none here",
            &open("/etc/shadow", OFlags::RDONLY, Mode::empty()),
        ),
        attempt("see the host's processes", "process 1 is me", &others_init()),
        attempt("trigger the kernel (sysrq)", "refused", &open("/proc/sysrq-trigger", OFlags::WRONLY, Mode::empty())),
        attempt("make a disk's device file", "refused", &disk()),
        attempt("rename this machine", "refused", &rename_machine()),
        attempt("mount a file system", "refused", &mount_something()),
        attempt("give a file to an unmapped id", "refused", &give_away()),
    ]
}

fn attempt<T>(what: &'static str, refusal: &str, outcome: &io::Result<T>) -> Attempt {
    let answer = match outcome {
        Ok(_) => "allowed (here it has no effect beyond the container)".to_owned(),
        Err(errno) => format!("{refusal}: {}", errno::describe(errno.raw_os_error())),
    };
    Attempt { what, answer }
}

/// The host's first process would be another one than this.
fn others_init() -> io::Result<()> {
    if getpid().as_raw_nonzero().get() == 1 { Err(Errno::SRCH) } else { stat("/proc/1").map(drop) }
}

fn disk() -> io::Result<()> {
    const NAME: &str = "/disk";
    mknodat(CWD, NAME, FileType::BlockDevice, Mode::RUSR, makedev(8, 0))?;
    unlinkat(CWD, NAME, AtFlags::empty())
}

/// By the name that it has already.
fn rename_machine() -> io::Result<()> {
    sethostname(uname().nodename().to_bytes())
}

fn mount_something() -> io::Result<()> {
    const TARGET: &str = "/proc";
    mount("tmpfs", TARGET, "tmpfs", MountFlags::empty(), None::<&CStr>)?;
    unmount(TARGET, UnmountFlags::DETACH)
}

/// An id beyond every map but the host's own.
fn give_away() -> io::Result<()> {
    chown("/hello", Some(Uid::from_raw(4_000_000_000)), None)
}
