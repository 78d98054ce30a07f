use diag::Report;
use proptest::prelude::*;

use super::*;
use crate::{
    Auto, Automatic, Extent, Extents, IdMap, ImageIds, Needs, Outside, Pool, Request, Resolved, Slot, SubidFile, Words,
    World, resolve_with,
};

/// An image and a host with redis, and a host with alice, whose group has another name.
struct Redis;

impl Accounts for Redis {
    fn user(&self, side: Side, name: &str) -> Option<(u32, u32)> {
        match (side, name) {
            (Side::Inside, "redis") => Some((101, 103)),
            (Side::Inside, "www-data") => Some((33, 34)),
            (Side::Outside, "redis") => Some((996, 995)),
            (Side::Outside, "alice") => Some((1000, 100)),
            _ => None,
        }
    }

    fn group(&self, side: Side, name: &str) -> Option<u32> {
        match (side, name) {
            (Side::Inside, "redis") => Some(102),
            (Side::Outside, "redis") => Some(996),
            (_, "audio") => Some(29),
            _ => None,
        }
    }

    fn primary_group(&self, side: Side, uid: u32) -> Option<u32> {
        (side == Side::Inside && uid == 101).then_some(103)
    }

    fn near(&self, _: Side, _: Kind, name: &str) -> Option<String> {
        (name == "rediss").then(|| "redis".to_owned())
    }
}

fn root() -> Caller {
    Caller::Root { current: IdMap::identity() }
}

/// alice with 100000:65536.
fn alice() -> Caller {
    let own = |id| Extents::new([Extent::new(0, id, 1), Extent::new(1, 100_000, 65_536)]).unwrap();
    let intermediate = IdMap { uid: own(1000), gid: own(100) };
    Caller::User { uid: Outside(1000), gid: Outside(100), intermediate }
}

fn found(caller: &Caller, map: &[&str], me: Option<&str>) -> Result<Wishes, Refused> {
    let me = me.map(MeAs::parse).transpose()?;
    Wishes::find(&Wish::parse_all(map)?, me.as_ref(), caller, &Redis, Some("alice"))
}

fn numbers(triples: &[Triple]) -> Vec<(u32, u32, u32)> {
    triples.iter().map(|triple| (triple.inside.0, triple.from, triple.len)).collect()
}

fn resolved(caller: &Caller, userns: Option<&str>, uidmap: &[&str], wishes: &Wishes) -> Result<Resolved, Refused> {
    let uidmap: Vec<String> = uidmap.iter().map(|text| (*text).to_owned()).collect();
    let request = Request::parse(&Words { userns, uidmap: &uidmap, ..Words::default() })?.unwrap();
    let none = SubidFile::default();
    let world = World { caller, subuid: &none, subgid: &none };
    resolve_with(&request, wishes, &world, |auto: &Auto| {
        let needs = auto.size.map_or_else(|| Needs::of_image(&ImageIds::default()), Needs::window);
        let pool = match caller {
            Caller::Root { .. } => Pool::slot(Slot::at(0).unwrap()),
            Caller::User { .. } => Pool::ranges(vec![100_000..=165_535]),
        };
        Ok(Automatic { uids: needs.clone(), gids: needs, uid_pool: pool.clone(), gid_pool: pool })
    })
}

fn map(caller: &Caller, userns: Option<&str>, uidmap: &[&str], wishes: &[&str], me: Option<&str>) -> (String, String) {
    let wishes = found(caller, wishes, me).unwrap();
    match resolved(caller, userns, uidmap, &wishes).unwrap().namespace {
        crate::Namespace::New(map) => (map.uid.to_kernel(), map.gid.to_kernel()),
        other => panic!("{other:?}"),
    }
}

fn report(caller: &Caller, wish: &str) -> Report {
    found(caller, &[wish], None).unwrap_err().error.into_report()
}

#[test]
fn names_of_users_and_of_groups() {
    let cases = [
        ("redis=@redis", Some((101, 996)), Some((102, 996))),
        ("user:redis=@redis", Some((101, 996)), None),
        ("group:redis=@redis", None, Some((102, 996))),
        // No group has these names: the primary group.
        ("www-data=@alice", Some((33, 1000)), Some((34, 100))),
        ("redis=@996", Some((101, 996)), Some((102, 996))),
        ("g5=@audio", None, Some((5, 29))),
        ("7=8", Some((7, 8)), Some((7, 8))),
    ];
    for (text, uid, gid) in cases {
        let wishes = found(&root(), &[text], None).unwrap();
        let expected = |pair: Option<(u32, u32)>| pair.map(|(a, b)| (a, b, 1)).into_iter().collect::<Vec<_>>();
        assert_eq!(numbers(&wishes.uid), expected(uid), "{text}");
        assert_eq!(numbers(&wishes.gid), expected(gid), "{text}");
    }
}

#[test]
fn names_that_are_not_known() {
    let one = report(&root(), "rediss=@redis");
    assert_eq!((one.code, one.what.as_ref()), (codes::UR0507, "the image has no user `rediss`"));
    assert_eq!(one.help[0].text, "did you mean `redis`?");
    let two = report(&root(), "redis=@nobody-there");
    assert_eq!((two.code, two.what.as_ref()), (codes::UR0109, "the host has no user `nobody-there`"));
    assert_eq!(two.help[1].command.as_deref(), Some("getent passwd nobody-there"));
    let three = report(&root(), "audio=@audio");
    assert_eq!(three.help[0].text, "to map the group alone, write `group:audio=…`");
    // Restricted to groups, a user's primary group does not count.
    assert_eq!(report(&root(), "group:www-data=@audio").what, "the image has no group `www-data`");
    let text = "redis=@redis,u1=@nix";
    let place = found(&root(), &[text], None).unwrap_err().place.unwrap();
    assert_eq!(&text[place.bytes], "nix");
    assert_eq!(report(&root(), "4294967290=@1:10").code, codes::UR0102);
}

#[test]
fn who_i_am_inside() {
    let me = |text| found(&alice(), &[], Some(text)).map(|wishes| (numbers(&wishes.uid), numbers(&wishes.gid)));
    let one = |uid, gid| (vec![(uid, 0, 1)], vec![(gid, 0, 1)]);
    assert_eq!(me("redis").unwrap(), one(101, 103));
    assert_eq!(me("redis:redis").unwrap(), one(101, 102));
    assert_eq!(me("101").unwrap(), one(101, 103));
    assert_eq!(me("4242").unwrap(), one(4242, 0));
    assert_eq!(me("4242:17").unwrap(), one(4242, 17));
    assert_eq!(me("nix").unwrap_err().error.code(), codes::UR0507);
    let root = found(&root(), &[], Some("redis")).unwrap_err().error.into_report();
    assert_eq!(root.code, codes::UR0108);
    assert_eq!(root.help[0].text, "to be there as the one who called sudo, write `--map redis=@alice`");
}

#[test]
fn an_automatic_map_is_filled_around_them() {
    let (uid, gid) = map(&root(), Some("auto"), &[], &["u101=@996", "g102=@996"], None);
    assert_eq!(uid, "0 524288 101\n101 996 1\n102 524390 922\n65534 589822 1\n");
    assert_eq!(gid, "0 524288 102\n102 996 1\n103 524391 921\n65534 589822 1\n");
    let (uid, _) = map(&root(), Some("auto:size=5,uidmapping=1:7:1"), &[], &["u1=@8", "u2=9"], None);
    assert_eq!(uid, "0 524288 1\n1 8 2\n3 524291 2\n");
    let (uid, gid) = map(&alice(), Some("auto:size=3"), &[], &["u1=@100002", "g1=2"], None);
    assert_eq!(uid, "0 100000 1\n1 100002 1\n2 100001 1\n");
    assert_eq!(gid, "0 100000 1\n1 100001 1\n2 100002 1\n");
}

#[test]
fn a_map_by_hand_is_broken_up() {
    let (uid, gid) = map(&root(), None, &["0:1000:1000"], &["u101=@996"], None);
    assert_eq!(uid, "0 1000 101\n101 996 1\n102 1102 898\n");
    assert_eq!(gid, "0 1000 1000\n");
    let (uid, _) = map(&alice(), None, &["0:1:10"], &["u5=@1000"], None);
    assert_eq!(uid, "0 100000 5\n5 1000 1\n6 100006 4\n");
}

#[test]
fn what_root_shares_with_the_host_stays_as_it_is() {
    for mode in ["host", "keep-id"] {
        let (uid, gid) = map(&root(), Some(mode), &[], &["u101=@996"], None);
        assert_eq!(uid, "0 0 101\n101 996 1\n102 102 894\n997 997 4294966298\n", "{mode}");
        assert_eq!(gid, "0 0 4294967295\n");
    }
}

#[test]
fn an_ordinary_user_loses_no_id() {
    let (uid, gid) = map(&alice(), Some("host"), &[], &[], Some("redis"));
    assert_eq!(uid, "0 100000 101\n101 1000 1\n102 100101 65435\n");
    assert_eq!(gid, "0 100000 103\n103 100 1\n104 100103 65433\n");
    let (uid, _) = map(&alice(), Some("host"), &[], &["u101=@100005"], None);
    assert_eq!(uid, "0 1000 1\n1 100000 5\n6 100006 95\n101 100005 1\n102 100101 65435\n");
    let (uid, _) = map(&alice(), Some("keep-id:uid=0,gid=0"), &[], &["u5=@1000"], None);
    assert_eq!(uid, "0 100004 1\n1 100000 4\n5 1000 1\n6 100005 65531\n");
}

#[test]
fn what_is_not_delegated_is_refused_at_its_word() {
    let wishes = found(&alice(), &["g102=@100", "u101=@996"], None).unwrap();
    for mode in ["host", "auto", "keep-id", "nomap"] {
        let refused = resolved(&alice(), Some(mode), &[], &wishes).unwrap_err();
        assert_eq!(refused.error.code(), codes::UR0107, "{mode}");
        assert_eq!(refused.place.unwrap(), Place::new(MapOption::Map, 1, 0..9));
        let help = &refused.error.report().help;
        assert!(help[0].text.contains("USER:996:1") && help[1].text.contains("volume"), "{help:?}");
    }
    let wishes = found(&alice(), &["u101=70000"], None).unwrap();
    assert_eq!(resolved(&alice(), Some("host"), &[], &wishes).unwrap_err().error.code(), codes::UR0107);
}

#[test]
fn what_leaves_nothing_to_wish_for() {
    let (wish, me) = (found(&alice(), &["1=2"], None).unwrap(), found(&alice(), &[], Some("redis")).unwrap());
    for (mode, wishes) in [("container:x", &wish), ("ns:/x", &me), ("keep-id", &me), ("nomap", &me)] {
        assert_eq!(resolved(&alice(), Some(mode), &[], wishes).unwrap_err().error.code(), codes::UR0108, "{mode}");
    }
}

proptest! {
    /// Whatever the way, a wish that is fulfilled is fulfilled exactly, and nobody's ids are used.
    #[test]
    fn wishes_come_true(
        inside in 0_u32..70_000,
        skip in 0_u32..65_000,
        len in 1_u32..500,
        mode in prop::sample::select(vec!["host", "auto", "private", "keep-id", "nomap", "auto:size=3000"]),
    ) {
        let caller = alice();
        let text = format!("u{inside}=@{}:{len}", 100_000 + skip);
        let wishes = found(&caller, &[&text], None).unwrap();
        let crate::Namespace::New(map) = resolved(&caller, Some(mode), &[], &wishes).unwrap().namespace else {
            return Err(TestCaseError::fail("no map"));
        };
        for i in 0..len {
            prop_assert_eq!(map.uid.to_outside(Inside(inside + i)), Some(Outside(100_000 + skip + i)));
        }
        let Caller::User { intermediate, .. } = &caller else { return Ok(()) };
        let foreign = map.uid.outside_ids().difference(&intermediate.uid.outside_ids());
        prop_assert!(foreign.is_empty());
    }
}
