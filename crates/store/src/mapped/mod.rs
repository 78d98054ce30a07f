//! Layers and containers' files for a map other than the one that the store is written with, where no mount can be idmapped: the
//! lower rungs of the ladder, for ordinary users and for root of a user namespace.
//!
//! # Theory of operation
//! A file of container id k must belong to m(k), the id that k has in the namespace of the caller. For each layer there is a tree of its own
//! with such owners ([`Way`]). Either its inodes are empty and refer to the layer's contents, which the kernel then shows as theirs
//! (`user.overlay.metacopy` and `user.overlay.redirect` over a data-only layer, [`data`]), or it is a copy. What is written goes
//! to `upper/`, whose inodes belong to m(k) as well; when the next start has another map, they are changed ([`shift`]).
//!
//! A file system in memory that belongs to the caller's namespace can be idmapped. There one tree with the owners that containers see serves
//! all maps, and takes no time for the second container ([`Store::layers_in_memory`]).
//!
//! An id that the map leaves out becomes one that nobody in the container has ([`translation`]).
//!
//! # On disk
//! * `layers/<hex>/data/`: a link for each file's contents.
//! * `layers/<hex>/mapped/<key>/fs/`: a tree for a map that every container with the same options gets (`keep-id`, `--uidmap`).
//!   It goes with the layer, or when there are too many ([`shelf`]).
//! * `containers/<id>/mapped/<key>/fs/`: a tree for a map that is this container's alone. It goes with the container, or with the
//!   first start that has another map.
//! * `containers/<id>/owners.json`: whose ids `upper/` has.
//!
//! The key is a digest of the map, the layer and the way.
//!
//! # Locks
//! A tree is never changed. Those of a layer are locked while they are used ([`shelf`]). Those of a container need no lock but the
//! container's own. Who removes a layer has the store locked.
//!
//! # After a crash
//! A tree is made in `tmp/` and published by a rename: it is there as a whole or not at all.

pub(crate) mod contents;
mod data;
mod owners;
mod shelf;
mod shift;
pub(crate) mod translation;
mod tree;
pub(crate) mod walk;
pub(crate) mod xattrs;

pub(crate) use shift::{is_owned_for, own};

use std::{os::fd::OwnedFd, path::PathBuf};

use diag::{Error, Result, codes};
use idmap::IdMap;
use sha2::{Digest as _, Sha256};
use sys::{Dir, Failed, rustix::io::Errno};

use crate::{
    Container, Digest, Layer, Store,
    draft::{Draft, hex, random_name},
    io, removal,
};
use translation::Translation;
use tree::Contents;

/// The directory of the trees.
pub(crate) const NAME: &str = "mapped";
pub(crate) use data::{ATTRIBUTES, NAME as LINKS};

/// How the trees of one version differ from those of another, if they ever do.
const FORMAT: u8 = 1;

/// How many inodes a container's layers may have in memory; one takes about 1.2 KiB.
const MOST_IN_MEMORY: u64 = 100_000;

/// How a layer's files get other owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Inodes without contents over a data-only layer: Linux 6.16, and a file system with `user.` attributes.
    Metadata,
    /// Copies; they share their blocks where the file system can do that.
    Copy,
}

/// Which ids files are to have.
#[derive(Clone, Copy, Debug)]
pub struct Mapping<'a> {
    /// The container's map, with ids of this process's user namespace outside.
    pub map: &'a IdMap,
    /// That namespace's own map.
    pub current: &'a IdMap,
    /// How.
    pub way: Way,
}

/// Who keeps the trees.
#[derive(Clone, Copy, Debug)]
pub enum Keep<'a> {
    /// The layers: others will have the same map.
    Layers,
    /// This container, which has the map for itself. Nobody else starts or removes it meanwhile.
    Container(&'a Container),
}

/// The directories of an overlay's layers, in the order of the layers.
#[derive(Debug, Default)]
pub struct Mapped {
    /// Those with the files.
    pub lower: Vec<PathBuf>,
    /// Those with the contents; empty after a copy.
    pub data: Vec<PathBuf>,
    /// To be held for as long as the trees are used.
    pub held: Vec<OwnedFd>,
}

impl Store {
    /// Has trees made for these layers, as far as they are not there. The caller sees to it that nobody removes the layers.
    ///
    /// Errors: UR0302 if an owner of a file is left out by the map and no id remains that nobody has; UR0707 for the disk,
    /// UR0711 if it is full.
    pub fn map_layers(&self, layers: &[Digest], keep: Keep<'_>, mapping: &Mapping<'_>) -> Result<Mapped> {
        let ids = Translation::new(mapping.map, mapping.current);
        let mut mapped = Mapped::default();
        let mut keys = Vec::new();
        for digest in layers {
            let layer = self.layer(digest)?.ok_or_else(|| missing(digest))?;
            let data = (mapping.way == Way::Metadata).then(|| data::of(self, &layer)).transpose()?;
            let key = key(digest, mapping)?;
            let home = self.home_of_trees(&layer, keep)?;
            let make = || self.map_layer(&layer, (&home, &key), &ids, data.as_ref());
            match keep {
                Keep::Layers => mapped.held.push(self.shared_tree(&home, &key, make)?),
                Keep::Container(_) if home.has(&key) => {}
                Keep::Container(_) => make()?,
            }
            mapped.data.extend(data.map(|data| data.path().to_owned()));
            mapped.lower.push(home.path().join(&key).join("fs"));
            keys.push(key);
        }
        if let Keep::Container(container) = keep {
            self.forget_trees(container, &keys)?;
        }
        Ok(mapped)
    }

    /// Has trees made in a file system whose mounts can be idmapped, so that one serves all maps: with the owners that a container
    /// sees. `None` if they would be larger than what is reasonable to keep in memory.
    pub fn layers_in_memory(&self, layers: &[Digest], memory: &Dir, current: &IdMap) -> Result<Option<Mapped>> {
        let layers: Vec<Layer> =
            layers.iter().map(|digest| self.layer(digest)?.ok_or_else(|| missing(digest))).collect::<Result<_>>()?;
        let files = layers.iter().map(|layer| layer.meta().map(|meta| meta.files)).sum::<Result<u64>>()?;
        if files > MOST_IN_MEMORY {
            return Ok(None);
        }
        let ids = Translation::new(&IdMap::identity(), current);
        let mut mapped = Mapped::default();
        for layer in &layers {
            let data = data::of(self, layer)?;
            let name = layer.diff_id().hex();
            if !memory.has(&name) {
                in_memory((memory, &name), layer, &ids, &data)?;
            }
            mapped.data.push(data.path().to_owned());
            mapped.lower.push(memory.path().join(&name).join("fs"));
        }
        Ok(Some(mapped))
    }

    /// Calls `work` with an empty directory that is gone afterwards.
    pub fn with_scratch<T>(&self, work: impl FnOnce(&Dir) -> T) -> Result<T> {
        let (draft, dir) = Draft::dir(self)?;
        let result = work(&dir);
        draft.remove().map_err(io("a directory to work in cannot be removed"))?;
        Ok(result)
    }

    /// A tree that others use, too; what makes room for a new one goes.
    fn shared_tree(&self, home: &Dir, key: &str, make: impl Fn() -> Result<()>) -> Result<OwnedFd> {
        let what = "the files with other owners cannot be used";
        let mut is_new = false;
        loop {
            if let Some(held) = shelf::take(home, key).map_err(io(what))? {
                if is_new {
                    shelf::tidy(self, home).map_err(io(what))?;
                }
                return Ok(held);
            }
            make()?;
            is_new = true;
        }
    }

    fn home_of_trees(&self, layer: &Layer, keep: Keep<'_>) -> Result<Dir> {
        let home = match keep {
            Keep::Layers => self.layers.dir(layer.diff_id().hex()).and_then(|dir| dir.ensure_dir(NAME, 0o700)),
            Keep::Container(container) => container.dir().ensure_dir(NAME, 0o700),
        };
        home.map_err(io(format!("the files of layer {} cannot be given other owners", layer.diff_id())))
    }

    fn map_layer(&self, layer: &Layer, (home, key): (&Dir, &str), ids: &Translation, data: Option<&Dir>) -> Result<()> {
        let (draft, dir) = Draft::dir(self)?;
        tree::build(&dir, layer, ids, contents_in(data)?)?;
        if data.is_none() {
            // What has a name is complete, also after a power failure. File systems keep the order of what is no contents.
            self.sync()?;
        }
        // If somebody was quicker, theirs is as good.
        draft.publish(home, key).map_err(io("the files with other owners cannot be published"))?;
        Ok(())
    }

    /// Removes a container's trees but those of these keys.
    fn forget_trees(&self, container: &Container, keys: &[String]) -> Result<()> {
        let what = "the container's files of its last start cannot be removed";
        let trees = container.dir().dir(NAME).map_err(io(what))?;
        for name in trees.names().map_err(io(what))? {
            let Some(name) = name.to_str().filter(|name| !keys.iter().any(|key| key == name)) else { continue };
            Draft::withdraw(self, &trees, name).and_then(Draft::remove).map_err(io(what))?;
        }
        Ok(())
    }
}

fn contents_in(data: Option<&Dir>) -> Result<Contents> {
    data.map_or(Ok(Contents::Copied), |data| data::attributed(data).map(Contents::Elsewhere))
}

/// Makes one tree. Somebody else who makes it, too, makes another, and only one gets the name.
fn in_memory((memory, name): (&Dir, &str), layer: &Layer, ids: &Translation, data: &Dir) -> Result<()> {
    let what = || format!("the inodes of layer {} cannot be made in memory", layer.diff_id());
    let draft = random_name();
    let dir = memory.make_dir(&draft, 0o700).map_err(io(what()))?;
    let built = contents_in(Some(data)).and_then(|contents| tree::build(&dir, layer, ids, contents));
    let made = built.and_then(|()| match memory.rename(&draft, memory, name, false) {
        Err(failed) if failed.errno != Errno::EXIST => Err(io(what())(failed)),
        renamed => Ok(renamed.is_ok()),
    });
    if !matches!(made, Ok(true)) {
        // What cannot be removed is gone with the file system.
        let _ = removal::remove(memory, draft.as_ref());
    }
    made.map(|_| ())
}

fn missing(digest: &Digest) -> Error {
    Error::new(codes::UR0707, format!("layer {digest} is missing from the store"))
        .help("load or import the image again")
}

fn key(digest: &Digest, mapping: &Mapping<'_>) -> Result<String> {
    let text = serde_json::to_vec(&(FORMAT, digest.to_string(), mapping.way == Way::Copy, mapping.map))
        .map_err(|error| Error::new(codes::UR0707, "a map cannot be written down").words(error))?;
    Ok(hex(&Sha256::digest(text)[..16]))
}

/// A tree or the inodes of one that could not be given owners.
fn failed(what: impl Into<String>) -> impl FnOnce(Failed) -> Error {
    |failed| match failed.errno {
        // The kernel's word for an id that a map leaves out, and ours.
        Errno::OVERFLOW => too_narrow().fact(format!("one of them is `{}`", failed.path.display())),
        _ => io(what)(failed),
    }
}

fn too_narrow() -> Error {
    Error::new(
        codes::UR0302,
        "this map leaves out owners of the container's files, and takes every id that is available here",
    )
    .fact("such a file would have to belong to an id that nobody in the container has, and none is left")
    .help("map the owners, too, or leave one id out")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
