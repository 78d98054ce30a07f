use diag::codes;
use idmap::{Extent, Inside, Outside};

use super::*;
use crate::map::tests::{decided, redis, root, user};

fn wishing(map: &[&str], me_as: Option<&str>) -> MapRequest {
    MapRequest {
        map: map.iter().map(|text| (*text).to_owned()).collect(),
        me_as: me_as.map(str::to_owned),
        ..MapRequest::default()
    }
}

#[test]
fn names_are_the_images_and_the_hosts() {
    let decided = decided(&root(), &wishing(&["redis=@redis"], None)).unwrap();
    assert_eq!(decided.map.uid.to_outside(Inside(101)), Some(Outside(996)));
    assert_eq!(decided.map.gid.to_outside(Inside(102)), Some(Outside(996)));
    assert!(decided.lease.is_some() && decided.warnings.is_empty(), "{:?}", decided.warnings);
    let asked = Asked::read(&wishing(&["rediss=@redis"], None), &root(), &redis()).unwrap_err();
    assert_eq!(asked.error.code(), codes::UR0507);
    assert_eq!(asked.error.report().help[0].text, "did you mean `redis`?");
    assert_eq!(asked.place, Some(Place::new(MapOption::Map, 0, 0..6)));
}

#[test]
fn the_default_of_a_user_with_me_elsewhere() {
    let decided = decided(&user(65_536), &wishing(&[], Some("redis"))).unwrap();
    let list = |id, further| {
        let all = [(0, 1, id), (id, 0, 1), (id + 1, id + 1, further - id)];
        all.map(Extent::from).to_vec()
    };
    assert_eq!(decided.map.uid.as_slice(), list(101, 65_536));
    assert_eq!(decided.map.gid.as_slice(), list(102, 65_536));
    assert!(decided.shifted && decided.user.is_none());
    let empty = Asked::read(&wishing(&[], Some("")), &user(1), &redis()).unwrap();
    assert!(empty.wishes.is_empty());
}

#[test]
fn the_word_that_all_of_a_map_comes_from() {
    let origin =
        |place: &Place| Some(Origin::Env { name: place.option.name().to_owned(), value: place.value.to_string() });
    let said = |asked: &MapRequest| match place_of_all(asked, origin) {
        Some(Origin::Env { name, .. }) => name,
        _ => String::new(),
    };
    let mut asked = wishing(&["1=2"], Some("redis"));
    assert_eq!(said(&asked), "--map");
    asked.subuidname = Some("alice".into());
    assert_eq!(said(&asked), "--subuidname");
    asked.subuidname = Some(String::new());
    asked.map.clear();
    assert_eq!(said(&asked), "--me-as");
    asked.userns = Some("auto".into());
    assert_eq!(said(&asked), "--userns");
    assert_eq!(said(&MapRequest::default()), "");
}

#[test]
fn an_old_record_reads_as_one_without_wishes() {
    let old = r#"{"userns":"auto","uidmap":[],"gidmap":["0:1:2"]}"#;
    let read: MapRequest = serde_json::from_str(old).unwrap();
    assert_eq!((read.map.len(), read.me_as, read.subuidname), (0, None, None));
}
