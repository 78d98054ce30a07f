//! `--uidmap`, `--gidmap`, `--userns` and their companions.

use idmap::{
    Caller, Extent, IdMap, IdSet, Inside, Kind, MapOption, MeAs, Namespace, Outside, Refused, Request, Resolved,
    SubidFile, Triple, Userns, Wish, Wishes, Words, World, equivalents, resolve_with, sources,
};

use super::{
    is_a_map,
    refusal::is_a_refusal,
    worlds::{People, allowed, automatic, callers, subids},
};

/// The values of the options of one command line.
#[derive(Default)]
struct Line {
    userns: Option<String>,
    uidmap: Vec<String>,
    gidmap: Vec<String>,
    subuidname: Option<String>,
    subgidname: Option<String>,
    map: Vec<String>,
    me_as: Option<String>,
}

impl Line {
    /// Words that are no such option are values of `--uidmap`, so that most bytes reach the parser.
    fn split(text: &str) -> Self {
        let mut line = Line::default();
        for word in text.split([' ', '\n']) {
            match word.split_once('=') {
                Some(("--userns", value)) => line.userns = Some(value.to_owned()),
                Some(("--gidmap", value)) => line.gidmap.push(value.to_owned()),
                Some(("--uidmap", value)) => line.uidmap.push(value.to_owned()),
                Some(("--subuidname", value)) => line.subuidname = Some(value.to_owned()),
                Some(("--subgidname", value)) => line.subgidname = Some(value.to_owned()),
                Some(("--map", value)) => line.map.push(value.to_owned()),
                Some(("--me-as", value)) => line.me_as = Some(value.to_owned()),
                _ => line.uidmap.push(word.to_owned()),
            }
        }
        line
    }

    fn words(&self) -> Words<'_> {
        Words {
            userns: self.userns.as_deref(),
            uidmap: &self.uidmap,
            gidmap: &self.gidmap,
            subuidname: self.subuidname.as_deref(),
            subgidname: self.subgidname.as_deref(),
        }
    }

    fn values(&self, option: MapOption) -> Vec<&str> {
        let values = match option {
            MapOption::Userns => self.userns.as_slice(),
            MapOption::Uidmap => &self.uidmap,
            MapOption::Gidmap => &self.gidmap,
            MapOption::Subuidname => self.subuidname.as_slice(),
            MapOption::Subgidname => self.subgidname.as_slice(),
            MapOption::Map => &self.map,
            MapOption::MeAs => self.me_as.as_slice(),
        };
        values.iter().map(String::as_str).collect()
    }

    /// What it asks for, as far as it can be read.
    fn parse(&self) -> Result<(Request, Vec<Wish>, Option<MeAs>), Refused> {
        let request = Request::parse(&self.words())?.unwrap_or(Request::Mode(Userns::Host));
        let me_as = self.me_as.as_deref().map(MeAs::parse).transpose()?;
        Ok((request, Wish::parse_all(&self.map)?, me_as))
    }
}

/// The bytes are options of a command line, separated by spaces.
pub fn map_syntax(bytes: &[u8]) {
    ask(&Line::split(&String::from_utf8_lossy(bytes)), bytes.len() % 120);
}

/// The bytes are one value of `--userns`.
pub fn userns(bytes: &[u8]) {
    let userns = Some(String::from_utf8_lossy(bytes).into_owned());
    ask(&Line { userns, ..Line::default() }, bytes.len() % 120);
}

fn ask(line: &Line, width: usize) {
    let refusal = |refused| is_a_refusal(refused, |option| line.values(option));
    let (request, map, me_as) = match line.parse() {
        Ok(read) => read,
        Err(refused) => return refusal(refused),
    };
    for caller in callers() {
        let found = Wishes::find(&map, me_as.as_ref(), &caller, &People, None)
            .and_then(|wishes| Ok((answer(&request, &wishes, &caller)?, wishes)));
        match found {
            Err(refused) => refusal(refused),
            Ok((Resolved { namespace: Namespace::New(map), .. }, wishes)) => {
                for kind in Kind::BOTH {
                    is_a_map(kind, map.get(kind), width);
                    assert!(map.get(kind).outside_ids().difference(&allowed(&caller, kind)).is_empty());
                    let triples = request.triples(kind).iter().chain(wishes.get(kind));
                    honoured(triples.filter(|triple| triple.applies(kind)), kind, &map, &caller);
                    let known: IdSet = sources(kind, map.get(kind), &request, &wishes, &caller)
                        .into_iter()
                        .fold(IdSet::new(), |known, (_, ids)| known.union(&ids));
                    assert_eq!(known, map.get(kind).inside_ids());
                }
                said_by_podman(&map, &caller);
            }
            Ok(_) => {}
        }
    }
}

fn answer(request: &Request, wishes: &Wishes, caller: &Caller) -> Result<Resolved, Refused> {
    let file: SubidFile = subids();
    let world = World { caller, subuid: &file, subgid: &file };
    resolve_with(request, wishes, &world, |auto| Ok(automatic(auto, caller)))
}

/// The line for Podman makes the same map, by the same rules.
fn said_by_podman(map: &IdMap, caller: &Caller) {
    let own = match caller {
        Caller::Root { .. } => map.clone(),
        Caller::User { intermediate, .. } => {
            let own = IdMap::try_from_fn(|kind| map.get(kind).compose(&intermediate.get(kind).invert()));
            // Intermediate ids are shorter than host ids, or there are few.
            own.unwrap()
        }
    };
    let text = equivalents::podman(&own, caller, equivalents::Root::Image("image"));
    let words: Vec<&str> = text.split(' ').collect();
    let after = |option| words.iter().position(|word| *word == option).map(|at| words[at + 1].to_owned());
    let line = Line {
        uidmap: after("--uidmap").into_iter().collect(),
        gidmap: after("--gidmap").into_iter().collect(),
        ..Line::default()
    };
    let (request, _, _) = line.parse().unwrap();
    let Namespace::New(again) = answer(&request, &Wishes::default(), caller).unwrap().namespace else {
        panic!("{text} makes no map");
    };
    for kind in Kind::BOTH {
        assert_eq!(again.get(kind).normalized(), map.get(kind).normalized(), "{text}");
    }
}

/// What was wished for is in the map: every triple, or, if some give way to others, at least the last.
fn honoured<'a>(triples: impl Iterator<Item = &'a Triple>, kind: Kind, map: &IdMap, caller: &Caller) {
    let triples: Vec<&Triple> = triples.collect();
    let first = if triples.iter().any(|triple| triple.extends) { triples.len() - 1 } else { 0 };
    for triple in &triples[first..] {
        let Extent { inside, outside, len } = triple.extent();
        for i in [0, len / 2, len - 1] {
            let host = host_id(triple, kind, outside.0 + i, caller);
            assert_eq!(map.get(kind).to_outside(Inside(inside.0 + i)), Some(host), "{triple:?}");
        }
    }
}

/// The host id, seen from the caller's own namespace, that this number of a triple means.
fn host_id(triple: &Triple, kind: Kind, number: u32, caller: &Caller) -> Outside {
    match caller {
        Caller::Root { current } if triple.host => Outside(current.get(kind).to_inside(Outside(number)).unwrap().0),
        Caller::User { intermediate, .. } if !triple.host => intermediate.get(kind).to_outside(Inside(number)).unwrap(),
        _ => Outside(number),
    }
}
