//! The container's half: a clone of the runtime performs the plan's steps and executes the command.
//!
//! # Theory of operation
//! The clone has everything that its parent had at the moment of `clone3`: the plan, the open mounts, one end of the wire. So
//! nothing is sent to it but words and the few mounts that could only be made once its user namespace had a map. It performs the
//! steps in order. Until `PivotRoot` absolute paths are the host's (its own view of them: its mounts are cut off from the host's),
//! and everything in the container is reached through descriptors, with `openat2(RESOLVE_IN_ROOT)`; afterwards the host is gone.
//!
//! # Must
//! * report the first failure over the wire and end;
//! * trust nothing in the root filesystem: its links may lead anywhere, its /dev and /proc may be links.
//!
//! # Must not
//! * decide anything: what depends on the host was decided before the clone;
//! * print, or return to the parent's code.

mod copy_up;
mod entering;
pub mod exec;
mod mounts;
mod place;
mod process;
mod slots;
mod terminal;

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

pub(crate) use mounts::{apply, clone_of, kernel_words};
use oci::Bundle;
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::{Errno, fcntl_dupfd_cloexec},
    net::{SocketFlags, accept_with},
};
pub use slots::Slots;
use sys::Alone;

use crate::{
    hooks::{Kind, run_all},
    seccomp::Filter,
    state::{State, Status},
    step::{Act, Slot, Step, Word},
    wire::{Failure, Packet, Wire},
};

/// Why a step failed.
#[derive(Debug)]
pub(crate) struct Fault {
    call: String,
    errno: Errno,
    text: String,
}

impl Fault {
    /// A system call that the kernel refused.
    pub(crate) fn new(call: impl Into<String>, errno: Errno) -> Fault {
        Fault { call: call.into(), errno, text: String::new() }
    }

    /// What was found out about it.
    pub(crate) fn with_text(mut self, text: impl Into<String>) -> Fault {
        self.text = text.into();
        self
    }

    /// A failure that has its whole diagnosis already.
    fn report(error: diag::Error) -> Fault {
        let text = serde_json::to_string(&error.into_report()).unwrap_or_default();
        Fault { call: String::new(), errno: Errno::IO, text }
    }
}

/// What a step yields.
pub(crate) type Done<T = ()> = Result<T, Fault>;

/// Notes the call of a failed system call.
pub(crate) trait Call<T> {
    fn call(self, call: impl FnOnce() -> String) -> Done<T>;
}

impl<T> Call<T> for rustix::io::Result<T> {
    fn call(self, call: impl FnOnce() -> String) -> Done<T> {
        self.map_err(|errno| Fault::new(call(), errno))
    }
}

/// What the clone finds and makes on its way.
#[derive(Debug, Default)]
pub struct Way {
    /// The root of the container, once it is entered.
    places: Option<place::Places>,
    /// A mount that hides directories, once there is one.
    mask: Option<OwnedFd>,
    /// Descriptors that are no longer needed.
    spent: Vec<OwnedFd>,
    /// Whether everything is done that comes right before the execution.
    ready: bool,
}

/// Everything that the clone works with.
pub struct Child<'plan> {
    /// The steps.
    pub steps: &'plan [Step],
    /// Open mounts and streams.
    pub slots: Slots,
    /// The slot of the mount that comes with [`Word::Mounts`].
    pub awaited: Option<Slot>,
    /// Its end of the wire.
    pub wire: Wire,
    /// Where `start` connects; without it, `Start` comes over the wire.
    pub listener: Option<OwnedFd>,
    /// The command.
    pub command: exec::Command,
    /// The bundle, for its hooks.
    pub bundle: &'plan Bundle,
    /// The container's state as hooks are told it; its pid is missing.
    pub state: State,
    /// How many descriptors from 3 on are handed to the command.
    pub preserve_fds: u32,
    /// What it finds and makes on its way.
    pub way: Way,
}

impl Child<'_> {
    /// Performs all steps. Returns only if one fails: the exit status of the clone.
    pub fn run(mut self, alone: &Alone) -> u8 {
        let steps = self.steps;
        if self.forget_parent(alone).is_err() {
            return 1;
        }
        for (index, step) in steps.iter().enumerate() {
            if let Err(fault) = self.perform(&step.act) {
                let failure = Failure {
                    step: u16::try_from(index).unwrap_or(u16::MAX),
                    errno: fault.errno.raw_os_error(),
                    call: fault.call,
                    text: fault.text,
                };
                // If the parent is gone there is nobody to tell.
                let _ = self.wire.fail(&failure);
                return 1;
            }
        }
        1
    }

    /// Lets go of what only the parent needs. A copy of its lock, or of its end of the wire, would outlive it here.
    fn forget_parent(&self, alone: &Alone) -> rustix::io::Result<()> {
        let mut keep: Vec<_> = self.slots.numbers().collect();
        keep.push(self.wire.as_fd().as_raw_fd());
        keep.extend(self.listener.as_ref().map(AsRawFd::as_raw_fd));
        keep.extend((0..self.preserve_fds).filter_map(|n| i32::try_from(n + 3).ok()));
        sys::descriptors::close_in_clone(alone, &mut keep)
    }

    fn perform(&mut self, act: &Act) -> Done {
        match act {
            Act::Await(word) => self.await_word(*word),
            Act::Say(word) => self.say(*word),
            Act::AwaitStart => self.await_start(),
            Act::CreateContainerHooks => self.run_hooks(Kind::CreateContainer),
            Act::StartContainerHooks => self.run_hooks(Kind::StartContainer),
            Act::Terminal { devpts, size, owner } => self.open_terminal(*devpts, *size, *owner),
            Act::Enter { process, namespaces } => self.enter(*process, *namespaces),
            Act::EnteredTerminal { size, owner } => self.open_entered_terminal(*size, *owner),
            Act::Streams(streams) => self.take_streams(*streams),
            Act::FindCommand => self.command.find(),
            Act::Seccomp { filter, close_from } => self.load_filter(filter, *close_from),
            Act::Exec { close_from } => self.execute(*close_from),
            Act::Fresh { .. }
            | Act::EnterRoot(_)
            | Act::Attach { .. }
            | Act::Remount { .. }
            | Act::Directory(_)
            | Act::Link { .. }
            | Act::Node(_)
            | Act::CutPropagation
            | Act::PivotRoot
            | Act::MoveRoot
            | Act::RootPropagation(..)
            | Act::ReadonlyRoot
            | Act::Mask(_)
            | Act::ReadonlyPath(_) => self.mount(act),
            other => process::perform(other, &self.wire),
        }
    }

    fn execute(&mut self, close_from: u32) -> Done {
        if !self.way.ready {
            exec::ready(close_from)?;
        }
        self.command.execute()
    }

    /// Loads the filter. What it says holds for this process too from then on.
    fn load_filter(&mut self, filter: &Filter, close_from: u32) -> Done {
        exec::ready(close_from)?;
        self.way.ready = true;
        // This process is a clone of one with a single thread, and so has one itself.
        let alone = Alone::at_start().map_err(Fault::report)?;
        let call = || format!("seccomp(SECCOMP_SET_MODE_FILTER, {:#x})", filter.flags.bits());
        if !filter.notifies() {
            return sys::seccomp::load(&alone, &filter.program, filter.flags).call(call).map(drop);
        }
        // The kernel gives away the lowest number that is free.
        let lowest = fcntl_dupfd_cloexec(&self.wire, 0).call(|| "fcntl(F_DUPFD_CLOEXEC)".into())?;
        let number = lowest.as_raw_fd();
        drop(lowest);
        self.wire.announce_listener(number).call(|| "sendmsg(listener)".into())?;
        let _listener = sys::seccomp::load(&alone, &filter.program, filter.flags).call(call)?;
        self.await_word(Word::ListenerTaken)
    }

    fn say(&mut self, word: Word) -> Done {
        let terminal = self.slots.take_terminal();
        let descriptors: Vec<_> = terminal.iter().map(AsFd::as_fd).collect();
        self.wire.say(word, &descriptors).call(|| format!("sendmsg({word:?})"))
    }

    fn await_word(&mut self, word: Word) -> Done {
        let call = || format!("recvmsg({word:?})");
        match self.wire.receive().call(call)? {
            Packet::Word(byte, descriptors) if byte == word.byte() => {
                self.slots.fill(self.awaited, descriptors);
                Ok(())
            }
            // The parent is gone, or gives up; it knows why.
            _ => Err(Fault::new(call(), Errno::PIPE)),
        }
    }

    /// Waits for `Start`, over the wire or from whoever connects. Whoever connects and leaves changes nothing.
    fn await_start(&mut self) -> Done {
        // Nothing is mounted any more. What stays open counts against a limit of descriptors, which holds already.
        (self.slots, self.way) = (Slots::default(), Way::default());
        let Some(listener) = self.listener.take() else {
            return self.await_word(Word::Start);
        };
        // If the parent dies before, nobody could ever find this process.
        self.await_word(Word::Recorded)?;
        loop {
            match accept_with(&listener, SocketFlags::CLOEXEC) {
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                Err(errno) => return Err(Fault::new("accept4(start)", errno)),
                Ok(socket) => {
                    self.wire = Wire::from_socket(socket);
                    if self.await_word(Word::Start).is_ok() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// The first hooks run before the pivot, while /proc is still the host's and tells this process's pid there.
    fn run_hooks(&mut self, kind: Kind) -> Done {
        if self.state.pid.is_none() {
            let link = rustix::fs::readlink("/proc/self", Vec::new()).call(|| "readlink(/proc/self)".into())?;
            self.state.pid = link.to_str().ok().and_then(|pid| pid.parse().ok());
        }
        self.state.status = if kind == Kind::StartContainer { Status::Created } else { Status::Creating };
        let hooks = self.bundle.spec.hooks.as_ref().map(|hooks| kind.of(hooks));
        run_all(hooks.unwrap_or_default(), kind, &self.bundle.source, &self.state.for_hooks()).map_err(Fault::report)
    }
}

/// Whether the other end of the wire is closed.
pub(crate) fn is_orphaned(wire: &Wire) -> bool {
    let mut polled = [PollFd::new(wire, PollFlags::empty())];
    matches!(poll(&mut polled, Some(&rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(1))
        && polled[0].revents().contains(PollFlags::HUP)
}
