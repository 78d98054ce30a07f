//! How a container gets its root filesystem under its map: the rungs of a ladder, the first that holds.
//!
//! | rung | for whom | what is done |
//! |---|---|---|
//! | idmapped mounts | root of the host | nothing: the mounts translate |
//! | the store's own map | others, if every id is the number that the container sees | nothing |
//! | metadata layers, in memory | users, if the map is one container's | empty inodes over the layers' contents, once for all containers; their mounts are idmapped |
//! | metadata layers, on disk | others | empty inodes with the right owners over the layers' contents, once for all with this map |
//! | copies | where the kernel (before 6.16) or the file system has no metadata layers | the files once more, with the right owners |
//!
//! "Others" are ordinary users and root of a user namespace: the store's file system belongs to the host, so they cannot idmap its
//! mounts. Inodes in memory are made anew after the last container of a user has ended; those on disk stay, which is better for maps
//! that come again (`keep-id`). All of it is done before the monitor starts, without any lock but the container's.

use std::{os::fd::OwnedFd, path::PathBuf};

use diag::{Result, codes};
use idmap::{IdMap, Inside, Kind};
use oci::Digest;
use runtime::{
    host::{Host, WITHOUT},
    job::{Idmapped, Root},
    overlay::{
        memory,
        trial::{self, Lack},
    },
};
use rustix::fs::{AtFlags, Gid, Uid, chownat};
use store::{Container, Keep, Lease, Mapped, Mapping, Way};
use sys::Failed;

use crate::{Engine, config::Config, files, image_facts::Layers, info, map::Decided};

/// What becomes the root filesystem of an image, before it is known whether it can be written to.
pub(crate) struct Overlay {
    lower: Vec<PathBuf>,
    data: Vec<PathBuf>,
    idmapped: Idmapped,
    /// What is in use for as long as the container lives.
    held: Vec<OwnedFd>,
}

impl Overlay {
    /// The monitor's words for it, and what it is to hold.
    pub(crate) fn into_root(self, writable: PathBuf, config: &Config) -> (Root, Vec<OwnedFd>) {
        let Overlay { lower, data, idmapped, held } = self;
        (Root::Overlay { lower, data, idmapped, writable: Some(writable), volatile: config.remove }, held)
    }
}

/// The directory in the run root that the inodes in memory hang on.
pub(crate) const MEMORY: &str = "layers";

impl Engine<'_> {
    /// Makes the layers of a container ready for the map of this start, and the files that it has written so far.
    pub(crate) fn overlay(
        &self,
        container: &Container,
        decided: &Decided<Lease>,
        layers: &Layers,
        diff_ids: &[Digest],
    ) -> Result<Overlay> {
        let lower = layers.paths();
        let as_they_are = Overlay { lower, data: Vec::new(), idmapped: Idmapped::All, held: Vec::new() };
        if !self.is_nested() {
            return Ok(as_they_are);
        }
        let host = host()?;
        let way = if decided.shifted { self.way(&host)?.0 } else { Way::Copy };
        let mapping = Mapping { map: &decided.map, current: &decided.current, way };
        container.own_upper(layers.root()?, &mapping)?;
        if !decided.shifted {
            return Ok(as_they_are);
        }
        let downwards: Vec<Digest> = diff_ids.iter().rev().copied().collect();
        // Ids that were chosen for one container are hardly ever another's, too.
        let is_own = decided.lease.is_some() || decided.joined.is_some();
        let keep = if is_own { Keep::Container(container) } else { Keep::Layers };
        let in_memory = match (keep, way) {
            (Keep::Container(_), Way::Metadata) => self.in_memory(&downwards, &decided.current, &host)?,
            _ => None,
        };
        let (Mapped { lower, data, held }, idmapped) = match in_memory {
            Some(mapped) => (mapped, Idmapped::Layers),
            None => (self.store.map_layers(&downwards, keep, &mapping)?, Idmapped::Nothing),
        };
        Ok(Overlay { lower, data, idmapped, held })
    }

    /// The layers' inodes in memory; `None` where that cannot be idmapped, or is too much.
    fn in_memory(&self, layers: &[Digest], current: &IdMap, host: &Host) -> Result<Option<Mapped>> {
        // Where the namespace is not this program's own, nothing is hung up in it.
        if !self.entered || !host.may_use("memory-layers") {
            return Ok(None);
        }
        let what = "inodes cannot be kept in memory";
        let memory =
            memory::on(self.store.run_root(), MEMORY).map_err(|failed| failed.into_error(codes::UR0307, what))?;
        self.store.layers_in_memory(layers, &memory, current)
    }

    /// Gives the files that the engine writes for a container to the container's root, where no mount can do that.
    pub(crate) fn own_files(&self, container: &Container, config: &Config, decided: &Decided<Lease>) -> Result<()> {
        if !self.is_nested() || !decided.shifted {
            return Ok(());
        }
        let root = |kind| decided.map.get(kind).to_outside(Inside(0)).map(|id| id.0);
        let (uid, gid) = (root(Kind::Uid).map(Uid::from_raw), root(Kind::Gid).map(Gid::from_raw));
        files::names(config).iter().try_for_each(|name| {
            chownat(container.dir(), *name, uid, gid, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| {
                let path = container.dir().path().join(name);
                let what = format!("the container's `/etc/{name}` cannot be given to its root");
                Failed::new("fchownat", &path, errno).into_error(codes::UR0707, what)
            })
        })
    }

    /// Which of the two lower rungs holds here, and what the upper one of them lacks.
    pub(crate) fn way(&self, host: &Host) -> Result<(Way, Option<Lack>)> {
        Ok(match self.store.with_scratch(|dir| trial::try_out(dir, host))? {
            Ok(()) => (Way::Metadata, None),
            Err(lack) => (Way::Copy, Some(lack)),
        })
    }

    /// Whether the store's file system belongs to a user namespace above this process's own.
    pub(crate) fn is_nested(&self) -> bool {
        self.entered || self.scope.nested
    }
}

/// This machine, without what the environment takes away.
pub(crate) fn host() -> Result<Host> {
    Host::new(Some(&info::without()?))
}

/// What `info` says of containers with another map than the store's.
pub(crate) fn in_words(way: Way, lack: Option<&Lack>) -> String {
    match (way, lack) {
        (Way::Metadata, _) => "metadata layers: inodes with their owners over the layers' contents".to_owned(),
        (Way::Copy, lack) => {
            let why = match lack {
                Some(Lack::TakenAway) => format!("{WITHOUT} takes {} away", trial::ABILITY),
                Some(Lack::Refused { call, errno }) => {
                    format!("this kernel or file system has no metadata layers: {call}: {errno}")
                }
                Some(Lack::Wrong) => "this kernel shows wrong contents for metadata layers".to_owned(),
                None => "nothing else is known here".to_owned(),
            };
            format!("copies of the layers' files, since {why}")
        }
    }
}
