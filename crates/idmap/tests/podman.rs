//! Podman's syntax and what it resolves to: the tables of `podman_table/`, from its manual page (podman-run(1), 5.x), from its
//! own tests' subjects, and from what people reported. `podman_installed.rs` asks Podman itself about the same cases.

#![allow(missing_docs, clippy::unwrap_used)]

mod podman_table;

use std::{cell::Cell, collections::BTreeSet};

use idmap::{
    Caller, Extent, Extents, IdMap, Kind, MapOption, Namespace, Outside, Refused, Request, Resolved, SubidFile, Words,
    intermediate, resolve, slots,
};
use podman_table::{
    Case, Podman,
    ask::{self, short},
    worlds::World,
};

fn ask(line: &str, caller: &Caller) -> Result<Option<Resolved>, Refused> {
    ask::ask(line, caller, &World::Root.file())
}

fn maps(line: &str, caller: &Caller) -> (String, String) {
    let map =
        ask::maps(line, caller, &World::Root.file()).unwrap_or_else(|refused| panic!("{line}: {:?}", refused.error));
    (short(&map.uid), short(&map.gid))
}

#[test]
fn maps_are_those_of_the_tables() {
    let mut wrong = Vec::new();
    for Case { at, world, options, expected, .. } in podman_table::maps() {
        let found = match ask::maps(options, &world.caller(), &world.file()) {
            Ok(map) => [short(&map.uid), short(&map.gid)],
            Err(refused) => [format!("{:?}", refused.error), String::new()],
        };
        if found != expected {
            let [uid, gid] = &found;
            wrong.push(format!("{at}: {options} | {uid} | {}", if uid == gid { "=" } else { gid }));
        }
    }
    assert!(wrong.is_empty(), "these are otherwise:\n{}", wrong.join("\n"));
}

#[test]
fn the_tables_are_long_and_say_nothing_twice() {
    let (maps, refusals) = (podman_table::maps(), podman_table::refusals());
    let known: BTreeSet<_> =
        maps.iter().chain(&refusals).map(|case| (format!("{:?}", case.world), case.options)).collect();
    assert_eq!(known.len(), maps.len() + refusals.len());
    let compared = maps.iter().filter(|case| matches!(case.podman, Podman::Same(_) | Podman::Inside(_))).count();
    assert!(compared >= 250 && refusals.len() >= 60, "{compared} maps, {} refusals", refusals.len());
}

/// Code and words of a refusal. The words are those that its place is about.
fn refusal(options: &str, caller: &Caller, file: &SubidFile) -> Result<[String; 2], String> {
    let refused = match ask::ask(options, caller, file) {
        Err(refused) => refused,
        Ok(found) => return Err(format!("it is taken: {found:?}")),
    };
    if refused.error.report().help.is_empty() {
        return Err(format!("nobody is helped by {:?}", refused.error));
    }
    let words = refused.place.as_ref().map_or(Some(String::new()), |place| {
        let option = place.option.name();
        let values = [option, "PODMAN_USERNS", "userns"].map(|option| ask::values(options, option));
        let value = values.into_iter().find(|values| !values.is_empty())?.into_iter().nth(place.value)?;
        value.get(place.bytes.clone()).map(str::to_owned)
    });
    let words = words.ok_or_else(|| format!("{:?} is not there", refused.place))?;
    Ok([refused.error.code().id().to_owned(), words])
}

#[test]
fn refusals_are_those_of_the_table() {
    let mut wrong = Vec::new();
    for Case { at, world, options, expected, .. } in podman_table::refusals() {
        match refusal(options, &world.caller(), &world.file()) {
            Ok(found) if found == expected => {}
            Ok([code, words]) => wrong.push(format!("{at}: {options} | {code} | {words}")),
            Err(why) => wrong.push(format!("{at}: {options}: {why}")),
        }
    }
    assert!(wrong.is_empty(), "these are otherwise:\n{}", wrong.join("\n"));
}

fn refused(line: &str, caller: &Caller, code: &str, words: &str) {
    let found = refusal(line, caller, &World::Root.file());
    assert_eq!(found, Ok([code.to_owned(), words.to_owned()]), "{line}");
}

/// Root in a namespace in which few ids exist, and none of the pool's.
fn nested() -> Caller {
    let few = Extents::new([Extent::new(0, 100_000, 5)]).unwrap();
    Caller::Root { current: IdMap { uid: few.clone(), gid: few } }
}

#[test]
fn what_only_some_cannot_have() {
    refused("--userns=nomap", &World::Poor.caller(), "UR0201", "nomap");
    refused("--userns=auto:size=9", &nested(), "UR0107", "");
}

#[test]
fn a_user_without_delegated_ids() {
    let own = |id| intermediate(Outside(id), &[]).unwrap();
    let poor =
        Caller::User { uid: Outside(1000), gid: Outside(100), intermediate: IdMap { uid: own(1000), gid: own(100) } };
    let one = |line| maps(line, &poor);
    assert_eq!(one("--userns=host"), ("0:1000:1".into(), "0:100:1".into()));
    assert_eq!(one("--uidmap=5:0:1"), ("5:1000:1".into(), "5:100:1".into()));
    assert_eq!(one("--userns=keep-id"), ("1000:1000:1".into(), "100:100:1".into()));
    assert_eq!(one("--uidmap=+5:0:1"), ("5:1000:1".into(), "5:100:1".into()));
}

#[test]
fn namespaces_that_exist_already() {
    let found = |line, caller: &Caller| ask(line, caller).unwrap().unwrap().namespace;
    assert_eq!(found("--userns=container:web", &World::Root.caller()), Namespace::Container("web".into()));
    assert_eq!(found("--userns=ns:/proc/1/ns/user", &World::User.caller()), Namespace::Path("/proc/1/ns/user".into()));
    assert_eq!(found("--userns=host", &World::Root.caller()), Namespace::Caller);
    assert!(ask("", &World::Root.caller()).unwrap().is_none());
}

#[test]
fn keep_id_says_who_the_process_is() {
    let who = |line, caller: &Caller| ask(line, caller).unwrap().unwrap().user.map(|(uid, gid)| (uid.0, gid.0));
    assert_eq!(who("--userns=keep-id", &World::User.caller()), Some((1000, 1000)));
    assert_eq!(who("--userns=keep-id:uid=7", &World::User.caller()), Some((7, 1000)));
    assert_eq!(who("--userns=keep-id:gid=7", &World::Root.caller()), Some((0, 7)));
    assert_eq!(who("--userns=host", &World::User.caller()), None);
}

#[test]
fn root_inside_a_container_is_held_to_its_own_map() {
    let own = Extents::new([Extent::new(0, 100_000, 10), Extent::new(10, 200_000, 10)]).unwrap();
    let caller = Caller::Root { current: IdMap { uid: own.clone(), gid: own } };
    // Split where the parent is, although it continues itself.
    assert_eq!(maps("--uidmap=0:5:10", &caller).0, "0:5:5 5:10:5");
    assert_eq!(maps("--uidmap=0:@200003:2", &caller).0, "0:13:2");
    refused("--uidmap=0:0:5,7:19:2", &caller, "UR0107", "7:19:2");
}

#[test]
fn a_wrong_wish_costs_no_lease() {
    let asked = Cell::new(false);
    let words = Words { userns: Some("auto:uidmapping=0:1:5,uidmapping=3:9:1"), ..Words::default() };
    let request = Request::parse(&words).unwrap().unwrap();
    let file = SubidFile::default();
    let caller = World::Root.caller();
    let world = idmap::World { caller: &caller, subuid: &file, subgid: &file };
    let found = resolve(&request, &world, |_| {
        asked.set(true);
        Err(diag::Error::new(diag::codes::UR0205, "never"))
    });
    assert!(found.is_err() && !asked.get());
    assert_eq!(request.triples(Kind::Uid).len(), 2);
    assert_eq!(found.unwrap_err().place.unwrap().option, MapOption::Userns);
    assert_eq!(slots::slots("x").count(), 28_664);
}
