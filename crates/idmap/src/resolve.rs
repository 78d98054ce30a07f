//! From what was asked for to a map of container ids and host ids.
//!
//! A rootless caller's numbers refer to an intermediate namespace (0 is the caller, then the delegated ids). unroot
//! does not make that namespace: it composes both maps, and the container's namespace is a child of the caller's.

use diag::{Error, codes};

use crate::{
    Auto, Extent, Extents, IdMap, IdSet, Inside, KeepId, Kind, MapOption, Needs, Outside, Place, Pool, Refused,
    Request, SubidFile, Triple, Userns, Wishes, assign,
    breaking::zip,
    by_hand::{by_hand, insert, wished},
    consecutive,
};

/// Who asks, and which ids that gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Root: may use every id of its own namespace, whose maps these are; on a host, the identity.
    Root {
        /// `/proc/self/uid_map` and `gid_map`.
        current: IdMap,
    },
    /// An ordinary user.
    User {
        /// Their uid.
        uid: Outside,
        /// Their gid.
        gid: Outside,
        /// 0 is the user, then follow the delegated ids: [`crate::intermediate`].
        intermediate: IdMap,
    },
}

impl Caller {
    /// The caller's own id.
    pub const fn id(&self, kind: Kind) -> Outside {
        match (self, kind) {
            (Caller::Root { .. }, _) => Outside(0),
            (Caller::User { uid, .. }, Kind::Uid) => *uid,
            (Caller::User { gid, .. }, Kind::Gid) => *gid,
        }
    }
}

/// What resolving needs to know of the host.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// `/etc/subuid`, for `--subuidname`.
    pub subuid: &'a SubidFile,
    /// `/etc/subgid`, for `--subgidname`.
    pub subgid: &'a SubidFile,
}

/// What an automatic map is made of: asked for only if one is wanted, since it costs a lease.
#[derive(Clone, Debug)]
pub struct Automatic {
    /// Which uids the container needs.
    pub uids: Needs,
    /// Which gids.
    pub gids: Needs,
    /// Host uids that are free for it.
    pub uid_pool: Pool,
    /// Host gids that are free for it.
    pub gid_pool: Pool,
}

/// Where the container's user namespace comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// A new one with this map.
    New(IdMap),
    /// None: root's own (`--userns=host` as root).
    Caller,
    /// That of a container.
    Container(String),
    /// That of a file.
    Path(String),
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Where the namespace comes from.
    pub namespace: Namespace,
    /// Who the container's process is, instead of the image's `USER` (`keep-id` without `--user`).
    pub user: Option<(Inside, Inside)>,
}

/// Finds the map.
///
/// Errors: UR0102 to UR0104 as for every map; UR0107 for ids that the caller has not; UR0108 for modes that the caller
/// cannot have; UR0201 if a mode needs delegated ids and there are none; UR0205 if the pool is too small; what `automatic` returns.
pub fn resolve(
    request: &Request,
    world: &World<'_>,
    automatic: impl FnOnce(&Auto) -> Result<Automatic, Error>,
) -> Result<Resolved, Refused> {
    let new = |map| Resolved { namespace: Namespace::New(map), user: None };
    let join = |namespace| Resolved { namespace, user: None };
    match request {
        Request::Triples { uid, gid } => by_hand(uid, gid, world.caller).map(new),
        Request::Names { uid, gid, alone } => by_names(uid, gid, *alone, world).map(new),
        Request::Mode(mode) => match mode {
            Userns::Host => Ok(host(world.caller)),
            Userns::Private => filled(&Auto::default(), world.caller, automatic).map(new),
            Userns::Auto(auto) => filled(auto, world.caller, automatic).map(new),
            Userns::KeepId(keep) => keep_id(*keep, world.caller),
            Userns::NoMap => no_map(world.caller).map(new),
            Userns::Container(id) => Ok(join(Namespace::Container(id.clone()))),
            Userns::Path(path) => Ok(join(Namespace::Path(path.clone()))),
        },
    }
}

/// As [`resolve()`], with single ids on top: a `+` of every way to a map. In a map by hand that is what it means; an automatic
/// map is filled around them; every other is broken up for them.
///
/// Errors: those of [`resolve()`]; UR0108 if the mode leaves nothing to wish for.
pub fn resolve_with(
    request: &Request,
    wishes: &Wishes,
    world: &World<'_>,
    automatic: impl FnOnce(&Auto) -> Result<Automatic, Error>,
) -> Result<Resolved, Refused> {
    if wishes.is_empty() {
        return resolve(request, world, automatic);
    }
    contradiction(request, wishes)?;
    if let Some(request) = with_wishes(request, wishes, world.caller) {
        return resolve(&request, world, automatic);
    }
    let resolved = resolve(request, world, automatic)?;
    let base = match resolved.namespace {
        Namespace::New(map) => map,
        _ => host_ids(world.caller),
    };
    let map = IdMap::try_from_fn(|kind| insert(base.get(kind), wishes.get(kind), kind, world.caller))?;
    Ok(Resolved { namespace: Namespace::New(map), user: resolved.user })
}

/// The request that has the wishes in it already, where there is one.
fn with_wishes(request: &Request, wishes: &Wishes, caller: &Caller) -> Option<Request> {
    let both = |own: &[Triple], kind| [own, wishes.get(kind)].concat();
    let auto = |auto: &Auto| {
        Request::Mode(Userns::Auto(Auto {
            size: auto.size,
            uidmapping: both(&auto.uidmapping, Kind::Uid),
            gidmapping: both(&auto.gidmapping, Kind::Gid),
        }))
    };
    match (request, caller) {
        (Request::Triples { uid, gid }, _) => {
            Some(Request::Triples { uid: both(uid, Kind::Uid), gid: both(gid, Kind::Gid) })
        }
        (Request::Mode(Userns::Auto(own)), _) => Some(auto(own)),
        (Request::Mode(Userns::Private), _) => Some(auto(&Auto::default())),
        // What is left over of the caller's ids is filled in around them.
        (Request::Mode(Userns::Host), Caller::User { .. }) => {
            Some(Request::Triples { uid: wishes.uid.clone(), gid: wishes.gid.clone() })
        }
        _ => None,
    }
}

fn contradiction(request: &Request, wishes: &Wishes) -> Result<(), Refused> {
    let Request::Mode(mode) = request else { return Ok(()) };
    let refused = |triple: &Triple, what: String, help: &str| {
        Err(Refused::new(triple.place.clone(), codes::UR0108, what).help(help))
    };
    let first = wishes.uid.first().or(wishes.gid.first());
    match (mode, wishes.first_of(MapOption::MeAs), first) {
        (Userns::Container(_) | Userns::Path(_), _, Some(triple)) => {
            let what =
                format!("`{}` cannot change the map of a namespace that is there already", triple.place.option.name());
            refused(triple, what, "leave one of the two options out")
        }
        (Userns::KeepId(_), Some(triple), _) => refused(
            triple,
            "`--me-as` and `--userns=keep-id` both say who you are in the container".to_owned(),
            "leave one of them out; with numbers, `keep-id:uid=UID,gid=GID` says the same",
        ),
        (Userns::NoMap, Some(triple), _) => refused(
            triple,
            "`--userns=nomap` leaves you out of the container, and `--me-as` says who you are in it".to_owned(),
            "leave one of them out",
        ),
        _ => Ok(()),
    }
}

/// The caller's ids as they are.
fn host_ids(caller: &Caller) -> IdMap {
    match caller {
        Caller::Root { current } => {
            // Disjoint, as the map is that they are taken from.
            let same = |kind| Extents::new(identity_within(current.get(kind))).unwrap_or_default();
            IdMap { uid: same(Kind::Uid), gid: same(Kind::Gid) }
        }
        Caller::User { intermediate, .. } => intermediate.clone(),
    }
}

fn mode_refused(error: Error, mode: &str) -> Refused {
    Refused { error, place: Some(Place::new(MapOption::Userns, 0, 0..mode.len())) }
}

fn host(caller: &Caller) -> Resolved {
    let namespace = match caller {
        Caller::Root { .. } => Namespace::Caller,
        Caller::User { intermediate, .. } => Namespace::New(intermediate.clone()),
    };
    Resolved { namespace, user: None }
}

fn by_names(uid: &str, gid: &str, alone: Option<MapOption>, world: &World<'_>) -> Result<IdMap, Refused> {
    IdMap::try_from_fn(|kind| {
        let (file, name, option) = match kind {
            Kind::Uid => (world.subuid, uid, MapOption::Subuidname),
            Kind::Gid => (world.subgid, gid, MapOption::Subgidname),
        };
        let place = Place::new(alone.unwrap_or(option), 0, 0..name.len());
        let ranges = file.ranges_of_name(name);
        if ranges.is_empty() {
            return Err(Refused::new(
                place,
                codes::UR0201,
                format!("no ids are delegated to `{name}` in `{}`", kind.subid_file()),
            )
            .help(format!("add a line such as `{name}:100000:65536` to `{}`", kind.subid_file())));
        }
        let at = |error: Error| Refused { error, place: Some(place.clone()) };
        let map = consecutive(&ranges).map_err(|fault| at(fault.into_error(kind)))?;
        match world.caller {
            Caller::Root { current } => {
                map.split_at_parents(current.get(kind)).map_err(|straddle| at(straddle.into_error(kind)))
            }
            Caller::User { intermediate, .. } => {
                let foreign = map.outside_ids().difference(&intermediate.get(kind).outside_ids());
                if foreign.is_empty() {
                    return Ok(map);
                }
                let what = format!("the {kind}s of `{name}` are not delegated to you: {}", foreign.brief(4));
                Err(at(Error::new(codes::UR0107, what).help("leave the option out to use your own ids")))
            }
        }
    })
}

fn filled(
    auto: &Auto,
    caller: &Caller,
    automatic: impl FnOnce(&Auto) -> Result<Automatic, Error>,
) -> Result<IdMap, Refused> {
    // Wishes are looked at first: what is wrong with them must not cost a lease.
    let wishes = IdMap::try_from_fn(|kind| wished(auto.wishes(kind), kind, caller))?;
    let found = automatic(auto).map_err(Refused::nowhere)?;
    IdMap::try_from_fn(|kind| {
        let (plan, pool) = match kind {
            Kind::Uid => (&found.uids, &found.uid_pool),
            Kind::Gid => (&found.gids, &found.gid_pool),
        };
        let map = assign(plan, wishes.get(kind), pool).map_err(|short| Refused::nowhere(short.into_error(kind)))?;
        match caller {
            // Of use if root is in a namespace of its own, whose ids the pool has to be made of.
            Caller::Root { current } => {
                map.split_at_parents(current.get(kind)).map_err(|straddle| Refused::nowhere(straddle.into_error(kind)))
            }
            Caller::User { .. } => Ok(map),
        }
    })
}

fn keep_id(keep: KeepId, caller: &Caller) -> Result<Resolved, Refused> {
    let user = |kind| Inside(keep.id(kind).unwrap_or(caller.id(kind).0));
    let map = match caller {
        Caller::Root { current } => {
            if keep.size.is_some() {
                let error = Error::new(
                    codes::UR0108,
                    "`keep-id:size=` is for ordinary users: as root, `keep-id` keeps all ids",
                )
                .help("leave `size` out, or use `--userns=auto:size=N`");
                return Err(mode_refused(error, "keep-id"));
            }
            // As Podman: a namespace of its own in which every id is what it is outside.
            IdMap::try_from_fn(|kind| {
                Extents::new(identity_within(current.get(kind))).map_err(|fault| fault.into_error(kind))
            })
            .map_err(Refused::nowhere)?
        }
        Caller::User { intermediate, .. } => IdMap::try_from_fn(|kind| {
            let own = intermediate.get(kind);
            kept(user(kind).0, own, keep.size)
                .compose(own)
                .map_err(|fault| mode_refused(fault.into_error(kind), "keep-id"))
        })?,
    };
    Ok(Resolved { namespace: Namespace::New(map), user: Some((user(Kind::Uid), user(Kind::Gid))) })
}

fn identity_within(current: &Extents) -> impl Iterator<Item = Extent> + '_ {
    current.iter().map(|extent| Extent::new(extent.inside.0, extent.inside.0, extent.len))
}

/// `keep-id` against the intermediate namespace: the caller (intermediate 0) becomes `user`, all others keep their
/// order around it.
fn kept(user: u32, own: &Extents, size: Option<u32>) -> Extents {
    let others = own.ids().saturating_sub(1).min(u64::from(size.unwrap_or(u32::MAX)) - 1);
    let others = u32::try_from(others).unwrap_or(u32::MAX);
    let free: IdSet = IdSet::from_iter([0..=crate::LAST_ID]).difference(&[user].into_iter().collect());
    let rest = (others > 0).then_some(1..=others);
    let list = zip(&free, rest).into_iter().chain([Extent::new(user, 0, 1)]);
    // Disjoint, and three extents at most.
    Extents::new(list).unwrap_or_default()
}

fn no_map(caller: &Caller) -> Result<IdMap, Refused> {
    let Caller::User { intermediate, .. } = caller else {
        let error = Error::new(codes::UR0108, "`nomap` leaves the calling user out, which root cannot ask for")
            .help("use `--userns=auto`: host root is not in an automatic map either");
        return Err(mode_refused(error, "nomap"));
    };
    IdMap::try_from_fn(|kind| {
        let own = intermediate.get(kind);
        let others = u32::try_from(own.ids().saturating_sub(1)).unwrap_or(u32::MAX);
        if others == 0 {
            let what = format!("`nomap` needs delegated ids, but `{}` has none for you", kind.subid_file());
            let error = Error::new(codes::UR0201, what).help_run("let root delegate a range to you", add_subids(kind));
            return Err(mode_refused(error, "nomap"));
        }
        Extents::new([Extent::new(0, 1, others)])
            .and_then(|map| map.compose(own))
            .map_err(|fault| mode_refused(fault.into_error(kind), "nomap"))
    })
}

fn add_subids(kind: Kind) -> String {
    match kind {
        Kind::Uid => "usermod --add-subuids 100000-165535 \"$USER\"".to_owned(),
        Kind::Gid => "usermod --add-subgids 100000-165535 \"$USER\"".to_owned(),
    }
}
