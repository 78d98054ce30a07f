//! Maps by hand, against what the caller has.

use diag::{Error, codes};

use crate::{Caller, Extent, Extents, IdMap, IdSet, Kind, Place, Refused, Straddle, Triple, breaking::Pieces};

pub(crate) fn by_hand(uid: &[Triple], gid: &[Triple], caller: &Caller) -> Result<IdMap, Refused> {
    let empty = |kind| !lists(uid, gid, kind).iter().any(|triple| triple.applies(kind));
    let both_empty = empty(Kind::Uid) && empty(Kind::Gid);
    IdMap::try_from_fn(|kind| {
        let triples = lists(uid, gid, kind);
        match caller {
            _ if both_empty => Err(nothing_applies(triples, kind)),
            Caller::Root { .. } if empty(kind) => Err(nothing_applies(triples, kind)),
            Caller::Root { current } => {
                let map = pieces(triples, kind, &Extents::default(), current.get(kind))?;
                let map = map.finish().map_err(|(fault, from)| blame(triples, from, fault.into_error(kind)))?;
                map.split_at_parents(current.get(kind)).map_err(|straddle| beyond_root(triples, &map, straddle, kind))
            }
            Caller::User { intermediate, .. } => {
                rootless(triples, kind, intermediate.get(kind), intermediate.get(kind))
            }
        }
    })
}

/// The wishes of an automatic map, in host ids. Nothing is filled in: they are not the whole map.
pub(crate) fn wished(triples: &[Triple], kind: Kind, caller: &Caller) -> Result<Extents, Refused> {
    match caller {
        Caller::Root { current } => {
            let pieces = pieces(triples, kind, &Extents::default(), current.get(kind))?;
            let map = pieces.finish().map_err(|(fault, from)| blame(triples, from, fault.into_error(kind)))?;
            map.split_at_parents(current.get(kind)).map_err(|straddle| beyond_root(triples, &map, straddle, kind))
        }
        Caller::User { .. } if triples.is_empty() => Ok(Extents::default()),
        Caller::User { intermediate, .. } => rootless(triples, kind, intermediate.get(kind), &Extents::default()),
    }
}

/// A map of host ids with wishes broken into it, as `+` does it. An ordinary user has few ids, so those that lose theirs
/// get the ones that become free; root's stay what they are, since `host` and `keep-id` promise that.
pub(crate) fn insert(base: &Extents, triples: &[Triple], kind: Kind, caller: &Caller) -> Result<Extents, Refused> {
    if triples.is_empty() {
        return Ok(base.clone());
    }
    let mut pieces = Pieces::default();
    base.iter().for_each(|extent| pieces.append(*extent, usize::MAX));
    for extent in &wished(triples, kind, caller)? {
        let from = triples.iter().position(|triple| triple.inside == extent.inside).unwrap_or(usize::MAX);
        pieces.extend(*extent, from);
    }
    if matches!(caller, Caller::User { .. }) {
        pieces.refill(&base.inside_ids(), &base.outside_ids());
    }
    let map = pieces.finish().map_err(|(fault, from)| blame(triples, from, fault.into_error(kind)))?;
    match caller {
        Caller::Root { current } => {
            map.split_at_parents(current.get(kind)).map_err(|straddle| beyond_root(triples, &map, straddle, kind))
        }
        Caller::User { .. } => Ok(map),
    }
}

fn lists<'a>(uid: &'a [Triple], gid: &'a [Triple], kind: Kind) -> &'a [Triple] {
    match kind {
        Kind::Uid => uid,
        Kind::Gid => gid,
    }
}

fn nothing_applies(triples: &[Triple], kind: Kind) -> Refused {
    let other = if kind == Kind::Uid { "gids" } else { "uids" };
    let error =
        Error::new(codes::UR0102, format!("the {kind} map is empty, since all that is given counts for {other} only"))
            .help(format!("add `{}=0:HOST_ID:AMOUNT`, or leave the flag before the container id out", kind.option()));
    blame(triples, Some(0), error)
}

fn blame(triples: &[Triple], from: Option<usize>, error: Error) -> Refused {
    let place = from.and_then(|from| triples.get(from)).map(|triple| triple.place.clone());
    Refused { error, place }
}

/// The triple that maps one of these outer ids.
fn owner_of(triples: &[Triple], kind: Kind, id: u32) -> Option<&Triple> {
    triples.iter().rfind(|triple| triple.applies(kind) && triple.extent().outside_range().contains(&id))
}

/// Applies the triples in their order. `@` is looked up in `hosts`, whose outer column has host ids.
fn pieces(triples: &[Triple], kind: Kind, fill: &Extents, hosts: &Extents) -> Result<Pieces, Refused> {
    let mut pieces = Pieces::default();
    let mut gaps = false;
    for (from, triple) in triples.iter().enumerate().filter(|(_, triple)| triple.applies(kind)) {
        for extent in looked_up(triple, kind, hosts)? {
            if !triple.extends {
                pieces.append(extent, from);
                continue;
            }
            // A `+` with nothing before it extends the map that a rootless caller has anyway.
            gaps |= pieces.is_empty() && !fill.is_empty();
            pieces.extend(extent, from);
        }
    }
    if gaps || pieces.is_empty() {
        // What is wrong already must not be hidden below what is filled in.
        pieces.finish().map_err(|(fault, from)| blame(triples, from, fault.into_error(kind)))?;
        pieces.fill(&fill.inside_ids());
    }
    Ok(pieces)
}

/// A triple's extents in terms of the namespace that the map will be written against.
fn looked_up(triple: &Triple, kind: Kind, hosts: &Extents) -> Result<Vec<Extent>, Refused> {
    if !triple.host {
        return Ok(vec![triple.extent()]);
    }
    let ids = IdSet::from_iter([triple.extent().outside_range()]);
    let unknown = ids.difference(&hosts.outside_ids());
    if !unknown.is_empty() {
        let what = format!("host {kind} {} is not delegated to you", unknown.brief(4));
        let file = kind.subid_file();
        return Err(Refused::new(triple.place.clone(), codes::UR0107, what)
            .fact(format!("your host {kind}s are {}", hosts.outside_ids().brief(8)))
            .help(format!(
                "root can delegate it by a line `USER:{}:1` in `{file}`",
                unknown.first().unwrap_or_default()
            ))
            .help("if it is about files that host users share, map the volume, not the container (`unroot explain UR0107`)"));
    }
    Extents::new([triple.extent()])
        .and_then(|wanted| wanted.compose(&hosts.invert()))
        .map(|found| found.as_slice().to_vec())
        .map_err(|fault| Refused { error: fault.into_error(kind), place: Some(triple.place.clone()) })
}

fn rootless(triples: &[Triple], kind: Kind, intermediate: &Extents, fill: &Extents) -> Result<Extents, Refused> {
    let pieces = pieces(triples, kind, fill, intermediate)?;
    let map = pieces.finish().map_err(|(fault, from)| blame(triples, from, fault.into_error(kind)))?;
    let unknown = map.outside_ids().difference(&intermediate.inside_ids());
    if let Some(id) = unknown.first() {
        let place = owner_of(triples, kind, id).map(|triple| triple.place.clone());
        return Err(beyond_user(&unknown, kind, intermediate, place));
    }
    map.compose(intermediate).map_err(|fault| Refused::nowhere(fault.into_error(kind)))
}

fn beyond_root(triples: &[Triple], map: &Extents, straddle: Straddle, kind: Kind) -> Refused {
    let id = match &straddle {
        Straddle::Beyond { ids, .. } => ids.first(),
        Straddle::Fault(fault) => map.as_slice().get(fault.index()).map(|extent| extent.outside.0),
    };
    let place = id.and_then(|id| owner_of(triples, kind, id)).map(|triple| triple.place.clone());
    Refused { error: straddle.into_error(kind), place }
}

fn beyond_user(unknown: &IdSet, kind: Kind, intermediate: &Extents, place: Option<Place>) -> Refused {
    let have = intermediate.inside_ids();
    let what = format!("the {kind} map uses intermediate ids that you do not have: {}", unknown.brief(4));
    let error = Error::new(codes::UR0107, what)
        .fact(format!(
            "an ordinary user's number is an intermediate {kind}: 0 is you, then follow your ids in `{}`",
            kind.subid_file()
        ))
        .fact(format!(
            "you have the intermediate {kind}s {}, which are the host {kind}s {}",
            have.brief(4),
            intermediate.outside_ids().brief(8)
        ))
        .help("to name a host id, write `@` before it");
    Refused { error, place }
}
