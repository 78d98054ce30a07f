//! Podman's syntax and what it resolves to: cases from its manual page (podman-run(1), 5.x), from its own tests'
//! subjects, and from what people reported.

#![allow(missing_docs, clippy::unwrap_used)]

use std::cell::Cell;

use diag::Code;
use idmap::{
    Automatic, Caller, Extent, Extents, IdMap, ImageIds, Kind, MapOption, Namespace, Needs, Outside, Pool, Refused,
    Request, Resolved, Slot, SubidFile, Words, World, intermediate, resolve, slots,
};

fn root() -> Caller {
    Caller::Root { current: IdMap::identity() }
}

/// uid 1000 with 65536 ids from 100000; gid 1000 with the same, and the single gid 2000.
fn user() -> Caller {
    let uid = intermediate(Outside(1000), &[100_000..=165_535]).unwrap();
    let gid = intermediate(Outside(1000), &[2000..=2000, 100_000..=165_535]).unwrap();
    Caller::User { uid: Outside(1000), gid: Outside(1000), intermediate: IdMap { uid, gid } }
}

/// A user to whom nothing is delegated.
fn poor() -> Caller {
    let own = |id| intermediate(Outside(id), &[]).unwrap();
    Caller::User { uid: Outside(1000), gid: Outside(100), intermediate: IdMap { uid: own(1000), gid: own(100) } }
}

/// The options as they stand on a command line: `--uidmap=… --userns=…`, separated by spaces.
fn ask(line: &str, caller: &Caller) -> Result<Option<Resolved>, Refused> {
    let values = |option: &str| -> Vec<String> {
        let prefix = format!("{option}=");
        line.split(' ').filter_map(|word| word.strip_prefix(&prefix)).map(str::to_owned).collect()
    };
    let (uidmap, gidmap) = (values("--uidmap"), values("--gidmap"));
    let last = |option| values(option).pop();
    let (userns, names) = (last("--userns"), [last("--subuidname"), last("--subgidname")]);
    let words = Words {
        userns: userns.as_deref(),
        uidmap: &uidmap,
        gidmap: &gidmap,
        subuidname: names[0].as_deref(),
        subgidname: names[1].as_deref(),
    };
    let file = SubidFile::parse("/etc/subuid", b"containers:2147483648:65536\nalice:100000:10\nalice:50:5\n");
    let world = World { caller, subuid: &file, subgid: &file };
    let Some(request) = Request::parse(&words)? else { return Ok(None) };
    resolve(&request, &world, |auto| {
        let needs = match auto.size {
            Some(size) => Needs::window(size),
            None => Needs::of_image(&ImageIds::default()),
        };
        let pool = match caller {
            Caller::Root { .. } => Pool::slot(Slot::at(0).unwrap()),
            Caller::User { .. } => Pool::ranges(vec![100_000..=165_535]),
        };
        Ok(Automatic { uids: needs.clone(), gids: needs, uid_pool: pool.clone(), gid_pool: pool })
    })
    .map(Some)
}

/// `0:0:7 7:1000:2`.
fn short(map: &Extents) -> String {
    map.iter().map(Extent::to_string).collect::<Vec<_>>().join(" ")
}

fn maps(line: &str, caller: &Caller) -> (String, String) {
    match ask(line, caller).unwrap_or_else(|refused| panic!("{line}: {:?}", refused.error)) {
        Some(Resolved { namespace: Namespace::New(map), .. }) => (short(&map.uid), short(&map.gid)),
        other => panic!("{line}: {other:?}"),
    }
}

/// Command line, uid map, gid map; an empty third column is the same as the second.
type Case = (&'static str, &'static str, &'static str);

const ROOT: &[Case] = &[
    // The plain form, and the amount that may be left out.
    ("--uidmap=0:100000:65536", "0:100000:65536", ""),
    ("--gidmap=0:100000:65536", "0:100000:65536", ""),
    ("--uidmap=101:996 --gidmap=102:996", "101:996:1", "102:996:1"),
    ("--uidmap=0:30000:2000", "0:30000:2000", ""),
    // Several options, comma lists, a chain of triples, empty values.
    ("--uidmap=0:1000:101 --uidmap=102:2000:1000", "0:1000:101 102:2000:1000", ""),
    ("--uidmap=0:1000:101,102:2000:1000", "0:1000:101 102:2000:1000", ""),
    ("--uidmap=0:1000:101:102:2000:1000", "0:1000:101 102:2000:1000", ""),
    ("--uidmap= --uidmap=0:5:1,,1:7:1,", "0:5:1 1:7:1", ""),
    ("--uidmap=102:2000:1000,0:1000:101", "0:1000:101 102:2000:1000", ""),
    // What continues itself is one.
    ("--uidmap=1:1:3,4:4:4", "1:1:7", ""),
    ("--uidmap=4:4:4,1:1:3", "1:1:7", ""),
    // `+` breaks what was said before: the manual page's examples.
    ("--uidmap=0:0:65000 --uidmap=+100000:1:1", "0:0:1 2:2:64998 100000:1:1", ""),
    ("--gidmap=0:0:65000 --gidmap=+100000:1:1 --gidmap=1:65001:1", "0:0:1 1:65001:1 2:2:64998 100000:1:1", ""),
    ("--uidmap=0:2000:100000,+1:100:1", "0:2000:1 1:100:1 2:2002:99998", ""),
    (
        "--uidmap=0:0:20,24:24:6,+7:1000:2,+12:2000:3,+18:3000:7",
        "0:0:7 7:1000:2 9:9:3 12:2000:3 15:15:3 18:3000:7 25:25:5",
        "",
    ),
    ("--uidmap=0:0:20,+10:1:1", "0:0:1 2:2:8 10:1:1 11:11:9", ""),
    ("--uidmap=0:20:10,15:35:10,+8:23:16", "0:20:3 8:23:16 24:44:1", ""),
    ("--uidmap=1000:1000:1,+2:2:1", "2:2:1 1000:1000:1", ""),
    ("--uidmap=1000:1001:2,+2:3:2", "2:3:2 1000:1001:2", ""),
    ("--uidmap=2:3:2,+1000:1001:2", "2:3:2 1000:1001:2", ""),
    ("--uidmap=4:5:4,+1:1:3", "1:1:3 4:5:4", ""),
    ("--uidmap=0:100:10,+0:200:10", "0:200:10", ""),
    ("--uidmap=0:100:10,+20:100:10", "20:100:10", ""),
    ("--uidmap=5:100:1,+0:50:20", "0:50:20", ""),
    // Root: nothing is filled.
    ("--uidmap=+100000:1:1", "100000:1:1", ""),
    // `u` and `g`.
    ("--gidmap=0:0:1000 --gidmap=g2000:2000:1", "0:0:1000", "0:0:1000 2000:2000:1"),
    ("--uidmap=u1:3:1,g2:4:2", "1:3:1", "2:4:2"),
    ("--uidmap=0:0:10,u20:20:1,g30:30:1", "0:0:10 20:20:1", "0:0:10 30:30:1"),
    ("--uidmap=ug0:5:1", "0:5:1", ""),
    ("--uidmap=0:0:10,+u3:50:1", "0:0:3 3:50:1 4:4:6", "0:0:10"),
    ("--uidmap=0:0:10,u+3:50:1", "0:0:3 3:50:1 4:4:6", "0:0:10"),
    ("--uidmap=0:0:10 --gidmap=0:50:10", "0:0:10", "0:50:10"),
    // With both lists given, the flag of the other kind says nothing.
    ("--uidmap=0:0:10,g5:7:1 --gidmap=0:0:10", "0:0:10", ""),
    // As root, `@` changes nothing.
    ("--uidmap=100:@2000:2", "100:2000:2", ""),
    // The last ids, leading zeros.
    ("--uidmap=0:0:4294967295", "0:0:4294967295", ""),
    ("--uidmap=4294967294:4294967294:1", "4294967294:4294967294:1", ""),
    ("--uidmap=007:010:01", "7:10:1", ""),
    // Names.
    ("--subuidname=containers", "0:2147483648:65536", ""),
    ("--subgidname=containers", "0:2147483648:65536", ""),
    ("--subuidname=containers --subgidname=alice", "0:2147483648:65536", "0:50:5 5:100000:10"),
    // Automatic.
    ("--userns=auto", "0:524288:1024 65534:589822:1", ""),
    ("--userns=private", "0:524288:1024 65534:589822:1", ""),
    ("--userns=auto:size=8192", "0:524288:8192", ""),
    ("--userns=auto:size=5,size=6", "0:524288:6", ""),
    (
        "--userns=auto:uidmapping=101:996:1,gidmapping=102:996:1",
        "0:524288:101 101:996:1 102:524390:922 65534:589822:1",
        "0:524288:102 102:996:1 103:524391:921 65534:589822:1",
    ),
    ("--userns=auto:size=3,uidmapping=1:996", "0:524288:1 1:996:1 2:524290:1", "0:524288:3"),
    ("--userns=auto:size=3,uidmapping=1:@996", "0:524288:1 1:996:1 2:524290:1", "0:524288:3"),
    ("--userns=auto:size=4,uidmapping=0:7:1,uidmapping=1:9:1", "0:7:1 1:9:1 2:524290:2", "0:524288:4"),
    ("--userns=auto:size=2,uidmapping=70000:5:10", "0:524288:2 70000:5:10", "0:524288:2"),
    ("--userns=keep-id", "0:0:4294967295", ""),
];

const USER: &[Case] = &[
    ("--userns=host", "0:1000:1 1:100000:65536", "0:1000:1 1:2000:1 2:100000:65536"),
    ("--userns=", "0:1000:1 1:100000:65536", "0:1000:1 1:2000:1 2:100000:65536"),
    ("--userns=nomap", "0:100000:65536", "0:2000:1 1:100000:65536"),
    (
        "--userns=keep-id",
        "0:100000:1000 1000:1000:1 1001:101000:64536",
        "0:2000:1 1:100000:999 1000:1000:1 1001:100999:64537",
    ),
    (
        "--userns=keep-id:uid=200,gid=210",
        "0:100000:200 200:1000:1 201:100200:65336",
        "0:2000:1 1:100000:209 210:1000:1 211:100209:65327",
    ),
    ("--userns=keep-id:uid=0,gid=0", "0:1000:1 1:100000:65536", "0:1000:1 1:2000:1 2:100000:65536"),
    ("--userns=keep-id:uid=0,gid=0,size=1024", "0:1000:1 1:100000:1023", "0:1000:1 1:2000:1 2:100000:1022"),
    ("--userns=keep-id:uid=0,gid=0,size=1", "0:1000:1", ""),
    ("--userns=keep-id:uid=5,gid=5,size=1", "5:1000:1", ""),
    ("--userns=keep-id:uid=100000,gid=0,size=3", "0:100000:2 100000:1000:1", "0:1000:1 1:2000:1 2:100000:1"),
    // Intermediate ids.
    ("--uidmap=0:0:1", "0:1000:1", ""),
    ("--uidmap=0:1:65536", "0:100000:65536", "0:2000:1 1:100000:65535"),
    ("--uidmap=0:0:10", "0:1000:1 1:100000:9", "0:1000:1 1:2000:1 2:100000:8"),
    ("--uidmap=5:0:1,0:1:5", "0:100000:5 5:1000:1", "0:2000:1 1:100000:4 5:1000:1"),
    // Host ids by `@`, one by one through the intermediate namespace.
    ("--uidmap=0:@1000 --gidmap=100000:@2000:1", "0:1000:1", "100000:2000:1"),
    ("--uidmap=0:@100000:3", "0:100000:3", ""),
    // `+` alone fills the gaps with all remaining ids, from 0.
    ("--gidmap=+g100000:@2000", "0:1000:1 1:100000:65536", "0:1000:1 1:100000:65536 100000:2000:1"),
    ("--uidmap=+u5:@1000 --gidmap=0:0:1", "0:100000:5 5:1000:1 6:100005:65531", "0:1000:1"),
    ("--uidmap=+10:0:1 --gidmap=0:0:1", "0:100000:10 10:1000:1 11:100010:65526", "0:1000:1"),
    ("--uidmap=0:0:1,+10:1:1 --gidmap=0:0:1", "0:1000:1 10:100000:1", "0:1000:1"),
    (
        "--uidmap=+1:5:2,+30:9:1 --gidmap=0:0:1",
        "0:1000:1 1:100004:2 3:100000:4 7:100006:2 9:100009:21 30:100008:1 31:100030:65506",
        "0:1000:1",
    ),
    // One of the kinds has nothing: it is filled.
    ("--uidmap=u0:0:1", "0:1000:1", "0:1000:1 1:2000:1 2:100000:65536"),
    ("--userns=auto:size=4", "0:100000:4", ""),
    ("--userns=auto:size=4,uidmapping=2:0:1", "0:100000:2 2:1000:1 3:100002:1", "0:100000:4"),
    ("--userns=auto:size=4,uidmapping=2:@100001:1", "0:100000:1 1:100002:1 2:100001:1 3:100003:1", "0:100000:4"),
];

#[test]
fn what_maps_resolve_to() {
    for (caller, cases) in [(root(), ROOT), (user(), USER)] {
        for (line, uid, gid) in cases {
            let gid = if gid.is_empty() { uid } else { gid };
            assert_eq!(maps(line, &caller), ((*uid).to_owned(), (*gid).to_owned()), "{line}");
        }
    }
    assert!(ROOT.len() + USER.len() >= 60, "{}", ROOT.len() + USER.len());
}

/// Command line, code, the words that are at fault.
type Refusal = (&'static str, &'static str, &'static str);

const REFUSED_ROOT: &[Refusal] = &[
    ("--uidmap=0", "UR0102", "0"),
    ("--uidmap=0:1:2:3", "UR0102", "0:1:2:3"),
    ("--uidmap=0:1:2:3:4", "UR0102", "0:1:2:3:4"),
    ("--uidmap=x0:1:2", "UR0102", "x"),
    ("--uidmap=0:1:1,+x0:1:2", "UR0102", "x"),
    ("--uidmap=+", "UR0102", "+"),
    ("--uidmap=:1:2", "UR0102", ""),
    ("--uidmap=+:1:2", "UR0102", ""),
    ("--uidmap=0::2", "UR0102", ""),
    ("--uidmap=0:@:2", "UR0102", ""),
    ("--uidmap=0:@@5:2", "UR0102", "@5"),
    ("--uidmap=@0:5:2", "UR0102", "@"),
    ("--uidmap=0:redis:1", "UR0102", "redis"),
    ("--uidmap=0:1:", "UR0102", ""),
    ("--uidmap=0:1:0", "UR0102", "0"),
    ("--uidmap=0:1:1:5:6:0", "UR0102", "0"),
    ("--uidmap=0:-1:1", "UR0102", "-1"),
    ("--uidmap=0:1:+1", "UR0102", "+1"),
    ("--uidmap=0:0x10:1", "UR0102", "0x10"),
    ("--uidmap=0:1_0:1", "UR0102", "1_0"),
    ("--uidmap=1é:0:1", "UR0102", "1é"),
    ("--uidmap=é1:0:1", "UR0102", "é"),
    ("--uidmap=4294967295:0:1", "UR0102", "4294967295"),
    ("--uidmap=0:4294967296:1", "UR0102", "4294967296"),
    ("--uidmap=0:0:4294967296", "UR0102", "4294967296"),
    ("--uidmap=0:5:1,1:0:4294967295", "UR0102", "1:0:4294967295"),
    ("--uidmap=0:1:10,5:100:1", "UR0103", "5:100:1"),
    ("--uidmap=0:1:10,50:5:1", "UR0103", "50:5:1"),
    ("--uidmap=u0:1:10", "UR0102", "u0:1:10"),
    ("--uidmap=g0:1:10", "UR0102", "g0:1:10"),
    ("--userns=host --uidmap=0:1:10", "UR0108", "host"),
    ("--userns=auto --subuidname=x", "UR0108", "auto"),
    ("--subuidname=x --gidmap=0:1:1", "UR0108", "x"),
    ("--subuidname=nobodyhere", "UR0201", "nobodyhere"),
    ("--subgidname=nobodyhere", "UR0201", "nobodyhere"),
    ("--userns=nomap", "UR0108", "nomap"),
    ("--userns=keep-id:size=5", "UR0108", "keep-id"),
    ("--userns=keep-id:uid=x", "UR0102", "x"),
    ("--userns=keep-id:name=x", "UR0102", "name"),
    ("--userns=keep-id:uid", "UR0102", "uid"),
    ("--userns=auto:", "UR0102", ""),
    ("--userns=auto:size=0", "UR0102", "0"),
    ("--userns=auto:size=big", "UR0102", "big"),
    ("--userns=auto:sise=5", "UR0102", "sise"),
    ("--userns=auto:size=5,uidmapping=+0:1:1", "UR0102", "+"),
    ("--userns=auto:size=5,uidmapping=0:x:1", "UR0102", "x"),
    ("--userns=auto:uidmapping=0", "UR0102", "0"),
    ("--userns=auto:uidmapping=0:1:1:2:3:1", "UR0102", "0:1:1:2:3:1"),
    ("--userns=auto:uidmapping=0:1:5,uidmapping=3:9:1", "UR0103", "3:9:1"),
    ("--userns=auto:size=65537", "UR0205", ""),
    ("--userns=container:", "UR0102", "container:"),
    ("--userns=container", "UR0102", "container"),
    ("--userns=ns:", "UR0102", "ns:"),
    ("--userns=no-map", "UR0102", "no-map"),
    ("--userns=host:5", "UR0102", "5"),
    ("--userns=default", "UR0102", "default"),
];

const REFUSED_USER: &[Refusal] = &[
    ("--uidmap=0:65537:1", "UR0107", "0:65537:1"),
    ("--uidmap=0:100000:65536", "UR0107", "0:100000:65536"),
    ("--uidmap=0:0:1,1:65536:2", "UR0107", "1:65536:2"),
    ("--uidmap=0:@996", "UR0107", "0:@996"),
    ("--uidmap=0:@165535:2", "UR0107", "0:@165535:2"),
    ("--uidmap=0:@2000", "UR0107", "0:@2000"),
    ("--uidmap=+5:0:1,7:0:1", "UR0103", "7:0:1"),
    ("--userns=auto:uidmapping=101:@996:1", "UR0107", "101:@996:1"),
    ("--subuidname=containers", "UR0107", "containers"),
];

fn refused(line: &str, caller: &Caller, code: &str, words: &str) {
    let refused = match ask(line, caller) {
        Err(refused) => refused,
        Ok(found) => panic!("{line}: {found:?}"),
    };
    assert_eq!(refused.error.code(), Code::find(code).unwrap(), "{line}: {:?}", refused.error);
    assert!(!refused.error.report().help.is_empty(), "{line} has no help");
    let Some(place) = refused.place else {
        assert_eq!(words, "", "{line} has no place");
        return;
    };
    let prefix = format!("{}=", place.option.name());
    let value = line.split(' ').filter_map(|word| word.strip_prefix(&prefix)).nth(place.value).unwrap();
    assert_eq!(value.get(place.bytes.clone()), Some(words), "{line}: {place:?}");
}

#[test]
fn what_is_refused_and_where() {
    for (caller, cases) in [(root(), REFUSED_ROOT), (user(), REFUSED_USER)] {
        for (line, code, words) in cases {
            refused(line, &caller, code, words);
        }
    }
    refused("--userns=nomap", &poor(), "UR0201", "nomap");
    refused("--userns=auto:size=9", &nested(), "UR0107", "");
}

/// Root in a namespace in which few ids exist, and none of the pool's.
fn nested() -> Caller {
    let few = Extents::new([Extent::new(0, 100_000, 5)]).unwrap();
    Caller::Root { current: IdMap { uid: few.clone(), gid: few } }
}

#[test]
fn a_user_without_delegated_ids() {
    let one = |line| maps(line, &poor());
    assert_eq!(one("--userns=host"), ("0:1000:1".into(), "0:100:1".into()));
    assert_eq!(one("--uidmap=5:0:1"), ("5:1000:1".into(), "5:100:1".into()));
    assert_eq!(one("--userns=keep-id"), ("1000:1000:1".into(), "100:100:1".into()));
    assert_eq!(one("--uidmap=+5:0:1"), ("5:1000:1".into(), "5:100:1".into()));
}

#[test]
fn namespaces_that_exist_already() {
    let found = |line, caller: &Caller| ask(line, caller).unwrap().unwrap().namespace;
    assert_eq!(found("--userns=container:web", &root()), Namespace::Container("web".into()));
    assert_eq!(found("--userns=ns:/proc/1/ns/user", &user()), Namespace::Path("/proc/1/ns/user".into()));
    assert_eq!(found("--userns=host", &root()), Namespace::Caller);
    assert!(ask("", &root()).unwrap().is_none());
}

#[test]
fn keep_id_says_who_the_process_is() {
    let who = |line, caller: &Caller| ask(line, caller).unwrap().unwrap().user.map(|(uid, gid)| (uid.0, gid.0));
    assert_eq!(who("--userns=keep-id", &user()), Some((1000, 1000)));
    assert_eq!(who("--userns=keep-id:uid=7", &user()), Some((7, 1000)));
    assert_eq!(who("--userns=keep-id:gid=7", &root()), Some((0, 7)));
    assert_eq!(who("--userns=host", &user()), None);
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
    let caller = root();
    let world = World { caller: &caller, subuid: &file, subgid: &file };
    let found = resolve(&request, &world, |_| {
        asked.set(true);
        Err(diag::Error::new(diag::codes::UR0205, "never"))
    });
    assert!(found.is_err() && !asked.get());
    assert_eq!(request.triples(Kind::Uid).len(), 2);
    assert_eq!(found.unwrap_err().place.unwrap().option, MapOption::Userns);
    assert_eq!(slots::slots("x").count(), 28_664);
}
