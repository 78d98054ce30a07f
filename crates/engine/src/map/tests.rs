use idmap::{Extent, Extents, IdSet, Slot, SubidFile};
use store::HeldIds;

use super::*;
use crate::containers_conf::Places;

/// A Debian image with redis: uid 101, gid 102.
pub(super) fn redis() -> Image {
    Image {
        name: "ntop/ntopng:stable".into(),
        uid_files: [(0, 11_842), (101, 29)].into(),
        gid_files: [(0, 11_758), (42, 42), (102, 71)].into(),
        passwd: b"root:x:0:0:root:/root:/bin/bash\nredis:x:101:102::/var/lib/redis:/bin/false\n".to_vec(),
        group: b"root:x:0:\nshadow:x:42:\nredis:x:102:\n".to_vec(),
        layered: true,
        ..Image::default()
    }
}

pub(super) fn root() -> Host {
    Host {
        caller: Caller::Root { current: IdMap::identity() },
        subuid: SubidFile::default(),
        subgid: SubidFile::default(),
        taken: IdSet::new(),
        claims: std::sync::Arc::default(),
        current: IdMap::identity(),
        nested: false,
        passwd: b"root:x:0:0::/root:/bin/sh\nredis:x:996:996::/:/bin/false\n".to_vec(),
        group: b"redis:x:996:\n".to_vec(),
        places: Places {
            distribution: "/nowhere".into(),
            system: "/nowhere".into(),
            user: None,
            only: None,
            last: None,
            storage: None,
        },
    }
}

pub(super) fn user(further: u32) -> Host {
    let own = |id| {
        let further = Extent::new(1, 100_000, further);
        Extents::new([Extent::new(0, id, 1)].into_iter().chain((further.len > 0).then_some(further))).unwrap()
    };
    let current = IdMap { uid: own(1000), gid: own(1001) };
    let caller = Caller::User { uid: idmap::Outside(1000), gid: idmap::Outside(1001), intermediate: current.clone() };
    Host { caller, current, nested: true, ..root() }
}

fn asked(userns: Option<&str>, uidmap: &[&str], gidmap: &[&str]) -> MapRequest {
    let all = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    MapRequest { userns: userns.map(str::to_owned), uidmap: all(uidmap), gidmap: all(gidmap), ..MapRequest::default() }
}

pub(super) fn decided(host: &Host, request: &MapRequest) -> Result<Decided<u32>> {
    decide(request, host, &redis(), "web", &mut Given::default(), |_| None)
}

/// Leases in memory.
#[derive(Default)]
struct Given {
    /// So many slots are somebody's.
    gone: usize,
    /// The slots that were asked for.
    tries: Vec<Slot>,
    /// What others hold.
    held: Vec<HeldIds>,
    /// What was taken.
    taken: Option<(IdSet, IdSet)>,
}

impl Leases for Given {
    type Lease = u32;

    fn slot(&mut self, slot: Slot) -> Result<Option<u32>> {
        self.tries.push(slot);
        Ok((self.tries.len() > self.gone).then(|| slot.number()))
    }

    fn held(&mut self) -> Result<Vec<HeldIds>> {
        Ok(self.held.clone())
    }

    fn take(&mut self, uids: IdSet, gids: IdSet) -> Result<u32> {
        self.taken = Some((uids, gids));
        Ok(0)
    }
}

fn shown(map: &IdMap) -> (String, String) {
    (map.uid.to_kernel(), map.gid.to_kernel())
}

#[test]
fn root_gets_a_whole_slot_of_its_own() {
    let decided = decided(&root(), &MapRequest::default()).unwrap();
    let slot = Slot::at(decided.lease.unwrap()).unwrap();
    let line = format!("0 {} 65536\n", slot.base());
    assert_eq!(shown(&decided.map), (line.clone(), line));
    assert!(decided.shifted && decided.warnings.is_empty());
}

#[test]
fn a_slot_that_is_taken_or_leased_is_passed_over() {
    let first = idmap::slots::slots("web").next().unwrap();
    let host = Host { taken: [first.base() + 5].into_iter().collect(), ..root() };
    let mut leases = Given { gone: 1, ..Given::default() };
    let got = decide(&MapRequest::default(), &host, &redis(), "web", &mut leases, |_| None).unwrap().lease.unwrap();
    let order: Vec<Slot> = idmap::slots::slots("web").skip(1).take(2).collect();
    assert_eq!((leases.tries, got), (order.clone(), order[1].number()));
}

#[test]
fn wishes_are_kept_and_the_rest_is_filled() {
    let request = asked(Some("auto:uidmapping=101:996:1,gidmapping=102:996:1"), &[], &[]);
    let decided = decided(&root(), &request).unwrap();
    assert_eq!(decided.map.uid.to_outside(idmap::Inside(101)), Some(idmap::Outside(996)));
    assert_eq!(decided.map.gid.to_outside(idmap::Inside(102)), Some(idmap::Outside(996)));
    assert_eq!(decided.map.uid.inside_ids().to_string(), "0-1023,65534");
    assert!(decided.lease.is_some());
}

#[test]
fn a_map_of_one_service_user_is_refused_with_both_ways_out() {
    let error = decided(&root(), &asked(None, &["101:996"], &["102:996"])).unwrap_err();
    assert_eq!(error.code(), codes::UR0101);
    insta::assert_snapshot!(diag::render::text(error.report(), diag::render::Style::PLAIN));
}

#[test]
fn the_usual_advice_leaves_out_the_very_ids_that_matter() {
    let request = asked(None, &["0:1000:101", "102:2000:1000"], &["0:1000:102", "103:2000:1000"]);
    let decided = decided(&root(), &request).unwrap();
    let warning = decided.warnings[0].report();
    assert_eq!(warning.severity, diag::Severity::Warning);
    insta::assert_snapshot!(diag::render::text(warning, diag::render::Style::PLAIN));
    assert!(decided.lease.is_none());
}

#[test]
fn an_account_in_a_hole_counts_without_files() {
    let bare = Image { uid_files: [(0, 1)].into(), gid_files: [(0, 1)].into(), ..redis() };
    let told = |request: &MapRequest| {
        let decided = decide(request, &root(), &bare, "web", &mut Given::default(), |_| None).unwrap();
        decided.warnings.first().map(|warning| warning.report().what.to_string())
    };
    let with_holes = asked(None, &["0:1000:101", "102:2000:1000"], &["0:1000:102", "103:2000:1000"]);
    let said = told(&with_holes).unwrap();
    assert!(said.ends_with("leaves out container uid 101 (redis), which is an account of the image"), "{said}");
    assert_eq!(told(&asked(None, &["0:1000:101"], &["0:1000:102"])), None);
}

#[test]
fn a_size_that_is_too_small_is_noticed() {
    let decided = decided(&root(), &asked(Some("auto:size=50"), &[], &[])).unwrap();
    assert_eq!(decided.warnings.len(), 1);
    assert_eq!(decided.map.uid.ids(), 50);
}

#[test]
fn host_is_a_namespace_of_its_own_and_says_so() {
    let decided = decided(&root(), &asked(Some("host"), &[], &[])).unwrap();
    assert!(!decided.shifted);
    assert_eq!(decided.warnings[0].code(), codes::UR0108);
}

#[test]
fn nothing_is_planned_for_a_namespace_that_is_there() {
    for mode in ["container:x", "ns:/proc/1/ns/user"] {
        assert_eq!(decided(&root(), &asked(Some(mode), &[], &[])).unwrap_err().code(), codes::UR0108);
    }
}

#[test]
fn a_user_is_root_inside() {
    let decided = decided(&user(65_536), &MapRequest::default()).unwrap();
    assert_eq!(shown(&decided.map), ("0 0 1\n1 1 65536\n".to_owned(), "0 0 1\n1 1 65536\n".to_owned()));
    assert!(!decided.shifted && decided.lease.is_none());
}

#[test]
fn a_user_with_one_id_is_told_what_is_missing() {
    let decided = decided(&user(0), &MapRequest::default()).unwrap();
    assert_eq!(shown(&decided.map).0, "0 0 1\n");
    assert_eq!(decided.warnings.len(), 1);
}

/// Where no mount can do it, the files get other owners: that is for the start to see to.
#[test]
fn a_user_may_have_any_map_of_what_is_delegated() {
    for mode in ["keep-id", "nomap", "auto"] {
        let decided = decided(&user(65_536), &asked(Some(mode), &[], &[])).unwrap();
        assert!(decided.shifted, "{mode}");
    }
}

/// A directory that takes any map, for a user whose containers get ids of their own.
fn own_window(held: Vec<HeldIds>, name: &str) -> Result<(IdMap, (IdSet, IdSet))> {
    let mut leases = Given { held, ..Given::default() };
    let image = Image { layered: false, ..redis() };
    let request = asked(Some("auto"), &[], &[]);
    let decided = decide(&request, &user(65_536), &image, name, &mut leases, |_| None)?;
    Ok((decided.map, leases.taken.unwrap()))
}

#[test]
fn containers_of_a_user_are_disjoint_until_nothing_is_left() {
    let mut held: Vec<HeldIds> = Vec::new();
    let ended = loop {
        let name = format!("c{}", held.len());
        match own_window(held.clone(), &name) {
            Ok((map, (uids, gids))) => {
                assert!(map.uid.contains(idmap::Inside(101)) && map.gid.contains(idmap::Inside(102)));
                assert_eq!((uids.count(), gids.count()), (1025, 1025));
                for other in &held {
                    assert!(other.uids.intersection(&uids).is_empty() && other.gids.intersection(&gids).is_empty());
                }
                held.push(HeldIds::new(&name, &name, uids, gids));
            }
            Err(error) => break error,
        }
    };
    assert_eq!((held.len(), ended.code()), (63, codes::UR0205));
}

#[test]
fn the_same_name_gets_the_same_ids_again() {
    let (first, taken) = own_window(Vec::new(), "web").unwrap();
    let other = HeldIds::new("x", "x", "100000-100100".parse().unwrap(), "100000-100100".parse().unwrap());
    assert_eq!(own_window(vec![other], "web").unwrap(), (first.clone(), taken.clone()));
    let gone = HeldIds::new("x", "x", taken.0, taken.1);
    assert_ne!(own_window(vec![gone], "web").unwrap().0, first);
}

#[test]
fn what_is_wished_for_may_be_shared() {
    let held = HeldIds::new("x", "x", "100000".parse().unwrap(), "100000".parse().unwrap());
    let mut leases = Given { held: vec![held], ..Given::default() };
    let image = Image { layered: false, ..redis() };
    // Id 1 of the user's own namespace is host id 100000.
    let request = asked(Some("auto:uidmapping=101:1:1,gidmapping=102:1:1"), &[], &[]);
    let decided = decide(&request, &user(65_536), &image, "web", &mut leases, |_| None).unwrap();
    assert_eq!(decided.map.uid.to_outside(idmap::Inside(101)), Some(idmap::Outside(1)));
    let (uids, _) = leases.taken.unwrap();
    assert!(!uids.contains(100_000) && uids.count() == 1024, "{uids}");
}

/// Root in a container that has the ids 0 to 65535: what is used in there is left out.
#[test]
fn root_in_a_container_draws_from_its_own_ids() {
    let current = Extents::new([Extent::new(0, 700_000, 65_536)]).unwrap();
    let current = IdMap { uid: current.clone(), gid: current };
    let caller = Caller::Root { current: current.clone() };
    let taken = "0-5,1000,65534-65535".parse().unwrap();
    let host = Host { caller, current, nested: true, taken, ..root() };
    let mut leases = Given::default();
    let image = Image { layered: false, ..redis() };
    let request = asked(Some("auto"), &[], &[]);
    let decided = decide(&request, &host, &image, "web", &mut leases, |_| None).unwrap();
    let (uids, _) = leases.taken.unwrap();
    assert!(uids.first() >= Some(1024) && uids.last() < Some(65_534) && uids.count() == 1025, "{uids}");
    assert_eq!(decided.map.uid.outside_ids(), uids);
}
