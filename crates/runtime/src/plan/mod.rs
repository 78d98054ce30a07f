//! From a request and a host to a [`Plan`]: every question is answered, or refused, here.
//!
//! *Must*: read and open whatever the answer depends on; refuse with the place of config.json. *Must not*: make or change anything
//! that outlives a plan that is dropped. (Detached mounts and open descriptors end with it.)

mod assemble;
mod cgroup_view;
mod devices;
pub mod entering;
mod idmapped;
mod labels;
mod map;
mod mounts;
pub mod namespaces;
pub mod net_devices;
pub mod options;
mod process;
pub mod root;
mod sysctl;
pub mod treatment;
mod unsupported;

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use diag::{Error, Pointer, Result, codes};
use idmap::{Extent, IdMap, Kind};
use oci::{Bundle, spec::Process};
use rustix::process::{Resource, Rlimit};
use sys::mount::Propagation;

pub use self::process::KEEP_GROUPS;
use self::{namespaces::NamespacePlan, net_devices::NetDevice, treatment::Treatment};
use crate::{
    capability::CapSets,
    cgroup::{self, CgroupPlan},
    child::exec::Command,
    hooks,
    host::Host,
    job::Root,
    seccomp::{self, Filter},
    step::{Act, Slot, Step, Word},
};

/// The annotation that says that the root filesystem's files carry container ids.
pub const IDMAP_ROOT: &str = "org.unroot.root.idmap";

/// How the container's maps come to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapWriter {
    /// By the parent, which has the right to.
    Parent,
    /// By the parent, which may map its own id alone, and must give up `setgroups` for it.
    OwnId,
    /// By `newuidmap` and `newgidmap`.
    Helpers,
}

/// How a mount is idmapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idmap {
    /// Whose map.
    pub carried: Carried,
    /// Whether what is mounted below is idmapped too.
    pub recursive: bool,
}

/// Whose map a mount has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The container's: its user namespace carries it.
    ByContainer,
    /// Its own, from ids on disk to ids of the host.
    ByItself(IdMap),
}

/// A mount that is open and to be idmapped before the child gets to it.
#[derive(Debug)]
pub struct Mounted {
    /// Which.
    pub slot: Slot,
    /// How.
    pub idmap: Idmap,
    /// Where config.json says so.
    pub from: Pointer,
}

/// Where the root filesystem comes from.
#[derive(Debug)]
pub enum RootPlan {
    /// A directory, open as a detached mount.
    Opened(Slot),
    /// An overlay that is made once the container's user namespace has a map; it comes as this slot.
    Overlay(Slot),
}

/// Everything that is decided about a container.
#[derive(Debug)]
pub struct Plan {
    /// Its namespaces.
    pub namespaces: NamespacePlan,
    /// Its map.
    pub map: Option<IdMap>,
    /// Who writes it.
    pub writer: MapWriter,
    /// Its root filesystem.
    pub root: RootPlan,
    /// Its mounts that are to be idmapped.
    pub idmapped: Vec<Mounted>,
    /// Its open mounts and streams by slot.
    pub slots: Vec<Option<OwnedFd>>,
    /// Its control groups.
    pub cgroup: CgroupPlan,
    /// Limits that its parent sets.
    pub limits: Vec<(Resource, Rlimit, Pointer)>,
    /// `process.oomScoreAdj`.
    pub oom_score_adj: Option<i32>,
    /// How its parent has it scheduled.
    pub treatment: Treatment,
    /// The host's network devices that it gets.
    pub net_devices: Vec<NetDevice>,
    /// What its first process does.
    pub steps: Vec<Step>,
    /// How many descriptors from 3 on are handed to it.
    pub preserve_fds: u32,
    /// What it executes.
    pub command: Command,
    /// What the user should know.
    pub warnings: Vec<Error>,
}

/// What is asked for beside config.json.
#[derive(Debug)]
pub struct Wishes<'a> {
    /// The container's id.
    pub id: &'a str,
    /// What becomes the root filesystem.
    pub root: &'a Root,
    /// The standard streams, if they are not this process's own.
    pub stdio: Option<[OwnedFd; 3]>,
    /// Whether `MS_MOVE` and chroot take the place of `pivot_root`.
    pub no_pivot: bool,
    /// How many descriptors from 3 on are handed to the process.
    pub preserve_fds: u32,
    /// Whether init dies with this process.
    pub die_with_parent: bool,
}

/// What the parts of a plan are collected in.
struct Context<'a> {
    bundle: &'a Bundle,
    host: &'a Host,
    namespaces: &'a NamespacePlan,
    map: Option<&'a IdMap>,
    may_set_groups: bool,
    slots: Vec<Option<OwnedFd>>,
    /// New file systems: they need nothing of the root filesystem, so they are made while the parent prepares it.
    prepared: Vec<Step>,
    steps: Vec<Step>,
    idmapped: Vec<Mounted>,
    devpts: Option<Slot>,
    /// Whether the process enters a container that runs.
    entered: bool,
    warnings: Vec<Error>,
}

impl Context<'_> {
    fn step(&mut self, act: Act, from: Pointer) {
        self.steps.push(Step { act, from });
    }

    fn prepare(&mut self, act: Act, from: Pointer) {
        self.prepared.push(Step { act, from });
    }

    fn has_user_namespace(&self) -> bool {
        self.namespaces.has_new_user() || self.namespaces.joined_user().is_some()
    }
}

/// Decides everything about a container.
pub fn decide(bundle: &Bundle, wishes: Wishes<'_>, host: &Host) -> Result<Plan> {
    unsupported::check(bundle)?;
    let linux = bundle.spec.linux.as_ref();
    cgroup::resources::check(linux.and_then(|linux| linux.resources.as_ref()), &bundle.source)?;
    check_hooks(bundle)?;
    let filter = filter(bundle)?;
    let namespaces = NamespacePlan::decide(bundle)?;
    let map = map::decide(bundle, &namespaces)?;
    let writer = map.as_ref().map_or(MapWriter::Parent, |map| writer(map, host));
    let mut context = Context {
        bundle,
        host,
        namespaces: &namespaces,
        map: map.as_ref(),
        may_set_groups: writer != MapWriter::OwnId && host.may_set_groups(),
        slots: Vec::new(),
        prepared: Vec::new(),
        steps: Vec::new(),
        idmapped: Vec::new(),
        devpts: None,
        entered: false,
        warnings: bundle.findings.iter().cloned().map(Error::from).collect(),
    };
    if let Some(map) = context.map {
        map::check_process(bundle, map)?;
    }
    let spec = process::required(&context)?;
    let command = process::command(&context, spec)?;
    let root = root::decide(&mut context, wishes.root)?;
    mounts::decide(&mut context)?;
    devices::decide(&mut context)?;
    labels::label_mounts(&mut context)?;
    let net_devices = net_devices::decide(&mut context)?;
    set_up_streams(&mut context, spec, wishes.stdio)?;
    let limits = finish(&mut context, spec, wishes.no_pivot, filter.is_some())?;
    launch_steps(&mut context, wishes.preserve_fds, wishes.die_with_parent, filter);
    let Context { slots, prepared, steps, idmapped, warnings, .. } = context;
    let cgroup_path = linux.and_then(|linux| linux.cgroups_path.as_deref());
    Ok(Plan {
        cgroup: cgroup::decide(cgroup_path, wishes.id, &host.cgroups()?, &bundle.source)?,
        steps: assemble::assemble(bundle, &namespaces, map.as_ref(), &root, prepared, steps)?,
        oom_score_adj: spec.oom_score_adj,
        treatment: treatment::decide(bundle, false)?,
        net_devices,
        preserve_fds: wishes.preserve_fds,
        namespaces,
        map,
        writer,
        root,
        idmapped,
        slots,
        limits,
        command,
        warnings,
    })
}

fn writer(map: &IdMap, host: &Host) -> MapWriter {
    let (uid, gid) = host.ids();
    let only =
        |kind: Kind, id: u32| matches!(map.get(kind).as_slice(), [Extent { outside, len: 1, .. }] if outside.0 == id);
    if host.may_set_ids() {
        MapWriter::Parent
    } else if only(Kind::Uid, uid) && only(Kind::Gid, gid) {
        MapWriter::OwnId
    } else {
        MapWriter::Helpers
    }
}

/// The filter of system calls that every process of the container has.
fn filter(bundle: &Bundle) -> Result<Option<Filter>> {
    let profile = bundle.spec.linux.as_ref().and_then(|linux| linux.seccomp.as_ref());
    profile.map(|profile| seccomp::compile(profile, &bundle.source, &Pointer::new(seccomp::AT))).transpose()
}

fn check_hooks(bundle: &Bundle) -> Result<()> {
    let Some(spec) = &bundle.spec.hooks else { return Ok(()) };
    hooks::Kind::ALL.into_iter().try_for_each(|kind| hooks::check(kind.of(spec), kind, &bundle.source))
}

fn set_up_streams(context: &mut Context<'_>, process: &Process, stdio: Option<[OwnedFd; 3]>) -> Result<()> {
    let from = Pointer::new("/process/terminal");
    if process.terminal {
        let Some(devpts) = context.devpts else {
            return Err(Error::new(codes::UR0511, "a terminal needs a mount of devpts on /dev/pts")
                .at(context.bundle.at(from))
                .help("add `{\"destination\": \"/dev/pts\", \"type\": \"devpts\", \"options\": [\"newinstance\", \"ptmxmode=0666\"]}` to mounts"));
        };
        let size = process::console_size(process);
        context.step(Act::Terminal { devpts, size, owner: process.user.uid }, from);
    } else if let Some(streams) = stdio {
        let slots = streams.map(|stream| context.open_slot(stream));
        context.step(Act::Streams(slots), from);
    }
    Ok(())
}

/// What is done once everything is mounted, up to the last right that is given up.
fn finish(
    context: &mut Context<'_>,
    spec: &Process,
    no_pivot: bool,
    filtered: bool,
) -> Result<Vec<(Resource, Rlimit, Pointer)>> {
    let bundle = context.bundle;
    let here = || Pointer::root();
    if runtime_hooks(bundle) {
        context.step(Act::Say(Word::HooksPlease), Pointer::new("/hooks"));
        context.step(Act::Await(Word::HooksDone), Pointer::new("/hooks"));
    }
    if bundle.spec.hooks.as_ref().is_some_and(|hooks| !hooks.create_container.is_empty()) {
        context.step(Act::CreateContainerHooks, Pointer::new("/hooks/createContainer"));
    }
    sysctl::decide(context)?;
    let cwd = process::working_directory(context, spec)?;
    let cwd_at = Pointer::new("/process/cwd");
    context.step(Act::Directory(cwd.clone()), cwd_at.clone());
    hide(context);
    let readonly = bundle.spec.root.as_ref().is_some_and(|root| root.readonly);
    if readonly {
        context.step(Act::ReadonlyRoot, Pointer::new("/root/readonly"));
    }
    labels::decide(context, spec)?;
    context.step(if no_pivot { Act::MoveRoot } else { Act::PivotRoot }, here());
    // pivot_root refuses a root that is shared.
    root_propagation(context)?;
    context.step(Act::WorkingDirectory(cwd), cwd_at);
    let limits = process::limits(context, spec)?;
    let sets: CapSets = process::capabilities(context, spec, context.host.last_capability());
    process::become_process(context, spec, sets, filtered);
    treatment::steps(context)?;
    Ok(limits)
}

fn launch_steps(context: &mut Context<'_>, preserve_fds: u32, die_with_parent: bool, filter: Option<Filter>) {
    let close_from = 3 + preserve_fds;
    context.step(Act::FindCommand, Pointer::new("/process/args/0"));
    if die_with_parent {
        context.step(Act::DieWithParent, Pointer::root());
    }
    context.step(Act::Say(Word::Created), Pointer::root());
    context.step(Act::AwaitStart, Pointer::root());
    let hooks = context.bundle.spec.hooks.as_ref();
    if hooks.is_some_and(|hooks| !hooks.start_container.is_empty()) {
        context.step(Act::StartContainerHooks, Pointer::new("/hooks/startContainer"));
    }
    if let Some(filter) = filter {
        context.step(Act::Seccomp { filter, close_from }, Pointer::new(seccomp::AT));
    }
    context.step(Act::Exec { close_from }, Pointer::new("/process/args/0"));
}

/// Whether the parent has hooks to run in the middle of the set-up.
pub fn runtime_hooks(bundle: &Bundle) -> bool {
    let Some(spec) = &bundle.spec.hooks else { return false };
    [hooks::Kind::Prestart, hooks::Kind::CreateRuntime].into_iter().any(|kind| !kind.of(spec).is_empty())
}

fn hide(context: &mut Context<'_>) {
    let Some(linux) = &context.bundle.spec.linux else { return };
    let under_root = |path: &PathBuf| -> PathBuf { Path::new("/").join(path) };
    for (index, path) in linux.readonly_paths.iter().enumerate() {
        context.step(Act::ReadonlyPath(under_root(path)), Pointer::new("/linux/readonlyPaths").child(index));
    }
    for (index, path) in linux.masked_paths.iter().enumerate() {
        context.step(Act::Mask(under_root(path)), Pointer::new("/linux/maskedPaths").child(index));
    }
}

fn root_propagation(context: &mut Context<'_>) -> Result<()> {
    let linux = context.bundle.spec.linux.as_ref();
    let Some(word) = linux.and_then(|linux| linux.rootfs_propagation.as_deref()).filter(|word| !word.is_empty()) else {
        return Ok(());
    };
    let from = Pointer::new("/linux/rootfsPropagation");
    let (recursive, name) = word.strip_prefix('r').map_or((false, word), |name| (true, name));
    let propagation = match name {
        "private" => Propagation::Private,
        "slave" => Propagation::Slave,
        "shared" => Propagation::Shared,
        "unbindable" => Propagation::Unbindable,
        _ => {
            return Err(Error::new(codes::UR0402, format!("`{word}` is no propagation"))
                .at(context.bundle.at(from))
                .help("write `private`, `slave`, `shared` or `unbindable`, or one of them with an `r` before it"));
        }
    };
    context.step(Act::RootPropagation(propagation, recursive), from);
    Ok(())
}
