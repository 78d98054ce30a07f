use super::*;
use crate::{
    Durability,
    testing::{privileged, store},
};

fn make(store: &Store, id: &ContainerId, name: Option<&str>) -> Result<Container> {
    store.create_container(&NewContainer { id, name, config: b"{}", upper: None, durability: Durability::Synced })
}

fn id(begin: &str) -> ContainerId {
    ContainerId::parse(&format!("{begin:0<64}")).unwrap()
}

#[test]
fn a_container_is_found_by_id_name_and_prefix() {
    let (_home, store) = store();
    let (one, two) = (id("abc1"), id("abd2"));
    make(&store, &one, Some("web")).unwrap();
    make(&store, &two, None).unwrap();
    for key in [one.as_str(), "web", "abc", one.short()] {
        assert_eq!(store.container(key).unwrap().id(), &one, "{key}");
    }
    assert_eq!(store.container("abd").unwrap().id(), &two);
    assert_eq!(store.containers().unwrap(), [one.clone(), two.clone()]);
    assert_eq!(store.name_of(&one).as_deref(), Some("web"));
    assert_eq!(store.name_of(&two), None);
    assert_eq!(store.container("web").unwrap().config().unwrap(), "{}");
}

#[test]
fn keys_that_fit_none_or_several_are_errors() {
    let (_home, store) = store();
    make(&store, &id("abc1"), Some("web")).unwrap();
    make(&store, &id("abc2"), None).unwrap();
    let error = store.container("abc").unwrap_err();
    assert_eq!(error.code(), codes::UR0809);
    assert!(error.report().facts[0].contains(id("abc2").short()), "{error:?}");
    let too_long = "a".repeat(65);
    for key in ["we", "", "ffff", "../web", "names/web", ".", "..", "we b", &too_long, id("def").as_str()] {
        assert_eq!(store.container(key).unwrap_err().code(), codes::UR0802, "{key}");
    }
}

#[test]
fn a_name_comes_before_a_prefix_and_an_id_before_a_name() {
    let (_home, store) = store();
    make(&store, &id("abc"), None).unwrap();
    make(&store, &id("def"), Some("abc")).unwrap();
    assert_eq!(store.container("abc").unwrap().id(), &id("def"));
    make(&store, &id("123"), Some(id("abc").as_str())).unwrap();
    assert_eq!(store.container(id("abc").as_str()).unwrap().id(), &id("abc"));
}

#[test]
fn a_name_has_one_holder() {
    let (_home, store) = store();
    make(&store, &id("a"), Some("web")).unwrap();
    let error = make(&store, &id("b"), Some("web")).unwrap_err();
    assert_eq!(error.code(), codes::UR0801);
    assert!(error.report().what.contains(id("a").short()), "{error}");
    assert_eq!(store.containers().unwrap(), [id("a")]);
    assert!(store.tmp.names().unwrap().is_empty());
    store.remove_container(&id("a")).unwrap();
    make(&store, &id("b"), Some("web")).unwrap();
}

#[test]
fn an_id_that_is_taken_leaves_the_name_free() {
    let (_home, store) = store();
    make(&store, &id("a"), Some("first")).unwrap();
    assert_eq!(make(&store, &id("a"), Some("second")).unwrap_err().code(), codes::UR0801);
    make(&store, &id("b"), Some("second")).unwrap();
    assert_eq!(store.container("first").unwrap().id(), &id("a"));
}

#[test]
fn a_link_that_a_crash_left_is_no_name() {
    let (_home, store) = store();
    store.names.symlink("web", &format!("../containers/{}", id("dead"))).unwrap();
    assert_eq!(store.container("web").unwrap_err().code(), codes::UR0802);
    make(&store, &id("a"), Some("web")).unwrap();
    assert_eq!(store.container("web").unwrap().id(), &id("a"));
}

#[test]
fn removing_takes_everything_away() {
    let (_home, store) = store();
    let made = make(&store, &id("a"), Some("web")).unwrap();
    made.dir().make_dir("sub", 0o700).unwrap().write("f", b"x", 0o600).unwrap();
    store.remove_container(&id("a")).unwrap();
    assert_eq!(store.remove_container(&id("a")).unwrap_err().code(), codes::UR0802);
    for dir in [&store.containers, &store.names, &store.tmp] {
        assert!(dir.names().unwrap().is_empty());
    }
}

#[test]
fn names_are_written_in_one_way() {
    let long = "x".repeat(255);
    for name in ["a", "7", "web_1.test-x", &long] {
        check_name(name).unwrap();
    }
    let too_long = "x".repeat(256);
    for name in ["", ".", "..", "-a", "_a", ".a", "a/b", "a b", "ä", "a\n", "a\0", &too_long] {
        assert_eq!(check_name(name).unwrap_err().code(), codes::UR0804, "{name:?}");
        let (_home, store) = store();
        assert_eq!(make(&store, &id("a"), Some(name)).unwrap_err().code(), codes::UR0804);
    }
}

#[test]
fn many_at_once_get_one_name_once() {
    let (_home, store) = store();
    let made = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| make(&store, &ContainerId::random(), Some("web")).is_ok())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|made| *made).count()
    });
    assert_eq!(made, 1);
    assert_eq!(store.containers().unwrap().len(), 1);
}

#[test]
fn ids_are_random_and_written_in_one_way() {
    assert_ne!(ContainerId::random(), ContainerId::random());
    let random = ContainerId::random();
    assert_eq!(ContainerId::parse(random.as_str()), Some(random));
    for text in ["", "abc", &"A".repeat(64), &"g".repeat(64), &"a".repeat(63), &"a".repeat(65)] {
        assert_eq!(ContainerId::parse(text), None);
    }
}

#[test]
fn upper_resembles_the_root_of_the_image() {
    let (_home, store) = store();
    let caller = (sys::rustix::process::geteuid().as_raw(), sys::rustix::process::getegid().as_raw());
    let upper = RootDir { mode: 0o1751, uid: caller.0, gid: caller.1 }.into();
    let id = id("a");
    let made = store
        .create_container(&NewContainer {
            id: &id,
            name: None,
            config: b"{}",
            upper: Some(&upper),
            durability: Durability::Synced,
        })
        .unwrap();
    assert_eq!(made.dir().stat("upper").unwrap().st_mode & 0o7777, 0o1751);
    assert_eq!(made.dir().stat("work").unwrap().st_mode & 0o7777, 0o700);
}

#[test]
fn privileged_upper_has_the_owner_of_the_root_of_the_image() {
    if !privileged() {
        return;
    }
    let (_home, store) = store();
    let id = id("a");
    let upper = RootDir { mode: 0o755, uid: 101, gid: 102 }.into();
    let made = store
        .create_container(&NewContainer {
            id: &id,
            name: None,
            config: b"{}",
            upper: Some(&upper),
            durability: Durability::Synced,
        })
        .unwrap();
    let stat = made.dir().stat("upper").unwrap();
    assert_eq!((stat.st_uid, stat.st_gid, stat.st_mode & 0o7777), (101, 102, 0o755));
}
