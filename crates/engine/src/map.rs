//! Which range of ids a start of a container gets: what was asked for, what the image needs, and what nobody else has.
//!
//! The default for root is a slot of 65536 ids of its own, leased for as long as the container lives, and mapped as a whole
//! ([`needs`] says why, and what `--userns=auto` is instead). For other users it is
//! the whole of their own namespace: root inside is the user. Everything is checked here, before anything is made.

pub(crate) mod asked;
pub mod coverage;
pub mod host;
pub mod needs;

use diag::{Error, Origin, Result, codes};
use idmap::{
    Auto, Automatic, Caller, IdMap, Kind, Namespace, Place, Pool, Request, Slot, Userns, World, resolve_with,
    slots::free_slots,
};

pub use host::Host;

use crate::{
    config::{MapRequest, User},
    containers_conf::ContainersConf,
    map::{
        asked::{Asked, place_of_all},
        coverage::Image,
        needs::{Breadth, needs},
    },
};

/// A decided map.
#[derive(Debug)]
pub struct Decided<L> {
    /// The map, in the ids of this process's user namespace.
    pub map: IdMap,
    /// The map of this process's own namespace, in the ids of the one around it: the host's, as a rule.
    pub current: IdMap,
    /// The lease of the range, if it was taken from root's slots.
    pub lease: Option<L>,
    /// Who the process is to be, if the mode says so (`keep-id`).
    pub user: Option<(u32, u32)>,
    /// Whether the ids on disk and the ids outside differ, so that mounts must be idmapped.
    pub shifted: bool,
    /// What the user should know.
    pub warnings: Vec<Error>,
}

/// Finds the map for one start. `lease` tries to take a slot; `origin` tells where the options' words stand.
///
/// Errors: those of [`idmap::resolve`]; UR0101 if the map leaves out what the image or the process needs; UR0205 if no slot
/// is free; UR0302 if the map needs idmapped mounts and the user is not root.
pub fn decide<L>(
    request: &MapRequest,
    host: &Host,
    image: &Image,
    name: &str,
    mut lease: impl FnMut(Slot) -> Result<Option<L>>,
    origin: impl Fn(&Place) -> Option<Origin>,
) -> Result<Decided<L>> {
    let Asked { request: asked, wishes } =
        Asked::read(request, host, image).map_err(|refused| refused.into_error(&origin))?;
    let world = World { caller: &host.caller, subuid: &host.subuid, subgid: &host.subgid };
    let mut held = None;
    let breadth = breadth(&host.caller, &asked);
    let resolved =
        resolve_with(&asked, &wishes, &world, |auto| automatic(auto, breadth, host, image, name, &mut lease, &mut held))
            .map_err(|refused| refused.into_error(&origin))?;
    let at = |error: Error| match place_of_all(request, &origin) {
        Some(origin) => error.at(origin),
        None => error,
    };
    let mut warnings = Vec::new();
    let map = match resolved.namespace {
        Namespace::New(map) => host.as_seen_here(map).map_err(&at)?,
        Namespace::Caller => {
            warnings.push(at(host_mode()));
            host.whole()
        }
        Namespace::Container(_) | Namespace::Path(_) => return Err(at(joining(request))),
    };
    let user = resolved.user.map(|(uid, gid)| (uid.0, gid.0));
    let finding = match user {
        Some((uid, gid)) if image.user_is_open => {
            let process = User { uid, gid, groups: Vec::new() };
            coverage::check(&map, &Image { process, ..image.clone() }, &asked, &host.passwd, &host.group)
        }
        _ => coverage::check(&map, image, &asked, &host.passwd, &host.group),
    };
    warnings.extend(finding.map_err(&at)?.map(&at));
    let shifted = !is_identity(&map);
    if shifted && host.nested && image.layered {
        return Err(at(needs_idmapped_mounts()));
    }
    Ok(Decided { map, current: host.current.clone(), lease: held, user, shifted, warnings })
}

/// How much of what is there anyway goes into an automatic map.
fn breadth(caller: &Caller, asked: &Request) -> Breadth {
    match (caller, asked) {
        (Caller::User { .. }, _) => Breadth::Sparse,
        (Caller::Root { .. }, Request::Mode(Userns::Private)) => Breadth::WholeSlot,
        (Caller::Root { .. }, _) => Breadth::Slot,
    }
}

/// The material of an automatic map: a free slot for root, the delegated ids for others.
fn automatic<L>(
    auto: &Auto,
    breadth: Breadth,
    host: &Host,
    image: &Image,
    name: &str,
    lease: &mut impl FnMut(Slot) -> Result<Option<L>>,
    held: &mut Option<L>,
) -> Result<Automatic> {
    let conf = ContainersConf::read(&host.places)?;
    let plan = |kind| needs(auto, &image.ids(kind), kind, breadth, &conf);
    let (uids, gids) = (plan(Kind::Uid)?, plan(Kind::Gid)?);
    if let Caller::User { intermediate, .. } = &host.caller {
        let pool = |kind| {
            let further = intermediate.get(kind).iter().skip(1);
            Pool::ranges(further.map(|extent| extent.outside.0..=extent.outside.0 + (extent.len - 1)).collect())
        };
        return Ok(Automatic { uids, gids, uid_pool: pool(Kind::Uid), gid_pool: pool(Kind::Gid) });
    }
    for slot in free_slots(name, &host.taken) {
        if let Some(lease) = lease(slot)? {
            *held = Some(lease);
            return Ok(Automatic { uids, gids, uid_pool: Pool::slot(slot), gid_pool: Pool::slot(slot) });
        }
    }
    Err(Error::new(codes::UR0205, "no free range of 65536 ids is left between 524288 and 1879048191")
        .help_run("see which containers hold ranges", "unroot ps --format '{{.ID}} {{.UserNS}}'")
        .help("choose the ids yourself with --uidmap and --gidmap"))
}

fn is_identity(map: &IdMap) -> bool {
    [&map.uid, &map.gid].into_iter().all(|extents| extents.iter().all(|extent| extent.inside.0 == extent.outside.0))
}

fn host_mode() -> Error {
    Error::warning(codes::UR0108, "`--userns=host` gives the container a user namespace of its own all the same")
        .fact("every id in it is the host's id, so its files and processes belong to whom they would on the host")
        .help("leave the option out to get a range of ids that no one on the host has")
}

fn joining(request: &MapRequest) -> Error {
    let mode = request.userns.as_deref().unwrap_or_default();
    Error::new(codes::UR0808, format!("Podman's `--userns={mode}` is not supported by this version"))
        .help("without it the container gets a user namespace of its own")
}

fn needs_idmapped_mounts() -> Error {
    Error::new(codes::UR0302, "this map changes the ids of the image's files, and only root can have that done by a mount")
        .fact("the image's files lie in a file system that belongs to the host; its ids can be mapped by a mount of the host's root only")
        .help("leave the option out: root in the container is you, and the further ids are those of /etc/subuid")
}

#[cfg(test)]
#[path = "map/tests.rs"]
mod tests;
