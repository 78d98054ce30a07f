//! The installed Podman as an oracle: does it make the same maps of the same options, and refuse the same ones?
//!
//! Podman is given a runtime that keeps the configuration and starts nothing, so neither cgroups nor an image are needed.
//! The cases are those of `podman_table/`. As root they run in a mount namespace of their own, where `/etc/subuid` and
//! `/etc/subgid` are the table's; a user's must have the shape of a world of the table's (as many ids in as many
//! ranges), and the ids in the cases are translated.
//!
//! `UNROOT_TEST_PODMAN` is another Podman to be asked. One of another Debian wants its own root filesystem: run this
//! test's binary, which is static, in it (entered by `pivot_root`: the kernel makes no user namespaces in a `chroot`).

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod podman_oracle;
mod podman_table;

use std::{fmt::Write as _, fs};

use idmap::{Caller, Extents, IdMap, Kind, Outside, Request, SubidFile, Words, intermediate};
use podman_oracle::{Answer, Stage, own_ids, version};
use podman_table::{
    Case, Podman, ask,
    worlds::{ME, World},
};

/// The caller that is here, and what its subid files say.
struct Here {
    world: World,
    caller: Caller,
    file: SubidFile,
}

impl Here {
    /// The options with their host ids translated from the table's world to this one.
    fn localized(&self, options: &str) -> String {
        let table = self.world.caller();
        let (Caller::User { intermediate: theirs, .. }, Caller::User { intermediate: own, .. }) =
            (&table, &self.caller)
        else {
            return options.to_owned();
        };
        let words = options.split(' ').map(|word| {
            let kind = if word.contains("gidmap") { Kind::Gid } else { Kind::Uid };
            let mut parts = word.split('@');
            let mut text = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
                let id = part[..digits].parse().ok().and_then(|id| theirs.get(kind).to_inside(Outside(id)));
                let id = id.and_then(|id| own.get(kind).to_outside(id)).map(|id| id.to_string());
                let _ = write!(text, "@{}{}", id.as_deref().unwrap_or(&part[..digits]), &part[digits..]);
            }
            text
        });
        words.collect::<Vec<_>>().join(" ")
    }

    /// Ours, or the refusal.
    fn ours(&self, options: &str) -> Result<IdMap, String> {
        ask::maps(options, &self.caller, &self.file).map_err(|refused| format!("{:?}", refused.error))
    }

    /// A rootless Podman's maps are those of a namespace within the intermediate one; what they use of it must be there,
    /// and Podman leaves that to the kernel.
    fn in_host_ids(&self, theirs: Answer) -> Answer {
        match (&self.caller, theirs) {
            (Caller::User { intermediate, .. }, Answer::Map(map)) if map.uid.is_empty() => {
                Answer::Map(intermediate.clone())
            }
            (Caller::User { intermediate, .. }, Answer::Map(map)) => {
                let split = |kind| map.get(kind).split_at_parents(intermediate.get(kind)).map(|_| ());
                if let Err(straddle) = Kind::BOTH.into_iter().try_for_each(split) {
                    return Answer::Refused(format!("no map: {straddle:?}"));
                }
                Answer::Map(IdMap::try_from_fn(|kind| map.get(kind).compose(intermediate.get(kind))).unwrap())
            }
            (_, theirs) => theirs,
        }
    }
}

/// What is wrong with a case, if anything is; `None` in the case of a version that does not know the case yet.
fn judge(case: &Case, here: &Here, stage: &Stage, version: (u32, u32)) -> Option<Result<(), String>> {
    let since = match &case.podman {
        Podman::Same(since) | Podman::Inside(since) => *since,
        // What older versions said about what they did not know does not matter.
        Podman::Refuses | Podman::Otherwise(_) => (5, 0),
    };
    if version < since {
        return None;
    }
    let options = here.localized(case.options);
    let theirs = here.in_host_ids(stage.ask(&options));
    let (ours, refusal) = (here.ours(&options), case.expected[0].starts_with("UR"));
    Some(match (&case.podman, theirs, ours) {
        (_, _, Ok(_)) if refusal => Err("we take it".to_owned()),
        (_, _, Err(why)) if !refusal => Err(format!("we refuse it: {why}")),
        (Podman::Refuses, Answer::Refused(_), _) | (Podman::Otherwise(_), Answer::Map(_), Err(_)) => Ok(()),
        (Podman::Refuses, Answer::Map(map), _) => Err(format!("podman takes it: {}", shown(&map))),
        (_, Answer::Refused(why), _) => Err(format!("podman refuses it: {why}")),
        (rule, Answer::Map(theirs), Ok(ours)) => {
            let same = match rule {
                Podman::Inside(_) => Kind::BOTH.iter().all(|kind| same_inside(&options, *kind, &ours, &theirs)),
                _ => Kind::BOTH.iter().all(|kind| ours.get(*kind).normalized() == theirs.get(*kind).normalized()),
            };
            let expected = !matches!(rule, Podman::Otherwise(_));
            if same == expected { Ok(()) } else { Err(format!("ours {}; podman's {}", shown(&ours), shown(&theirs))) }
        }
        (Podman::Same(_) | Podman::Inside(_), _, Err(why)) => Err(why),
    })
}

fn shown(map: &IdMap) -> String {
    format!("{} | {}", ask::short(&map.uid), ask::short(&map.gid))
}

/// The same ids inside, and those that were wished for have the same host ids.
fn same_inside(options: &str, kind: Kind, ours: &IdMap, theirs: &IdMap) -> bool {
    let userns = ask::values(options, "--userns").pop();
    let words = Words { userns: userns.as_deref(), ..Words::default() };
    let request = Request::parse(&words).unwrap();
    let (ours, theirs) = (ours.get(kind), theirs.get(kind));
    let wishes = request.as_ref().map(|request| request.triples(kind)).unwrap_or_default();
    ours.inside_ids() == theirs.inside_ids()
        && wishes.iter().flat_map(|wish| wish.extent().inside_range()).all(|id| {
            let id = idmap::Inside(id);
            ours.to_outside(id).is_some() && ours.to_outside(id) == theirs.to_outside(id)
        })
}

/// Asks about all cases of this world, two at a time.
fn compare(here: &Here) {
    let Some(version) = version() else { return println!("skipped: podman is not installed") };
    let stages = [Stage::new(), Stage::new()];
    if let Answer::Refused(why) = stages[0].ask("--uidmap=0:0:1") {
        return println!("skipped: podman cannot run here: {why}");
    }
    let cases: Vec<Case> = podman_table::maps().into_iter().chain(podman_table::refusals()).collect();
    let cases: Vec<&Case> = cases.iter().filter(|case| case.world == here.world).collect();
    let judged: Vec<Option<Result<(), String>>> = std::thread::scope(|scope| {
        let (first, second) = cases.split_at(cases.len() / 2);
        let work = [(first, &stages[0]), (second, &stages[1])].map(|(cases, stage)| {
            scope.spawn(move || cases.iter().map(|case| judge(case, here, stage, version)).collect::<Vec<_>>())
        });
        work.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let wrong: Vec<String> = (cases.iter().zip(&judged))
        .filter_map(|(case, found)| Some(format!("{} {}: {}", case.at, case.options, found.as_ref()?.as_ref().err()?)))
        .collect();
    let done = judged.iter().flatten().count();
    println!(
        "compared {done} of {} cases of {:?} with podman {}.{}; the others are newer than it",
        cases.len(),
        here.world,
        version.0,
        version.1
    );
    assert!(wrong.is_empty(), "{} of {done}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn privileged_the_installed_podman_makes_the_same_maps() {
    if own_ids().0 != 0 {
        return println!("skipped: not root");
    }
    let world = World::Root;
    compare(&Here { world, caller: world.caller(), file: world.file() });
}

#[test]
fn rootless_the_installed_podman_makes_the_same_maps() {
    let (uid, gid) = own_ids();
    if uid == 0 {
        return println!("skipped: this is about ordinary users, and root runs it");
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let name =
        passwd.lines().find(|line| line.split(':').nth(2) == Some(&uid.to_string())).and_then(|l| l.split(':').next());
    let own = |kind: Kind, id| {
        let file = SubidFile::parse(kind.subid_file(), &fs::read(kind.subid_file()).unwrap_or_default());
        intermediate(Outside(id), &file.ranges_for(name, uid)).unwrap()
    };
    let own = IdMap { uid: own(Kind::Uid, uid), gid: own(Kind::Gid, gid) };
    let lengths = |map: &Extents| map.iter().map(|extent| extent.len).collect::<Vec<_>>();
    let shape = |map: &IdMap| (lengths(&map.uid), lengths(&map.gid));
    let world = [World::User, World::Scattered, World::Poor].into_iter().find(|world| match world.caller() {
        Caller::User { intermediate, .. } => shape(&intermediate) == shape(&own),
        Caller::Root { .. } => false,
    });
    let Some(world) = world else {
        return println!("skipped: the table has no user with {} uids and {} gids", own.uid.ids(), own.gid.ids());
    };
    if uid != ME || gid != ME {
        println!("the table's user is {ME}; this one is {uid}, group {gid}");
    }
    let caller = Caller::User { uid: Outside(uid), gid: Outside(gid), intermediate: own };
    compare(&Here { world, caller, file: world.file() });
}
