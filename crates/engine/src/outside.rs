//! A container's files as they are seen from outside: with the ids that the container sees, whether it runs or not.
//!
//! *Theory of operation.* On disk all files have the container's own ids. So an overlay of what the container has written, as the uppermost of
//! read-only layers, over those of its image, without any map, shows its root filesystem as it is; its volumes and the engine's own files
//! are other mounts and do not appear. It is a detached mount that ends with its descriptor. A container that runs goes on
//! meanwhile: what it writes may or may not be seen.
//!
//! An ordinary user's container with a map of its own has written files with that map's owners. They are not turned back here
//! (UR0860).

use std::path::{Path, PathBuf};

use diag::{Error, Result, codes};
use oci::Digest;
use runtime::{
    host::{Host, WITHOUT},
    job::Idmapped,
    overlay::{self, Parts},
};
use rustix::fs::{Mode, OFlags, openat};
use store::image::Images;
use sys::{Alone, Dir};

use crate::{
    Engine,
    config::{Config, Rootfs},
    image_facts::Layers,
    request::Given,
    target::Target,
};

/// Layers, the uppermost first, and the place where the uppermost is: a container's own, or an image's last one.
pub(crate) struct Stack {
    layers: Vec<PathBuf>,
}

impl Stack {
    /// The files of the uppermost layer, as they are on disk.
    pub(crate) fn top(&self) -> Result<Dir> {
        let path = self.layers.first().ok_or_else(|| Error::new(codes::UR0707, "there are no layers"))?;
        Dir::open(path).map_err(unreadable)
    }

    /// All of them as one tree; without the uppermost one if `below`. `None` if none is left.
    pub(crate) fn merged(&self, alone: &Alone, below: bool) -> Result<Option<Dir>> {
        let layers = &self.layers[usize::from(below).min(self.layers.len())..];
        match layers {
            [] => Ok(None),
            // The kernel makes no overlay of one.
            [one] => Dir::open(one).map(Some).map_err(unreadable),
            lower => {
                let parts = Parts { lower, data: &[], writable: None, volatile: false, idmapped: Idmapped::Nothing };
                let host = Host::new(std::env::var(WITHOUT).ok().as_deref())?;
                let mount = overlay::make(alone, parts, None, &host)?;
                // The mount's own descriptor cannot be listed. What is open goes on when that is closed.
                let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
                let root = openat(&mount, ".", flags, Mode::empty())
                    .map_err(|errno| unreadable(sys::Failed::new("openat", Path::new("/"), errno)))?;
                Ok(Some(Dir::from_fd(root, "/")))
            }
        }
    }
}

fn unreadable(failed: sys::Failed) -> Error {
    failed.into_error(codes::UR0707, "the files of a layer cannot be read")
}

impl Engine<'_> {
    /// What a container's root filesystem is made of.
    pub(crate) fn stack(&self, target: &Target) -> Result<Stack> {
        let Target { container, config } = target;
        let below = match (&config.rootfs, self.layers(config)?) {
            (Rootfs::Directory(path), _) => return Ok(Stack { layers: vec![path.clone()] }),
            (Rootfs::Layers(_), Some(layers)) => layers.paths(),
            (Rootfs::Layers(_), None) => Vec::new(),
        };
        if self.is_nested() {
            check_owners(config, &container.config()?)?;
        }
        let layers = [container.dir().path().join("upper")].into_iter().chain(below).collect();
        Ok(Stack { layers })
    }

    /// The layers of an image.
    pub(crate) fn stack_of_image(&self, name: &Given<String>) -> Result<Stack> {
        let found = Images::of(&self.store).resolve(&name.value).map_err(|error| name.blame(error))?;
        let diff_ids: Vec<Digest> = found.layers.clone();
        Ok(Stack { layers: Layers::open(&self.store, &diff_ids)?.paths() })
    }
}

/// Refuses a container whose files have other ids on disk than it sees.
fn check_owners(config: &Config, document: &str) -> Result<()> {
    let document: serde_json::Value = serde_json::from_str(document).unwrap_or_default();
    let is_identity = |member: &str| {
        let list = document["linux"][member].as_array();
        list.is_none_or(|list| list.iter().all(|extent| extent["containerID"] == extent["hostID"]))
    };
    if is_identity("uidMappings") && is_identity("gidMappings") {
        return Ok(());
    }
    let what = format!("the files of container `{}` cannot be read from outside", config.name);
    Err(Error::new(codes::UR0860, what)
        .fact("its map is not the one that your files are kept with, so they have other owners on disk than the container sees")
        .help_run("read them from inside", format!("unroot exec {} tar -C / -c .", config.name)))
}

/// The names that the engine mounts something on, which podman(1) leaves out of what has changed.
const MOUNTED: [&str; 11] = [
    "dev",
    "proc",
    "sys",
    "run",
    "run/.containerenv",
    "run/secrets",
    "run/notify",
    "etc/hosts",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/mtab",
];

/// Whether a path below the root is one that the engine has made for a mount.
pub(crate) fn is_mounted(path: &Path) -> bool {
    MOUNTED.iter().any(|name| Path::new(name) == path)
}
