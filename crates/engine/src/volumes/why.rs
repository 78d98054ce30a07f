//! `volume why`: whether a user of a container can read, write, create, and if not, which component of the path, which bit, which id.
//!
//! The path is walked as the container sees it, each component opened as a path and nothing else: links are followed by hand within the
//! container's root. What the kernel would decide is decided here from the same facts: owner, group, mode, access control list,
//! the two maps (the container's and the mount's), the mount's flags, and whether root inside has power over the inode.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    fs::{self, File},
    os::fd::{AsRawFd, OwnedFd},
    path::{Component, Path, PathBuf},
};

use diag::{Error, Result, codes};
use idmap::{Extents, IdMap, Inside, Kind, Outside};
use oci::accounts;
use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, StatVfsMountFlags, fstat, fstatvfs, getxattr, openat2, readlinkat},
    io::Errno,
};
use serde_json::{Value, json};
use sys::{Dir, Maps, mount_id, mount_namespace_id, statmount};

use crate::{Engine, accounts::Accounts, life, namespaces::maps_of, request::Given};

/// How many links are followed, as in the kernel.
const LINKS: usize = 40;

/// The answer.
#[derive(Clone, Debug)]
pub struct Why {
    who: Who,
    components: Vec<Node>,
    read: Verdict,
    write: Verdict,
    create: Verdict,
}

/// Whether something is allowed, and if not, why.
type Verdict = std::result::Result<(), String>;

/// A user, inside and on the host.
#[derive(Clone, Debug)]
struct Who {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
    map: IdMap,
    /// Root inside, with `CAP_DAC_OVERRIDE`.
    is_mighty: bool,
}

/// A component of the path.
#[derive(Clone, Debug)]
struct Node {
    path: PathBuf,
    kind: FileType,
    /// As this process sees it.
    owner: (u32, u32),
    mode: u32,
    /// `system.posix_acl_access`: tag, permissions, id.
    acl: Vec<(u16, u16, u32)>,
    flags: StatVfsMountFlags,
    /// The host ids that the mount can write to the disk; `None`: all.
    seen: Option<[Extents; 2]>,
}

impl Engine<'_> {
    /// Asks. Without `user` it is the one that the container began as. Errors: UR0802, UR0814, UR0507 for the user, UR0813 for the path.
    pub fn why(&self, container: &Given<String>, path: &Given<String>, user: Option<&Given<String>>) -> Result<Why> {
        let target = self.target(container)?;
        let life::Life::Running(Some(process)) = life::of(&self.store, &target.container)? else {
            return Err(container.blame(
                Error::new(codes::UR0814, format!("the container `{}` does not run", container.value))
                    .help("its mounts are there only while it runs"),
            ));
        };
        let map = maps_of(process.pid).unwrap_or_else(IdMap::identity);
        let own = &target.config.user;
        let (uid, gid, groups) = match user {
            None => (own.uid, own.gid, own.groups.clone()),
            Some(user) => {
                let files = Accounts::of_process(process.pid);
                let found =
                    accounts::resolve(&user.value, &files.passwd, &files.group).map_err(|error| user.blame(error))?;
                (found.uid, found.gid, found.groups)
            }
        };
        let is_mighty = uid == 0 && has_override(process.pid);
        let who = Who { uid, gid, groups, map, is_mighty };
        if !path.value.starts_with('/') {
            return Err(path.blame(Error::new(codes::UR0806, format!("`{}` is not absolute", path.value))));
        }
        let (components, missing) = walk(process.pid, Path::new(&path.value)).map_err(|error| path.blame(error))?;
        Ok(Why::judge(who, components, missing.as_deref()))
    }
}

/// Whether `CAP_DAC_OVERRIDE` is among what a process may have.
fn has_override(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let bounding = status.lines().find_map(|line| line.strip_prefix("CapBnd:"));
    bounding.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & 2 != 0)
}

/// The components that are there, and the first that is not.
fn walk(pid: i32, path: &Path) -> Result<(Vec<Node>, Option<PathBuf>)> {
    let unseen = |errno: Errno, path: &Path| {
        Error::new(codes::UR0813, format!("`{}` cannot be looked at", path.display()))
            .os(format!("openat2({})", path.display()), errno.raw_os_error())
    };
    let root = Dir::open(format!("/proc/{pid}/root")).map_err(|failed| unseen(failed.errno, path))?;
    let namespace = File::open(format!("/proc/{pid}/ns/mnt")).ok().and_then(|file| mount_namespace_id(file).ok());
    let open = |path: &Path| -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let below = path.strip_prefix("/").unwrap_or(path);
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        openat2(&root, below, flags, Mode::empty(), ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
    };
    let mut here = PathBuf::from("/");
    let first = open(&here).map_err(|errno| unseen(errno, &here))?;
    let mut nodes = vec![node(&here, &first, namespace).map_err(|errno| unseen(errno, path))?];
    let mut rest: VecDeque<_> = names(path);
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        let fd = match open(&next) {
            Err(Errno::NOENT) => return Ok((nodes, Some(next))),
            opened => opened.map_err(|errno| unseen(errno, &next))?,
        };
        let found = node(&next, &fd, namespace).map_err(|errno| unseen(errno, &next))?;
        if found.kind == FileType::Symlink {
            links += 1;
            let target = readlinkat(&fd, "", Vec::new()).map_err(|errno| unseen(errno, &next))?;
            if links > LINKS {
                return Err(unseen(Errno::LOOP, &next));
            }
            let target = PathBuf::from(std::ffi::OsString::from(target.to_string_lossy().into_owned()));
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            names(&target).into_iter().rev().for_each(|name| rest.push_front(name));
        } else {
            here = next;
        }
        nodes.push(found);
    }
    Ok((nodes, None))
}

fn names(path: &Path) -> VecDeque<std::ffi::OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(name).collect()
}

fn node(path: &Path, fd: &OwnedFd, namespace: Option<u64>) -> rustix::io::Result<Node> {
    let stat = fstat(fd)?;
    let mut value = [0; 4096];
    let through = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let length = getxattr(&through, c"system.posix_acl_access", &mut value).unwrap_or(0);
    Ok(Node {
        path: path.to_owned(),
        kind: FileType::from_raw_mode(stat.st_mode),
        owner: (stat.st_uid, stat.st_gid),
        mode: stat.st_mode & 0o7777,
        acl: acl(&value[..length]),
        flags: fstatvfs(fd)?.f_flag,
        seen: seen(fd, namespace),
    })
}

/// The entries of a list (`linux/posix_acl_xattr.h`).
fn acl(value: &[u8]) -> Vec<(u16, u16, u32)> {
    let entries = value.get(4..).unwrap_or_default().chunks_exact(8);
    entries
        .filter_map(|entry| {
            let short = |at: usize| entry.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes);
            Some((short(0)?, short(2)?, u32::from_le_bytes(entry.get(4..8)?.try_into().ok()?)))
        })
        .collect()
}

fn seen(fd: &OwnedFd, namespace: Option<u64>) -> Option<[Extents; 2]> {
    let mount = mount_id(fd).and_then(|id| statmount(id, namespace)).ok()?;
    let Maps::Known { uid, gid } = mount.maps else { return None };
    Some([Extents::from_kernel(uid.as_bytes()).ok()?, Extents::from_kernel(gid.as_bytes()).ok()?])
}

const READ: u32 = 4;
const WRITE: u32 = 2;
const SEARCH: u32 = 1;

impl Who {
    fn host(&self, kind: Kind, id: u32) -> Option<u32> {
        self.map.get(kind).to_outside(Inside(id)).map(|id| id.0)
    }

    fn in_words(&self, kind: Kind, host: u32) -> String {
        match self.map.get(kind).to_inside(Outside(host)) {
            Some(inside) => format!("{kind} {inside}"),
            None => format!("nobody inside (host {kind} {host})"),
        }
    }

    /// Whether these bits of an inode are this user's.
    fn may(&self, node: &Node, wanted: u32, word: &str) -> Verdict {
        let (class, bits) = self.bits(node);
        if bits & wanted == wanted {
            return Ok(());
        }
        let known = self.map.uid.to_inside(Outside(node.owner.0)).is_some()
            && self.map.gid.to_inside(Outside(node.owner.1)).is_some();
        if self.is_mighty && known {
            return Ok(());
        }
        let letters: String = [(READ, 'r'), (WRITE, 'w'), (SEARCH, 'x')]
            .iter()
            .filter(|(bit, _)| wanted & !bits & bit != 0)
            .map(|(_, letter)| *letter)
            .collect();
        let (path, uid) = (node.path.display(), self.uid);
        let owner = self.in_words(Kind::Uid, node.owner.0);
        let group = self.in_words(Kind::Gid, node.owner.1);
        let power = if self.is_mighty {
            "; root inside has no power over it, since its owner is not in the container's map"
        } else {
            ""
        };
        Err(format!(
            "`{path}` may not be {word}: uid {uid} is {class}, which lacks `{letters}` (mode {:04o}, owner {owner}, group {group}){power}",
            node.mode
        ))
    }

    /// Which class of the mode the user is in, and its bits.
    fn bits(&self, node: &Node) -> (&'static str, u32) {
        if self.host(Kind::Uid, self.uid) == Some(node.owner.0) {
            return ("the owner", node.mode >> 6 & 7);
        }
        let groups: Vec<u32> =
            self.groups.iter().chain([&self.gid]).filter_map(|gid| self.host(Kind::Gid, *gid)).collect();
        let mask = node.acl.iter().find(|entry| entry.0 == 0x10).map_or(7, |entry| u32::from(entry.1));
        let named = node.acl.iter().find(|(tag, _, id)| *tag == 0x02 && self.host(Kind::Uid, self.uid) == Some(*id));
        if let Some(entry) = named {
            return ("named in the access control list", u32::from(entry.1) & mask);
        }
        let mut of_groups = node
            .acl
            .iter()
            .filter(|(tag, _, id)| match tag {
                0x04 => groups.contains(&node.owner.1),
                0x08 => groups.contains(id),
                _ => false,
            })
            .peekable();
        if of_groups.peek().is_some() {
            return (
                "in a group of the access control list",
                of_groups.fold(0, |bits, entry| bits | u32::from(entry.1)) & mask,
            );
        }
        if groups.contains(&node.owner.1) {
            return ("in the group", node.mode >> 3 & 7);
        }
        ("neither owner nor in the group", node.mode & 7)
    }

    /// Whether what this user makes can have an owner on the disk.
    fn can_own(&self, node: &Node) -> Verdict {
        for (kind, id) in [(Kind::Uid, self.uid), (Kind::Gid, self.gid)] {
            let Some(host) = self.host(kind, id) else {
                return Err(format!("the container's map leaves out {kind} {id}"));
            };
            let index = usize::from(kind == Kind::Gid);
            if node.seen.as_ref().is_some_and(|seen| seen[index].to_inside(Outside(host)).is_none()) {
                return Err(format!("the mount of `{}` has no id on the disk for {kind} {id}", node.path.display()));
            }
        }
        Ok(())
    }
}

fn writable(node: &Node) -> Verdict {
    if node.flags.contains(StatVfsMountFlags::RDONLY) {
        return Err(format!("`{}` is mounted read-only", node.path.display()));
    }
    Ok(())
}

impl Why {
    fn judge(who: Who, components: Vec<Node>, missing: Option<&Path>) -> Why {
        let last = components.len().saturating_sub(1);
        let on_the_way = components
            .iter()
            .enumerate()
            .filter(|(index, node)| node.kind == FileType::Directory && (*index < last || missing.is_some()));
        let way = on_the_way
            .map(|(_, node)| who.may(node, SEARCH, "searched"))
            .find(std::result::Result::is_err)
            .unwrap_or(Ok(()));
        let end = components.last().map(|node| {
            let is_directory = node.kind == FileType::Directory;
            let gone = || missing.map_or(Ok(()), |path| Err(format!("`{}` does not exist", path.display())));
            let read = way
                .clone()
                .and_then(|()| gone())
                .and_then(|()| who.may(node, if is_directory { READ | SEARCH } else { READ }, "read"));
            let wanted = if is_directory { WRITE | SEARCH } else { WRITE };
            let write = way
                .clone()
                .and_then(|()| gone())
                .and_then(|()| writable(node))
                .and_then(|()| who.may(node, wanted, "written to"));
            let inside = if is_directory { Ok(()) } else { Err(format!("`{}` is no directory", node.path.display())) };
            let create = way
                .clone()
                .and(inside)
                .and_then(|()| writable(node))
                .and_then(|()| who.may(node, WRITE | SEARCH, "written to"))
                .and_then(|()| who.can_own(node));
            (read, write, create)
        });
        let (read, write, create) = end.unwrap_or((Ok(()), Ok(()), Ok(())));
        Why { who, components, read, write, create }
    }

    /// Whether all is allowed.
    pub fn is_open(&self) -> bool {
        self.read.is_ok() && self.write.is_ok()
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for node in &self.components {
            let (uid, gid) = (self.who.in_words(Kind::Uid, node.owner.0), self.who.in_words(Kind::Gid, node.owner.1));
            let access = if node.flags.contains(StatVfsMountFlags::RDONLY) { ", read-only" } else { "" };
            let list = if node.acl.is_empty() { "" } else { ", with an access control list" };
            let _ = writeln!(text, "{:04o}  {uid}, {gid}  {}{access}{list}", node.mode, node.path.display());
        }
        for (word, verdict) in self.verdicts() {
            let said = verdict.as_ref().map_or_else(|why| format!("no: {why}"), |()| "yes".to_owned());
            let _ = writeln!(text, "{word}: {said}");
        }
        text
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let inside = |kind: Kind, id: u32| self.who.map.get(kind).to_inside(Outside(id)).map(|id| id.0);
        let component = |node: &Node| {
            json!({
                "path": node.path, "mode": format!("{:04o}", node.mode),
                "uid": inside(Kind::Uid, node.owner.0), "gid": inside(Kind::Gid, node.owner.1),
                "hostUid": node.owner.0, "hostGid": node.owner.1,
                "readOnly": node.flags.contains(StatVfsMountFlags::RDONLY),
                "noSuid": node.flags.contains(StatVfsMountFlags::NOSUID), "noExec": node.flags.contains(StatVfsMountFlags::NOEXEC),
                "acl": !node.acl.is_empty(),
            })
        };
        let mut value = json!({
            "uid": self.who.uid, "gid": self.who.gid, "groups": self.who.groups,
            "components": self.components.iter().map(component).collect::<Vec<_>>(),
        });
        for (word, verdict) in self.verdicts() {
            value[word] = json!({ "allowed": verdict.is_ok(), "because": verdict.as_ref().err() });
        }
        value
    }

    fn verdicts(&self) -> [(&'static str, &Verdict); 3] {
        [("read", &self.read), ("write", &self.write), ("create", &self.create)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(uid: u32) -> Who {
        let map = IdMap::try_from_fn(|_| Extents::new([idmap::Extent::new(0, 524_288, 65_536)])).unwrap();
        Who { uid, gid: uid, groups: Vec::new(), map, is_mighty: uid == 0 }
    }

    fn node(path: &str, id: u32, mode: u32) -> Node {
        let flags = StatVfsMountFlags::empty();
        Node { path: path.into(), kind: FileType::Directory, owner: (id, id), mode, acl: Vec::new(), flags, seen: None }
    }

    #[test]
    fn who_may_what() {
        let way = || vec![node("/", 524_288, 0o755), node("/data", 524_288 + 999, 0o700)];
        assert!(Why::judge(who(999), way(), None).is_open() && Why::judge(who(0), way(), None).is_open());
        let denied = Why::judge(who(33), way(), None);
        assert!(denied.read.unwrap_err().contains("`/data`") && denied.create.is_err());
        let mut list = way();
        list[1].acl = vec![(0x02, 7, 524_288 + 33), (0x10, 5, u32::MAX)];
        let listed = Why::judge(who(33), list, None);
        assert!(listed.read.is_ok() && listed.write.is_err());
        // Files of nobody inside: root inside has no power over them.
        let strange = vec![node("/", 524_288, 0o755), node("/s", 1000, 0o700)];
        assert!(Why::judge(who(0), strange, None).read.unwrap_err().contains("no power"));
        let mut fixed = way();
        fixed[1].flags = StatVfsMountFlags::RDONLY;
        assert!(Why::judge(who(999), fixed, None).write.unwrap_err().contains("read-only"));
        let closed = vec![node("/", 524_288, 0o700), node("/data", 524_288 + 999, 0o700)];
        assert!(Why::judge(who(999), closed, None).read.unwrap_err().contains("searched"));
        assert!(Why::judge(who(999), way(), Some(Path::new("/data/x"))).create.is_ok());
    }
}
