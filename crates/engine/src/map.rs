//! Which range of ids a start of a container gets: what was asked for, what the image needs, and what nobody else has.
//!
//! The default for root is a slot of 65536 ids of its own, leased for as long as the container lives, and mapped as a whole
//! ([`needs()`] says why, and what `--userns=auto` is instead). For other users it is
//! the whole of their own namespace: root inside is the user. Everything is checked here, before anything is made.

pub(crate) mod asked;
pub mod coverage;
pub mod host;
mod joined;
pub mod needs;
pub mod pool;
mod scarcity;

use std::path::PathBuf;

use diag::{Error, Origin, Result, codes};
use idmap::{Auto, Automatic, Caller, IdMap, Kind, Namespace, Needs, Place, Request, Userns, World, resolve_with};

pub use host::Host;

use crate::{
    config::{MapRequest, User},
    containers_conf::ContainersConf,
    map::{
        asked::{Asked, place_of_all},
        coverage::Image,
        needs::{Breadth, needs},
        pool::{Choice, Leases},
    },
};

/// A decided map.
#[derive(Debug)]
pub struct Decided<L> {
    /// The map, in the ids of this process's user namespace.
    pub map: IdMap,
    /// The map of this process's own namespace, in the ids of the one around it: the host's, as a rule.
    pub current: IdMap,
    /// The lease of the ids, if they were chosen for this container.
    pub lease: Option<L>,
    /// Who the process is to be, if the mode says so (`keep-id`).
    pub user: Option<(u32, u32)>,
    /// Whether the ids that the container sees and those outside differ, so that mounts must be idmapped or files have other owners.
    pub shifted: bool,
    /// What the user should know.
    pub warnings: Vec<Error>,
    /// What was planned for uids and for gids, if the map was made of a plan.
    pub planned: Option<[Needs; 2]>,
    /// The user namespace that it joins instead of having one made.
    pub joined: Option<PathBuf>,
}

/// Finds the map for one start. `name` is the container's, which gets the same ids again while they are free; `origin` tells where
/// the options' words stand.
///
/// Errors: those of [`idmap::resolve`]; UR0101 if the map leaves out what the image or the process needs; UR0205 if too few ids
/// are free.
pub fn decide<L: Leases>(
    request: &MapRequest,
    host: &Host,
    image: &Image,
    name: &str,
    leases: &mut L,
    origin: impl Fn(&Place) -> Option<Origin>,
) -> Result<Decided<L::Lease>> {
    let Asked { request: asked, wishes } =
        Asked::read(request, host, image).map_err(|refused| refused.into_error(&origin))?;
    let world = World { caller: &host.caller, subuid: &host.subuid, subgid: &host.subgid };
    let mut choice = Choice::new(host, name, leases);
    let breadth = breadth(&host.caller, &asked);
    let mut planned = None;
    let resolved = resolve_with(&asked, &wishes, &world, |auto| {
        let plan = [plan(auto, breadth, host, image, Kind::Uid)?, plan(auto, breadth, host, image, Kind::Gid)?];
        let [uids, gids] = planned.insert(plan).clone();
        let [uid_pool, gid_pool] = choice.pools(&uids, &gids)?;
        Ok(Automatic { uids, gids, uid_pool, gid_pool })
    })
    .map_err(|refused| refused.into_error(&origin));
    let at = |error: Error| match place_of_all(request, &origin) {
        Some(origin) => error.at(origin),
        None => error,
    };
    let resolved = resolved.map_err(|error| if error.code() == codes::UR0205 { at(error) } else { error })?;
    let lease = match &resolved.namespace {
        Namespace::New(map) => choice.lease(map)?,
        _ => None,
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
    Ok(Decided { map, current: host.current.clone(), lease, user, shifted, warnings, planned, joined: None })
}

/// How much of what is there anyway goes into an automatic map.
fn breadth(caller: &Caller, asked: &Request) -> Breadth {
    match (caller, asked) {
        (Caller::Root { current }, Request::Mode(Userns::Private)) if *current == IdMap::identity() => {
            Breadth::WholeSlot
        }
        _ => Breadth::Sparse,
    }
}

/// What an automatic map has of one kind of ids: the plan, and the wishes in any case.
fn plan(auto: &Auto, breadth: Breadth, host: &Host, image: &Image, kind: Kind) -> Result<Needs> {
    let conf = ContainersConf::read(&host.places)?;
    let wishes = auto.wishes(kind).iter().filter(|triple| triple.applies(kind));
    let wishes = wishes.map(|triple| triple.extent().inside_range()).collect();
    needs(auto, &image.ids(kind), kind, breadth, &conf).map(|needs| needs.wishing(&wishes))
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
    Error::new(
        codes::UR0108,
        format!("`--userns={mode}` takes a map that is there already: nothing can be planned for it"),
    )
    .help_run("see the map that it takes", "unroot map show CONTAINER")
}

#[cfg(test)]
#[path = "map/tests.rs"]
mod tests;
