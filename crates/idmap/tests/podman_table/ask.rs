//! What idmap makes of a case.

use idmap::{
    Automatic, Caller, Extent, Extents, IdMap, Kind, Namespace, Needs, Pool, Refused, Request, Resolved, Slot,
    SubidFile, Words, World, resolve,
};

/// The values of one option of a line.
pub fn values(line: &str, option: &str) -> Vec<String> {
    let prefix = format!("{option}=");
    line.split(' ').filter_map(|word| word.strip_prefix(&prefix)).map(str::to_owned).collect()
}

/// The answer to a line of options; `None` if nothing in it chooses a map.
pub fn ask(line: &str, caller: &Caller, file: &SubidFile) -> Result<Option<Resolved>, Refused> {
    let (uidmap, gidmap) = (values(line, "--uidmap"), values(line, "--gidmap"));
    let last = |option| values(line, option).pop();
    let (userns, names) = (last("--userns"), [last("--subuidname"), last("--subgidname")]);
    let words = Words {
        userns: userns.as_deref(),
        uidmap: &uidmap,
        gidmap: &gidmap,
        subuidname: names[0].as_deref(),
        subgidname: names[1].as_deref(),
    };
    let default = last("PODMAN_USERNS").or(last("userns"));
    let request = match Request::parse(&words)? {
        Some(request) => request,
        None if default.is_some() => {
            Request::parse(&Words { userns: default.as_deref(), ..Words::default() })?.unwrap()
        }
        None => return Ok(None),
    };
    let world = World { caller, subuid: file, subgid: file };
    resolve(&request, &world, |auto| Ok(automatic(auto.size, caller))).map(Some)
}

/// A window of 1024 ids, unless another size is asked for.
fn automatic(size: Option<u32>, caller: &Caller) -> Automatic {
    let needs = Needs::window(size.unwrap_or(1024));
    let pool = |kind| match caller {
        Caller::Root { .. } => Pool::slot(Slot::at(0).unwrap()),
        Caller::User { intermediate, .. } => {
            Pool::ranges(intermediate.get(kind).iter().skip(1).map(Extent::outside_range).collect())
        }
    };
    Automatic { uids: needs.clone(), gids: needs, uid_pool: pool(Kind::Uid), gid_pool: pool(Kind::Gid) }
}

/// The map, in a new namespace or the host's.
pub fn maps(line: &str, caller: &Caller, file: &SubidFile) -> Result<IdMap, Refused> {
    match ask(line, caller, file)?.map(|resolved| resolved.namespace) {
        Some(Namespace::New(map)) => Ok(map),
        Some(Namespace::Caller) => Ok(IdMap::default()),
        other => panic!("{line}: {other:?}"),
    }
}

/// `0:0:7 7:1000:2`; `host` for no namespace.
pub fn short(map: &Extents) -> String {
    if map.is_empty() {
        return "host".to_owned();
    }
    map.iter().map(Extent::to_string).collect::<Vec<_>>().join(" ")
}
