//! After a failure: from a step and an errno to a diagnosis.
//!
//! What the kernel says with one errno for several causes is told apart here, by looking. The word "maybe" does not occur.

mod command;
mod idmapping;
mod mounts;
mod seccomp;

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
        Act::Seccomp { filter, .. } => seccomp::refused(filter, errno),
        Act::Fresh { fs, .. } => mounts::fresh(&fs.to_string_lossy(), errno, &failure.text),
        Act::Attach { target, .. } => mounts::target(target, errno, &failure.call, map),
        // A container's own is made if it is missing; that of a process that enters is not.
        Act::WorkingDirectory(path) if errno == Errno::NOENT => {
            Error::new(codes::UR0644, format!("there is no directory `{}` in the container", path.display()))
        }
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
        Act::Seccomp { .. } => codes::UR0420,
        Act::Label { .. } => codes::UR0422,
        Act::NetDevice { .. } => codes::UR0425,
        Act::MemoryPolicy { .. } | Act::Personality(_) => codes::UR0423,
        Act::Bounding(_) | Act::Capabilities(_) => codes::UR0508,
        Act::Become { .. } | Act::Ids { .. } => codes::UR0106,
        Act::Terminal { .. } | Act::EnteredTerminal { .. } | Act::Streams(_) => codes::UR0511,
        Act::Enter { .. } => codes::UR0641,
        Act::Hostname(_)
        | Act::Domainname(_)
        | Act::TimeOffsets(_)
        | Act::NoNewPrivileges
        | Act::Loopback
        | Act::Hide => codes::UR0512,
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
        Act::Terminal { .. } | Act::EnteredTerminal { .. } | Act::Streams(_) => {
            "the terminal cannot be set up".to_owned()
        }
        Act::Enter { .. } => "the container's namespaces cannot be entered".to_owned(),
        Act::Await(_) | Act::AwaitStart | Act::DieWithParent => {
            "the runtime died while the container was being set up".to_owned()
        }
        Act::TimeOffsets(_) => "the clocks of the container cannot be set".to_owned(),
        Act::NetDevice { name, .. } => format!("the network device `{name}` cannot be set up in the container"),
        Act::Label { module, text } => format!("{module} does not give `{text}`"),
        Act::MemoryPolicy { .. } => "the memory policy cannot be set".to_owned(),
        Act::Personality(_) => "the execution domain cannot be set".to_owned(),
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

/// What a `clone3` or an `unshare` of namespaces means that failed.
pub fn clone(errno: Errno, new: Namespaces) -> Error {
    let names: Vec<_> = new.iter().map(namespaces::name).collect();
    let error = Error::new(codes::UR0206, "the namespaces cannot be made")
        .os(format!("clone3({})", names.join(", ")), errno.raw_os_error());
    match errno {
        Errno::NOSPC => limits(error, new),
        Errno::PERM => refusals(error),
        Errno::INVAL => error.fact("this kernel lacks one of these kinds of namespaces"),
        Errno::AGAIN => {
            error.fact("no further process may be started here: see `ulimit -u` and pids.max of the control group")
        }
        _ => error,
    }
}

/// How many namespaces of each kind there may be, and how to have more of those of which there may be none.
fn limits(error: Error, new: Namespaces) -> Error {
    new.iter().fold(error, |error, kind| {
        let name = format!("user.max_{}_namespaces", namespaces::proc_name(kind));
        match parameter(&name).as_deref() {
            Some("0") => error
                .fact(format!("{name} is 0"))
                .help_run("let the administrator allow some", format!("sudo sysctl -w {name}=28633")),
            Some(limit) => error.fact(format!("{name} is {limit}")),
            None => error,
        }
    })
}

/// What forbids user namespaces on this host.
fn refusals(error: Error) -> Error {
    let switches = [
        ("kernel.unprivileged_userns_clone", "0", "1", "only root may create user namespaces"),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            "1",
            "0",
            "a program needs an AppArmor profile that allows it",
        ),
    ];
    let mut known = false;
    let error = switches.into_iter().fold(error, |error, (name, forbids, allows, says)| {
        if parameter(name).as_deref() != Some(forbids) {
            return error;
        }
        known = true;
        error
            .fact(format!("{name} is {forbids}: {says}"))
            .help_run("let the administrator allow it", format!("sudo sysctl -w {name}={allows}"))
    });
    if known {
        return error;
    }
    error.fact("a process whose root directory was changed (chroot) may not create user namespaces; a seccomp filter can forbid it too")
}

/// The value of a kernel parameter.
fn parameter(name: &str) -> Option<String> {
    let value = read_proc(&format!("/proc/sys/{}", name.replace('.', "/"))).ok()?;
    Some(value.trim_end().to_owned())
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
