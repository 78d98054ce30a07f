//! What a map leaves out, said before the kernel says it: UR0101.

use diag::{Error, codes};

use crate::{
    Extent, Extents, FULL, IdMap, IdSet, Inside, Kind, Names, Outside, Request, Triple, Userns, grouped,
    names::printable,
};

/// Why the container needs an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedWhy {
    /// It owns files of the root filesystem.
    Files,
    /// The process runs as this user or with this primary group.
    Process,
    /// It is a further group of the process.
    Group,
    /// Access control lists of files name it.
    Acl,
    /// Capabilities of files count under this root.
    Capability,
    /// It is in `/etc/passwd` or `/etc/group`: a program may change to it.
    Account,
}

/// An id that the container needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Uid or gid.
    pub kind: Kind,
    /// The id.
    pub id: Inside,
    /// What for.
    pub why: NeedWhy,
    /// How many files it owns, how many lists name it, or how many files' capabilities count under it. Else 0.
    pub count: u64,
}

/// What the user wrote, so that the advice is made of their own words.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// What asked for the map, if anything did.
    pub request: Option<&'a Request>,
    /// `image` or `root filesystem`: whose files are counted.
    pub subject: &'a str,
    /// What follows the options on the command line: the image.
    pub image: &'a str,
    /// Source and target of the volume that the map may have been meant for, if there is one.
    pub volume: Option<(&'a str, &'a str)>,
    /// Names for the ids.
    pub names: &'a dyn Names,
}

/// Compares what a container needs with what a map has. `None` if nothing is missing.
pub fn coverage(map: &IdMap, needed: &[Need], writing: &Writing<'_>) -> Option<Error> {
    let missing: Vec<&Need> = needed.iter().filter(|need| !map.get(need.kind).contains(need.id)).collect();
    let worst = missing.iter().min_by_key(|need| rank(need))?;
    let mut error = Error::new(codes::UR0101, sentence(worst, needed, writing));
    for kind in Kind::BOTH {
        let ids =
            |needs: &[Need]| needs.iter().filter(|need| need.kind == kind).map(|need| need.id.0).collect::<IdSet>();
        let (wanted, map) = (ids(needed), map.get(kind));
        let left_out = map.missing(&wanted);
        if left_out.is_empty() {
            continue;
        }
        error = error.fact(format!(
            "{kind}s needed: {}; mapped: {}; left out: {}",
            wanted.brief(6),
            if map.is_empty() { "none".to_owned() } else { map.inside_ids().brief(6) },
            left_out.brief(6)
        ));
        if let Some(fact) = left_out.first().and_then(|id| between(map, kind, id)) {
            error = error.fact(fact);
        }
    }
    Some(advise(error, needed, writing))
}

/// The lower, the worse: without uid 0 hardly anything can be read; then what the process itself is; then files.
fn rank(need: &Need) -> (u8, u64) {
    let class = match (need.id.0, need.why) {
        (0, NeedWhy::Files) => 0,
        (_, NeedWhy::Process) => 1,
        (_, NeedWhy::Files) => 2,
        (_, NeedWhy::Group) => 3,
        (_, NeedWhy::Capability) => 4,
        (_, NeedWhy::Acl) => 5,
        (_, NeedWhy::Account) => 6,
    };
    (class * 2 + u8::from(need.kind == Kind::Gid), u64::MAX - need.count)
}

fn sentence(need: &Need, needed: &[Need], writing: &Writing<'_>) -> String {
    let Need { kind, id, .. } = need;
    let name = printable(writing.names.inside(*kind, *id)).map(|name| format!(" ({name})")).unwrap_or_default();
    let reason = match need.why {
        NeedWhy::Process => "which the container's process has".to_owned(),
        NeedWhy::Group => "which is a group of the container's process".to_owned(),
        NeedWhy::Capability => {
            format!("which is the root that the capabilities of {} are for", files(need.count))
        }
        NeedWhy::Acl => format!("which is in the access control lists of {}", files(need.count)),
        NeedWhy::Account => format!("which is an account of the {}", writing.subject),
        NeedWhy::Files => {
            let all = needed.iter().filter(|other| other.kind == *kind && other.why == NeedWhy::Files);
            let total = grouped(all.map(|other| other.count).sum());
            format!("which owns {} of the {}'s {total} files", grouped(need.count), writing.subject)
        }
    };
    format!("the {kind} map leaves out container {kind} {id}{name}, {reason}")
}

fn files(count: u64) -> String {
    if count == 1 { "one file".to_owned() } else { format!("{} files", grouped(count)) }
}

/// The slip of a map that looks complete: `0:1000:101` and `102:2000:1000` leave 101 out.
fn between(map: &Extents, kind: Kind, id: u32) -> Option<String> {
    let before = map.iter().rfind(|extent| *extent.inside_range().end() < id)?;
    let after = map.iter().find(|extent| *extent.inside_range().start() > id)?;
    let span = |extent: &Extent| IdSet::from_iter([extent.inside_range()]).to_string();
    Some(format!(
        "{kind} {id} lies between `{before}`, which ends with {}, and `{after}`, which is {}",
        before.inside_range().end(),
        span(after)
    ))
}

fn advise(error: Error, needed: &[Need], writing: &Writing<'_>) -> Error {
    let image = writing.image;
    match writing.request {
        Some(request @ Request::Triples { .. }) => {
            let error = match volume_map(request, writing) {
                Some((text, None)) => error.help(text),
                Some((text, Some(command))) => error.help_run(text, command),
                None => error,
            };
            let command = format!("unroot run --userns={} {image}", automatic(request));
            error.help_run(
                "to keep what you mapped and fill everything else from a range of the container's own",
                command,
            )
        }
        Some(Request::Mode(Userns::Auto(auto))) if auto.size.is_some() => {
            let size = needed.iter().map(|need| u64::from(need.id.0) + 1).max().unwrap_or(1);
            if size > u64::from(FULL) {
                return error.help("leave `size` out: ids so far apart take a map that is planned");
            }
            error.help(format!("leave `size` out, or make it at least {size}"))
        }
        Some(Request::Mode(Userns::Auto(_) | Userns::Private)) => error,
        _ => error.help_run("to map what the image needs", format!("unroot run --userns=auto {image}")),
    }
}

/// `auto:uidmapping=101:996:1,gidmapping=102:996:1`.
fn automatic(request: &Request) -> String {
    let mut wishes = Vec::new();
    for kind in Kind::BOTH {
        for triple in request.triples(kind).iter().filter(|triple| triple.applies(kind)) {
            let at = if triple.host { "@" } else { "" };
            wishes.push(format!("{kind}mapping={}:{at}{}:{}", triple.inside, triple.from, triple.len));
        }
    }
    format!("auto:{}", wishes.join(","))
}

/// Who maps single ids wants to share files, and needs no map of the container for that.
fn volume_map(request: &Request, writing: &Writing<'_>) -> Option<(String, Option<String>)> {
    let single = |kind: Kind| {
        let mut triples = request.triples(kind).iter().filter(move |triple| triple.applies(kind));
        triples.next().filter(|triple| triple.len == 1 && triples.next().is_none())
    };
    let (uid, gid) = (single(Kind::Uid)?, single(Kind::Gid)?);
    let (who, map) = pair(uid, gid, writing.names);
    let text = format!("to let {who}, map the volume, not the container");
    Some(match writing.volume {
        Some((source, target)) => {
            (text, Some(format!("unroot run -v {}:{}:{map} {}", quoted(source), quoted(target), writing.image)))
        }
        // Honest about what is not there yet: this command would be refused.
        None => (format!("{text}: `-v SOURCE:TARGET:{map}`, which a later version brings"), None),
    })
}

/// What is wanted in words, and the volume option for it: by names where uid and gid have the same.
fn pair(uid: &Triple, gid: &Triple, names: &dyn Names) -> (String, String) {
    let inside = |kind, triple: &Triple| printable(names.inside(kind, triple.inside));
    let outside = |kind, triple: &Triple| printable(names.outside(kind, Outside(triple.from)));
    let (us, them) = (inside(Kind::Uid, uid), outside(Kind::Uid, uid));
    let same = us == inside(Kind::Gid, gid) && them == outside(Kind::Gid, gid);
    match (us, them) {
        (Some(us), Some(them)) if same => {
            (format!("the container's {us} user use the host's {them} files"), format!("map={us}=@{them}"))
        }
        _ => (
            format!("container user {} use the files of host user {}", uid.inside, uid.from),
            format!("map=u{}=@{},map=g{}=@{}", uid.inside, uid.from, gid.inside, gid.from),
        ),
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use diag::Report;

    use super::*;
    use crate::{NoNames, Words};

    struct Redis;

    impl Names for Redis {
        fn inside(&self, kind: Kind, id: Inside) -> Option<String> {
            matches!((kind, id.0), (Kind::Uid, 101) | (Kind::Gid, 102)).then(|| "redis".into())
        }

        fn outside(&self, _: Kind, id: Outside) -> Option<String> {
            (id.0 == 996).then(|| "redis".into())
        }
    }

    fn need(kind: Kind, id: u32, why: NeedWhy, count: u64) -> Need {
        Need { kind, id: Inside(id), why, count }
    }

    /// The image of PROBLEMS.md, part 2.
    fn ntopng() -> Vec<Need> {
        vec![
            need(Kind::Uid, 0, NeedWhy::Files, 11_842),
            need(Kind::Uid, 101, NeedWhy::Files, 29),
            need(Kind::Gid, 0, NeedWhy::Files, 11_800),
            need(Kind::Gid, 102, NeedWhy::Files, 71),
            need(Kind::Uid, 0, NeedWhy::Process, 0),
            need(Kind::Gid, 0, NeedWhy::Process, 0),
        ]
    }

    fn by_hand(uidmap: &[&str], gidmap: &[&str]) -> (Request, IdMap) {
        let own = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        let (uidmap, gidmap) = (own(uidmap), own(gidmap));
        let request = Request::parse(&Words { uidmap: &uidmap, gidmap: &gidmap, ..Words::default() }).unwrap().unwrap();
        let map = IdMap::try_from_fn(|kind| Extents::new(request.triples(kind).iter().map(Triple::extent))).unwrap();
        (request, map)
    }

    fn report(map: &IdMap, request: &Request, volume: Option<(&str, &str)>, names: &dyn Names) -> Report {
        let writing = Writing { request: Some(request), subject: "image", image: "ntop/ntopng:stable", volume, names };
        coverage(map, &ntopng(), &writing).unwrap().into_report()
    }

    #[test]
    fn the_second_problem_as_it_was_written() {
        let (request, map) = by_hand(&["101:996"], &["102:996"]);
        let report = report(&map, &request, Some(("/var/lib/redis", "/data")), &Redis);
        assert_eq!(report.code, codes::UR0101);
        assert_eq!(
            report.what,
            "the uid map leaves out container uid 0, which owns 11 842 of the image's 11 871 files"
        );
        assert_eq!(report.facts[0], "uids needed: 0,101; mapped: 101; left out: 0");
        assert_eq!(report.facts[1], "gids needed: 0,102; mapped: 102; left out: 0");
        assert_eq!(
            report.help[0].text,
            "to let the container's redis user use the host's redis files, map the volume, not the container"
        );
        let commands: Vec<_> = report.help.iter().filter_map(|help| help.command.as_deref()).collect();
        assert_eq!(
            commands,
            [
                "unroot run -v /var/lib/redis:/data:map=redis=@redis ntop/ntopng:stable",
                "unroot run --userns=auto:uidmapping=101:996:1,gidmapping=102:996:1 ntop/ntopng:stable",
            ]
        );
    }

    #[test]
    fn without_names_and_without_a_volume() {
        let (request, map) = by_hand(&["101:996"], &["102:996"]);
        let report = report(&map, &request, None, &NoNames);
        assert_eq!(
            report.help[0].text,
            "to let container user 101 use the files of host user 996, map the volume, not the container: \
             `-v SOURCE:TARGET:map=u101=@996,map=g102=@996`, which a later version brings"
        );
    }

    #[test]
    fn the_complete_map_that_is_not() {
        let (request, map) = by_hand(&["0:1000:101", "102:2000:1000"], &["0:1000:102", "103:2000:1000"]);
        let report = report(&map, &request, None, &Redis);
        assert_eq!(
            report.what,
            "the uid map leaves out container uid 101 (redis), which owns 29 of the image's 11 871 files"
        );
        assert_eq!(
            report.facts,
            [
                "uids needed: 0,101; mapped: 0-100,102-1101; left out: 101",
                "uid 101 lies between `0:1000:101`, which ends with 100, and `102:2000:1000`, which is 102-1101",
                "gids needed: 0,102; mapped: 0-101,103-1102; left out: 102",
                "gid 102 lies between `0:1000:102`, which ends with 101, and `103:2000:1000`, which is 103-1102",
            ]
        );
        assert_eq!(report.help.len(), 1);
    }

    #[test]
    fn nothing_is_missing() {
        let writing = Writing { request: None, subject: "image", image: "x", volume: None, names: &NoNames };
        assert!(coverage(&IdMap::identity(), &ntopng(), &writing).is_none());
    }

    #[test]
    fn too_small_a_size() {
        let request = Request::parse(&Words { userns: Some("auto:size=50"), ..Words::default() }).unwrap().unwrap();
        let map = IdMap::try_from_fn(|_| Extents::new([Extent::new(0, 600_000, 50)])).unwrap();
        let report = report(&map, &request, None, &NoNames);
        assert_eq!(report.help[0].text, "leave `size` out, or make it at least 103");
    }

    #[test]
    fn words_for_the_shell() {
        assert_eq!(quoted("/var/lib/redis"), "/var/lib/redis");
        assert_eq!(quoted("/it's here"), r"'/it'\''s here'");
        assert_eq!(quoted(""), "''");
    }
}
