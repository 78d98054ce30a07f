//! A process more in a container that runs.
//!
//! # Theory of operation
//! What the container is, its config.json and its init say; what the process is, its caller does ([`Request::process`]). The plan is a flat
//! list of steps like that of a container ([`crate::plan::entering`]), performed by the same interpreter. One `clone3` makes the process, in
//! the container's pid namespace and, with version 2 of control groups, in the container's group; the parent puts it into the others
//! and sets what takes rights over the host. Then it enters the other namespaces with one `setns` (`join`), takes its terminal,
//! ids and rights, and looks for its command. It waits for one word ([`Entered::execute`]) between the
//! last thing that can fail and the command, so that the caller can write down its pid and hand over its terminal.
//!
//! # Must
//! * hide before it enters: until the exec the process is a copy of one of the host's, with its memory (CVE-2016-9962);
//! * hand nothing of the host's over: every descriptor but the streams and those asked for is closed in the clone before it enters, and a
//!   working directory that leads outside is refused (CVE-2024-21626).
//!
//! # Must not
//! * trust a name in the container: its terminal is known by what the kernel says of it.

pub mod group;
pub(crate) mod join;

use std::os::fd::{AsFd, OwnedFd};

use diag::{Error, Origin, Pointer, Result, codes};
use idmap::{Extents, IdMap};
use oci::{Bundle, Source, spec::Process};
use rustix::{
    io::{Errno, fcntl_dupfd_cloexec},
    process::{Pid, PidfdFlags, pidfd_open},
};
use sys::{Alone, clone, clone::Namespaces};

use self::{group::SubGroup, join::Way};
use crate::{
    cgroup::Cgroup,
    child::{Child, Slots, Way as ChildsWay},
    explain,
    host::Host,
    launch::start_over,
    parent::{Hatching, adjust, died, internal, treat},
    plan::entering::{self, Entering, Wishes},
    seccomp::listener,
    state::{State, Status, read_proc, read_word},
    step::{Step, Word},
    wire::{Packet, Wire},
};

/// What is asked for.
pub struct Request {
    /// What is executed, as whom, with which rights: all of it. See [`Container::default_process`].
    pub process: Process,
    /// The document that `process` was read from; without one, its parts are the caller's to point at.
    pub source: Option<Source>,
    /// Standard input, output and error, if they are not this process's own; with a terminal they are not used.
    pub stdio: Option<[OwnedFd; 3]>,
    /// Descriptors 3 to 2 + n are handed to the process.
    pub preserve_fds: u32,
    /// Groups below the container's own that it is put into.
    pub groups: Vec<SubGroup>,
    /// Whether it may enter a container that is paused, and wait there.
    pub ignore_paused: bool,
}

/// A container that runs.
#[derive(Debug)]
pub struct Container {
    state: State,
    bundle: Bundle,
    init: OwnedFd,
    cgroup: Cgroup,
}

impl Container {
    /// Takes hold of the container of this state. UR0603 if it does not run.
    pub fn open(state: State) -> Result<Container> {
        let not_running = || {
            let what = format!("container not running: `{}` is {}", state.id, state.now().name());
            Error::new(codes::UR0603, what).fact("a process can be added only to a container that runs")
        };
        let pid = state.pid.and_then(Pid::from_raw).ok_or_else(not_running)?;
        let init = pidfd_open(pid, PidfdFlags::empty()).map_err(|_| not_running())?;
        // Only now is it certain that the pid is not another's by now.
        if !matches!(state.now(), Status::Created | Status::Running) {
            return Err(not_running());
        }
        let bundle = Bundle::open(&state.bundle)?;
        let cgroup = Cgroup::reopen(&state.unroot.cgroup)?;
        Ok(Container { state, bundle, init, cgroup })
    }

    /// The container's own process, with nothing to execute: what a process is that differs from it in nothing else.
    pub fn default_process(&self) -> Process {
        let own = self.bundle.spec.process.clone().unwrap_or_default();
        Process { terminal: false, console_size: None, args: Vec::new(), ..own }
    }

    /// Its config.json.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The pid of its init, as this process sees it.
    pub fn pid(&self) -> i32 {
        self.state.pid.unwrap_or_default()
    }

    /// Makes the process and brings it to the point where nothing is left but the exec.
    ///
    /// Errors: UR0640 (paused), UR0641 (namespaces), and those of a container's own process. Nothing is left of a process that
    /// fails.
    pub fn enter(mut self, alone: &Alone, request: Request, host: &Host) -> Result<Entered> {
        if !request.ignore_paused && self.cgroup.is_frozen() {
            return Err(Error::new(codes::UR0640, format!("the container `{}` is paused", self.state.id))
                .fact("a process that enters it would not run before it is resumed"));
        }
        let source = request.source.clone();
        let relative = source.is_some();
        if let Some(source) = source {
            self.bundle.source = source;
        }
        self.bundle.spec.process = Some(request.process);
        let entered = self.bear(alone, request.stdio, request.preserve_fds, &request.groups, host);
        if relative { entered.map_err(to_document) } else { entered }
    }

    fn bear(
        self,
        alone: &Alone,
        stdio: Option<[OwnedFd; 3]>,
        preserve_fds: u32,
        groups: &[SubGroup],
        host: &Host,
    ) -> Result<Entered> {
        let pid = self.pid();
        let foreign = join::foreign(pid)?;
        let way = Way::choose(foreign);
        let map = if foreign.contains(Namespaces::USER) { map_of(pid) } else { None };
        let init = fcntl_dupfd_cloexec(&self.init, 3).map_err(|errno| internal("fcntl(F_DUPFD_CLOEXEC)", errno))?;
        let wishes = Wishes {
            init,
            enter: way.left_to_enter(),
            map: map.as_ref(),
            may_set_groups: may_set_groups(pid),
            stdio,
            preserve_fds,
        };
        let mut plan = entering::decide(&self.bundle, wishes, host)?;
        let cgroup = self.cgroup.below(groups, pid)?;
        let (wire, theirs) = Wire::pair().map_err(|errno| internal("socketpair()", errno))?;
        let child = Child {
            steps: &plan.steps,
            slots: Slots::new(std::mem::take(&mut plan.slots)),
            awaited: None,
            wire: theirs,
            listener: None,
            command: plan.command.clone(),
            bundle: &self.bundle,
            state: self.state.clone(),
            preserve_fds,
            way: ChildsWay::default(),
        };
        let between = matches!(way, Way::GoBetween(_));
        let score = plan.oom_score_adj;
        let process = join::clone_on(alone, way, self.init.as_fd(), cgroup.fd_for_clone(), score, child)?;
        let hatching = Hatching { process: Some(process) };
        let pid = hatching.pid();
        treat(&self.bundle, pid, &plan.treatment, true)?;
        cgroup.place(pid, cgroup.fd_for_clone().is_some())?;
        treat(&self.bundle, pid, &plan.treatment, false)?;
        adjust(&self.bundle, pid, score.filter(|_| !between), &plan.limits)?;
        // If the process has died, its last words, which are read next, say more than a broken pipe.
        let _ = wire.say(Word::Mapped, &[]);
        let terminal = await_created(&self.bundle, &plan, map.as_ref(), &wire, &hatching)?;
        let Entering { steps, warnings, .. } = plan;
        Ok(Entered { hatching, wire, terminal, warnings, bundle: self.bundle, state: self.state, steps, map })
    }
}

/// A process that is in the container and has only its command to execute. Dropping it kills it.
pub struct Entered {
    hatching: Hatching,
    wire: Wire,
    /// The master of its terminal, if it has one.
    pub terminal: Option<OwnedFd>,
    /// What the user should know.
    pub warnings: Vec<Error>,
    bundle: Bundle,
    state: State,
    steps: Vec<Step>,
    map: Option<IdMap>,
}

impl Entered {
    /// Its pid, as this process sees it.
    pub fn pid(&self) -> i32 {
        self.hatching.pid()
    }

    /// Executes the command; this process is its parent and waits for it.
    pub fn execute(mut self) -> Result<clone::Child> {
        let process = self.hatching.process.as_ref().ok_or_else(|| internal("pidfd", Errno::CHILD))?;
        let deliver = |number| listener::deliver(&self.bundle, &self.state, process.pidfd.as_fd(), process.pid, number);
        match start_over(&self.wire, deliver)? {
            Some(failure) => {
                let error = explain::failure(&self.bundle, &self.steps, self.map.as_ref(), failure);
                let of_document = self.bundle.source.file.as_str() != self.bundle.path.join("config.json").as_os_str();
                Err(if of_document { to_document(error) } else { error })
            }
            None => self.hatching.process.take().ok_or_else(|| internal("clone3()", Errno::CHILD)),
        }
    }
}

fn await_created(
    bundle: &Bundle,
    plan: &Entering,
    map: Option<&IdMap>,
    wire: &Wire,
    hatching: &Hatching,
) -> Result<Option<OwnedFd>> {
    match wire.receive().map_err(|errno| internal("recvmsg()", errno))? {
        Packet::Word(byte, mut descriptors) if byte == Word::Created.byte() => Ok(descriptors.pop()),
        Packet::Failure(failure) => Err(explain::failure(bundle, &plan.steps, map, failure)),
        Packet::Word(..) | Packet::Listener(_) | Packet::End => Err(died(hatching)),
    }
}

/// In a document that is a process, and not a whole config.json with one, places are without `/process`.
fn to_document(error: Error) -> Error {
    let Some(Origin::Config { file, pointer, text }) = &error.report().at else { return error };
    let inner = pointer.as_str().strip_prefix("/process").unwrap_or(pointer.as_str());
    let at = Origin::Config { file: file.clone(), pointer: Pointer::new(inner), text: text.clone() };
    error.moved_to(at)
}

/// The map of a process's user namespace. Its outer ids are of no concern here, only which ids there are.
fn map_of(pid: i32) -> Option<IdMap> {
    let read = |name: &str| {
        Extents::from_kernel(&read_proc(&format!("/proc/{pid}/{name}")).ok()?).ok().filter(|map| !map.is_empty())
    };
    Some(IdMap { uid: read("uid_map")?, gid: read("gid_map")? })
}

fn may_set_groups(pid: i32) -> bool {
    read_word(&format!("/proc/{pid}/setgroups")).is_ok_and(|text| text.trim_end() == "allow")
}
