//! Whose a file is, and what it is to a container.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
};

use diag::{Error, Result, codes};
use idmap::{Extents, IdMap, Inside, Kind, Outside};
use oci::Digest;
use serde_json::json;
use store::image::Images;
use sys::Maps;

use super::{Entry, binds};
use crate::{
    Engine,
    accounts::{Accounts, Named, Pair},
    config::Config,
    image_facts::Layers,
    map_of,
    namespaces::maps_of,
    rootless,
};

/// Where in the store a file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A container's own files, and the path that the container sees.
    Upper(String, PathBuf),
    /// A layer's, by the hexadecimal digits of its diff id.
    Layer(String, PathBuf),
    /// A volume's.
    Volume(String, PathBuf),
    /// Another part of the store.
    Store(PathBuf),
}

/// Tells where a path below the store's root leads.
pub(super) fn place(below: &Path) -> Place {
    let mut parts = below.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    let (room, name, part) = (parts.next(), parts.next(), parts.next());
    let rest: PathBuf = std::iter::once("/".to_owned()).chain(parts.clone()).collect();
    match (room.as_deref(), name, part.as_deref()) {
        (Some("containers"), Some(id), Some("upper")) => Place::Upper(id, rest),
        (Some("layers"), Some(digest), Some("fs")) => Place::Layer(digest, rest),
        (Some("volumes"), Some(name), part) => {
            let part = part.map(str::to_owned).filter(|part| part != "_data");
            Place::Volume(name, std::iter::once("/".to_owned()).chain(part).chain(parts).collect())
        }
        _ => Place::Store(below.to_owned()),
    }
}

/// An owner as the host sees it.
struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    fn id(&self, kind: Kind) -> u32 {
        if kind == Kind::Uid { self.uid } else { self.gid }
    }
}

impl Engine<'_> {
    pub(super) fn whose_file(&self, path: &Path) -> Result<Vec<Entry>> {
        let shown = path.display();
        let found = fs::symlink_metadata(path).map_err(|error| {
            Error::new(codes::UR0813, format!("`{shown}` cannot be looked at"))
                .os(format!("lstat({shown})"), error.raw_os_error().unwrap_or_default())
        })?;
        let owner = Owner { uid: found.uid(), gid: found.gid() };
        let whole = real(path);
        let root = fs::canonicalize(&self.scope.root).unwrap_or_else(|_| self.scope.root.clone());
        if let Ok(below) = whole.strip_prefix(&root) {
            return self.in_store(&place(below), &owner);
        }
        if let Some(pid) = through_process(path) {
            return self.through(pid, path, &owner);
        }
        let mut entries = vec![owner_on_host(&owner)];
        entries.extend(mount(path, &owner));
        entries.extend(
            binds::of(&self.holders()?, &whole, found.dev()).into_iter().map(|bind| bind.entry(&owner_ids(&owner))),
        );
        entries.extend(self.containers_with(&owner_ids(&owner), &Accounts::host())?);
        Ok(entries)
    }

    fn in_store(&self, place: &Place, owner: &Owner) -> Result<Vec<Entry>> {
        match place {
            Place::Upper(id, inside) => self.in_upper(id, inside, owner),
            Place::Layer(digest, inside) => self.in_layer(digest, inside, owner),
            Place::Volume(name, inside) => {
                let entry = Entry::new("volume").text("volume", name).text("path", inside.display().to_string());
                Ok(vec![self.canonical(entry, owner, None, &Accounts::default())?])
            }
            Place::Store(below) => {
                let text = format!("unroot's own records: {}", below.display());
                Ok(vec![Entry::new("store").text("store", text), owner_on_host(owner)])
            }
        }
    }

    fn in_upper(&self, id: &str, inside: &Path, owner: &Owner) -> Result<Vec<Entry>> {
        let container = self.store.container(id)?;
        let config = Config::read(id, &container.config()?)?;
        let running = self.holders()?.into_iter().find(|holder| holder.id == config.id);
        let state = if running.is_some() { "its own files, running" } else { "its own files, not running" };
        let entry = Entry::new("container")
            .fact(
                "container",
                format!("{} ({}): {state}", config.name, &config.id[..12]),
                json!({ "id": config.id, "name": config.name, "running": running.is_some() }),
            )
            .text("image", &config.image)
            .text("path", inside.display().to_string());
        let pid = running.as_ref().and_then(|holder| holder.pid);
        let accounts = self.names_in(&config, pid.unwrap_or(-1));
        let map = running.and_then(|holder| holder.map);
        Ok(vec![self.canonical(entry, owner, map.as_ref(), &accounts)?])
    }

    fn in_layer(&self, digest: &str, inside: &Path, owner: &Owner) -> Result<Vec<Entry>> {
        let digest = Digest::parse(&format!("sha256:{digest}"))?;
        let images = Images::of(&self.store).list()?;
        let using: Vec<_> = images.iter().filter(|image| image.layers.contains(&digest)).collect();
        let names: Vec<String> = using
            .iter()
            .flat_map(|image| match image.names.as_slice() {
                [] => vec![format!("{} (without a name)", image.id.short())],
                names => names.iter().map(ToString::to_string).collect(),
            })
            .collect();
        let accounts = using.first().and_then(|image| Layers::open(&self.store, &image.layers).ok()?.facts("").ok());
        let accounts = accounts.map(|facts| Accounts { passwd: facts.passwd, group: facts.group }).unwrap_or_default();
        let text =
            if names.is_empty() { "none: nothing refers to this layer any more".to_owned() } else { names.join(", ") };
        let entry = Entry::new("image")
            .fact("image", text, json!(names))
            .text("layer", digest.to_string())
            .text("path", inside.display().to_string());
        Ok(vec![self.canonical(entry, owner, None, &accounts)?])
    }

    /// Adds who owns a file of the store: its ids on disk are those inside, as the user's own namespace sees them. `map` is the
    /// container's, if it runs.
    fn canonical(&self, mut entry: Entry, owner: &Owner, map: Option<&IdMap>, inside: &Accounts) -> Result<Entry> {
        let host = Accounts::host();
        let own = if self.scope.rootless { rootless::own_map()? } else { IdMap::identity() };
        for kind in Kind::BOTH {
            let id = owner.id(kind);
            let label = if kind == Kind::Uid { "owner" } else { "group" };
            let Some(canonical) = own.get(kind).to_inside(Outside(id)) else {
                let named = Named::of(&host, kind, id);
                entry = entry.fact(label, format!("{} on disk", named.text()), json!({ "disk": id, "inside": null }));
                continue;
            };
            let named = Named::of(inside, kind, canonical.0);
            let outside = map.and_then(|map| map.get(kind).to_outside(Inside(canonical.0)));
            let now = match outside.map(|outside| Named::of(&host, kind, outside.0)) {
                Some(outside) => format!(" = {} on the host now", outside.text()),
                None if map.is_some() => ", which its map leaves out: nobody there".to_owned(),
                None => String::new(),
            };
            let disk = if canonical.0 == id { String::new() } else { format!(" ({id} on disk)") };
            let text = format!("{} inside{now}{disk}", named.text());
            let json = json!({
                "disk": id,
                "inside": { "id": named.id, "name": named.name },
                "host": outside.map(|outside| outside.0),
            });
            entry = entry.fact(label, text, json);
        }
        Ok(entry)
    }

    /// A path through `/proc/PID/root`: as that process's container sees it.
    fn through(&self, pid: i32, path: &Path, owner: &Owner) -> Result<Vec<Entry>> {
        let entry = match self.container_of(pid)? {
            Some(holder) => Entry::container(&holder),
            None => Entry::new("process")
                .text("process", format!("{} ({pid})", map_of::command_of(pid).unwrap_or_default())),
        };
        let below: PathBuf = path.components().skip(4).collect();
        let mut entry = entry.text("path", format!("/{}", below.display()));
        let (host, inside, map) = (Accounts::host(), Accounts::of_process(pid), maps_of(pid).unwrap_or_default());
        for kind in Kind::BOTH {
            let label = if kind == Kind::Uid { "owner" } else { "group" };
            entry = match Pair::from_host(&map, kind, owner.id(kind), &inside, &host) {
                Some(pair) => entry.pair(label, &pair),
                None => entry.text(
                    label,
                    format!("{} on the host, nobody inside", Named::of(&host, kind, owner.id(kind)).text()),
                ),
            };
        }
        Ok(vec![entry])
    }
}

fn owner_ids(owner: &Owner) -> [(Kind, u32); 2] {
    Kind::BOTH.map(|kind| (kind, owner.id(kind)))
}

/// The path without links, but for the last name, which is what is asked about.
fn real(path: &Path) -> PathBuf {
    let parent = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return PathBuf::from("/"),
    };
    match (fs::canonicalize(parent), path.file_name()) {
        (Ok(parent), Some(name)) => parent.join(name),
        // It ends with `..` or `/`.
        _ => fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// The process of `/proc/PID/root/…`.
fn through_process(path: &Path) -> Option<i32> {
    let mut parts = path.components().skip(1).map(|part| part.as_os_str().to_string_lossy());
    (parts.next()? == "proc").then_some(())?;
    let pid = parts.next()?.parse().ok()?;
    (parts.next()? == "root").then_some(pid)
}

fn owner_on_host(owner: &Owner) -> Entry {
    let host = Accounts::host();
    Kind::BOTH.into_iter().fold(Entry::new("owner"), |entry, kind| {
        let named = Named::of(&host, kind, owner.id(kind));
        let label = if kind == Kind::Uid { "owner" } else { "group" };
        let json = json!({ "id": named.id, "name": named.name });
        entry.fact(label, named.text(), json)
    })
}

/// An idmapped mount that the path is on: what its owner is on disk.
fn mount(path: &Path, owner: &Owner) -> Option<Entry> {
    let found = map_of::mount_of(path).ok()??;
    let Maps::Known { uid, gid } = &found.mount.maps else { return None };
    let mut entry =
        Entry::new("mount").text("mount", format!("{}, idmapped", String::from_utf8_lossy(&found.mount.point)));
    for (kind, text) in [(Kind::Uid, uid), (Kind::Gid, gid)] {
        let disk = Extents::from_kernel(text).ok()?.to_inside(Outside(owner.id(kind)));
        let label = if kind == Kind::Uid { "uid" } else { "gid" };
        let text = disk.map_or_else(|| "not mapped".to_owned(), |id| format!("{id} on disk"));
        entry = entry.fact(label, text, json!({ "disk": disk.map(|id| id.0) }));
    }
    Some(entry)
}
