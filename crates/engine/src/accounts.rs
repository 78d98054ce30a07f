//! Who knows which names: the host's, a process's, or an image's /etc/passwd and /etc/group.

use std::fs;

use idmap::{IdMap, Inside, Kind, Outside};
use oci::accounts::{group_name, user_name};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use sys::{Dir, dir::read_all};

/// The longest file that is read.
const LIMIT: usize = 4 << 20;

/// Two files of accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// `/etc/passwd`; empty if there is none.
    pub passwd: Vec<u8>,
    /// `/etc/group`; empty if there is none.
    pub group: Vec<u8>,
}

impl Accounts {
    /// This process's own: the host's, as a rule.
    pub fn host() -> Accounts {
        let read = |path: &str| fs::read(path).unwrap_or_default();
        Accounts { passwd: read("/etc/passwd"), group: read("/etc/group") }
    }

    /// Those of the root directory of a process; empty where they cannot be seen. The files are a stranger's: no link in them
    /// leads out of that directory, and only regular files are read.
    pub fn of_process(pid: i32) -> Accounts {
        let Ok(root) = Dir::open(format!("/proc/{pid}/root")) else { return Accounts::default() };
        let read = |path: &str| read_in(&root, path).unwrap_or_default();
        Accounts { passwd: read("etc/passwd"), group: read("etc/group") }
    }

    /// The name of an id.
    pub fn name(&self, kind: Kind, id: u32) -> Option<String> {
        match kind {
            Kind::Uid => user_name(id, &self.passwd),
            Kind::Gid => group_name(id, &self.group),
        }
    }
}

fn read_in(root: &Dir, path: &str) -> Option<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let fd = openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS).ok()?;
    let kind = FileType::from_raw_mode(fstat(&fd).ok()?.st_mode);
    (kind == FileType::RegularFile).then(|| read_all(&fd, LIMIT).ok()).flatten()
}

/// An id of a container beside what it is on the host, each with its name: `101 (redis)`, `720997`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Inside, with its name there.
    pub inside: Named,
    /// On the host, with its name there.
    pub host: Named,
}

/// An id and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The id.
    pub id: u32,
    /// Its name, if it has one that can be printed.
    pub name: Option<String>,
}

impl Named {
    /// Looks the name up.
    pub fn of(accounts: &Accounts, kind: Kind, id: u32) -> Named {
        let printable = |name: &String| !name.is_empty() && !name.chars().any(char::is_control);
        Named { id, name: accounts.name(kind, id).filter(printable) }
    }

    /// `101 (redis)`.
    pub fn text(&self) -> String {
        match &self.name {
            Some(name) => format!("{} ({name})", self.id),
            None => self.id.to_string(),
        }
    }
}

impl Pair {
    /// From an id inside.
    pub fn from_inside(map: &IdMap, kind: Kind, id: u32, inside: &Accounts, host: &Accounts) -> Option<Pair> {
        let outside = map.get(kind).to_outside(Inside(id))?;
        Some(Pair { inside: Named::of(inside, kind, id), host: Named::of(host, kind, outside.0) })
    }

    /// From an id on the host.
    pub fn from_host(map: &IdMap, kind: Kind, id: u32, inside: &Accounts, host: &Accounts) -> Option<Pair> {
        let within = map.get(kind).to_inside(Outside(id))?;
        Some(Pair { inside: Named::of(inside, kind, within.0), host: Named::of(host, kind, id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_sees_its_own_files() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(Accounts::of_process(own), Accounts::host());
        assert_eq!(Accounts::host().name(Kind::Uid, 0).as_deref(), Some("root"));
        assert_eq!(Accounts::of_process(i32::MAX), Accounts::default());
    }

    #[test]
    fn both_sides_are_named() {
        let inside = Accounts { passwd: b"redis:x:101:102::/:/bin/sh\n".to_vec(), group: Vec::new() };
        let list = [idmap::Extent::new(0, 720_896, 65_536)];
        let map = IdMap::try_from_fn(|_| idmap::Extents::new(list)).unwrap();
        let pair = Pair::from_inside(&map, Kind::Uid, 101, &inside, &Accounts::default()).unwrap();
        assert_eq!((pair.inside.text().as_str(), pair.host.text().as_str()), ("101 (redis)", "720997"));
        let back = Pair::from_host(&map, Kind::Uid, 720_997, &inside, &Accounts::default());
        assert_eq!(back, Some(pair));
        assert_eq!(Pair::from_host(&map, Kind::Uid, 5, &inside, &inside), None);
    }
}
