//! The maps of a process: its user namespace, those around it, and the one of this process.

use std::fs;

use diag::{Error, Result, codes};
use idmap::{
    IdMap, Kind, Outside,
    levels::{Level, Levels},
};

use super::{Picture, Shown, Words};
use crate::{
    Engine,
    accounts::Accounts,
    config::{Config, MapRequest},
    foreign::Foreign,
    life::{self, Life},
    namespaces::{Chain, Space, chain, from_afar, ids_of, maps_of},
    request::Given,
};

/// So many ids of a container are named in its picture, beside the first and the last of each part.
const MARKS: usize = 12;

/// Whether a word is a number that may be a pid.
pub fn is_pid(text: &str) -> bool {
    pid_of(text).is_some()
}

pub fn pid_of(text: &str) -> Option<i32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|pid| digits && *pid > 0)
}

/// The process that a word means.
pub fn of_word(word: &Given<String>) -> Result<Shown> {
    let pid = pid_of(&word.value)
        .ok_or_else(|| word.blame(Error::new(codes::UR0806, format!("`{}` is not a pid", word.value))))?;
    let picture = of_process(pid).map_err(|error| word.blame(error))?;
    Ok(Shown::Picture(Box::new(picture)))
}

fn of_process(pid: i32) -> Result<Picture> {
    let command = command_of(pid).unwrap_or_default();
    let innermost = Level::new(format!("pid {pid}"), &command);
    let (chain, far) = match chain(pid) {
        Ok(chain) => (chain, false),
        Err(error) => (from_afar(pid).ok_or(error)?, true),
    };
    let mut picture = along(chain, &innermost, &Accounts::of_process(pid))
        .ok_or_else(|| beyond(pid))?
        .called("process", pid.to_string());
    if far {
        picture.notes.push(format!("pid {pid} may not be looked at closely: namespaces between would not be seen"));
    }
    picture.levels.marks = own_ids(pid, &picture.levels);
    picture.notes.extend(Foreign::of(pid).map(|foreign| format!("pid {pid} is in {}", foreign.text())));
    if picture.levels.maps.is_empty() {
        picture
            .notes
            .push(format!("pid {pid} ({command}) is in this namespace itself: its ids are what they are here"));
    }
    Ok(picture)
}

/// The namespaces of this process.
pub fn own() -> Result<Picture> {
    let here = Chain { spaces: Vec::new(), leads_here: true };
    let mut picture = along(here, &Level::default(), &Accounts::default())
        .ok_or_else(|| Error::new(codes::UR0699, "this process's own map cannot be read"))?
        .called("process", "self".to_owned());
    if picture.levels.maps.is_empty() {
        picture.notes.push("this process is in the host's user namespace: every id is what it is".to_owned());
    }
    Ok(picture)
}

/// The command's name, as the kernel keeps it: 15 bytes.
pub fn command_of(pid: i32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end().to_owned())
}

/// Puts namespaces side by side, with this process's own and what is around that. Nothing if they do not lead here.
fn along(chain: Chain, innermost: &Level, accounts: &Accounts) -> Option<Picture> {
    let host = Accounts::host();
    let mut picture = Picture {
        what: "process",
        name: String::new(),
        levels: Levels { columns: Vec::new(), maps: Vec::new(), marks: Vec::new() },
        accounts: Vec::new(),
        notes: Vec::new(),
    };
    if !chain.leads_here {
        return None;
    }
    let hidden = chain.spaces.iter().filter(|space| space.map.is_none()).count();
    if hidden > 0 {
        let are = if hidden == 1 { "1 namespace between has" } else { "more namespaces between have" };
        picture.notes.push(format!("{are} no process, so the way through it cannot be seen"));
    }
    let mut spaces: Vec<Space> = chain.spaces.into_iter().filter(|space| space.map.is_some()).collect();
    // Where a step cannot be told from the whole, the namespace between is left out.
    while let Some(at) = (1..spaces.len()).find(|at| step(&spaces[at - 1], &spaces[*at]).is_none()) {
        spaces.remove(at);
    }
    for (index, space) in spaces.iter().enumerate() {
        let first = index == 0;
        picture.levels.columns.push(if first { innermost.clone() } else { titled(space, &host) });
        picture.accounts.push(if first { accounts.clone() } else { Accounts::default() });
        let map = match spaces.get(index + 1) {
            Some(next) => step(space, next),
            None => space.map.clone(),
        };
        picture.levels.maps.push(map.unwrap_or_default());
    }
    picture.end_here(host)?;
    Some(picture)
}

impl Picture {
    /// Adds the columns of this process's own namespace and of what is around it.
    fn end_here(&mut self, host: Accounts) -> Option<()> {
        let current = maps_of(i32::try_from(std::process::id()).ok()?)?;
        self.accounts.push(host);
        if current == IdMap::identity() {
            self.levels.columns.push(Level::new("host", ""));
            return Some(());
        }
        self.levels.columns.push(Level::new("this namespace", ""));
        self.levels.columns.push(Level::new("around it", ""));
        self.levels.maps.push(current);
        self.accounts.push(Accounts::default());
        Some(())
    }

    pub(super) fn called(mut self, what: &'static str, name: String) -> Picture {
        (self.what, self.name) = (what, name);
        self
    }
}

/// The map from a namespace to the one around it, as both are known in the ids of this process's.
fn step(inner: &Space, outer: &Space) -> Option<IdMap> {
    let (inner, outer) = (inner.map.as_ref()?, outer.map.as_ref()?);
    IdMap::try_from_fn(|kind| inner.get(kind).compose(&outer.get(kind).invert())).ok()
}

fn titled(space: &Space, host: &Accounts) -> Level {
    let title = match space.owner {
        Some(owner) => {
            format!("namespace of {}", host.name(Kind::Uid, owner).unwrap_or_else(|| format!("uid {owner}")))
        }
        None => "namespace".to_owned(),
    };
    Level::new(title, space.pid.map(|pid| format!("pid {pid}")).unwrap_or_default())
}

/// The ids of a process, in its own namespace.
fn own_ids(pid: i32, levels: &Levels) -> Vec<(Kind, u32)> {
    let Some((uid, gid)) = ids_of(pid) else { return Vec::new() };
    let whole = maps_of(pid).filter(|_| !levels.maps.is_empty());
    let inside = |kind: Kind, id: u32| Some((kind, whole.as_ref()?.get(kind).to_inside(Outside(id))?.0));
    [inside(Kind::Uid, uid), inside(Kind::Gid, gid)].into_iter().flatten().collect()
}

fn beyond(pid: i32) -> Error {
    Error::new(codes::UR0812, format!("the user namespace of process {pid} is not within this one"))
        .fact("nobody sees beyond their own user namespace")
        .help("ask on the host")
}

impl Engine<'_> {
    /// A container's map, if it runs.
    pub(super) fn show_container(&self, word: &Given<String>) -> Result<Shown> {
        let target = self.target(word)?;
        let config = target.config;
        let state = match life::of(&self.store, &target.container)? {
            Life::Running(Some(init)) => return self.running(&config, init.pid).map_err(|error| word.blame(error)),
            Life::Running(None) => "is being started",
            Life::Created => "was never started",
            Life::Restarting(_) | Life::Exited(_) | Life::Lost => "does not run",
        };
        let lines = vec![
            format!("container `{}` {state}: it has no map now", config.name),
            format!("its next start asks for {}", asked(&config.map, self.scope.rootless)),
        ];
        Ok(Shown::Words(Words { what: "container", name: config.name, lines }))
    }

    fn running(&self, config: &Config, pid: i32) -> Result<Shown> {
        let innermost = Level::new(format!("container {}", config.name), &config.image);
        let accounts = self.names_in(config, pid);
        let mut picture = along(chain(pid)?, &innermost, &accounts)
            .ok_or_else(|| beyond(pid))?
            .called("container", config.name.clone());
        picture.levels.marks = self.marks(config);
        if picture.levels.columns.len() == 1 {
            picture.notes.push(format!("container {} is in this namespace itself", config.name));
        }
        Ok(Shown::Picture(Box::new(picture)))
    }

    /// A container's names: those that it has now, or else its image's.
    pub(crate) fn names_in(&self, config: &Config, pid: i32) -> Accounts {
        let now = Accounts::of_process(pid);
        if now != Accounts::default() {
            return now;
        }
        let facts = self.layers(config).ok().flatten().and_then(|layers| layers.facts(&config.image).ok());
        facts.map(|image| Accounts { passwd: image.passwd, group: image.group }).unwrap_or_default()
    }

    /// The ids of a container's process, then those that own files of its image, the greatest owners first.
    fn marks(&self, config: &Config) -> Vec<(Kind, u32)> {
        let mut marks = vec![(Kind::Uid, config.user.uid), (Kind::Gid, config.user.gid)];
        let facts = self.layers(config).ok().flatten().and_then(|layers| layers.facts(&config.image).ok());
        for (kind, files) in
            facts.iter().flat_map(|image| [(Kind::Uid, &image.uid_files), (Kind::Gid, &image.gid_files)])
        {
            let mut owners: Vec<_> = files.iter().collect();
            owners.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            marks.extend(owners.into_iter().take(MARKS).map(|(id, _)| (kind, *id)));
        }
        marks
    }
}

/// The options of a start, as they would be written.
pub(super) fn asked(map: &MapRequest, rootless: bool) -> String {
    let one = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("--{name}={value}"));
    let each = |name: &'static str, values: &[String]| -> Vec<String> {
        values.iter().map(|value| format!("--{name}={value}")).collect()
    };
    let single = [("userns", &map.userns), ("subuidname", &map.subuidname), ("subgidname", &map.subgidname)];
    let mut words: Vec<String> = single.into_iter().filter_map(|(name, value)| one(name, value)).collect();
    words.extend(each("uidmap", &map.uidmap));
    words.extend(each("gidmap", &map.gidmap));
    words.extend(each("map", &map.map));
    words.extend(one("me-as", &map.me_as));
    match (words.is_empty(), rootless) {
        (false, _) => format!("`{}`", words.join(" ")),
        (true, true) => "the default: root inside is you, and further ids are those delegated to you".to_owned(),
        (true, false) => "the default: a range of 65536 ids that nobody else has".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use idmap::{Extent, Extents};

    use super::*;

    fn space(inode: u64, map: Option<&[(u32, u32, u32)]>) -> Space {
        let map = map.map(|list| IdMap::try_from_fn(|_| Extents::new(list.iter().copied().map(Extent::from))).unwrap());
        Space { identity: (1, inode), owner: Some(0), pid: Some(7), map }
    }

    fn columns(spaces: Vec<Space>) -> (Vec<String>, Vec<String>) {
        let chain = Chain { spaces, leads_here: true };
        let picture = along(chain, &Level::new("pid 9", ""), &Accounts::default()).unwrap();
        let titles = picture.levels.columns.iter().map(|level| level.title.clone()).collect();
        (titles, picture.levels.maps.iter().map(|map| map.uid.to_kernel()).collect())
    }

    #[test]
    fn steps_are_told_from_the_whole() {
        let inner = space(1, Some(&[(0, 1000, 1), (1, 100_000, 10)]));
        let outer = space(2, Some(&[(0, 1000, 1), (1, 100_000, 65_536)]));
        let (titles, maps) = columns(vec![inner, outer]);
        assert_eq!(titles[..2], ["pid 9", "namespace of root"]);
        assert_eq!(maps[..2], ["0 0 1\n1 1 10\n", "0 1000 1\n1 100000 65536\n"]);
    }

    #[test]
    fn what_cannot_be_seen_is_left_out() {
        let inner = space(1, Some(&[(0, 5, 1)]));
        let (titles, maps) = columns(vec![inner.clone(), space(2, None)]);
        assert_eq!((titles[0].as_str(), maps[0].as_str()), ("pid 9", "0 5 1\n"));
        let hidden = Chain { spaces: vec![inner], leads_here: false };
        assert_eq!(along(hidden, &Level::default(), &Accounts::default()), None);
    }

    #[test]
    fn what_a_start_asks_for() {
        let map = MapRequest {
            userns: Some("auto:size=5".into()),
            map: vec!["redis=@redis".into()],
            ..MapRequest::default()
        };
        assert_eq!(asked(&map, false), "`--userns=auto:size=5 --map=redis=@redis`");
        assert!(asked(&MapRequest::default(), true).starts_with("the default: root inside is you"));
    }

    #[test]
    fn pids_are_digits() {
        assert_eq!(
            (pid_of("12"), pid_of("0"), pid_of("+1"), pid_of(""), pid_of("99999999999")),
            (Some(12), None, None, None, None)
        );
        assert!(own().unwrap().levels.columns.len() != 2);
    }
}
