//! Waiting for files to change: inotify on the directories that they are in.

use std::{mem::MaybeUninit, os::fd::OwnedFd, path::Path, time::Duration};

use diag::{Error, Result, codes};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify,
    io::Errno,
};

/// The longest that is waited: a monitor that was killed changes no file.
const GLANCE: Duration = Duration::from_secs(1);

/// Directories that are watched.
pub struct Watcher(OwnedFd);

impl Watcher {
    /// Watches these; one that is not there cannot change.
    pub fn new<'a>(directories: impl IntoIterator<Item = &'a Path>) -> Result<Watcher> {
        let failed = |errno: Errno| {
            Error::new(codes::UR0820, "changes of files cannot be followed")
                .os("inotify_init1()", errno.raw_os_error())
                .help_run("see how many there may be", "sysctl fs.inotify.max_user_instances")
        };
        let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).map_err(failed)?;
        for directory in directories {
            use inotify::WatchFlags as W;
            let _ = inotify::add_watch(&fd, directory, W::MODIFY | W::MOVED_TO | W::CREATE | W::DELETE_SELF);
        }
        Ok(Watcher(fd))
    }

    /// Waits for a change, at most so long, and at most a second.
    pub fn wait(&self, limit: Option<Duration>) -> Result<()> {
        let limit = limit.map_or(GLANCE, |limit| limit.min(GLANCE));
        let limit = Timespec::try_from(limit).ok();
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => {
                return Err(Error::new(codes::UR0699, "waiting for a change failed").os("poll", errno.raw_os_error()));
            }
        }
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(&self.0, &mut buffer);
        while reader.next().is_ok() {}
        Ok(())
    }
}
