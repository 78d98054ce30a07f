//! The runtime's half of a container's birth.
//!
//! # Theory of operation
//! One `clone3` makes init with all its namespaces. While init makes the file systems that need nothing else, the parent writes the
//! maps, puts init into its control groups, and makes what takes the new user namespace: idmapped mounts, the overlay. Then it runs
//! its hooks when init asks, and waits until init is `Created` or has failed.
//!
//! # Must
//! * leave nothing behind if anything fails: init is killed, the control groups are removed;
//! * say why: the record of a failed step is turned into a diagnosis ([`crate::explain`]).
//!
//! # Must not
//! * decide anything that the plan could have decided;
//! * wait without end: whenever init dies, the wire ends.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use diag::{Error, Pointer, Result, codes};
use idmap::{Extents, IdMap, Kind};
use oci::Bundle;
use rustix::{
    io::{Errno, fcntl_dupfd_cloexec},
    process::{Pid, Resource, Rlimit, WaitId, WaitIdOptions, prlimit, waitid},
    thread::move_into_link_name_space,
};
use sys::{
    Alone,
    carrier::{open_namespace, user_namespace, write_proc},
    clone::{self, How, Namespaces, clone3},
    mount::{Attr, Change, set_attributes},
    scheduling::{set_affinity, set_io_priority, set_scheduling},
};

use crate::{
    cgroup::Cgroup,
    child::{Child, Slots, Way},
    explain,
    hooks::{self, Kind as HookKind},
    host::Host,
    job::Root,
    joining, newidmap, overlay,
    plan::{Carried, MapWriter, Mounted, Plan, RootPlan, namespaces, treatment::Treatment},
    state::State,
    step::Word,
    wire::{Packet, Wire},
};

/// What the parent works with.
pub struct Parent<'a> {
    /// Proof that this process may clone.
    pub alone: &'a Alone,
    /// The bundle.
    pub bundle: &'a Bundle,
    /// What was decided.
    pub plan: &'a mut Plan,
    /// What becomes the root filesystem.
    pub root: &'a Root,
    /// This machine.
    pub host: &'a Host,
    /// The state as hooks are told it.
    pub state: &'a mut State,
    /// Where `start` will connect.
    pub listener: Option<OwnedFd>,
}

/// An init that was made and waits for `Start`.
#[derive(Debug)]
pub struct Born {
    /// The process.
    pub process: clone::Child,
    /// The wire to it.
    pub wire: Wire,
    /// The master of its terminal.
    pub terminal: Option<OwnedFd>,
}

/// A mount that is to be idmapped, and the user namespace that carries its map if that is not the container's.
struct PreparedIdmap {
    mount: OwnedFd,
    carrier: Option<OwnedFd>,
}

/// A process that is killed if it is not taken over.
pub(crate) struct Hatching {
    pub(crate) process: Option<clone::Child>,
}

impl Hatching {
    /// Its pid, as this process sees it.
    pub(crate) fn pid(&self) -> i32 {
        self.process.as_ref().map_or(0, |process| process.pid)
    }
}

impl Drop for Hatching {
    fn drop(&mut self) {
        if let Some(process) = &self.process {
            sys::carrier::reap(process);
        }
    }
}

impl Parent<'_> {
    /// Makes init and brings it to the point where it waits for `Start`.
    pub fn bear(mut self, cgroup: &Cgroup) -> Result<Born> {
        let idmaps = self.prepare_idmaps()?;
        let (ours, theirs) = Wire::pair().map_err(|errno| internal("socketpair()", errno))?;
        let process = self.clone_init(theirs, cgroup)?;
        let pid = process.pid;
        self.state.pid = Some(pid);
        let mut hatching = Hatching { process: Some(process) };
        cgroup.place(pid, cgroup.fd_for_clone().is_some())?;
        adjust(self.bundle, pid, self.plan.oom_score_adj, &self.plan.limits)?;
        treat(self.bundle, pid, &self.plan.treatment, false)?;
        self.write_maps(pid)?;
        self.move_devices(pid)?;
        let say = |word, descriptors: &[BorrowedFd<'_>]| ours.say(word, descriptors);
        // If init has died, its last words, which are read below, say more than a broken pipe.
        if say(Word::Mapped, &[]).is_ok() {
            let mounts = self.finish_mounts(pid, &idmaps)?;
            let descriptors: Vec<_> = mounts.iter().map(AsFd::as_fd).collect();
            let _ = say(Word::Mounts, &descriptors);
        }
        let terminal = self.await_created(&ours, &hatching)?;
        let process = hatching.process.take().ok_or_else(|| internal("clone3()", Errno::CHILD))?;
        Ok(Born { process, wire: ours, terminal })
    }

    /// Keeps hold of the mounts that are to be idmapped, and makes user namespaces for the maps that they have of their own.
    fn prepare_idmaps(&self) -> Result<Vec<PreparedIdmap>> {
        let prepare = |mounted: &Mounted| {
            let mount = self.plan.slots.get(mounted.slot.0).and_then(Option::as_ref);
            let mount = mount.ok_or(Errno::BADF).and_then(|mount| fcntl_dupfd_cloexec(mount, 3));
            let mount = mount.map_err(|errno| internal("fcntl(F_DUPFD_CLOEXEC)", errno))?;
            Ok(PreparedIdmap { mount, carrier: self.carry_map(mounted)? })
        };
        self.plan.idmapped.iter().map(prepare).collect()
    }

    fn carry_map(&self, mounted: &Mounted) -> Result<Option<OwnedFd>> {
        let Carried::ByItself(map) = &mounted.idmap.carried else { return Ok(None) };
        let made = user_namespace(self.alone, &map.uid.to_kernel(), &map.gid.to_kernel());
        made.map(Some).map_err(|errno| {
            Error::new(codes::UR0107, "the map of an idmapped mount is not accepted")
                .os("write(uid_map)", errno.raw_os_error())
                .fact(format!("uids: {}", map.uid.to_kernel().trim_end().replace('\n', ", ")))
                .at(self.bundle.at(mounted.from.clone()))
        })
    }

    fn clone_init(&mut self, theirs: Wire, cgroup: &Cgroup) -> Result<clone::Child> {
        let home = self.enter_joined()?;
        let new = self.new_namespaces();
        let slots = Slots::new(std::mem::take(&mut self.plan.slots));
        let child = Child {
            steps: &self.plan.steps,
            slots,
            awaited: match self.plan.root {
                RootPlan::Overlay(slot) => Some(slot),
                RootPlan::Opened(_) => None,
            },
            wire: theirs,
            listener: self.listener.take(),
            command: self.plan.command.clone(),
            bundle: self.bundle,
            state: self.state.clone(),
            preserve_fds: self.plan.preserve_fds,
            way: Way::default(),
        };
        let how = How { namespaces: new, cgroup: cgroup.fd_for_clone(), sibling: false };
        let user = self.plan.namespaces.joined_user().map(|joined| joined.fd.as_fd());
        let born = match user {
            None => clone3(self.alone, how, |alone| child.run(&alone)).map_err(|errno| explain::clone(errno, new)),
            Some(user) => joining::clone_within(self.alone, user, how, child),
        };
        // `child` took this process's own copies of the mounts with it; the container's end shall be theirs.
        leave_joined(&home)?;
        born
    }

    /// The clocks of a time namespace can be set only before it has a member; so init makes that one itself.
    fn new_namespaces(&self) -> Namespaces {
        let sets_clocks = self.plan.steps.iter().any(|step| matches!(step.act, crate::step::Act::TimeOffsets(_)));
        let late = if sets_clocks { Namespaces::TIME } else { Namespaces::empty() };
        self.plan.namespaces.new - late
    }

    /// Enters the namespaces that init is to inherit; says how to come back.
    fn enter_joined(&self) -> Result<Vec<(Namespaces, OwnedFd)>> {
        let mut home = Vec::new();
        for joined in self.plan.namespaces.joined.iter().filter(|joined| joined.kind != Namespaces::USER) {
            let name = namespaces::name(joined.kind);
            let own = open_namespace(
                i32::try_from(std::process::id()).unwrap_or_default(),
                namespaces::proc_name(joined.kind),
            );
            home.push((joined.kind, own.map_err(|errno| internal("open(/proc/self/ns)", errno))?));
            enter(joined.kind, joined.fd.as_fd()).map_err(|errno| {
                Error::new(codes::UR0410, format!("the {name} namespace cannot be joined"))
                    .os(format!("setns({name})"), errno.raw_os_error())
                    .at(self.bundle.at(joined.from.child("path")))
            })?;
        }
        Ok(home)
    }

    fn write_maps(&self, pid: i32) -> Result<()> {
        let Some(map) = self.plan.map.as_ref().filter(|_| self.plan.namespaces.has_new_user()) else { return Ok(()) };
        match self.plan.writer {
            MapWriter::Helpers => newidmap::write(pid, map),
            MapWriter::OwnId => {
                write_proc(pid, "setgroups", "deny").map_err(|errno| internal("write(setgroups, deny)", errno))?;
                self.write_directly(pid, map)
            }
            MapWriter::Parent => self.write_directly(pid, map),
        }
    }

    fn move_devices(&self, pid: i32) -> Result<()> {
        self.plan.net_devices.iter().try_for_each(|device| {
            sys::links::send_to(device.index, pid, &device.inside).map_err(|errno| {
                let what = format!("the network device `{}` cannot be moved into the container", device.name);
                let error = Error::new(codes::UR0425, what)
                    .os(
                        format!("RTM_NEWLINK({}, namespace of {pid}, {})", device.name, device.inside),
                        errno.raw_os_error(),
                    )
                    .at(self.bundle.at(Pointer::new("/linux/netDevices").child(&device.name)));
                match errno {
                    Errno::PERM => error.fact("that takes CAP_NET_ADMIN in the host's network namespace"),
                    Errno::EXIST => error.fact("the container has a device of this name already"),
                    _ => error,
                }
            })
        })
    }

    fn write_directly(&self, pid: i32, map: &IdMap) -> Result<()> {
        for kind in Kind::BOTH {
            let file = match kind {
                Kind::Uid => "uid_map",
                Kind::Gid => "gid_map",
            };
            let extents = map.get(kind);
            let write = |extents: &Extents| write_proc(pid, file, &extents.to_kernel());
            let written = match write(extents) {
                // An extent must lie within one of the map above: where two of those meet, it must be two.
                Err(Errno::PERM) => self.host.split(kind, extents).map_or(Err(Errno::PERM), |split| write(&split)),
                result => result,
            };
            written.map_err(|errno| explain::map_write(self.bundle, kind, extents, file, errno))?;
        }
        Ok(())
    }

    /// Makes what takes the container's user namespace: idmapped mounts, the overlay.
    fn finish_mounts(&self, pid: i32, idmaps: &[PreparedIdmap]) -> Result<Vec<OwnedFd>> {
        let overlaid = matches!(self.plan.root, RootPlan::Overlay(_));
        if self.plan.idmapped.is_empty() && !overlaid {
            return Ok(Vec::new());
        }
        let userns = open_namespace(pid, "user").map_err(|errno| internal("open(/proc/PID/ns/user)", errno))?;
        for (mounted, prepared) in self.plan.idmapped.iter().zip(idmaps) {
            self.idmap(mounted, &prepared.mount, prepared.carrier.as_ref().unwrap_or(&userns))?;
        }
        let Root::Overlay { lower, data, idmapped, writable, volatile } = self.root else { return Ok(Vec::new()) };
        let parts =
            overlay::Parts { lower, data, writable: writable.as_deref(), volatile: *volatile, idmapped: *idmapped };
        let view = match &self.plan.map {
            Some(map) if !is_parents_own(map) => Some(overlay::View { map, userns: &userns }),
            _ => None,
        };
        Ok(vec![overlay::make(self.alone, parts, view, self.host)?])
    }

    /// The mount is init's already, by the descriptor that it was born with; what changes is the mount, not the descriptor.
    fn idmap(&self, mounted: &Mounted, mount: &OwnedFd, carrier: &OwnedFd) -> Result<()> {
        let change = Change {
            set: Attr::IDMAP,
            userns: Some(carrier.as_fd()),
            recursive: mounted.idmap.recursive,
            ..Change::default()
        };
        set_attributes(mount, &change).map_err(|errno| {
            let path = explain::source_of(self.bundle, &mounted.from);
            let error = if mounted.idmap.recursive {
                explain::idmap_tree(mount, &path, carrier.as_fd(), errno)
            } else {
                explain::idmap(mount, &path, "mount_setattr", errno)
            };
            error.at(self.bundle.at(mounted.from.clone()))
        })
    }

    fn await_created(&self, wire: &Wire, hatching: &Hatching) -> Result<Option<OwnedFd>> {
        loop {
            match wire.receive().map_err(|errno| internal("recvmsg()", errno))? {
                Packet::Word(byte, _) if byte == Word::HooksPlease.byte() => {
                    self.run_hooks()?;
                    // If init is gone, the next packet says so.
                    let _ = wire.say(Word::HooksDone, &[]);
                }
                Packet::Word(byte, mut descriptors) if byte == Word::Created.byte() => return Ok(descriptors.pop()),
                Packet::Failure(failure) => {
                    return Err(explain::failure(self.bundle, &self.plan.steps, self.plan.map.as_ref(), failure));
                }
                Packet::Word(..) | Packet::Listener(_) | Packet::End => return Err(died(hatching)),
            }
        }
    }

    fn run_hooks(&self) -> Result<()> {
        let Some(spec) = &self.bundle.spec.hooks else { return Ok(()) };
        [HookKind::Prestart, HookKind::CreateRuntime]
            .into_iter()
            .try_for_each(|kind| hooks::run_all(kind.of(spec), kind, &self.bundle.source, &self.state.for_hooks()))
    }
}

/// What only the parent has the right to set for a process that it made.
pub(crate) fn adjust(
    bundle: &Bundle,
    pid: i32,
    oom_score_adj: Option<i32>,
    limits: &[(Resource, Rlimit, Pointer)],
) -> Result<()> {
    if let Some(score) = oom_score_adj {
        let at = || bundle.at(Pointer::new("/process/oomScoreAdj"));
        write_proc(pid, "oom_score_adj", &score.to_string()).map_err(|errno| {
            Error::new(codes::UR0512, format!("the OOM score adjustment {score} cannot be set"))
                .os(format!("write(/proc/{pid}/oom_score_adj, {score})"), errno.raw_os_error())
                .fact("a value below the current one takes CAP_SYS_RESOURCE on the host")
                .at(at())
        })?;
    }
    for (resource, limit, from) in limits {
        prlimit(Pid::from_raw(pid), *resource, *limit).map_err(|errno| {
            Error::new(codes::UR0509, format!("the limit {resource:?} cannot be raised"))
                .os(
                    format!("prlimit({pid}, {resource:?}, {:?}, {:?})", limit.current, limit.maximum),
                    errno.raw_os_error(),
                )
                .fact(format!(
                    "this process's own hard limit is {:?}; to go beyond takes CAP_SYS_RESOURCE on the host",
                    rustix::process::getrlimit(*resource).maximum
                ))
                .at(bundle.at(from.clone()))
        })?;
    }
    Ok(())
}

/// Has a process scheduled as was decided; `initially` is before it is in the container's groups, and after that it is once more.
pub(crate) fn treat(bundle: &Bundle, pid: i32, treatment: &Treatment, initially: bool) -> Result<()> {
    let refused = |what: &str, call: String, errno: Errno, at: &str| {
        let error = Error::new(codes::UR0423, format!("{what} cannot be had"))
            .os(call, errno.raw_os_error())
            .at(bundle.at(Pointer::new(at)));
        let of_host = "real-time policies, and better turns than one has, take CAP_SYS_NICE on the host";
        if errno == Errno::PERM { error.fact(of_host) } else { error }
    };
    if let Some([initial, last]) = &treatment.affinity {
        // What is not said is every processor that the group's cpuset has.
        let every = vec![u64::MAX; 128];
        let processors = if initially { initial.as_ref() } else { Some(last.as_ref().unwrap_or(&every)) };
        if let Some(processors) = processors {
            set_affinity(pid, processors).map_err(|errno| {
                refused("the processors", format!("sched_setaffinity({pid})"), errno, "/process/execCPUAffinity")
            })?;
        }
    }
    if initially {
        return Ok(());
    }
    if let Some(scheduling) = treatment.scheduling {
        set_scheduling(pid, scheduling).map_err(|errno| {
            let call = format!("sched_setattr({pid}, policy {})", scheduling.policy);
            refused("the scheduler", call, errno, "/process/scheduler")
        })?;
    }
    if let Some((class, priority)) = treatment.io_priority {
        set_io_priority(pid, class, priority).map_err(|errno| {
            let call = format!("ioprio_set({pid}, class {class}, {priority})");
            refused("the priority for input and output", call, errno, "/process/ioPriority")
        })?;
    }
    Ok(())
}

/// Whether a map gives the container the ids that this process's own user namespace has, number by number: then files have the
/// right owners as they are.
fn is_parents_own(map: &IdMap) -> bool {
    Kind::BOTH.into_iter().all(|kind| map.get(kind).iter().all(|extent| extent.inside.0 == extent.outside.0))
}

fn enter(kind: Namespaces, fd: BorrowedFd<'_>) -> rustix::io::Result<()> {
    move_into_link_name_space(fd, namespaces::link_type(kind))
}

fn leave_joined(home: &[(Namespaces, OwnedFd)]) -> Result<()> {
    home.iter().try_for_each(|(kind, fd)| {
        enter(*kind, fd.as_fd()).map_err(|errno| internal(&format!("setns({}, back)", namespaces::name(*kind)), errno))
    })
}

pub(crate) fn died(hatching: &Hatching) -> Error {
    let error = Error::new(codes::UR0608, "the container died while it was being set up");
    let status = hatching.process.as_ref().and_then(|process| {
        waitid(WaitId::PidFd(process.pidfd.as_fd()), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).ok().flatten()
    });
    match status.map(|status| (status.exit_status(), status.terminating_signal())) {
        Some((_, Some(signal))) => error.fact(format!("its first process was killed by signal {signal}")),
        Some((Some(code), _)) => error.fact(format!("its first process ended with status {code} and said nothing")),
        _ => error,
    }
}

/// A call that fails only if something is wrong with unroot or with the kernel.
pub(crate) fn internal(call: &str, errno: Errno) -> Error {
    Error::new(codes::UR0699, "the kernel refused something that should have worked").os(call, errno.raw_os_error())
}
