//! Whose an id of the host is.

use std::{fs, os::unix::fs::MetadataExt};

use diag::Result;
use idmap::{IdMap, Kind, Outside};
use serde_json::json;
use sys::namespace_owner;

use super::Entry;
use crate::{
    Engine,
    accounts::{Accounts, Named, Pair},
    claims::{Claim, ClaimKind, Claims, HostFiles},
    foreign::Foreign,
    map_of::command_of,
    namespaces::{Identity, Seen, maps_of, own_identity, pids},
};

/// So many processes are named, and so many namespaces of others.
const MOST: usize = 6;

impl Engine<'_> {
    pub(super) fn who_has(&self, kind: Kind, id: u32) -> Result<Vec<Entry>> {
        let host = Accounts::host();
        let mut entries = self.containers_with(&[(kind, id)], &host)?;
        let known: Vec<Identity> = self.inhabited()?.into_iter().filter_map(|(_, space)| space).collect();
        entries.extend(namespaces_with(kind, id, &host, &known));
        entries.extend(claims(kind, id));
        entries.extend(account(kind, id, &host));
        entries.extend(processes(kind, id));
        Ok(entries)
    }

    /// The containers of this user that have any of these ids of the host in their maps.
    pub(super) fn containers_with(&self, ids: &[(Kind, u32)], host: &Accounts) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for (holder, _) in self.inhabited()? {
            let Some(map) = &holder.map else { continue };
            if !ids.iter().any(|(kind, id)| map.get(*kind).to_inside(Outside(*id)).is_some()) {
                continue;
            }
            let inside = holder.pid.map(Accounts::of_process).unwrap_or_default();
            let pairs =
                ids.iter().filter_map(|(kind, id)| Some((kind, Pair::from_host(map, *kind, *id, &inside, host)?)));
            entries.push(pairs.fold(Entry::container(&holder), |entry, (kind, pair)| entry.pair(kind.name(), &pair)));
        }
        Ok(entries)
    }
}

/// The other user namespaces that have it: other engines', other users'.
fn namespaces_with(kind: Kind, id: u32, host: &Accounts, known: &[Identity]) -> Vec<Entry> {
    let own = own_identity();
    let others = Seen::look();
    let mut found: Vec<(i32, IdMap)> = others
        .each()
        .filter(|(space, _)| Some(*space) != own && !known.contains(space))
        .filter_map(|(_, pid)| Some((pid, maps_of(pid)?)))
        .filter(|(_, map)| *map != IdMap::identity() && map.get(kind).to_inside(Outside(id)).is_some())
        .collect();
    found.sort_by_key(|(pid, _)| *pid);
    found.into_iter().take(MOST).filter_map(|(pid, map)| namespace(kind, id, pid, &map, host)).collect()
}

fn namespace(kind: Kind, id: u32, pid: i32, map: &IdMap, host: &Accounts) -> Option<Entry> {
    // Whoever has the host's files has the host's names, which are none of that namespace.
    let inside = if shares_root(pid) { Accounts::default() } else { Accounts::of_process(pid) };
    let pair = Pair::from_host(map, kind, id, &inside, host)?;
    let command = command_of(pid).unwrap_or_default();
    let owner = fs::File::open(format!("/proc/{pid}/ns/user")).ok().and_then(|fd| namespace_owner(fd).ok());
    let owner = owner.map(|owner| Named::of(host, Kind::Uid, owner));
    let made = owner.as_ref().map(|owner| format!("of {}, ", owner.text())).unwrap_or_default();
    let entry = Entry::new("namespace").fact(
        "namespace",
        format!("{made}process {pid} ({command})"),
        json!({ "pid": pid, "command": command, "owner": owner.map(|owner| owner.id) }),
    );
    let entry = match Foreign::of(pid) {
        Some(foreign) => {
            entry.fact("engine", foreign.text(), json!({ "name": foreign.engine, "container": foreign.container }))
        }
        None => entry,
    };
    Some(entry.pair(kind.name(), &pair))
}

/// Whether a process's root directory is this one's.
fn shares_root(pid: i32) -> bool {
    let root = |path: &str| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    root(&format!("/proc/{pid}/root/")).is_some_and(|found| Some(found) == root("/"))
}

/// Whose delegated or configured range it is in.
fn claims(kind: Kind, id: u32) -> Vec<Entry> {
    let found = Claims::configured(&HostFiles::here()).all;
    let is_it = |claim: &&Claim| {
        claim.kind == kind && claim.ids.contains(&id) && !matches!(claim.what, ClaimKind::Pool | ClaimKind::Account)
    };
    let entry = |claim: &Claim| {
        let text = format!("{}-{}, {} ({})", claim.ids.start(), claim.ids.end(), claim.owner, claim.source);
        let json = json!({
            "first": claim.ids.start(),
            "last": claim.ids.end(),
            "owner": claim.owner,
            "source": claim.source,
        });
        Entry::new("range").fact(claim.what.word(), text, json)
    };
    found.iter().filter(is_it).map(entry).collect()
}

fn account(kind: Kind, id: u32, host: &Accounts) -> Option<Entry> {
    let name = host.name(kind, id)?;
    let label = if kind == Kind::Uid { "user" } else { "group" };
    Some(Entry::new("account").text(label, name))
}

/// How many processes have it now, as any of their ids.
fn processes(kind: Kind, id: u32) -> Option<Entry> {
    let name = if kind == Kind::Uid { "Uid:" } else { "Gid:" };
    let has = |pid: &i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_ascii_whitespace().any(|word| word.parse() == Ok(id))
    };
    let mut found: Vec<i32> = pids().into_iter().filter(has).collect();
    found.sort_unstable();
    if found.is_empty() {
        return None;
    }
    let some: Vec<String> =
        found.iter().take(MOST).map(|pid| format!("{} ({pid})", command_of(*pid).unwrap_or_default())).collect();
    let more = if found.len() > MOST { ", …" } else { "" };
    let text = format!("{}: {}{more}", found.len(), some.join(", "));
    Some(Entry::new("processes").fact("processes", text, json!({ "count": found.len(), "pids": found })))
}
