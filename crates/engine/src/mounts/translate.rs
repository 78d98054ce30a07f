//! Whose the files of a directory are inside: from ids on the disk to ids of the host, by way of the container's map. Pure.
//!
//! The rule is *number by number*: container id N is disk id N, as in images and volumes. On top of it single ids are exchanged:
//!
//! * `map=auto`, a person's directory (uid 1000 to 60000): the container's user is the owner. Nobody inside is root of the disk, for people
//!   can reach their directories by path, and a setuid program of root's in there would be root's on the host;
//! * `map=auto`, root's directory: the container's user is the owner, if they are not root inside anyway. Of what belongs to
//!   the system (`/etc`, sockets, devices) nothing is exchanged: that would be a right which nobody has asked for;
//! * `map=auto`, a service's directory (uid 1 to 999): number by number;
//! * `map=owner`: the container's user is the owner, whoever that is;
//! * `map=INSIDE=@OUTSIDE`: these.
//!
//! When user U becomes owner O, container id O is disk id U in exchange, so that the map stays one to one, unless that would
//! make it root of the disk.

use diag::{Error, codes};
use idmap::{Extent, Extents, Fault, IdMap, Inside, Kind, Triple, Wishes};

use super::Map;
use crate::config::User;

/// Uids of people, as useradd(8) gives them by default.
const PEOPLE: std::ops::RangeInclusive<u32> = 1000..=60_000;

/// How a mount translates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Translated {
    /// Not at all: files have the owners that they have on the host.
    AsIs,
    /// Number by number.
    ByContainer,
    /// By a map of its own: ids on the disk inside, ids of the host outside.
    By(IdMap),
}

/// What the decision depends on.
#[derive(Clone, Debug)]
pub(super) struct Facts<'a> {
    /// The container's map.
    pub map: &'a IdMap,
    /// Who the container begins as.
    pub user: &'a User,
    /// Who owns the directory.
    pub owner: (u32, u32),
    /// Whether it belongs to the system.
    pub is_system: bool,
    /// Whether it is neither a directory nor a regular file.
    pub is_special: bool,
}

impl Facts<'_> {
    fn owner(&self, kind: Kind) -> u32 {
        if kind == Kind::Uid { self.owner.0 } else { self.owner.1 }
    }

    fn user(&self, kind: Kind) -> u32 {
        if kind == Kind::Uid { self.user.uid } else { self.user.gid }
    }
}

/// Container ids and the disk ids that they are: so many from each of the two on.
type Pair = (u32, u32, u32);

/// Decides for a directory. `wishes` are those of [`Map::Wishes`], looked up. Errors: UR0322.
pub(super) fn translate(choice: &Map, facts: &Facts<'_>, wishes: &Wishes) -> Result<Translated, Error> {
    let exchanged = match choice {
        Map::None => return Ok(Translated::AsIs),
        Map::Idmap(None) => return Ok(Translated::ByContainer),
        Map::Idmap(Some(text)) => return by_hand(text, facts.map).map(Translated::By),
        Map::Wishes(_) => return with_wishes(facts, wishes),
        Map::Owner => true,
        Map::Auto => !facts.is_system && (facts.owner.0 == 0 || PEOPLE.contains(&facts.owner.0)),
    };
    if !exchanged {
        return Ok(Translated::ByContainer);
    }
    let spared = facts.owner.0 != 0;
    let own = IdMap::try_from_fn(|kind| {
        let (user, owner) = (facts.user(kind), facts.owner(kind));
        // A person's directory that belongs to group root says nothing about groups.
        let pairs: &[Pair] = if user == owner || (spared && owner == 0) { &[] } else { &[(user, owner, 1)] };
        exchange(facts.map.get(kind), pairs, true, spared).map_err(|fault| refused(kind, fault))
    })?;
    let same = Kind::BOTH.into_iter().all(|kind| own.get(kind).normalized() == facts.map.get(kind).normalized());
    Ok(if same { Translated::ByContainer } else { Translated::By(own) })
}

fn with_wishes(facts: &Facts<'_>, wishes: &Wishes) -> Result<Translated, Error> {
    let own = IdMap::try_from_fn(|kind| {
        let pair = |triple: &Triple| (triple.inside.0, triple.from, triple.len);
        let pairs: Vec<Pair> = wishes.get(kind).iter().map(pair).collect();
        let ids = facts.map.get(kind);
        for (inside, _, len) in &pairs {
            if let Some(id) = (*inside..inside + len).find(|id| !ids.contains(Inside(*id))) {
                return Err(left_out(kind, id));
            }
        }
        exchange(ids, &pairs, false, false).map_err(|fault| refused(kind, fault))
    })?;
    Ok(Translated::By(own))
}

fn left_out(kind: Kind, id: u32) -> Error {
    Error::new(
        codes::UR0322,
        format!("the mount's map names container {kind} {id}, which the container's map leaves out"),
    )
    .help("name an id that the container has, or give it one with `--map`")
}

/// Number by number, but for these pairs.
fn exchange(map: &Extents, pairs: &[Pair], in_return: bool, spare_root: bool) -> Result<Extents, Fault> {
    let mut pieces: Vec<Extent> = map.iter().copied().collect();
    let mut fixed = Vec::new();
    for &(inside, disk, len) in pairs {
        let Some(host) = map.to_outside(Inside(inside)) else { continue };
        let back = map.to_outside(Inside(disk)).filter(|_| in_return && inside != 0 && len == 1);
        cut(&mut pieces, disk, len, |piece| piece.inside.0);
        // A range of the container's may lie in several extents.
        for nth in 0..len {
            if let Some(host) = map.to_outside(Inside(inside + nth)) {
                cut(&mut pieces, host.0, 1, |piece| piece.outside.0);
                fixed.push(Extent::new(disk + nth, host.0, 1));
            }
        }
        if let Some(back) = back.filter(|back| *back != host) {
            fixed.push(Extent::new(inside, back.0, 1));
        }
    }
    if spare_root {
        cut(&mut pieces, 0, 1, |piece| piece.inside.0);
        fixed.retain(|piece| piece.inside.0 != 0);
    }
    pieces.extend(fixed);
    Extents::merged(pieces)
}

/// Takes a range out of one column.
fn cut(pieces: &mut Vec<Extent>, start: u32, len: u32, column: impl Fn(&Extent) -> u32) {
    let (low, high) = (u64::from(start), u64::from(start) + u64::from(len));
    let parts = pieces.iter().flat_map(|piece| {
        let begin = u64::from(column(piece));
        let end = begin + u64::from(piece.len);
        let before = low.clamp(begin, end) - begin;
        let after = end - high.clamp(begin, end);
        let part = |skip: u64, len: u64| {
            let (skip, len) = (u32::try_from(skip).ok()?, u32::try_from(len).ok().filter(|len| *len > 0)?);
            Some(Extent::new(piece.inside.0 + skip, piece.outside.0 + skip, len))
        };
        if high <= begin || low >= end {
            return [Some(*piece), None];
        }
        [part(0, before), part(u64::from(piece.len) - after, after)]
    });
    *pieces = parts.flatten().collect();
}

/// `uids=DISK-HOST-COUNT#…;gids=…`; with `@` before an extent, HOST is a container id.
fn by_hand(text: &str, map: &IdMap) -> Result<IdMap, Error> {
    let wrong = || {
        Error::new(codes::UR0322, format!("`{text}` is no map of a mount"))
            .help("write `uids=DISK-HOST-COUNT#…;gids=DISK-HOST-COUNT#…`, with `@` before an extent whose second id is the container's")
    };
    for part in text.split(';') {
        part.strip_prefix("uids=").or_else(|| part.strip_prefix("gids=")).ok_or_else(wrong)?;
    }
    IdMap::try_from_fn(|kind| {
        let part =
            text.split(';').find_map(|part| part.strip_prefix(if kind == Kind::Uid { "uids=" } else { "gids=" }));
        let mut extents = Vec::new();
        for item in part.ok_or_else(wrong)?.split('#') {
            let (relative, item) = item.strip_prefix('@').map_or((false, item), |item| (true, item));
            let numbers: Vec<u32> = item.split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
            let [disk, host, len] = numbers[..] else { return Err(wrong()) };
            let host = if relative {
                map.get(kind).to_outside(Inside(host)).ok_or_else(|| left_out(kind, host))?.0
            } else {
                host
            };
            extents.push(Extent::new(disk, host, len));
        }
        Extents::new(extents).map_err(|fault| refused(kind, fault))
    })
}

fn refused(kind: Kind, fault: Fault) -> Error {
    Error::new(codes::UR0322, format!("the {kind} map of the mount is not one that the kernel takes"))
        .words(fault.into_error(kind).report().what.clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn container() -> IdMap {
        IdMap::try_from_fn(|_| Extents::new([Extent::new(0, 524_288, 65_536)])).unwrap()
    }

    fn decided(choice: &Map, owner: (u32, u32), user: u32) -> Translated {
        let user = User { uid: user, gid: user, groups: Vec::new() };
        let facts = Facts { map: &container(), user: &user, owner, is_system: false, is_special: false };
        translate(choice, &facts, &Wishes::default()).unwrap()
    }

    /// What the container sees for an owner on the disk.
    fn seen(translated: &Translated, disk: u32) -> Option<u32> {
        let host = match translated {
            Translated::AsIs => disk,
            Translated::ByContainer => return (disk < 65_536).then_some(disk),
            Translated::By(map) => map.uid.to_outside(Inside(disk))?.0,
        };
        container().uid.to_inside(idmap::Outside(host)).map(|id| id.0)
    }

    #[test]
    fn roots_directory_is_roots() {
        assert_eq!(decided(&Map::Auto, (0, 0), 0), Translated::ByContainer);
    }

    #[test]
    fn a_persons_directory_is_the_containers_users() {
        let map = decided(&Map::Auto, (1000, 1000), 0);
        assert_eq!((seen(&map, 1000), seen(&map, 999), seen(&map, 0)), (Some(0), Some(999), None));
        let map = decided(&Map::Auto, (1000, 1000), 999);
        assert_eq!((seen(&map, 1000), seen(&map, 999), seen(&map, 0)), (Some(999), Some(1000), None));
        // The same number: only root of the disk is left out.
        let map = decided(&Map::Auto, (1000, 1000), 1000);
        assert_eq!((seen(&map, 1000), seen(&map, 0)), (Some(1000), None));
    }

    #[test]
    fn another_user_in_roots_directory() {
        let map = decided(&Map::Auto, (0, 0), 999);
        assert_eq!((seen(&map, 0), seen(&map, 999), seen(&map, 5)), (Some(999), Some(0), Some(5)));
        let user = User { uid: 999, gid: 999, groups: Vec::new() };
        let facts = Facts { map: &container(), user: &user, owner: (0, 0), is_system: true, is_special: false };
        assert_eq!(translate(&Map::Auto, &facts, &Wishes::default()).unwrap(), Translated::ByContainer);
    }

    #[test]
    fn services_and_choices() {
        assert_eq!(decided(&Map::Auto, (996, 996), 0), Translated::ByContainer);
        let map = decided(&Map::Owner, (996, 996), 0);
        assert_eq!((seen(&map, 996), seen(&map, 0)), (Some(0), None));
        assert_eq!(decided(&Map::None, (996, 996), 0), Translated::AsIs);
        assert_eq!(decided(&Map::Idmap(None), (996, 996), 0), Translated::ByContainer);
    }

    #[test]
    fn maps_by_hand() {
        let map = decided(&Map::Idmap(Some("uids=0-524288-10#@996-101-1;gids=0-524288-10".into())), (0, 0), 0);
        assert_eq!((seen(&map, 5), seen(&map, 996), seen(&map, 11)), (Some(5), Some(101), None));
        let user = User::default();
        let facts = Facts { map: &container(), user: &user, owner: (0, 0), is_system: false, is_special: false };
        for bad in [
            "",
            "uids=1-2",
            "uids=0-1-1",
            "uids=x-1-1;gids=0-0-1",
            "uids=@0-70000-1;gids=0-0-1",
            "uids=0-1-0;gids=0-0-1",
        ] {
            let refused = translate(&Map::Idmap(Some(bad.into())), &facts, &Wishes::default()).unwrap_err();
            assert_eq!(refused.code(), codes::UR0322, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn always_one_to_one(owner in 0_u32..70_000, group in 0_u32..70_000, user in 0_u32..65_536, owner_choice: bool) {
            let choice = if owner_choice { Map::Owner } else { Map::Auto };
            let map = decided(&choice, (owner, group), user);
            if let Translated::By(map) = &map {
                // Extents are checked to be one to one; here that the user is the owner, and root is root's alone.
                prop_assert!(owner == 0 || map.uid.to_outside(Inside(0)).is_none());
            }
            if owner_choice || PEOPLE.contains(&owner) || owner == 0 {
                prop_assert_eq!(seen(&map, owner), Some(user));
            }
        }
    }
}
