//! Where the parts of a map come from: what was written, and what was filled in.

use crate::{Caller, Extents, IdSet, Inside, Kind, Place, Request, Triple, Userns, Wishes};

/// Where host ids of a map come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A part of an option.
    Written(Place),
    /// The caller's own id.
    Caller,
    /// The ids that are delegated to the caller.
    Delegated,
    /// The ids that are delegated to this name.
    Named(String),
    /// A range that unroot has chosen for the container.
    Chosen,
    /// The ids of the host as they are.
    Host,
    /// The map of a namespace that was there already.
    Joined,
}

/// Which ids inside come from where, by the lowest id of each source. `map` is in host ids.
pub fn sources(kind: Kind, map: &Extents, request: &Request, wishes: &Wishes, caller: &Caller) -> Vec<(Source, IdSet)> {
    let mut open = map.inside_ids();
    let mut found: Vec<(Source, IdSet)> = Vec::new();
    let written = wishes.get(kind).iter().rev().chain(request.triples(kind).iter().rev());
    for triple in written.filter(|triple| triple.applies(kind)) {
        let ids = fulfilled(triple, kind, map, caller).intersection(&open);
        open = open.difference(&ids);
        add(&mut found, Source::Written(triple.place.clone()), &ids);
    }
    let own: IdSet = map.to_inside(caller.id(kind)).map(|id| id.0).into_iter().collect();
    let joined = matches!(request, Request::Mode(Userns::Container(_) | Userns::Path(_)));
    if matches!(caller, Caller::User { .. }) && !joined {
        add(&mut found, Source::Caller, &own.intersection(&open));
        open = open.difference(&own);
    }
    add(&mut found, filled(kind, request, caller), &open);
    found.sort_by_key(|(_, ids)| ids.first());
    found
}

fn add(found: &mut Vec<(Source, IdSet)>, source: Source, ids: &IdSet) {
    if !ids.is_empty() {
        found.push((source, ids.clone()));
    }
}

/// The ids for which the map says what the triple says: what later ones took away is not among them.
fn fulfilled(triple: &Triple, kind: Kind, map: &Extents, caller: &Caller) -> IdSet {
    let Ok(said) = Extents::new([triple.extent()]) else { return IdSet::new() };
    let in_host_ids = match caller {
        Caller::User { intermediate, .. } if !triple.host => said.compose(intermediate.get(kind)).unwrap_or_default(),
        _ => said,
    };
    let mut ids = IdSet::new();
    for extent in &in_host_ids {
        for real in map {
            let (first, last) = extent.inside_range().into_inner();
            let (start, end) = real.inside_range().into_inner();
            let (low, high) = (first.max(start), last.min(end));
            let same = |id| in_host_ids.to_outside(Inside(id)) == map.to_outside(Inside(id));
            if low <= high && same(low) {
                ids.insert_range(low..=high);
            }
        }
    }
    ids
}

/// What nobody has written by number.
fn filled(kind: Kind, request: &Request, caller: &Caller) -> Source {
    match (request, caller) {
        (Request::Mode(Userns::Container(_) | Userns::Path(_)), _) => Source::Joined,
        (Request::Names { uid, .. }, _) if kind == Kind::Uid => Source::Named(uid.clone()),
        (Request::Names { gid, .. }, _) => Source::Named(gid.clone()),
        (_, Caller::User { .. }) => Source::Delegated,
        (Request::Mode(Userns::Auto(_) | Userns::Private), Caller::Root { .. }) => Source::Chosen,
        (_, Caller::Root { .. }) => Source::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extent, IdMap, NoNames, Outside, Wish, Words};

    fn said(
        kind: Kind,
        map: &[(u32, u32, u32)],
        userns: Option<&str>,
        uidmap: &[&str],
        wishes: &[&str],
        caller: &Caller,
    ) -> Vec<String> {
        let uidmap: Vec<String> = uidmap.iter().map(|text| (*text).to_owned()).collect();
        let request = Request::parse(&Words { userns, uidmap: &uidmap, ..Words::default() }).unwrap().unwrap();
        let wishes = Wishes::find(&Wish::parse_all(wishes).unwrap(), None, caller, &NoNames, None).unwrap();
        let map = Extents::new(map.iter().copied().map(Extent::from)).unwrap();
        let word = |source: Source| match source {
            Source::Written(place) => format!("{} {}", place.option.name(), place.value),
            other => format!("{other:?}"),
        };
        sources(kind, &map, &request, &wishes, caller)
            .into_iter()
            .map(|(source, ids)| format!("{ids}: {}", word(source)))
            .collect()
    }

    #[test]
    fn each_id_has_one_source() {
        let root = Caller::Root { current: IdMap::identity() };
        let map = [(0, 524_288, 101), (101, 996, 1), (102, 524_390, 922)];
        assert_eq!(
            said(Kind::Uid, &map, Some("auto"), &[], &["u101=@996"], &root),
            ["0-100,102-1023: Chosen", "101: --map 0"]
        );
        assert_eq!(said(Kind::Gid, &map, Some("auto"), &[], &["u101=@996"], &root), ["0-1023: Chosen"]);
        let map = [(0, 1000, 5), (5, 7, 1), (6, 1006, 4)];
        assert_eq!(
            said(Kind::Uid, &map, None, &["0:1000:10", "+5:7"], &[], &root),
            ["0-4,6-9: --uidmap 0", "5: --uidmap 1"]
        );
        let own = Extents::new([Extent::new(0, 1000, 1), Extent::new(1, 100_000, 100)]).unwrap();
        let intermediate = IdMap { uid: own.clone(), gid: own };
        let user = Caller::User { uid: Outside(1000), gid: Outside(1000), intermediate };
        let map = [(0, 100_000, 5), (5, 1000, 1), (6, 100_005, 95)];
        assert_eq!(
            said(Kind::Uid, &map, Some("keep-id:uid=5"), &[], &[], &user),
            ["0-4,6-100: Delegated", "5: Caller"]
        );
        assert_eq!(said(Kind::Uid, &map, None, &["+5:0"], &[], &user), ["0-4,6-100: Delegated", "5: --uidmap 0"]);
    }
}
