//! What a process does that enters a container that runs: the steps of [`crate::exec`].

use std::os::fd::OwnedFd;

use diag::{Error, Pointer, Result};
use idmap::{IdMap, Kind};
use oci::Bundle;
use rustix::process::{Resource, Rlimit};
use sys::clone::Namespaces;

use super::{
    Context,
    assemble::ruler,
    labels, map,
    namespaces::NamespacePlan,
    process,
    treatment::{self, Treatment},
    unsupported,
};
use crate::{
    child::exec::Command,
    host::Host,
    seccomp,
    step::{Act, Slot, Step, Word},
};

/// What is known of the container, and what is asked for beside `process`.
#[derive(Debug)]
pub struct Wishes<'a> {
    /// The pidfd of the container's init.
    pub init: OwnedFd,
    /// The namespaces that the process has to enter itself.
    pub enter: Namespaces,
    /// The map of the container's user namespace; `None` if it is this process's own.
    pub map: Option<&'a IdMap>,
    /// Whether `setgroups(2)` is allowed there.
    pub may_set_groups: bool,
    /// The standard streams, if they are not this process's own; with a terminal they are not used.
    pub stdio: Option<[OwnedFd; 3]>,
    /// How many descriptors from 3 on are handed to the process.
    pub preserve_fds: u32,
}

/// Everything that is decided about the process.
#[derive(Debug)]
pub struct Entering {
    /// What it does.
    pub steps: Vec<Step>,
    /// Its open descriptors by slot.
    pub slots: Vec<Option<OwnedFd>>,
    /// Limits that its parent sets.
    pub limits: Vec<(Resource, Rlimit, Pointer)>,
    /// `process.oomScoreAdj`.
    pub oom_score_adj: Option<i32>,
    /// How its parent has it scheduled.
    pub treatment: Treatment,
    /// What it executes.
    pub command: Command,
    /// What the user should know.
    pub warnings: Vec<Error>,
}

/// Decides. `bundle.spec.process` is the process that enters, and not the container's own.
pub fn decide(bundle: &Bundle, wishes: Wishes<'_>, host: &Host) -> Result<Entering> {
    unsupported::check(bundle)?;
    let filter = super::filter(bundle)?;
    let nothing = NamespacePlan::default();
    let mut context = Context {
        bundle,
        host,
        namespaces: &nothing,
        map: wishes.map,
        may_set_groups: wishes.may_set_groups,
        slots: Vec::new(),
        prepared: Vec::new(),
        steps: Vec::new(),
        idmapped: Vec::new(),
        devpts: None,
        entered: true,
        warnings: Vec::new(),
    };
    let spec = process::required(&context)?;
    let command = process::command(&context, spec)?;
    if let Some(map) = wishes.map {
        map::check_process(bundle, map)?;
    }
    context.step(Act::Await(Word::Mapped), Pointer::root());
    labels::decide(&mut context, spec)?;
    enter(&mut context, wishes.init, wishes.enter, wishes.map);
    let at = |name: &str| Pointer::new("/process").child(name);
    if spec.terminal {
        let size = process::console_size(spec);
        context.step(Act::EnteredTerminal { size, owner: spec.user.uid }, at("terminal"));
    } else if let Some(streams) = wishes.stdio {
        let slots = streams.map(|stream| context.open_slot(stream));
        context.step(Act::Streams(slots), at("terminal"));
    }
    let cwd = process::working_directory(&context, spec)?;
    context.step(Act::WorkingDirectory(cwd), at("cwd"));
    let limits = process::limits(&mut context, spec)?;
    let sets = process::capabilities(&mut context, spec, host.last_capability());
    process::become_process(&mut context, spec, sets, filter.is_some());
    treatment::steps(&mut context)?;
    for act in [Act::FindCommand, Act::Say(Word::Created), Act::AwaitStart] {
        context.step(act, at("args").child(0));
    }
    let close_from = 3 + wishes.preserve_fds;
    if let Some(filter) = filter {
        context.step(Act::Seccomp { filter, close_from }, Pointer::new(seccomp::AT));
    }
    context.step(Act::Exec { close_from }, at("args").child(0));
    let Context { steps, slots, warnings, .. } = context;
    let treatment = treatment::decide(bundle, true)?;
    Ok(Entering { treatment, steps, slots, limits, oom_score_adj: spec.oom_score_adj, command, warnings })
}

/// The parent does its part while the process is still the host's: limits, control groups. Then it hides, for it is a copy of a process of
/// the host's, and enters.
fn enter(context: &mut Context<'_>, init: OwnedFd, namespaces: Namespaces, map: Option<&IdMap>) {
    let here = Pointer::root;
    context.step(Act::Hide, here());
    context.step(Act::Session, here());
    let process: Slot = context.open_slot(init);
    context.step(Act::Enter { process, namespaces }, here());
    if let Some(map) = map {
        context.step(Act::Become { uid: ruler(map, Kind::Uid), gid: ruler(map, Kind::Gid) }, here());
    }
}
