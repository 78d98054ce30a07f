//! The map that options of `run` would give to a container of this caller, without one.

use diag::{Error, Result, codes};
use idmap::{
    Auto, Automatic, Caller, IdMap, Kind, Namespace, Pool, Request, Userns, World,
    levels::{Level, Levels},
    resolve_with,
    slots::free_slots,
};

use super::Picture;
use crate::{
    Engine,
    accounts::Accounts,
    config::MapRequest,
    containers_conf::ContainersConf,
    map::{
        Host,
        asked::Asked,
        coverage::Image,
        needs::{Breadth, needs},
    },
    map_of::process::asked,
    request::Identity,
};

/// The name for which an example of an automatic map is drawn.
const EXAMPLE: &str = "example";

/// Longer options are told below the picture, not above their column.
const SHORT: usize = 32;

impl Engine<'_> {
    /// Resolves the options of `request` that choose a map. An automatic one is an example: nothing is leased, and what an image
    /// needs is not known.
    ///
    /// Errors: as of `run`, but for what is about an image.
    pub fn show_options(&self, identity: &Identity) -> Result<Picture> {
        let origin = |place: &idmap::Place| crate::run::given_at(identity, place);
        let host = Host::look(self.entered)?;
        let wanted = crate::create::map_request(identity);
        let asked_for = Asked::read(&wanted, &host, &Image::default()).map_err(|refused| refused.into_error(origin))?;
        let world = World { caller: &host.caller, subuid: &host.subuid, subgid: &host.subgid };
        let mut example = false;
        let resolved = resolve_with(&asked_for.request, &asked_for.wishes, &world, |auto| {
            example = true;
            material(auto, &asked_for.request, &host)
        });
        let (map, mut notes) = match resolved.map_err(|refused| refused.into_error(origin))?.namespace {
            Namespace::New(map) => (map, Vec::new()),
            Namespace::Caller => {
                (host.whole(), vec!["the container has every id of this namespace as it is".to_owned()])
            }
            Namespace::Container(name) | Namespace::Path(name) => {
                return Err(Error::new(codes::UR0806, format!("the map is that of `{name}`, which exists already"))
                    .help_run("look at it", format!("unroot map show {name}")));
            }
        };
        if example {
            notes.push("an example: which ids are taken is decided at each start, for what the image needs".to_owned());
        }
        Ok(pictured(&host, map, &wanted, notes))
    }
}

/// Side by side: the container, for an ordinary user their own namespace, the host.
fn pictured(host: &Host, map: IdMap, wanted: &MapRequest, mut notes: Vec<String>) -> Picture {
    let rootless = matches!(host.caller, Caller::User { .. });
    let words = asked(wanted, rootless);
    let short = words.chars().count() <= SHORT;
    let mut columns = vec![Level::new("container", if short { words.trim_matches('`') } else { "" })];
    if !short {
        notes.insert(0, format!("this is what {words} would give"));
    }
    let mut accounts = vec![Accounts::default()];
    // What an ordinary user's options say is resolved to ids of the host.
    let through = if rootless { host.as_seen_here(map.clone()).ok() } else { None };
    let maps = match through {
        Some(inner) => {
            let name = Accounts { passwd: host.passwd.clone(), group: Vec::new() }
                .name(Kind::Uid, host.caller.id(Kind::Uid).0);
            columns.push(Level::new(format!("namespace of {}", name.as_deref().unwrap_or("the user")), ""));
            accounts.push(Accounts::default());
            vec![inner, host.current.clone()]
        }
        None => vec![map],
    };
    columns.push(Level::new("host", ""));
    accounts.push(Accounts { passwd: host.passwd.clone(), group: host.group.clone() });
    Picture { what: "options", name: words, levels: Levels { columns, maps, marks: Vec::new() }, accounts, notes }
}

/// What an automatic map is made of, if the image needs nothing in particular and nothing is leased by others.
fn material(auto: &Auto, asked: &Request, host: &Host) -> Result<Automatic> {
    let conf = ContainersConf::read(&host.places)?;
    let breadth = match (&host.caller, asked) {
        (Caller::Root { .. }, Request::Mode(Userns::Private)) => Breadth::WholeSlot,
        _ => Breadth::Sparse,
    };
    let plan = |kind| needs(auto, &idmap::ImageIds::default(), kind, breadth, &conf);
    let (uids, gids) = (plan(Kind::Uid)?, plan(Kind::Gid)?);
    let [uid_pool, gid_pool] = Kind::BOTH.map(|kind| pool(kind, host));
    let none = || Error::new(codes::UR0205, "no free range of ids is left for an example");
    Ok(Automatic { uids, gids, uid_pool: uid_pool.ok_or_else(none)?, gid_pool: gid_pool.ok_or_else(none)? })
}

fn pool(kind: Kind, host: &Host) -> Option<Pool> {
    if let Caller::User { intermediate, .. } = &host.caller {
        let further = intermediate.get(kind).iter().skip(1);
        return Some(Pool::ranges(
            further.map(|extent| extent.outside.0..=extent.outside.0 + (extent.len - 1)).collect(),
        ));
    }
    free_slots(EXAMPLE, &host.taken).next().map(Pool::slot)
}
