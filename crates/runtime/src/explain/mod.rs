//! After a failure: from a step and an errno to a diagnosis.
//!
//! What the kernel says with one errno for several causes is told apart here, by looking. The word "maybe" does not occur.

mod command;
mod idmapping;
mod mounts;

use diag::{Error, Report, codes};
use idmap::{Extents, IdMap, Kind};
pub use idmapping::{idmap, idmap_tree, source_of};
use oci::Bundle;
use rustix::io::Errno;
use sys::clone::Namespaces;

use crate::{
    capability,
    plan::namespaces,
    state::read_proc,
    step::{Act, Step},
    wire::Failure,
};

/// What a failed step means.
pub fn failure(bundle: &Bundle, steps: &[Step], map: Option<&IdMap>, failure: Failure) -> Error {
    if failure.call.is_empty() {
        return from_report(bundle, &failure.text);
    }
    let Some(step) = steps.get(usize::from(failure.step)) else {
        return Error::new(codes::UR0608, "the container failed while it was being set up")
            .os(failure.call, failure.errno);
    };
    let errno = Errno::from_raw_os_error(failure.errno);
    let error = match &step.act {
        Act::FindCommand | Act::Exec { .. } => command::explain(&failure.text, &failure.call),
        Act::Fresh { fs, .. } => mounts::fresh(&fs.to_string_lossy(), errno, &failure.text),
        Act::Attach { target, .. } => mounts::target(target, errno, &failure.call, map),
        act => Error::new(code_of(act, step), sentence(act)),
    };
    let error = match (&step.act, failure.text.is_empty()) {
        (Act::FindCommand | Act::Exec { .. } | Act::Fresh { .. }, _) | (_, true) => error,
        (_, false) => error.fact(failure.text),
    };
    let from = match &step.act {
        Act::Fresh { .. } => mounts::option_at(bundle, &step.from, &failure.call).unwrap_or_else(|| step.from.clone()),
        _ => step.from.clone(),
    };
    let error = error.os(failure.call, failure.errno);
    if from.as_str().is_empty() { error } else { error.at(bundle.at(from)) }
}

/// A failure that the child has explained itself: a hook's.
fn from_report(bundle: &Bundle, text: &str) -> Error {
    match serde_json::from_str::<Report>(text) {
        Ok(report) => Error::from(report).with_text(&bundle.source.text),
        Err(error) => Error::new(codes::UR0608, "the container failed while it was being set up").words(error),
    }
}

fn code_of(act: &Act, step: &Step) -> diag::Code {
    match act {
        Act::WorkingDirectory(_) => codes::UR0506,
        Act::Directory(_) if step.from.as_str() == "/process/cwd" => codes::UR0506,
        Act::Directory(_) | Act::Link { .. } => codes::UR0317,
        Act::Node(_) => codes::UR0412,
        Act::Sysctl { .. } => codes::UR0510,
        Act::Limit { .. } => codes::UR0509,
        Act::Bounding(_) | Act::Capabilities(_) => codes::UR0508,
        Act::Become { .. } | Act::Ids { .. } => codes::UR0106,
        Act::Terminal { .. } | Act::Streams(_) => codes::UR0511,
        Act::Hostname(_) | Act::Domainname(_) | Act::TimeOffsets(_) | Act::NoNewPrivileges | Act::Loopback => {
            codes::UR0512
        }
        Act::Await(_) | Act::Say(_) | Act::AwaitStart | Act::DieWithParent => codes::UR0608,
        _ => codes::UR0307,
    }
}

fn sentence(act: &Act) -> String {
    match act {
        Act::WorkingDirectory(path) | Act::Directory(path) => {
            format!("the directory `{}` cannot be used in the container", path.display())
        }
        Act::Link { at, .. } => format!("the link `{}` cannot be made in the root filesystem", at.display()),
        Act::Node(node) => format!("the device `{}` cannot be made", node.path.display()),
        Act::Sysctl { path, value } => format!("the kernel parameter `{}` cannot be set to `{value}`", path.display()),
        Act::Limit { resource, .. } => format!("the limit {resource:?} cannot be set"),
        Act::Bounding(_) | Act::Capabilities(_) => "the capabilities cannot be set".to_owned(),
        Act::Become { uid, gid } | Act::Ids { uid, gid, .. } => {
            format!("the process cannot become uid {uid}, gid {gid}")
        }
        Act::Terminal { .. } | Act::Streams(_) => "the terminal cannot be set up".to_owned(),
        Act::Await(_) | Act::AwaitStart | Act::DieWithParent => {
            "the runtime died while the container was being set up".to_owned()
        }
        Act::TimeOffsets(_) => "the clocks of the container cannot be set".to_owned(),
        Act::NoNewPrivileges => "`noNewPrivileges` cannot be set".to_owned(),
        Act::Loopback => "the loopback interface of the container cannot be brought up".to_owned(),
        Act::Hostname(name) => format!("the host name `{name}` cannot be set"),
        Act::Domainname(name) => format!("the domain name `{name}` cannot be set"),
        Act::PivotRoot | Act::MoveRoot => "the root filesystem cannot be made the container's root".to_owned(),
        Act::EnterRoot(_) => "the root filesystem cannot be entered".to_owned(),
        Act::RootPropagation(..) => "the propagation of the root mount cannot be set".to_owned(),
        Act::ReadonlyRoot => "the root filesystem cannot be made read-only".to_owned(),
        Act::CutPropagation => "the container's mounts cannot be cut off from the host's".to_owned(),
        Act::Mask(path) => format!("`{}` cannot be hidden", path.display()),
        Act::ReadonlyPath(path) => format!("`{}` cannot be made read-only", path.display()),
        Act::Remount { target, .. } => format!("the mount on `{}` cannot be changed", target.display()),
        act => format!("the container cannot be set up: {act}"),
    }
}

/// What a failed `clone3` means.
pub fn clone(errno: Errno, new: Namespaces) -> Error {
    let names: Vec<_> = new.iter().map(namespaces::name).collect();
    let call = format!("clone3({})", names.join(", "));
    let error = Error::new(codes::UR0206, "the container's namespaces cannot be made").os(call, errno.raw_os_error());
    match errno {
        Errno::NOSPC => limits(new)
            .into_iter()
            .fold(error, Error::fact)
            .help_run("allow more of them", "sudo sysctl -w user.max_user_namespaces=100000"),
        Errno::PERM => refusals().into_iter().fold(error, Error::fact),
        Errno::INVAL => error.fact("this kernel lacks one of these kinds of namespaces"),
        Errno::AGAIN => {
            error.fact("no further process may be started here: see `ulimit -u` and pids.max of the control group")
        }
        _ => error,
    }
}

fn limits(new: Namespaces) -> Vec<String> {
    let file = |kind| format!("/proc/sys/user/max_{}_namespaces", namespaces::proc_name(kind));
    let read = |kind| Some(format!("{} is {}", file(kind), read_proc(&file(kind)).ok()?.trim_end()));
    new.iter().filter_map(read).collect()
}

/// What forbids user namespaces on this host.
fn refusals() -> Vec<String> {
    let mut facts = Vec::new();
    let mut switch = |file: &str, forbids: &str, says: &str| {
        if read_proc(file).is_ok_and(|value| value.trim_end() == forbids) {
            facts.push(format!("{file} is {forbids}: {says}"));
        }
    };
    switch("/proc/sys/kernel/unprivileged_userns_clone", "0", "only root may create user namespaces");
    switch(
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "a program needs an AppArmor profile that allows it",
    );
    if facts.is_empty() {
        facts.push("a process whose root directory was changed (chroot) may not create user namespaces; a seccomp filter can forbid it too".to_owned());
    }
    facts
}

/// What a refused write of a map means.
pub fn map_write(bundle: &Bundle, kind: Kind, extents: &Extents, file: &str, errno: Errno) -> Error {
    let name = kind.name();
    let pointer = match kind {
        Kind::Uid => "/linux/uidMappings",
        Kind::Gid => "/linux/gidMappings",
    };
    let error = Error::new(codes::UR0107, format!("the kernel does not accept the {name} map"))
        .os(format!("write(/proc/PID/{file})"), errno.raw_os_error())
        .at(bundle.at(diag::Pointer::new(pointer)))
        .fact(format!("it maps to host {name}s {}", extents.outside_ids()));
    let own = read_proc(&format!("/proc/self/{file}")).ok().and_then(|text| Extents::from_kernel(&text).ok());
    match own {
        Some(own) if own.iter().map(|extent| u64::from(extent.len)).sum::<u64>() < u64::from(u32::MAX) => error
            .fact(format!("this process itself is in a user namespace that has the {name}s {} only", own.inside_ids())),
        _ if errno == Errno::PERM && !has_setfcap() => {
            error.fact("to map id 0 of the host takes CAP_SETFCAP, which this process lacks")
        }
        _ => error,
    }
}

fn has_setfcap() -> bool {
    let number = capability::number("CAP_SETFCAP").unwrap_or(31);
    rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.bits() >> number & 1 == 1)
}
