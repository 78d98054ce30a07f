//! From a request to a container that waits for its command, and on to one that runs.

use std::{
    os::fd::{AsFd, OwnedFd},
    time::{SystemTime, UNIX_EPOCH},
};

use diag::{Error, Pointer, Result, codes};
use oci::Bundle;
use rustix::process::umask;
use rustix::{
    fs::{FileType, Mode, fchmod, fstat},
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with},
};
use sys::{Alone, Dir, clone};

use crate::{
    cgroup::{self, Cgroup},
    explain,
    hooks::{self, Kind},
    host::Host,
    job::Root,
    parent::{Born, Parent, internal},
    plan::{self, Plan, Wishes, root},
    seccomp::listener,
    state::{self, Birth, OCI_VERSION, Private, START_SOCKET, State, Status, boot_id},
    step::{Act, Step, Word},
    wire::{Failure, Packet, Wire},
};

/// What is asked for: everything that was on the command line, nothing looked up yet.
pub struct Request {
    /// The container's id.
    pub id: String,
    /// The bundle: its directory, the parsed config.json and its text.
    pub bundle: Bundle,
    /// What becomes the root filesystem.
    pub root: Root,
    /// Standard input, output and error of init, if they are not this process's own; with a terminal they are not used.
    pub stdio: Option<[OwnedFd; 3]>,
    /// `--no-pivot`: `MS_MOVE` and `chroot` instead of `pivot_root`.
    pub no_pivot: bool,
    /// Descriptors 3 to 2 + n are handed to the process.
    pub preserve_fds: u32,
    /// Whether init is to be killed when this process dies.
    pub die_with_parent: bool,
    /// Whether another process will start it: then it listens in the container's directory.
    pub started_by_others: bool,
    /// The directory of `state.json`.
    pub state_dir: Dir,
}

/// A container that is set up and waits for the word to execute its command. Dropping it kills it.
pub struct Init {
    process: Option<clone::Child>,
    wire: Wire,
    /// The master of its terminal, if it has one.
    pub terminal: Option<OwnedFd>,
    /// What the user should know.
    pub warnings: Vec<Error>,
    /// Its control groups.
    pub cgroup: Cgroup,
    /// Its state, as it was written.
    pub state: State,
    bundle: Bundle,
    plan: Plan,
    state_dir: Dir,
}

/// Makes the container and stops before its command.
pub fn create(alone: &Alone, request: Request, host: &Host) -> Result<Init> {
    // Control groups and mount targets that are made on the way must be searchable for the container's ids, whatever the caller's mask.
    umask(Mode::WGRP | Mode::WOTH);
    let Request { id, bundle, root, stdio, state_dir, .. } = request;
    let mut state = first_state(&id, &bundle, &root)?;
    let wishes = Wishes {
        id: &id,
        root: &root,
        stdio,
        no_pivot: request.no_pivot,
        preserve_fds: request.preserve_fds,
        die_with_parent: request.die_with_parent,
    };
    let mut plan = plan::decide(&bundle, wishes, host)?;
    open_streams(&plan);
    let mut warnings = std::mem::take(&mut plan.warnings);
    let (cgroup, warning) = make_cgroup(&bundle, &plan)?;
    warnings.extend(warning);
    let listener = if request.started_by_others { Some(listen_for_start(&state_dir)?) } else { None };
    let parent = Parent { alone, bundle: &bundle, plan: &mut plan, root: &root, host, state: &mut state, listener };
    let born = parent.bear(&cgroup).and_then(|born| {
        note(&mut state, &cgroup);
        // One that is started here and now is written when it is: before that, init dies with this process.
        if request.started_by_others {
            state.write(&state_dir)?;
            born.wire.say(Word::Recorded, &[]).map_err(|errno| internal("sendmsg()", errno))?;
        }
        Ok(born)
    });
    let Born { process, wire, terminal } = match born {
        Ok(born) => born,
        Err(error) => {
            // The first failure is the one that counts.
            let _ = cgroup.delete();
            return Err(error);
        }
    };
    Ok(Init { process: Some(process), wire, terminal, warnings, cgroup, state, bundle, plan, state_dir })
}

impl Init {
    /// Its pid on the host.
    pub fn pid(&self) -> i32 {
        self.process.as_ref().map_or(0, |process| process.pid)
    }

    /// Becomes readable when it ends.
    pub fn pidfd(&self) -> Result<OwnedFd> {
        let pidfd = self.process.as_ref().ok_or_else(|| internal("pidfd", Errno::CHILD))?;
        pidfd.pidfd.try_clone().map_err(|_| internal("fcntl(F_DUPFD_CLOEXEC)", Errno::MFILE))
    }

    /// Lets the command execute. Returns when it does, or with the diagnosis of why it does not; poststart hooks have run then.
    pub fn start(&mut self) -> Result<Vec<Error>> {
        self.state.status = Status::Running;
        self.state.write(&self.state_dir)?;
        self.say_start().inspect_err(|_| {
            // The failure that counts is the start's.
            let _ = self.state_dir.remove_file(state::FILE);
        })?;
        Ok(poststart(&self.bundle, &self.state))
    }

    fn say_start(&self) -> Result<()> {
        let process = self.process.as_ref().ok_or_else(|| internal("pidfd", Errno::CHILD))?;
        let deliver = |number| listener::deliver(&self.bundle, &self.state, process.pidfd.as_fd(), process.pid, number);
        match start_over(&self.wire, deliver)? {
            None => Ok(()),
            Some(failure) => Err(explain::failure(&self.bundle, &self.plan.steps, self.plan.map.as_ref(), failure)),
        }
    }

    /// The steps that its first process was given.
    pub fn steps(&self) -> &[Step] {
        &self.plan.steps
    }

    /// Clears away what is left after its init has ended and was waited for: see [`clear_away`].
    pub fn clear_away(mut self) -> Vec<Error> {
        self.process = None;
        clear_away(Some(&self.bundle), &mut self.state, &self.cgroup, &self.state_dir)
    }

    /// Leaves the container to itself: it is not killed when this value goes.
    pub fn release(mut self) -> Option<clone::Child> {
        self.process.take()
    }
}

impl Drop for Init {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            sys::carrier::reap(process);
            // Nobody is left to hear of a directory that stays.
            let _ = self.cgroup.delete();
        }
    }
}

/// Says `Start` and waits for the exec, which closes the wire. A failure is for the caller to explain, who has the steps. `deliver` takes
/// the descriptor of a seccomp filter's notifications, by its number in init, to its agent.
pub fn start_over(wire: &Wire, deliver: impl Fn(i32) -> Result<()>) -> Result<Option<Failure>> {
    // If init is gone, the next packet, or its absence, says so.
    let said = wire.say(Word::Start, &[]);
    loop {
        match wire.receive().map_err(|errno| internal("recvmsg()", errno))? {
            Packet::End if said.is_ok() => return Ok(None),
            Packet::Failure(failure) => return Ok(Some(failure)),
            Packet::Listener(number) => {
                deliver(number)?;
                // If init is gone, the next packet says so.
                let _ = wire.say(Word::ListenerTaken, &[]);
            }
            Packet::End | Packet::Word(..) => {
                let what = "the container's first process died before it could execute the command";
                return Err(Error::new(codes::UR0608, what));
            }
        }
    }
}

/// Runs the poststart hooks; their failures are warnings.
pub fn poststart(bundle: &Bundle, state: &State) -> Vec<Error> {
    let hooks = bundle.spec.hooks.as_ref().map(|hooks| Kind::Poststart.of(hooks));
    hooks::run_each(hooks.unwrap_or_default(), Kind::Poststart, &bundle.source, &state.for_hooks())
}

/// Clears away what is left of a container that has ended: its control groups and its files below the run root; then its poststop hooks
/// run. What fails is a warning: everything that can be cleared is.
pub fn clear_away(bundle: Option<&Bundle>, state: &mut State, cgroup: &Cgroup, state_dir: &Dir) -> Vec<Error> {
    let mut warnings: Vec<Error> = cgroup.delete().err().into_iter().collect();
    for name in [START_SOCKET, state::FILE] {
        let removed = state_dir.remove_file(name);
        warnings.extend(removed.err().map(|failed| {
            failed.into_error(codes::UR0606, format!("a file of the container `{}` cannot be removed", state.id))
        }));
    }
    state.status = Status::Stopped;
    if let Some(bundle) = bundle {
        let hooks = bundle.spec.hooks.as_ref().map(|hooks| Kind::Poststop.of(hooks)).unwrap_or_default();
        warnings.extend(hooks::run_each(hooks, Kind::Poststop, &bundle.source, &state.for_hooks()));
    }
    warnings
}

fn first_state(id: &str, bundle: &Bundle, root: &Root) -> Result<State> {
    let rootfs = match root {
        Root::Bundle { .. } => root::path(bundle)?,
        Root::Overlay { writable, .. } => writable.clone().unwrap_or_default(),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    Ok(State {
        oci_version: OCI_VERSION.to_owned(),
        id: id.to_owned(),
        status: Status::Creating,
        pid: None,
        bundle: bundle.path.clone(),
        annotations: bundle.spec.annotations.clone(),
        unroot: Private {
            root: root.clone(),
            rootfs,
            start_time: 0,
            boot: boot_id().map_err(|errno| internal("read(boot_id)", errno))?,
            created: now,
            owner: rustix::process::geteuid().as_raw(),
            cgroup: Vec::new(),
        },
    })
}

fn note(state: &mut State, cgroup: &Cgroup) {
    state.unroot.start_time = state.pid.and_then(Birth::of).map_or(0, |birth| birth.start_time);
    state.unroot.cgroup = cgroup.records();
    state.status = Status::Created;
}

/// Pipes that were made for the container can be opened anew by every user of it (/dev/stdout): also by one that its command changes
/// to later. Whoever may not look into the process does not get to them.
fn open_streams(plan: &Plan) {
    let streams = plan.steps.iter().find_map(|step| match step.act {
        Act::Streams(slots) => Some(slots),
        _ => None,
    });
    for (slot, mode) in streams.into_iter().flatten().zip([0o644, 0o622, 0o622]) {
        let Some(stream) = plan.slots.get(slot.0).and_then(Option::as_ref) else { continue };
        if fstat(stream).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo) {
            // A pipe that belongs to somebody else stays as its owner wants it.
            let _ = fchmod(stream, Mode::from_raw_mode(mode));
        }
    }
}

fn make_cgroup(bundle: &Bundle, plan: &Plan) -> Result<(Cgroup, Option<Error>)> {
    let (cgroup, warning) = plan.cgroup.make()?;
    let resources = bundle.spec.linux.as_ref().and_then(|linux| linux.resources.as_ref());
    let rules = resources.map(|resources| &resources.devices);
    let set = match rules {
        // A user namespace allows no device of its own, and a rule would cost a write for each: the default ones deny what is denied.
        Some(rules) if !rules.is_empty() && !plan.namespaces.has_new_user() => {
            cgroup.set_devices(rules, &bundle.source, plan.namespaces.joined_user().is_some())
        }
        _ => Ok(None),
    };
    let at = Pointer::new("/linux/resources");
    let place = cgroup::Place { source: &bundle.source, at: &at };
    let limited = resources.map_or(Ok(()), |resources| cgroup.limit(resources, place));
    match limited.and(set) {
        Ok(second) => Ok((cgroup, warning.or(second))),
        Err(error) => {
            let _ = cgroup.delete();
            Err(error)
        }
    }
}

/// The socket that `start` connects to. It is bound by way of a descriptor, since a socket's path has at most 107 bytes.
fn listen_for_start(dir: &Dir) -> Result<OwnedFd> {
    let failed = |call: &str, errno: Errno| {
        Error::new(codes::UR0606, "the container's socket cannot be made").os(call.to_owned(), errno.raw_os_error())
    };
    let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|errno| failed("socket()", errno))?;
    let address = start_address(dir).map_err(|errno| failed("bind()", errno))?;
    bind(&socket, &address).map_err(|errno| failed("bind()", errno))?;
    listen(&socket, 1).map_err(|errno| failed("listen()", errno))?;
    Ok(socket)
}

/// The address of a container's socket.
pub fn start_address(dir: &Dir) -> rustix::io::Result<SocketAddrUnix> {
    use std::os::fd::AsRawFd;
    SocketAddrUnix::new(format!("/proc/self/fd/{}/{START_SOCKET}", dir.as_fd().as_raw_fd()))
}
