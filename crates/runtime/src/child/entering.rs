//! Steps of a process that enters a container that runs.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{CWD, FsWord, Mode, OFlags, ResolveFlags, fstatfs, openat2},
    io::Errno,
    thread::move_into_thread_name_spaces,
};
use sys::clone::Namespaces;

use super::{Call, Child, Done, Fault, terminal::new_terminal};
use crate::{exec::join::kinds, step::Slot};

/// `DEVPTS_SUPER_MAGIC` of linux/magic.h.
const DEVPTS: FsWord = 0x1cd1;

impl Child<'_> {
    /// Enters all namespaces in one call: the kernel checks the rights to each with those of the user namespace that is entered, and
    /// either all are entered or none. The pidfd is closed; root and working directory are the container's afterwards.
    pub(super) fn enter(&mut self, process: Slot, namespaces: Namespaces) -> Done {
        let process = self.slots.take(process)?;
        if namespaces.is_empty() {
            return Ok(());
        }
        move_into_thread_name_spaces(process.as_fd(), kinds(namespaces))
            .call(|| format!("setns(pidfd, {namespaces:?})"))
    }

    /// Opens a pseudo-terminal in the container. What lies on /dev/pts is the container's say; but nothing else is a devpts than what
    /// the kernel says is one, and there `ptmx` is the kernel's own file.
    pub(super) fn open_entered_terminal(&mut self, size: Option<(u16, u16)>, owner: u32) -> Done {
        let devpts = devpts()?;
        let (master, terminal) = new_terminal(&devpts, size, owner)?;
        self.take_terminal(master, &terminal)
    }
}

fn devpts() -> Done<OwnedFd> {
    let call = || "openat2(/dev/pts)".to_owned();
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = openat2(CWD, "/dev/pts", flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS).call(call)?;
    if fstatfs(&dir).call(|| "fstatfs(/dev/pts)".into())?.f_type == DEVPTS {
        return Ok(dir);
    }
    Err(Fault::new("fstatfs(/dev/pts)", Errno::NOTTY).with_text("/dev/pts of the container is no devpts"))
}
