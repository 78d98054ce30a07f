//! `process`: what is executed, as whom, and with what rights.

use std::{ffi::CString, path::Path};

use diag::{Error, Pointer, Result, codes};
use oci::spec::Process;
use rustix::process::{Resource, Rlimit, getrlimit};

use super::{Context, mounts::c_string};
use crate::{
    capability::{CapSet, CapSets},
    child::exec::Command,
    rlimit,
    step::Act,
};

/// The annotation, known from crun, that leaves the further groups as they are: those of whoever starts the container.
pub const KEEP_GROUPS: &str = "run.oci.keep_original_groups";

/// The process of config.json; a container that is only created for its namespaces has none, and cannot be started by this runtime.
pub(super) fn required<'a>(context: &Context<'a>) -> Result<&'a Process> {
    context.bundle.spec.process.as_ref().ok_or_else(|| {
        Error::new(codes::UR0501, "there is nothing to run: config.json has no process")
            .at(context.bundle.at(Pointer::root()))
            .help("add `process` with `args`, `cwd` and `user`")
    })
}

/// The command: words and environment.
pub(super) fn command(context: &Context<'_>, process: &Process) -> Result<Command> {
    let at = Pointer::new("/process/args");
    let words = &process.args;
    if words.is_empty() {
        return Err(Error::new(codes::UR0501, "there is nothing to run: process.args is empty")
            .at(context.bundle.at(at))
            .help("write the command and its arguments there, such as `[\"sh\", \"-c\", \"id\"]`"));
    }
    if words[0].is_empty() {
        return Err(Error::new(codes::UR0501, "the command is an empty text").at(context.bundle.at(at.child(0))));
    }
    let list = |words: &[String], at: &Pointer| -> Result<Vec<CString>> {
        words.iter().enumerate().map(|(index, word)| c_string(context.bundle, word, &at.child(index))).collect()
    };
    Ok(Command { args: list(words, &at)?, env: list(&process.env, &Pointer::new("/process/env"))?, path: None })
}

/// The size of the terminal.
pub(super) fn console_size(process: &Process) -> Option<(u16, u16)> {
    let size = process.console_size?;
    let number = |value: u64| u16::try_from(value).ok().filter(|value| *value > 0);
    Some((number(size.height)?, number(size.width)?))
}

/// The working directory, which must be absolute.
pub(super) fn working_directory(context: &Context<'_>, process: &Process) -> Result<std::path::PathBuf> {
    let cwd = process.cwd.as_path();
    let cwd = if cwd.as_os_str().is_empty() { Path::new("/") } else { cwd };
    if cwd.is_absolute() {
        return Ok(cwd.to_owned());
    }
    Err(Error::new(codes::UR0506, format!("the working directory `{}` is not absolute", cwd.display()))
        .at(context.bundle.at(Pointer::new("/process/cwd"))))
}

/// Decides the resource limits; returns those that the parent sets first. To raise a hard limit takes rights over the host, which only
/// the parent has; to lower one early could break the set-up, so the child does it last.
pub(super) fn limits(context: &mut Context<'_>, process: &Process) -> Result<Vec<(Resource, Rlimit, Pointer)>> {
    let mut raised = Vec::new();
    for (index, (resource, limit)) in
        rlimit::from_spec(&process.rlimits, &context.bundle.source)?.into_iter().enumerate()
    {
        let from = Pointer::new("/process/rlimits").child(index);
        let bound = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
        if bound(limit.maximum) > bound(getrlimit(resource).maximum) {
            raised.push((resource, limit, from));
        } else {
            context.step(Act::Limit { resource, soft: limit.current, hard: limit.maximum }, from);
        }
    }
    Ok(raised)
}

/// The capabilities; without a word about them, none, as runc has it.
pub(super) fn capabilities(context: &mut Context<'_>, process: &Process, last: u8) -> CapSets {
    let Some(spec) = &process.capabilities else { return CapSets::default() };
    let (sets, warnings) = CapSets::from_spec(spec, last, &context.bundle.source);
    context.warnings.extend(warnings);
    sets
}

/// `CAP_SYS_ADMIN`.
const SYS_ADMIN: u8 = 21;

/// Whether the container's first process has `CAP_SYS_ADMIN` in its user namespace.
fn may_administer(context: &Context<'_>) -> bool {
    let entered_user_namespace = context.entered && context.map.is_some();
    context.has_user_namespace()
        || entered_user_namespace
        || rustix::thread::capabilities(None).is_ok_and(|sets| sets.permitted.bits() >> SYS_ADMIN & 1 == 1)
}

/// Plans ids, capabilities and what else makes the process what it is, in the only order that works.
///
/// To load a filter without `noNewPrivileges` takes `CAP_SYS_ADMIN`, which is kept until then; the execution takes it away by itself.
pub(super) fn become_process(context: &mut Context<'_>, process: &Process, mut sets: CapSets, filtered: bool) {
    let at = |name: &str| Pointer::new("/process").child(name);
    let user = &process.user;
    context.step(Act::Bounding(sets.bounding), at("capabilities").child("bounding"));
    let keeps = context.bundle.spec.annotations.get(KEEP_GROUPS).is_some_and(|value| value == "1");
    let groups = (context.may_set_groups && !keeps).then(|| user.additional_gids.clone());
    if filtered && !process.no_new_privileges && may_administer(context) {
        let administer = CapSet(1 << SYS_ADMIN);
        sets.effective = sets.effective.with(administer);
        sets.permitted = sets.permitted.with(administer);
    }
    // A process that joins a container has a neighbour there who could look into it.
    let ids = Act::Ids { uid: user.uid, gid: user.gid, groups, umask: user.umask, dumpable: !context.entered };
    context.step(ids, at("user"));
    context.step(Act::Capabilities(sets), at("capabilities"));
    if process.no_new_privileges {
        context.step(Act::NoNewPrivileges, at("noNewPrivileges"));
    }
}
