//! The containers that have a directory of the host among their mounts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use idmap::Kind;
use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, openat2};
use sys::Dir;

use super::Entry;
use crate::{
    accounts::{Accounts, Pair},
    holders::Holder,
};

/// One line of a mountinfo file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    device: String,
    /// Which directory of the file system is mounted …
    root: PathBuf,
    /// … and where.
    point: PathBuf,
}

/// A container that sees a file of the host.
pub(super) struct Bind<'a> {
    holder: &'a Holder,
    /// The path inside.
    path: PathBuf,
}

/// The containers among whose mounts a path is. `whole` is the path without links, `device` the file's.
pub(super) fn of<'a>(holders: &'a [Holder], whole: &Path, device: u64) -> Vec<Bind<'a>> {
    let own = lines(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    let Some((device, within)) = in_filesystem(&own, whole, device) else { return Vec::new() };
    let sees = |holder: &'a Holder| {
        let table = fs::read_to_string(format!("/proc/{}/mountinfo", holder.pid?)).ok()?;
        inside(&lines(&table), &device, &within).map(|path| Bind { holder, path })
    };
    holders.iter().filter_map(sees).collect()
}

impl Bind<'_> {
    /// What is to be said about it; `owner` as the host sees it.
    pub(super) fn entry(&self, owner: &[(Kind, u32); 2]) -> Entry {
        let mut entry = Entry::container(self.holder).text("path", self.path.display().to_string());
        let (Some(map), Some(pid)) = (&self.holder.map, self.holder.pid) else { return entry };
        let (inside, host) = (Accounts::of_process(pid), Accounts::host());
        let owner = seen_through(pid, &self.path).unwrap_or(*owner);
        for (kind, id) in &owner {
            let label = if *kind == Kind::Uid { "owner" } else { "group" };
            entry = match Pair::from_host(map, *kind, *id, &inside, &host) {
                Some(pair) => entry.pair(label, &pair),
                None => entry.text(label, format!("{id} on the host, which its map leaves out: nobody there")),
            };
        }
        entry
    }
}

/// The owner of a file of a container, as the mount there shows it to this process: the mount may be idmapped. Links in it are
/// followed within the container.
fn seen_through(pid: i32, path: &Path) -> Option<[(Kind, u32); 2]> {
    let root = Dir::open(format!("/proc/{pid}/root")).ok()?;
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let found = fstat(openat2(&root, path, flags, Mode::empty(), resolve).ok()?).ok()?;
    Some([(Kind::Uid, found.st_uid), (Kind::Gid, found.st_gid)])
}

/// Reads `/proc/PID/mountinfo`. What cannot be read is passed over: the paths in it are anybody's.
fn lines(text: &str) -> Vec<Line> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        let path = |nth: usize| fields.get(nth).map(|field| PathBuf::from(unescaped(field)));
        Some(Line { device: (*fields.get(2)?).to_owned(), root: path(3)?, point: path(4)? })
    };
    text.lines().filter_map(line).collect()
}

/// `\040` is a blank: the kernel writes blanks, tabs, newlines and backslashes so.
fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut rest = field;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let code = after.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        // A backslash without a code stands for itself.
        text.push(code.map_or('\\', char::from));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    text + rest
}

/// Which file system a path is in, and where in it.
fn in_filesystem(own: &[Line], whole: &Path, device: u64) -> Option<(String, PathBuf)> {
    let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    // The last of several mounts on one directory is the one that is seen.
    let mut over: Vec<&Line> = own.iter().filter(|line| whole.starts_with(&line.point)).collect();
    over.sort_by_key(|line| line.point.components().count());
    let line = over.last()?;
    // btrfs gives its files devices of their own: what counts is the mount's.
    let device = if line.device == number { number } else { line.device.clone() };
    let below = whole.strip_prefix(&line.point).ok()?;
    Some((device, line.root.join(below)))
}

/// Where a path of a file system is in a container, by the mount that is nearest to it. Its root filesystem does not count: that is no
/// directory of the host's.
fn inside(table: &[Line], device: &str, within: &Path) -> Option<PathBuf> {
    let mut found: Vec<&Line> = table
        .iter()
        .filter(|line| line.device == device && within.starts_with(&line.root) && line.point != Path::new("/"))
        .collect();
    found.sort_by_key(|line| line.root.components().count());
    let line = found.last()?;
    let below = within.strip_prefix(&line.root).ok()?;
    Some(if below.as_os_str().is_empty() { line.point.clone() } else { line.point.join(below) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "\
20 1 8:1 / / rw - ext4 /dev/sda1 rw
30 20 8:2 /@home /home rw - btrfs /dev/sdb rw
40 20 0:5 / /proc rw - proc proc rw
";
    const CONTAINER: &str = "\
50 1 0:60 / / rw - overlay overlay rw
51 50 8:1 /srv/my\\040data /data rw,idmapped - ext4 /dev/sda1 rw
52 50 8:1 /srv /all rw - ext4 /dev/sda1 rw
53 50 8:2 /@home/alice /alice rw - btrfs /dev/sdb rw
broken line
";

    #[test]
    fn from_the_host_to_the_container() {
        let (host, container) = (lines(HOST), lines(CONTAINER));
        let seen = |path: &str| {
            let (device, within) = in_filesystem(&host, Path::new(path), rustix::fs::makedev(8, 1))?;
            inside(&container, &device, &within).map(|path| path.display().to_string())
        };
        assert_eq!(seen("/srv/my data/x/y").as_deref(), Some("/data/x/y"));
        assert_eq!(seen("/srv/my data").as_deref(), Some("/data"));
        assert_eq!(seen("/srv/other").as_deref(), Some("/all/other"));
        assert_eq!(seen("/home/alice/.bashrc").as_deref(), Some("/alice/.bashrc"));
        assert_eq!(seen("/home/bob"), None);
        assert_eq!(seen("/etc/passwd"), None);
    }

    #[test]
    fn escapes() {
        assert_eq!(unescaped("a\\040b\\134c\\"), "a b\\c\\");
        assert_eq!(unescaped("\\999\\é"), "\\999\\é");
    }
}
