//! The way into a container's namespaces.
//!
//! A process changes all of its namespaces but one by `setns(2)`: the pid namespace is that of its birth. So whoever clones moves its
//! *children's* pid namespace first, clones, and moves it back. That takes rights in the cloner's own user namespace. An ordinary user
//! has them only in the container's and in their own, and neither lets them come back: there a go-between enters everything and makes the process as its own
//! sibling.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use diag::{Error, Result, codes};
use rustix::{
    fs::{Mode, OFlags, fstat, open, stat},
    io::Errno,
    process::{DumpableBehavior, set_dumpable_behavior},
    thread::{
        CapabilitySet, ThreadNameSpaceType, capabilities, move_into_link_name_space, move_into_thread_name_spaces,
    },
};
use sys::{
    Alone,
    carrier::write_proc,
    clone::{self, How, Namespaces, clone3},
    owning_namespace,
};

use crate::{
    child::Child,
    explain,
    joining::{Made, by_go_between},
    parent::internal,
    plan::namespaces::{link_type, proc_name},
};

/// The namespaces as `setns(2)` takes them for a pidfd.
pub(crate) fn kinds(namespaces: Namespaces) -> ThreadNameSpaceType {
    ThreadNameSpaceType::from_bits_retain(u32::try_from(namespaces.bits()).unwrap_or_default())
}

/// Those namespaces of a process that are not this process's own too. A kind that this kernel lacks is left out.
pub(super) fn foreign(pid: i32) -> Result<Namespaces> {
    let mut foreign = Namespaces::empty();
    for kind in Namespaces::all() {
        let of = |whose: &str| stat(format!("/proc/{whose}/ns/{}", proc_name(kind)));
        let (Ok(own), theirs) = (of("self"), of(&pid.to_string())) else { continue };
        let theirs = theirs.map_err(|errno| refused(&format!("stat(/proc/{pid}/ns/{})", proc_name(kind)), errno))?;
        if (own.st_dev, own.st_ino) != (theirs.st_dev, theirs.st_ino) {
            foreign |= kind;
        }
    }
    Ok(foreign)
}

/// How the process comes into the namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is born in the pid namespace, if that is another one, and enters the others itself.
    Itself(Namespaces),
    /// A go-between enters all of them before it makes the process.
    GoBetween(Namespaces),
}

impl Way {
    /// The way that this process's rights leave.
    pub(super) fn choose(foreign: Namespaces) -> Way {
        if foreign.contains(Namespaces::PID) && !may_return() { Way::GoBetween(foreign) } else { Way::Itself(foreign) }
    }

    /// What the process has to enter itself.
    pub(super) fn left_to_enter(self) -> Namespaces {
        match self {
            Way::Itself(foreign) => foreign - Namespaces::PID,
            Way::GoBetween(_) => Namespaces::empty(),
        }
    }
}

/// Makes the process. `oom_score` is what a go-between writes for it.
pub(super) fn clone_on(
    alone: &Alone,
    way: Way,
    init: BorrowedFd<'_>,
    cgroup: Option<BorrowedFd<'_>>,
    oom_score: Option<i32>,
    child: Child<'_>,
) -> Result<clone::Child> {
    let how = How { cgroup, ..How::default() };
    let plain = |child: Child<'_>| {
        clone3(alone, how, |alone| child.run(&alone)).map_err(|errno| explain::clone(errno, Namespaces::empty()))
    };
    match way {
        Way::Itself(foreign) if !foreign.contains(Namespaces::PID) => plain(child),
        Way::Itself(_) => {
            let home = own_pid_namespace()?;
            enter_pids(init)?;
            let born = plain(child);
            move_into_link_name_space(home.as_fd(), link_type(Namespaces::PID))
                .map_err(|errno| internal("setns(pid, back)", errno))?;
            born
        }
        Way::GoBetween(foreign) => {
            let died = "the process that goes ahead into the container died";
            by_go_between(alone, died, |alone| enter_and_clone(alone, init, foreign, how, oom_score, child))?
                .map_err(|failure| refused(&failure.call, Errno::from_raw_os_error(failure.errno)))
        }
    }
}

/// Whether this process may come back into its own pid namespace: that takes `CAP_SYS_ADMIN` in the user namespace that owns it. A
/// user namespace of an ordinary user's own has everything but that.
fn may_return() -> bool {
    let owner = || {
        let owner = owning_namespace(own_pid_namespace().ok()?).ok()?;
        let (owner, own) = (fstat(&owner).ok()?, stat("/proc/self/ns/user").ok()?);
        Some((owner.st_dev, owner.st_ino) == (own.st_dev, own.st_ino))
    };
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN)) && owner() == Some(true)
}

fn own_pid_namespace() -> Result<OwnedFd> {
    open("/proc/self/ns/pid", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| internal("open(/proc/self/ns/pid)", errno))
}

fn enter_pids(init: BorrowedFd<'_>) -> Result<()> {
    move_into_thread_name_spaces(init, kinds(Namespaces::PID)).map_err(|errno| refused("setns(pidfd, PID)", errno))
}

/// The go-between hides before it enters: it is a copy of this process, and so is what it makes.
fn enter_and_clone(
    alone: &Alone,
    init: BorrowedFd<'_>,
    foreign: Namespaces,
    how: How<'_>,
    oom_score: Option<i32>,
    child: Child<'_>,
) -> Made {
    let named = |call: String| move |errno: Errno| (call, errno);
    if let (Some(score), Ok(own)) = (oom_score, i32::try_from(std::process::id())) {
        write_proc(own, "oom_score_adj", &score.to_string())
            .map_err(named(format!("write(oom_score_adj, {score})")))?;
    }
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(named("prctl(PR_SET_DUMPABLE, 0)".to_owned()))?;
    move_into_thread_name_spaces(init, kinds(foreign)).map_err(named(format!("setns(pidfd, {foreign:?})")))?;
    clone3(alone, How { sibling: true, ..how }, |alone| child.run(&alone)).map_err(named("clone3()".to_owned()))
}

/// The namespaces cannot be entered.
fn refused(call: &str, errno: Errno) -> Error {
    let error = Error::new(codes::UR0641, "the container's namespaces cannot be entered")
        .os(call.to_owned(), errno.raw_os_error());
    match errno {
        Errno::PERM | Errno::ACCESS => error
            .fact("to enter takes rights in the container's user namespace: its maker has them, and root of a user namespace around it"),
        Errno::SRCH | Errno::NOENT => error.fact("its first process has just ended"),
        _ => error,
    }
}
