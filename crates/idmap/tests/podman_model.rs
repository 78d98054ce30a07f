//! Maps by hand and automatic maps against brute-force models, id by id.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use idmap::{
    Automatic, Caller, Extent, Extents, IdMap, IdSet, ImageIds, Inside, Kind, MAX_BYTES, MAX_EXTENTS, Namespace, Needs,
    Outside, Pool, Request, Slot, SubidFile, Words, World, assign, intermediate, resolve, slots,
};
use proptest::prelude::*;

type Table = BTreeMap<u32, u32>;

#[derive(Clone, Debug)]
struct Written {
    extends: bool,
    only: Option<Kind>,
    host: bool,
    extent: Extent,
}

impl Written {
    fn text(&self) -> String {
        let plus = if self.extends { "+" } else { "" };
        let only = self.only.map_or("", |kind| &kind.name()[..1]);
        let at = if self.host { "@" } else { "" };
        let Extent { inside, outside, len } = self.extent;
        if len == 1 {
            format!("{plus}{only}{inside}:{at}{outside}")
        } else {
            format!("{plus}{only}{inside}:{at}{outside}:{len}")
        }
    }

    fn applies(&self, kind: Kind) -> bool {
        self.only.is_none_or(|only| only == kind)
    }
}

fn written() -> impl Strategy<Value = Written> {
    let only = prop_oneof![3 => Just(None), 1 => Just(Some(Kind::Uid)), 1 => Just(Some(Kind::Gid))];
    (any::<bool>(), only, prop::bool::weighted(0.2), (0..25u32, 0..25u32, 1..8u32)).prop_map(
        |(extends, only, host, (inside, outside, len))| Written {
            extends,
            only,
            host,
            extent: Extent::new(inside, outside, len),
        },
    )
}

/// Whose intermediate ids 0..20 are the host ids 10, 3-7, 12-25.
fn caller() -> Caller {
    let map = intermediate(Outside(10), &[12..=25, 3..=7]).unwrap();
    Caller::User { uid: Outside(10), gid: Outside(10), intermediate: IdMap { uid: map.clone(), gid: map } }
}

/// The rules of the manual page, one id at a time; `None` if Podman or the kernel refuses.
fn model(list: &[Written], kind: Kind, own: Option<&Table>) -> Option<Table> {
    let mut pairs = Vec::<(u32, u32)>::new();
    let mut fill = false;
    for item in list.iter().filter(|item| item.applies(kind)) {
        let mut ids = Vec::new();
        for i in 0..item.extent.len {
            let from = item.extent.outside.0 + i;
            let from = match own {
                Some(own) if item.host => *own.iter().find(|(_, host)| **host == from)?.0,
                _ => from,
            };
            ids.push((item.extent.inside.0 + i, from));
        }
        if item.extends {
            fill |= pairs.is_empty();
            pairs.retain(|(inside, outside)| ids.iter().all(|id| id.0 != *inside && id.1 != *outside));
        }
        pairs.extend(ids);
    }
    let outside: BTreeSet<u32> = pairs.iter().map(|pair| pair.1).collect();
    let count = pairs.len();
    let mut table: Table = pairs.into_iter().collect();
    if table.len() < count || outside.len() < count {
        return None;
    }
    let Some(own) = own else { return Some(table) };
    if fill || table.is_empty() {
        let used: BTreeSet<u32> = table.values().copied().collect();
        let mut inside = 0;
        for free in own.keys().filter(|id| !used.contains(id)) {
            while table.contains_key(&inside) {
                inside += 1;
            }
            table.insert(inside, *free);
        }
    }
    table.into_iter().map(|(inside, middle)| Some((inside, *own.get(&middle)?))).collect()
}

fn table_of(map: &Extents) -> Table {
    map.iter().flat_map(|e| (0..e.len).map(move |i| (e.inside.0 + i, e.outside.0 + i))).collect()
}

fn resolved(list: &[Written], caller: &Caller) -> Option<IdMap> {
    let uidmap: Vec<String> = list.iter().map(Written::text).collect();
    let request = Request::parse(&Words { uidmap: &uidmap, ..Words::default() }).unwrap().unwrap();
    let file = SubidFile::default();
    let world = World { caller, subuid: &file, subgid: &file };
    match resolve(&request, &world, |_| unreachable!("nothing automatic is asked for")).ok()?.namespace {
        Namespace::New(map) => Some(map),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn by_hand_as_root(list in prop::collection::vec(written(), 1..6)) {
        let expected = (model(&list, Kind::Uid, None), model(&list, Kind::Gid, None));
        let found = resolved(&list, &Caller::Root { current: IdMap::identity() });
        match expected {
            (Some(uid), Some(gid)) if !uid.is_empty() && !gid.is_empty() => {
                let found = found.expect("the model accepts it");
                prop_assert_eq!((table_of(&found.uid), table_of(&found.gid)), (uid, gid));
            }
            _ => prop_assert!(found.is_none(), "{:?}", found),
        }
    }

    #[test]
    fn by_hand_as_a_user(list in prop::collection::vec(written(), 1..6)) {
        let caller = caller();
        let Caller::User { intermediate, .. } = &caller else { unreachable!() };
        let own = table_of(&intermediate.uid);
        let nothing = |kind| !list.iter().any(|item| item.applies(kind));
        prop_assume!(!(nothing(Kind::Uid) && nothing(Kind::Gid)));
        let found = resolved(&list, &caller);
        match (model(&list, Kind::Uid, Some(&own)), model(&list, Kind::Gid, Some(&own))) {
            (Some(uid), Some(gid)) => {
                let found = found.expect("the model accepts it");
                prop_assert_eq!((table_of(&found.uid), table_of(&found.gid)), (uid, gid));
                // Each extent is within one of the delegated ranges, as newuidmap wants it.
                for extent in found.uid.iter().chain(&found.gid) {
                    let range = extent.outside_range();
                    let lines = [10..=10, 12..=25, 3..=7];
                    prop_assert!(lines.iter().any(|line| line.contains(range.start()) && line.contains(range.end())));
                }
            }
            _ => prop_assert!(found.is_none(), "{:?}", found),
        }
    }

    #[test]
    fn automatic_maps_keep_their_promises(
        files in prop::collection::btree_set(prop_oneof![0..3000u32, 0..200_000u32, any::<u32>()], 0..40),
        systemd in any::<bool>(),
        wishes in prop::collection::vec((0..2000u32, 524_288..526_000u32, 1..20u32), 0..3),
        aligned in any::<bool>(),
    ) {
        let Ok(wishes) = Extents::new(wishes.into_iter().map(Extent::from)) else { return Ok(()) };
        let image = ImageIds { files: files.iter().copied().collect(), systemd, ..ImageIds::default() };
        let needs = Needs::of_image(&image);
        let slot = Slot::at(0).unwrap();
        let ranges = vec![524_288..=530_000, 530_001..=700_000];
        let pool = if aligned { Pool::slot(slot) } else { Pool::ranges(ranges.clone()) };
        let Ok(map) = assign(&needs, &wishes, &pool) else {
            // A slot has 65536 ids; who needs as many and has wishes within the slot may not get them.
            prop_assert!(needs.count() + wishes.ids() > 65_536 );
            return Ok(());
        };
        let mut reachable: IdSet = files.iter().copied().filter(|id| *id != u32::MAX).collect();
        reachable = reachable.union(&needs.ids());
        prop_assert!(map.missing(&reachable).is_empty());
        for wish in &wishes {
            prop_assert_eq!(map.to_outside(wish.inside), Some(wish.outside));
        }
        let own = map.outside_ids().difference(&wishes.outside_ids());
        let allowed: IdSet = if aligned { [slot.ids()].into_iter().collect() } else { ranges.iter().cloned().collect() };
        prop_assert!(own.difference(&allowed).is_empty());
        prop_assert!(map.len() <= MAX_EXTENTS && map.to_kernel().len() <= MAX_BYTES);
        if aligned && wishes.is_empty() {
            prop_assert_eq!(map.to_outside(Inside(1023)), Some(Outside(slot.base() + 1023)));
        }
    }

    #[test]
    fn no_words_make_it_panic(
        userns in prop::option::of("(auto|keep-id|host|ns|container)?[:,=a-z0-9@+]{0,30}"),
        uidmap in prop::collection::vec("[+ug@0-9:,x]{0,24}|[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}|\\PC{0,8}", 0..3),
        wish in "[+ug@0-9:,x]{0,24}",
        root in any::<bool>(),
    ) {
        let caller = if root { Caller::Root { current: IdMap::identity() } } else { caller() };
        let file = SubidFile::default();
        let world = World { caller: &caller, subuid: &file, subgid: &file };
        let auto = format!("auto:uidmapping={wish}");
        let asked = [
            Words { userns: userns.as_deref(), ..Words::default() },
            Words { uidmap: &uidmap, ..Words::default() },
            Words { userns: Some(&auto), ..Words::default() },
        ];
        for words in asked {
            let check = |refused: idmap::Refused| {
                if let Some(place) = refused.place {
                    let value = match place.option.name() {
                        "--userns" => words.userns.unwrap(),
                        _ => &words.uidmap[place.value],
                    };
                    assert!(value.get(place.bytes.clone()).is_some(), "{value:?} {place:?}");
                }
            };
            match Request::parse(&words) {
                Err(refused) => check(refused),
                Ok(None) => {}
                Ok(Some(request)) => {
                    let automatic = |auto: &idmap::Auto| {
                        let needs = auto.size.map_or_else(Needs::default, Needs::window);
                        let pool = Pool::slot(Slot::at(1).unwrap());
                        Ok(Automatic { uids: needs.clone(), gids: needs, uid_pool: pool.clone(), gid_pool: pool })
                    };
                    if let Err(refused) = resolve(&request, &world, automatic) {
                        check(refused);
                    }
                }
            }
        }
    }

    #[test]
    fn every_name_has_its_order(name in "\\PC{0,20}") {
        let first: Vec<_> = slots::slots(&name).take(5).collect();
        prop_assert_eq!(&first, &slots::slots(&name).take(5).collect::<Vec<_>>());
        prop_assert!(first.iter().all(|slot| slot.number() < slots::SLOTS && slot.base() % 65_536 == 0));
    }
}
