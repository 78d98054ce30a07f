//! Names on the host for the ids of a container: `web-redis` in `ps` and `ls -l` instead of 720997.
//!
//! *Theory of operation.* nss-systemd and systemd-userdbd read drop-in files of `/run/userdb` (nss-systemd(8)): `NAME.user` is a JSON user
//! record (`systemd.io/USER_RECORD`), `UID.user` a link to it; groups likewise. While a container of root's runs, its root, its
//! process's user and the accounts of its image that own files are in there. The monitor removes them when the container ends; what a
//! killed monitor leaves is removed by whoever buries the container. The list of the files, in the container's run directory, is written before the
//! first of them.
//!
//! * *must*: leave alone what it did not write, and names and ids that the host has already; write nothing where nobody would read it.
//! * *must not*: fail a start.

use std::{collections::BTreeSet, fs, path::PathBuf};

use idmap::{IdMap, Inside, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sys::{
    Dir,
    rustix::fs::{FlockOperation, Mode, OFlags, flock},
};

use crate::{Engine, config::Config, map::coverage::Image};

/// Where drop-ins are.
const USERDB: &str = "/run/userdb";

/// The list of a container's drop-ins, in its run directory.
const LIST: &str = "userdb";

/// The member of a record that says whose it is.
const MARK: &str = "org.unroot";

/// So many users and so many groups of a container get names.
const MOST: usize = 64;

/// The longest name that every program shows in full.
const LONGEST: usize = 31;

/// The longest file that is read.
const LIMIT: usize = 64 * 1024;

/// One drop-in.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Record {
    /// `web-redis`.
    name: String,
    /// The host's id.
    id: u32,
    kind: Kind,
    contents: Value,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct List {
    container: String,
    directory: PathBuf,
    files: Vec<String>,
}

impl Engine<'_> {
    /// Gives names to a container's ids; the files that its monitor is to remove. None, if nobody would read them.
    pub(crate) fn name_ids(
        &self,
        config: &Config,
        map: &IdMap,
        image: impl FnOnce() -> Image,
        run: &Dir,
    ) -> Vec<PathBuf> {
        if self.scope.rootless || self.scope.nested || !is_read() {
            return Vec::new();
        }
        let host = Known { users: names("/etc/passwd"), groups: names("/etc/group") };
        write(std::path::Path::new(USERDB), &records(config, map, &image(), &host), &config.id, run)
    }
}

/// Whether anything on this host looks into the directory.
fn is_read() -> bool {
    let asks = |text: &str| {
        let sources = text.lines().find_map(|line| line.trim_start().strip_prefix("passwd:"));
        sources.is_some_and(|sources| sources.split_whitespace().any(|source| source == "systemd"))
    };
    fs::metadata("/run/systemd/userdb").is_ok()
        || fs::read_to_string("/etc/nsswitch.conf").is_ok_and(|text| asks(&text))
}

/// The host's own accounts of one kind.
#[derive(Debug, Default)]
struct Accounts {
    names: BTreeSet<String>,
    ids: BTreeSet<u32>,
}

/// The host's own accounts.
#[derive(Debug, Default)]
struct Known {
    users: Accounts,
    groups: Accounts,
}

impl Known {
    fn of(&self, kind: Kind) -> &Accounts {
        match kind {
            Kind::Uid => &self.users,
            Kind::Gid => &self.groups,
        }
    }
}

fn names(path: &str) -> Accounts {
    let bytes = fs::read(path).unwrap_or_default();
    let mut accounts = Accounts::default();
    for line in entries(&bytes) {
        accounts.names.insert(line.name.to_owned());
        accounts.ids.insert(line.id);
    }
    accounts
}

/// A line of a list of accounts: of both kinds the first and the third field; of users the fourth is the group.
struct Entry<'a> {
    name: &'a str,
    id: u32,
    group: Option<u32>,
}

fn entries(bytes: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut fields = std::str::from_utf8(line).ok()?.split(':');
        let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with(['#', '+', '-']))?;
        let id = fields.nth(1)?.parse().ok()?;
        Some(Entry { name, id, group: fields.next().and_then(|group| group.parse().ok()) })
    })
}

/// The drop-ins of a container.
fn records(config: &Config, map: &IdMap, image: &Image, host: &Known) -> Vec<Record> {
    let mut records = Vec::new();
    for kind in Kind::BOTH {
        let (accounts, files, process) = match kind {
            Kind::Uid => (&image.passwd, &image.uid_files, config.user.uid),
            Kind::Gid => (&image.group, &image.gid_files, config.user.gid),
        };
        let listed: Vec<Entry> = entries(accounts).collect();
        let wanted = [0, process].into_iter().chain(files.keys().copied());
        let (mut seen, mut taken) = (BTreeSet::new(), host.of(kind).names.clone());
        for id in wanted.filter(|id| seen.insert(*id)).take(MOST) {
            let Some(outside) = map.get(kind).to_outside(Inside(id)) else { continue };
            if host.of(kind).ids.contains(&outside.0) {
                continue;
            }
            let entry = listed.iter().find(|entry| entry.id == id);
            let inside = entry.map_or_else(|| unnamed(kind, id), |entry| entry.name.to_owned());
            let name = host_name(&config.name, &inside);
            if !taken.insert(name.clone()) {
                continue;
            }
            let group = entry.and_then(|entry| entry.group).unwrap_or(config.user.gid);
            let group = map.gid.to_outside(Inside(group)).map_or(idmap::NOBODY, |group| group.0);
            let contents = contents(kind, &name, outside.0, group, &inside, config);
            records.push(Record { name, id: outside.0, kind, contents });
        }
    }
    records
}

/// For an id that the image has no account for.
fn unnamed(kind: Kind, id: u32) -> String {
    match (kind, id) {
        (_, 0) => "root".to_owned(),
        (Kind::Uid, id) => format!("u{id}"),
        (Kind::Gid, id) => format!("g{id}"),
    }
}

fn contents(kind: Kind, name: &str, id: u32, group: u32, inside: &str, config: &Config) -> Value {
    let mut record = match kind {
        Kind::Uid => json!({
            "userName": name,
            "uid": id,
            "gid": group,
            "realName": format!("{} in container {}", plain(inside), plain(&config.name)),
            "homeDirectory": "/",
            "shell": "/usr/sbin/nologin",
            "locked": true,
        }),
        Kind::Gid => json!({ "groupName": name, "gid": id }),
    };
    if let Value::Object(members) = &mut record {
        members.insert("disposition".to_owned(), json!("container"));
        members.insert("service".to_owned(), json!(MARK));
    }
    record
}

/// What may stand in a field of /etc/passwd.
fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() || char == ':' { '_' } else { char }).collect()
}

/// `web-redis`: letters, digits, `-` and `_`, not beginning with a digit, at most 31 of them. A name that had to be shortened has a part of
/// a hash in it, so that it stays the only one.
fn host_name(container: &str, account: &str) -> String {
    let clean = |text: &str| -> String {
        text.chars().map(|char| if char.is_ascii_alphanumeric() || "-_".contains(char) { char } else { '_' }).collect()
    };
    let (mut container, mut account) = (clean(container), clean(account));
    if !container.starts_with(|first: char| first.is_ascii_alphabetic()) {
        container.insert(0, 'c');
    }
    if container.len() + 1 + account.len() > LONGEST {
        let hash = idmap::slots::slots(&format!("{container}-{account}")).next().map_or(0, idmap::Slot::number);
        account.truncate(12);
        container.truncate(LONGEST - 5 - account.len());
        container = format!("{container}{hash:04x}");
    }
    format!("{container}-{account}")
}

/// Writes the drop-ins that nobody has in the way; all that is to be removed at the end, the list last.
fn write(userdb: &std::path::Path, records: &[Record], id: &str, run: &Dir) -> Vec<PathBuf> {
    let end = |kind| if kind == Kind::Uid { "user" } else { "group" };
    let files = records.iter().flat_map(|record| {
        [format!("{}.{}", record.name, end(record.kind)), format!("{}.{}", record.id, end(record.kind))]
    });
    let list = List { container: id.to_owned(), directory: userdb.to_owned(), files: files.collect() };
    let listed = serde_json::to_vec(&list).is_ok_and(|text| run.write(LIST, &text, 0o600).is_ok());
    if !listed {
        return Vec::new();
    }
    let Ok(dir) = open(userdb) else { return Vec::new() };
    let mut written = Vec::new();
    for (record, names) in records.iter().zip(list.files.chunks(2)) {
        let [file, link] = names else { continue };
        if !make_way(&dir, file, link) || dir.write(file, record.text(id, run).as_bytes(), 0o644).is_err() {
            continue;
        }
        written.push(userdb.join(file));
        if dir.symlink(link, file).is_ok() {
            written.push(userdb.join(link));
        }
    }
    written.push(run.path().join(LIST));
    written
}

impl Record {
    /// The file: what it says, and whose it is.
    fn text(&self, container: &str, run: &Dir) -> String {
        let mut record = self.contents.clone();
        if let Value::Object(members) = &mut record {
            members
                .insert(MARK.to_owned(), json!(Mark { container: container.to_owned(), run: run.path().to_owned() }));
        }
        format!("{record}\n")
    }
}

/// Whose a drop-in is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The container's id.
    container: String,
    /// Its run directory.
    run: PathBuf,
}

impl Mark {
    fn read(dir: &Dir, file: &str) -> Option<Mark> {
        let record: Value = serde_json::from_slice(&dir.read(file, LIMIT).ok()?).ok()?;
        serde_json::from_value(record.get(MARK)?.clone()).ok()
    }

    /// Whether nobody will remove the drop-in any more: whoever wrote it has gone, and the directory that told of it, too.
    fn is_forgotten(&self) -> bool {
        let Ok(run) = Dir::open(&self.run) else { return true };
        let lock = run.open_at("lock", OFlags::RDONLY, Mode::empty());
        !run.has(LIST) && lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockShared).is_ok())
    }
}

/// Whether nothing is in the way of a file and its link; what has been forgotten there is removed.
fn make_way(dir: &Dir, file: &str, link: &str) -> bool {
    if let Ok(target) = dir.read_link(link) {
        let target = target.to_string_lossy();
        if dir.has(&*target) && !Mark::read(dir, &target).is_some_and(|mark| mark.is_forgotten()) {
            return false;
        }
        let _ = dir.remove_file(&*target).and_then(|()| dir.remove_file(link));
    }
    if Mark::read(dir, file).is_some_and(|mark| mark.is_forgotten()) {
        let _ = dir.remove_file(file);
    }
    !dir.has(file) && dir.stat(link).is_err()
}

/// The directory of the drop-ins, made if it is missing: everybody reads it.
fn open(userdb: &std::path::Path) -> Result<Dir, sys::Failed> {
    match (Dir::open(userdb), userdb.parent(), userdb.file_name()) {
        (Err(_), Some(parent), Some(name)) => Dir::open(parent)?.ensure_dir(name, 0o755),
        (opened, ..) => opened,
    }
}

/// Removes what a container's monitor has left; of files with the same names only those that are the container's.
pub(crate) fn forget(run: &Dir) {
    let Ok(text) = run.read(LIST, LIMIT) else { return };
    if let Ok(list) = serde_json::from_slice::<List>(&text)
        && let Ok(dir) = Dir::open(&list.directory)
    {
        for names in list.files.chunks(2) {
            let [file, link] = names else { continue };
            // A monitor that was killed at its last act may have removed a file and not its link.
            let is_own = !dir.has(file) || Mark::read(&dir, file).is_some_and(|mark| mark.container == list.container);
            if file.contains('/') || link.contains('/') || !is_own {
                continue;
            }
            if dir.read_link(link).is_ok_and(|target| target == std::path::Path::new(file)) {
                let _ = dir.remove_file(link);
            }
            let _ = dir.remove_file(file);
        }
    }
    let _ = run.remove_file(LIST);
}

#[cfg(test)]
#[path = "userdb/tests.rs"]
mod tests;
