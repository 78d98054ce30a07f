//! A container in a user namespace that is there already.
//!
//! Its other namespaces are to belong to that one, so they must be made by a process in it; and this process could not come back out.
//! So a go-between enters it and clones init as its own sibling: init is this process's child like any other.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use diag::{Error, Result, codes};
use rustix::{
    io::Errno,
    process::{WaitId, WaitIdOptions, waitid},
    thread::move_into_link_name_space,
};
use sys::{
    Alone,
    clone::{self, How, Namespaces, clone3},
};

use crate::{
    child::Child,
    parent::internal,
    plan::namespaces::link_type,
    state::read_proc,
    step::Word,
    wire::{Failure, Packet, Wire},
};

/// Makes init in `user`, a user namespace.
pub(crate) fn clone_within(
    alone: &Alone,
    user: BorrowedFd<'_>,
    how: How<'_>,
    child: Child<'_>,
) -> Result<clone::Child> {
    let died = "the process that makes the container's init died";
    by_go_between(alone, died, |alone| enter_and_clone(alone, user, how, child))?.map_err(|failure| {
        Error::new(codes::UR0410, "the user namespace cannot be joined")
            .os(failure.call, failure.errno)
            .fact("a process may enter a user namespace below its own, of whose making it is or in which it has CAP_SYS_ADMIN")
    })
}

/// What a go-between does: the process that it has made as its sibling, or the system call that failed.
pub(crate) type Made = std::result::Result<clone::Child, (String, Errno)>;

/// Has a process made by another one, which enters namespaces that this one could not come back from. The inner error is what that one
/// could not do; UR0608 with the words `died` if it ended without saying anything.
pub(crate) fn by_go_between(
    alone: &Alone,
    died: &'static str,
    make: impl FnOnce(&Alone) -> Made,
) -> Result<std::result::Result<clone::Child, Failure>> {
    let (ours, theirs) = Wire::pair().map_err(|errno| internal("socketpair()", errno))?;
    // `theirs` goes into the closure, and its copy here is closed with it: if the go-between dies, the wire ends.
    let go_between = move |alone: Alone| match make(&alone) {
        Ok(process) => u8::from(theirs.say(Word::Created, &[process.pidfd.as_fd()]).is_err()),
        Err((call, errno)) => {
            let failure = Failure { step: 0, errno: errno.raw_os_error(), call, text: String::new() };
            // If the parent is gone there is nobody to tell.
            let _ = theirs.fail(&failure);
            1
        }
    };
    let between = clone3(alone, How::default(), go_between).map_err(|errno| internal("clone3()", errno))?;
    let said = ours.receive();
    let _ = waitid(WaitId::PidFd(between.pidfd.as_fd()), WaitIdOptions::EXITED);
    match said.map_err(|errno| internal("recvmsg()", errno))? {
        Packet::Word(_, mut descriptors) => {
            let pidfd = descriptors.pop().ok_or_else(|| internal("recvmsg()", Errno::PROTO))?;
            let pid = pid_of(pidfd.as_fd()).ok_or_else(|| internal("read(fdinfo)", Errno::SRCH))?;
            Ok(Ok(clone::Child { pid, pidfd }))
        }
        Packet::Failure(failure) => Ok(Err(failure)),
        Packet::Listener(_) | Packet::End => Err(Error::new(codes::UR0608, died)),
    }
}

fn enter_and_clone(alone: &Alone, user: BorrowedFd<'_>, how: How<'_>, child: Child<'_>) -> Made {
    move_into_link_name_space(user, link_type(Namespaces::USER)).map_err(|errno| ("setns(user)".to_owned(), errno))?;
    let how = How { sibling: true, ..how };
    clone3(alone, how, |alone| child.run(&alone)).map_err(|errno| (format!("clone3({:?})", how.namespaces), errno))
}

/// The pid that a pidfd stands for, as this process sees it.
pub(crate) fn pid_of(pidfd: BorrowedFd<'_>) -> Option<i32> {
    let info = read_proc(&format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    info.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok()
}
