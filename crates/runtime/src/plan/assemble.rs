//! All steps in their order, with those that come before the root filesystem: ids, names and clocks.

use diag::{Error, Pointer, Result, codes};
use idmap::{IdMap, Kind};
use oci::{Bundle, spec::TimeOffset};
use sys::clone::Namespaces;

use super::{RootPlan, namespaces::NamespacePlan};
use crate::step::{Act, Step, Word};

/// Puts the steps in their order: what needs no root filesystem, the root filesystem, the rest.
pub(super) fn assemble(
    bundle: &Bundle,
    namespaces: &NamespacePlan,
    map: Option<&IdMap>,
    root: &RootPlan,
    prepared: Vec<Step>,
    rest: Vec<Step>,
) -> Result<Vec<Step>> {
    let mut steps = Vec::with_capacity(prepared.len() + rest.len() + 12);
    let mut step = |act, from: &str| steps.push(Step { act, from: Pointer::new(from) });
    step(Act::Session, "");
    step(Act::Await(Word::Mapped), "/linux/uidMappings");
    if let Some(map) = map {
        step(Act::Become { uid: ruler(map, Kind::Uid), gid: ruler(map, Kind::Gid) }, "/linux/uidMappings");
    } else if namespaces.joined_user().is_some() {
        step(Act::Become { uid: 0, gid: 0 }, "/linux/namespaces");
    }
    step(Act::CutPropagation, "");
    if namespaces.owns(Namespaces::NET) {
        step(Act::Loopback, "");
    }
    if let Some(name) = bundle.spec.hostname.clone().filter(|name| !name.is_empty()) {
        own_uts(bundle, namespaces, "/hostname")?;
        step(Act::Hostname(name), "/hostname");
    }
    if let Some(name) = bundle.spec.domainname.clone().filter(|name| !name.is_empty()) {
        own_uts(bundle, namespaces, "/domainname")?;
        step(Act::Domainname(name), "/domainname");
    }
    if let Some(offsets) = time_offsets(bundle, namespaces)? {
        step(Act::TimeOffsets(offsets), "/linux/timeOffsets");
    }
    steps.extend(prepared);
    let (RootPlan::Opened(slot) | RootPlan::Overlay(slot)) = *root;
    steps.push(Step { act: Act::Await(Word::Mounts), from: Pointer::new("/root/path") });
    steps.push(Step { act: Act::EnterRoot(slot), from: Pointer::new("/root/path") });
    steps.extend(rest);
    Ok(steps)
}

/// The id in whose name the container is set up: 0, or the lowest there is.
pub(super) fn ruler(map: &IdMap, kind: Kind) -> u32 {
    map.get(kind).iter().map(|extent| extent.inside.0).min().unwrap_or(0)
}

/// A name may be set only in a namespace of the container's own: otherwise it would be the host's.
fn own_uts(bundle: &Bundle, namespaces: &NamespacePlan, at: &str) -> Result<()> {
    if namespaces.has(Namespaces::UTS) {
        return Ok(());
    }
    Err(Error::new(codes::UR0413, "a host name is given, but the container has no uts namespace")
        .at(bundle.at(Pointer::new(at)))
        .help("add `{\"type\": \"uts\"}` to linux.namespaces"))
}

/// The text for `/proc/PID/timens_offsets` (`time_namespaces(7)`).
fn time_offsets(bundle: &Bundle, namespaces: &NamespacePlan) -> Result<Option<String>> {
    let linux = bundle.spec.linux.as_ref();
    let Some(offsets) = linux.map(|linux| &linux.time_offsets).filter(|all| !all.is_empty()) else {
        return Ok(None);
    };
    let at = Pointer::new("/linux/timeOffsets");
    if !namespaces.owns(Namespaces::TIME) {
        return Err(Error::new(
            codes::UR0413,
            "time offsets are given, but the container has no time namespace of its own",
        )
        .at(bundle.at(at))
        .help("add `{\"type\": \"time\"}` to linux.namespaces"));
    }
    let line = |(clock, offset): (&String, &TimeOffset)| {
        if clock != "monotonic" && clock != "boottime" {
            return Err(Error::new(codes::UR0402, format!("`{clock}` is no clock with an offset"))
                .at(bundle.at(at.child(clock)))
                .help("there are `monotonic` and `boottime`"));
        }
        Ok(format!("{clock} {} {}\n", offset.secs, offset.nanosecs))
    };
    offsets.iter().map(line).collect::<Result<String>>().map(Some)
}
