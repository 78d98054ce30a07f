//! Whose a process is.

use std::fs;

use diag::{Error, Result, codes};
use idmap::{IdMap, Kind};
use serde_json::json;

use super::Entry;
use crate::{
    Engine,
    accounts::{Accounts, Named, Pair},
    foreign::Foreign,
    holders::Holder,
    map_of::command_of,
    namespaces::{identity_of, ids_of, maps_of, own_identity},
};

/// So many bytes of a command line are shown.
const COMMAND: usize = 160;

impl Engine<'_> {
    pub(super) fn whose_process(&self, pid: i32) -> Result<Vec<Entry>> {
        let ids = ids_of(pid).ok_or_else(|| Error::new(codes::UR0812, format!("there is no process {pid}")))?;
        let holder = self.container_of(pid)?;
        let mut entry = match (&holder, Foreign::of(pid)) {
            (Some(holder), _) => Entry::container(holder),
            (None, Some(foreign)) => Entry::new("container").fact(
                "engine",
                foreign.text(),
                json!({ "name": foreign.engine, "container": foreign.container }),
            ),
            (None, None) => Entry::new("process").fact("container", outside(pid), serde_json::Value::Null),
        };
        entry = with_ids(entry, pid, ids);
        let command = command_line(pid);
        entry = entry.text("command", if command.is_empty() { command_of(pid).unwrap_or_default() } else { command });
        Ok(vec![entry])
    }

    /// The container that a process is in: its control group is named after it, or it has its init's pid namespace, or its user
    /// namespace.
    pub(super) fn container_of(&self, pid: i32) -> Result<Option<Holder>> {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let (own, space) = (pid_namespace(i32::try_from(std::process::id()).unwrap_or(1)), identity_of(pid));
        let processes = pid_namespace(pid);
        for holder in self.holders()? {
            let Some(init) = holder.pid else { continue };
            let same_pids = processes.is_some() && processes != own && processes == pid_namespace(init);
            let same_users = space.is_some() && space != own_identity() && space == identity_of(init);
            if init == pid || same_pids || same_users || groups.contains(&holder.id) {
                return Ok(Some(holder));
            }
        }
        Ok(None)
    }
}

/// What a process is in that is in no container that can be told.
fn outside(pid: i32) -> &'static str {
    match (identity_of(pid), own_identity()) {
        (Some(space), Some(own)) if space != own => "none that is known here, but a user namespace of its own",
        _ => "none",
    }
}

fn pid_namespace(pid: i32) -> Option<String> {
    fs::read_link(format!("/proc/{pid}/ns/pid")).ok().map(|link| link.to_string_lossy().into_owned())
}

/// The user and the group of a process, inside and on the host.
fn with_ids(mut entry: Entry, pid: i32, (uid, gid): (u32, u32)) -> Entry {
    let (host, inside) = (Accounts::host(), Accounts::of_process(pid));
    let map = maps_of(pid).filter(|map| *map != IdMap::identity());
    for (kind, id) in [(Kind::Uid, uid), (Kind::Gid, gid)] {
        let pair = map.as_ref().and_then(|map| Pair::from_host(map, kind, id, &inside, &host));
        entry = if let Some(pair) = pair {
            entry.pair(kind.name(), &pair)
        } else {
            let named = Named::of(&host, kind, id);
            let json = json!({ "host": { "id": named.id, "name": named.name } });
            entry.fact(kind.name(), named.text(), json)
        };
    }
    entry
}

/// The words of a command, with blanks between.
fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<String> =
        bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let line = words.join(" ").trim_end().to_owned();
    if line.chars().count() > COMMAND { line.chars().take(COMMAND).chain("…".chars()).collect() } else { line }
}
