//! Everything that a command line says about a container's map.

use diag::codes;

use crate::{Kind, MapOption, Place, Refused, Triple, Userns};

/// The options' values, as they were given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// `--userns`; of several, the last.
    pub userns: Option<&'a str>,
    /// The values of `--uidmap`.
    pub uidmap: &'a [String],
    /// The values of `--gidmap`.
    pub gidmap: &'a [String],
    /// `--subuidname`.
    pub subuidname: Option<&'a str>,
    /// `--subgidname`.
    pub subgidname: Option<&'a str>,
}

/// What they ask for: one of the three ways, as they exclude each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `--userns`.
    Mode(Userns),
    /// `--uidmap` and `--gidmap`. A list that was left out is a copy of the other, with the other's places.
    Triples {
        /// For uids; may hold triples that count for gids only.
        uid: Vec<Triple>,
        /// For gids; may hold triples that count for uids only.
        gid: Vec<Triple>,
    },
    /// `--subuidname` and `--subgidname`: all ids of these names. A name that was left out is the other.
    Names {
        /// The name in `/etc/subuid`.
        uid: String,
        /// The name in `/etc/subgid`.
        gid: String,
        /// The option that was given, if it was one alone: then the other name is a copy of its.
        alone: Option<MapOption>,
    },
}

impl Request {
    /// Reads the values; `None` if there are none, so that the caller's default counts.
    ///
    /// Errors: UR0102 for what is written wrongly, UR0108 for options that contradict each other.
    pub fn parse(words: &Words<'_>) -> Result<Option<Request>, Refused> {
        // An empty name is none, as in Podman; an empty mode is `host`.
        let name = |name: Option<&'_ str>| name.filter(|name| !name.is_empty()).map(str::to_owned);
        let names = (name(words.subuidname), name(words.subgidname));
        alone(words)?;
        if let Some(text) = words.userns {
            return Userns::parse(text).map(|mode| Some(Request::Mode(mode)));
        }
        match names {
            (Some(uid), Some(gid)) => return Ok(Some(Request::Names { uid, gid, alone: None })),
            (Some(name), None) => return Ok(Some(Request::by_name(name, MapOption::Subuidname))),
            (None, Some(name)) => return Ok(Some(Request::by_name(name, MapOption::Subgidname))),
            (None, None) => {}
        }
        let uid = Triple::parse_all(MapOption::Uidmap, words.uidmap)?;
        let gid = Triple::parse_all(MapOption::Gidmap, words.gidmap)?;
        Ok(match (uid.is_empty(), gid.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Request::Triples { uid: gid.clone(), gid }),
            (false, true) => Some(Request::Triples { gid: uid.clone(), uid }),
            (false, false) => Some(Request::Triples { uid, gid }),
        })
    }

    fn by_name(name: String, option: MapOption) -> Self {
        Request::Names { uid: name.clone(), gid: name, alone: Some(option) }
    }

    /// The triples for one kind of ids, if it is a map by hand.
    pub fn triples(&self, kind: Kind) -> &[Triple] {
        match (self, kind) {
            (Request::Triples { uid, .. }, Kind::Uid) => uid,
            (Request::Triples { gid, .. }, Kind::Gid) => gid,
            (Request::Mode(Userns::Auto(auto)), kind) => auto.wishes(kind),
            _ => &[],
        }
    }
}

/// `--userns` excludes all others, and names exclude triples.
fn alone(words: &Words<'_>) -> Result<(), Refused> {
    let given = [
        (MapOption::Userns, words.userns),
        (MapOption::Subuidname, words.subuidname),
        (MapOption::Subgidname, words.subgidname),
        (MapOption::Uidmap, words.uidmap.first().map(String::as_str)),
        (MapOption::Gidmap, words.gidmap.first().map(String::as_str)),
    ];
    let group = |option| match option {
        MapOption::Userns => 0,
        MapOption::Subuidname | MapOption::Subgidname => 1,
        MapOption::Uidmap | MapOption::Gidmap => 2,
        // They go with every other: nothing chooses the whole map here.
        MapOption::Map | MapOption::MeAs => 3,
    };
    let mut given = given.into_iter().filter_map(|(option, value)| value.map(|value| (option, value)));
    let Some((first, value)) = given.next() else { return Ok(()) };
    match given.find(|(option, _)| group(*option) != group(first)) {
        None => Ok(()),
        Some((other, _)) => {
            let what = format!("`{}` and `{}` both choose the map", first.name(), other.name());
            let refused = Refused::new(Place::new(first, 0, 0..value.len()), codes::UR0108, what);
            Err(if first == MapOption::Userns {
                refused.help("to add single ids to what `--userns` chooses, use `--map INSIDE=@OUTSIDE`")
            } else {
                refused.help("leave one of them out")
            })
        }
    }
}
