//! Steps about the terminal and the standard streams.

use std::{
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{FileType, Mode, OFlags, fchown, fstat, openat},
    io::Errno,
    mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree},
    process::ioctl_tiocsctty,
    pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt},
    stdio::{dup2_stderr, dup2_stdin, dup2_stdout},
    termios::{Winsize, tcsetwinsize},
};

use super::{Call, Child, Done, Fault, place};
use crate::step::{Slot, TargetKind};

impl Child<'_> {
    /// Opens a pseudo-terminal. Its devpts is known by descriptor, its other side is asked of the kernel, and it is bound onto
    /// /dev/console by descriptor: no name in the container has a say (CVE-2025-52565).
    pub(super) fn open_terminal(&mut self, devpts: Slot, size: Option<(u16, u16)>, owner: u32) -> Done {
        let (master, terminal) = new_terminal(self.slots.get(devpts)?, size, owner)?;
        self.bind_console(&terminal)?;
        self.take_terminal(master, &terminal)
    }

    /// Makes a terminal that was just opened the controlling one and the standard streams.
    pub(super) fn take_terminal(&mut self, master: OwnedFd, terminal: &OwnedFd) -> Done {
        ioctl_tiocsctty(terminal).call(|| "ioctl(TIOCSCTTY)".into())?;
        set_streams([terminal, terminal, terminal])?;
        self.slots.keep_terminal(master);
        Ok(())
    }

    fn bind_console(&mut self, terminal: impl AsFd) -> Done {
        let console = Path::new("/dev/console");
        let at = self.places()?.open_or_make(console, TargetKind::File)?;
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
        let mount = open_tree(terminal, "", flags).call(|| "open_tree(terminal)".into())?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        move_mount(&mount, "", &at, "", flags).map_err(|errno| place::fault("move_mount", console, errno))
    }

    /// Takes the given descriptors as the standard streams.
    pub(super) fn take_streams(&mut self, streams: [Slot; 3]) -> Done {
        set_streams([&self.slots.get(streams[0])?, &self.slots.get(streams[1])?, &self.slots.get(streams[2])?])
    }
}

/// A new pseudo-terminal of a devpts: its master and its other side, which the kernel is asked for and no name.
pub(super) fn new_terminal(devpts: impl AsFd, size: Option<(u16, u16)>, owner: u32) -> Done<(OwnedFd, OwnedFd)> {
    let call = || "openat(devpts, ptmx)".to_owned();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let master = openat(devpts, "ptmx", flags, Mode::empty()).call(call)?;
    if FileType::from_raw_mode(fstat(&master).call(call)?.st_mode) != FileType::CharacterDevice {
        return Err(Fault::new(call(), Errno::NOTTY));
    }
    unlockpt(&master).call(|| "ioctl(TIOCSPTLCK)".into())?;
    let open = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = ioctl_tiocgptpeer(&master, open).call(|| "ioctl(TIOCGPTPEER)".into())?;
    if let Some((rows, columns)) = size {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).call(|| "ioctl(TIOCSWINSZ)".into())?;
    }
    fchown(&terminal, Some(rustix::fs::Uid::from_raw(owner)), None).call(|| "fchown(terminal)".into())?;
    Ok((master, terminal))
}

fn set_streams(streams: [&dyn AsFd; 3]) -> Done {
    dup2_stdin(streams[0].as_fd()).call(|| "dup2(stdin)".into())?;
    dup2_stdout(streams[1].as_fd()).call(|| "dup2(stdout)".into())?;
    dup2_stderr(streams[2].as_fd()).call(|| "dup2(stderr)".into())
}
