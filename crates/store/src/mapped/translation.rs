//! What the ids of a layer's files become under a map. Pure.

use idmap::{Extents, IdMap, Inside, Kind};

/// The tag of an entry of an access control list for a named user, and for a named group (`linux/posix_acl.h`).
const ACL_USER: u16 = 0x02;
const ACL_GROUP: u16 = 0x08;

/// The bytes of a list's header, and of each of its entries (`linux/posix_acl_xattr.h`).
const ACL_HEADER: usize = 4;
const ACL_ENTRY: usize = 8;

/// Where the revision is in the first word of file capabilities (`linux/capability.h`), and the sizes of revisions 2 and 3.
const CAPABILITY_REVISION: u32 = 24;
const CAPABILITY_2: usize = 20;
const CAPABILITY_3: usize = 24;

/// From ids as a container sees them to ids of the namespace that the container's is made in.
#[derive(Clone, Debug)]
pub(crate) struct Translation {
    uid: Side,
    gid: Side,
}

#[derive(Clone, Debug)]
struct Side {
    /// From the ids that the files have now to those that the container sees; `None` if they are the same.
    back: Option<Extents>,
    extents: Extents,
    /// An id that nobody in the container has; the container sees the overflow id for it. `None` if the map takes every id.
    nobody: Option<u32>,
    /// The last answer: neighbours mostly have the same owner.
    last: std::cell::Cell<Option<(u32, u32)>>,
}

impl Translation {
    /// `map` has ids of the current namespace outside; `current` is that namespace's own map, and says which ids it has.
    pub fn new(map: &IdMap, current: &IdMap) -> Translation {
        Translation::between(None, map, current)
    }

    /// For files that have the ids of another map by now.
    pub fn between(from: Option<&IdMap>, map: &IdMap, current: &IdMap) -> Translation {
        let side = |kind: Kind| {
            let back = from.map(|from| from.get(kind).invert());
            let extents = map.get(kind).clone();
            let free = current.get(kind).inside_ids().difference(&extents.outside_ids());
            // The user's own id if the container does not have it, otherwise the one that is least likely to mean anything.
            let nobody = if free.contains(0) { Some(0) } else { free.last() };
            Side { back, extents, nobody, last: std::cell::Cell::new(None) }
        };
        Translation { uid: side(Kind::Uid), gid: side(Kind::Gid) }
    }

    /// Who owns a file of this uid; `None` if the map leaves it out and takes every id of the namespace.
    pub fn uid(&self, uid: u32) -> Option<u32> {
        self.uid.of(uid)
    }

    /// As [`Translation::uid`], for groups.
    pub fn gid(&self, gid: u32) -> Option<u32> {
        self.gid.of(gid)
    }

    /// What the container sees for an id that a file has now, if anything.
    pub fn inside(&self, kind: Kind, id: u32) -> Option<u32> {
        self.side(kind).inside(id)
    }

    /// What an id of the container becomes, and whether it is its own or that of nobody.
    pub fn outside(&self, kind: Kind, id: u32) -> Option<(u32, bool)> {
        let side = self.side(kind);
        let mapped = side.extents.to_outside(Inside(id)).map(|id| (id.0, true));
        mapped.or(side.nobody.map(|id| (id, false)))
    }

    /// Who in the namespace is nobody in the container.
    pub fn nobody(&self, kind: Kind) -> Option<u32> {
        self.side(kind).nobody
    }

    /// File capabilities (`security.capability`), as the namespace's root reads and writes them: those of the container's
    /// root become those of the id that it has here. `None` if their root is nobody in the container, or they are malformed.
    pub fn capability(&self, value: &[u8]) -> Option<Vec<u8>> {
        let (magic, rest) = value.split_first_chunk()?;
        let magic = u32::from_le_bytes(*magic);
        let (sets, root) = match (magic >> CAPABILITY_REVISION, value.len()) {
            (2, CAPABILITY_2) => (rest, 0),
            (3, CAPABILITY_3) => {
                let (sets, root) = rest.split_last_chunk()?;
                (sets, u32::from_le_bytes(*root))
            }
            _ => return None,
        };
        let root = self.uid.mapped(root)?;
        let flags = magic & ((1 << CAPABILITY_REVISION) - 1);
        let revision: u32 = if root == 0 { 2 } else { 3 };
        let mut made = (flags | (revision << CAPABILITY_REVISION)).to_le_bytes().to_vec();
        made.extend_from_slice(sets);
        if root != 0 {
            made.extend_from_slice(&root.to_le_bytes());
        }
        Some(made)
    }

    /// An access control list (`system.posix_acl_*`) without the entries of ids that the container does not have: they
    /// concern nobody in it. `None` if it is malformed.
    pub fn acl(&self, value: &[u8]) -> Option<Vec<u8>> {
        let (header, entries) = value.split_at_checked(ACL_HEADER)?;
        let (entries, []) = entries.as_chunks::<ACL_ENTRY>() else { return None };
        let mut made = header.to_vec();
        for entry in entries {
            let [tag0, tag1, _, _, id @ ..] = *entry;
            let side = match u16::from_le_bytes([tag0, tag1]) {
                ACL_USER => &self.uid,
                ACL_GROUP => &self.gid,
                _ => {
                    made.extend_from_slice(entry);
                    continue;
                }
            };
            if let Some(id) = side.mapped(u32::from_le_bytes(id)) {
                made.extend_from_slice(&entry[..4]);
                made.extend_from_slice(&id.to_le_bytes());
            }
        }
        Some(made)
    }

    fn side(&self, kind: Kind) -> &Side {
        match kind {
            Kind::Uid => &self.uid,
            Kind::Gid => &self.gid,
        }
    }
}

impl Side {
    fn inside(&self, id: u32) -> Option<u32> {
        match &self.back {
            Some(back) => back.to_outside(Inside(id)).map(|id| id.0),
            None => Some(id),
        }
    }

    fn mapped(&self, id: u32) -> Option<u32> {
        self.extents.to_outside(Inside(self.inside(id)?)).map(|id| id.0)
    }

    fn of(&self, id: u32) -> Option<u32> {
        if let Some((asked, answer)) = self.last.get()
            && asked == id
        {
            return Some(answer);
        }
        let answer = self.mapped(id).or(self.nobody)?;
        self.last.set(Some((id, answer)));
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use idmap::Extent;
    use proptest::prelude::*;

    use super::*;

    fn extents(list: &[(u32, u32, u32)]) -> Extents {
        Extents::new(list.iter().map(|&(inside, outside, len)| Extent::new(inside, outside, len))).unwrap()
    }

    fn both(list: &[(u32, u32, u32)]) -> IdMap {
        IdMap { uid: extents(list), gid: extents(list) }
    }

    /// A user's own namespace with 1000 further ids.
    fn own() -> IdMap {
        both(&[(0, 4242, 1), (1, 100_000, 1000)])
    }

    #[test]
    fn what_the_map_leaves_out_is_nobodys() {
        let partial = Translation::new(&both(&[(0, 10, 5)]), &own());
        assert_eq!((partial.uid(4), partial.uid(5), partial.gid(900)), (Some(14), Some(0), Some(0)));
        // The user's own id is in the container: then the last one that is not.
        let keep = Translation::new(&both(&[(0, 1, 100), (1000, 0, 1)]), &own());
        assert_eq!((keep.uid(1000), keep.uid(99), keep.uid(500)), (Some(0), Some(100), Some(1000)));
        let whole = Translation::new(&both(&[(500, 0, 1001)]), &own());
        assert_eq!((whole.uid(500), whole.uid(0)), (Some(0), None));
        assert_eq!((whole.outside(Kind::Uid, 500), whole.outside(Kind::Gid, 0)), (Some((0, true)), None));
    }

    #[test]
    fn capabilities_are_those_of_the_containers_root() {
        let two = [&0x0200_0001_u32.to_le_bytes()[..], &[7; 16]].concat();
        let auto = Translation::new(&both(&[(0, 10, 5)]), &own());
        let made = auto.capability(&two).unwrap();
        assert_eq!(made, [&0x0300_0001_u32.to_le_bytes()[..], &[7; 16], &10_u32.to_le_bytes()].concat());
        // Back, as for a container whose root is the user.
        let back = Translation::new(&both(&[(10, 0, 1)]), &own());
        assert_eq!(back.capability(&made).unwrap(), two);
        let rootless = Translation::new(&both(&[(1, 1, 5)]), &own());
        assert_eq!(rootless.capability(&two), None);
        for broken in [&two[..19], &[], &[0; 20], &made[..20]] {
            assert_eq!(auto.capability(broken), None);
        }
    }

    #[test]
    fn from_one_range_to_another() {
        let (one, two) = (both(&[(0, 10, 5)]), both(&[(0, 12, 3)]));
        let between = Translation::between(Some(&one), &two, &own());
        assert_eq!((between.uid(10), between.uid(12), between.uid(13)), (Some(12), Some(14), Some(0)));
        assert_eq!((between.inside(Kind::Uid, 13), between.outside(Kind::Uid, 3)), (Some(3), Some((0, false))));
    }

    #[test]
    fn access_control_lists_lose_strangers() {
        let entry =
            |tag: u16, perm: u16, id: u32| [&tag.to_le_bytes()[..], &perm.to_le_bytes(), &id.to_le_bytes()].concat();
        let header = 2_u32.to_le_bytes().to_vec();
        let before = [
            header.clone(),
            entry(1, 6, u32::MAX),
            entry(2, 7, 3),
            entry(2, 7, 300),
            entry(4, 5, u32::MAX),
            entry(8, 1, 4),
            entry(16, 7, u32::MAX),
            entry(32, 0, u32::MAX),
        ];
        let after = [
            header,
            entry(1, 6, u32::MAX),
            entry(2, 7, 13),
            entry(4, 5, u32::MAX),
            entry(8, 1, 14),
            entry(16, 7, u32::MAX),
            entry(32, 0, u32::MAX),
        ];
        let translation = Translation::new(&both(&[(0, 10, 5)]), &own());
        assert_eq!(translation.acl(&before.concat()), Some(after.concat()));
        assert_eq!((translation.acl(b"abc"), translation.acl(&[2, 0, 0, 0, 1])), (None, None));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let translation = Translation::new(&both(&[(0, 10, 5)]), &own());
            let _ = (translation.acl(&bytes), translation.capability(&bytes));
        }

        #[test]
        fn strangers_and_the_containers_ids_never_mix(
            inside in 0_u32..500, outside in 0_u32..500, len in 1_u32..500, id in 0_u32..2000,
        ) {
            let map = both(&[(inside, outside, len)]);
            let translation = Translation::new(&map, &own());
            if let Some(answer) = translation.uid(id) {
                let seen = map.uid.to_inside(idmap::Outside(answer)).map(|id| id.0);
                prop_assert_eq!(seen, map.uid.contains(Inside(id)).then_some(id));
                prop_assert!(own().uid.contains(Inside(answer)));
            }
        }
    }
}
