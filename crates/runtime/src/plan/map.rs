//! `linux.uidMappings` and `linux.gidMappings`, and what must be in them.

use diag::{Error, Pointer, Result, codes};
use idmap::{Extent, Extents, Fault, IdMap, Inside, Kind};
use oci::{
    Bundle,
    spec::{IdMapping, Linux},
};

use super::namespaces::NamespacePlan;

/// Reads the map; `None` without a user namespace, or with one that is joined and not described.
pub(super) fn decide(bundle: &Bundle, namespaces: &NamespacePlan) -> Result<Option<IdMap>> {
    let linux = bundle.spec.linux.as_ref();
    let of = |kind| linux.map_or(&[][..], |linux| list(linux, kind));
    let given = Kind::BOTH.map(|kind| !of(kind).is_empty());
    let joins = namespaces.joined_user().is_some();
    match given {
        [false, false] if !namespaces.has_new_user() => Ok(None),
        [true, true] if namespaces.has_new_user() || joins => {
            IdMap::try_from_fn(|kind| extents(bundle, kind, of(kind))).map(Some)
        }
        _ if namespaces.has_new_user() || joins => Err(missing_mappings(bundle, given)),
        _ => Err(mappings_alone(bundle, given)),
    }
}

fn list(linux: &Linux, kind: Kind) -> &[IdMapping] {
    match kind {
        Kind::Uid => &linux.uid_mappings,
        Kind::Gid => &linux.gid_mappings,
    }
}

fn pointer(kind: Kind) -> Pointer {
    Pointer::new("/linux").child(member(kind))
}

fn member(kind: Kind) -> &'static str {
    match kind {
        Kind::Uid => "uidMappings",
        Kind::Gid => "gidMappings",
    }
}

fn extents(bundle: &Bundle, kind: Kind, list: &[IdMapping]) -> Result<Extents> {
    read_extents(kind, list, &pointer(kind), bundle)
}

/// Reads a list of mappings as a map; a fault is shown at its element.
pub(super) fn read_extents(kind: Kind, list: &[IdMapping], at: &Pointer, bundle: &Bundle) -> Result<Extents> {
    let one = |mapping: &IdMapping| Extent::new(mapping.container_id, mapping.host_id, mapping.size);
    Extents::new(list.iter().map(one)).map_err(|fault| {
        let (index, overlap) = (fault.index(), matches!(fault, Fault::Overlap { .. }));
        let error = fault.into_error(kind).at(bundle.at(at.child(index)));
        if !overlap {
            return error;
        }
        // What helps on a command line, where a later extent may replace an earlier one, does not here.
        let mut report = error.into_report();
        report.help.clear();
        Error::from(report).help("shorten one of them, or move it: `size` says how many ids an extent has")
    })
}

fn missing_mappings(bundle: &Bundle, given: [bool; 2]) -> Error {
    let missing: Vec<_> =
        Kind::BOTH.into_iter().zip(given).filter(|(_, given)| !given).map(|(kind, _)| member(kind)).collect();
    let place = if given == [false, false] { Pointer::new("/linux/namespaces") } else { Pointer::new("/linux") };
    Error::new(codes::UR0409, format!("the container has a user namespace, but no {}", missing.join(" and no ")))
        .at(bundle.at(place))
        .fact("a user namespace without a map has no ids: every file would belong to nobody, and nothing could be mounted")
        .help("add both, for example `\"uidMappings\": [{\"containerID\": 0, \"hostID\": 524288, \"size\": 65536}]`, and the same as `gidMappings`")
}

fn mappings_alone(bundle: &Bundle, given: [bool; 2]) -> Error {
    let kind = if given[0] { Kind::Uid } else { Kind::Gid };
    Error::new(codes::UR0409, format!("{} is given, but the container has no user namespace", member(kind)))
        .at(bundle.at(pointer(kind)))
        .label("this has no effect without a user namespace")
        .help("add `{\"type\": \"user\"}` to linux.namespaces, or take the mappings away")
}

/// Refuses a map that leaves out an id of the process.
pub(super) fn check_process(bundle: &Bundle, map: &IdMap) -> Result<()> {
    let Some(process) = &bundle.spec.process else { return Ok(()) };
    let user = &process.user;
    let at = Pointer::new("/process/user");
    check_id(bundle, map, Kind::Uid, user.uid, &at.child("uid"))?;
    check_id(bundle, map, Kind::Gid, user.gid, &at.child("gid"))?;
    for (index, gid) in user.additional_gids.iter().enumerate() {
        check_id(bundle, map, Kind::Gid, *gid, &at.child("additionalGids").child(index))?;
    }
    Ok(())
}

fn check_id(bundle: &Bundle, map: &IdMap, kind: Kind, id: u32, at: &Pointer) -> Result<()> {
    if map.get(kind).contains(Inside(id)) {
        return Ok(());
    }
    let name = kind.name();
    Err(Error::new(codes::UR0106, format!("the process is to run with {name} {id}, which the map leaves out"))
        .at(bundle.at(at.clone()))
        .fact(format!("the map has container {name}s {}", map.get(kind).inside_ids()))
        .help(format!("add {name} {id} to linux.{}, or choose an id that is in it", member(kind))))
}

/// Refuses a map without id 0, which owns the root filesystem and in whose name everything is set up.
pub(super) fn check_root(bundle: &Bundle, map: &IdMap) -> Result<()> {
    let Some(kind) = Kind::BOTH.into_iter().find(|kind| !map.get(*kind).contains(Inside(0))) else { return Ok(()) };
    let name = kind.name();
    Err(Error::new(codes::UR0105, format!("the map leaves out container {name} 0"))
        .at(bundle.at(pointer(kind)))
        .label(format!("maps container {name}s {} only", map.get(kind).inside_ids()))
        .fact(
            "the kernel accepts such a map; but the root filesystem belongs to id 0, so nothing could be mounted in it",
        )
        .help(format!("add an extent with `\"containerID\": 0` to linux.{}", member(kind))))
}
