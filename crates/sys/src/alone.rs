//! Proof that this process has one thread.

use std::marker::PhantomData;

use diag::{Error, Result, codes};
use rustix::fs;

/// This process has one thread, and so a clone of it is complete: no lock is held by a thread that the clone lacks,
/// and `unshare(CLONE_NEWUSER)` is allowed.
///
/// It exists once, is made at the start of `main`, and cannot leave its thread. Whoever starts threads while one
/// is alive must join them before it is used again; libraries of unroot that clone do not start any.
#[derive(Debug)]
pub struct Alone(PhantomData<*const ()>);

impl Alone {
    /// Asks the kernel; an error if there is a second thread.
    pub fn at_start() -> Result<Alone> {
        // One directory per thread, each with a link to its parent: 2 + 1.
        let links = fs::stat("/proc/self/task").map(|stat| stat.st_nlink);
        match links {
            Ok(3) => Ok(Alone(PhantomData)),
            Ok(links) => Err(Error::new(codes::UR0699, "this process has more than one thread")
                .fact(format!("/proc/self/task has {links} links; a process with one thread has 3"))),
            Err(errno) => {
                Err(Error::new(codes::UR0699, "/proc is not mounted here, and unroot cannot work without it")
                    .os("stat(/proc/self/task)", errno.raw_os_error())
                    .help_run("mount it", "mount -t proc proc /proc"))
            }
        }
    }

    /// The clone's own proof.
    pub(crate) fn cloned() -> Alone {
        Alone(PhantomData)
    }
}
