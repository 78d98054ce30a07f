//! What is mounted into a container besides its own file systems: volumes, directories of the host, images, memory.
//!
//! `option` reads `--volume`, `keys` `--mount`, `words` the words that both have; `decide` makes one list of them, with what the
//! image and other containers have. The list is kept in the container's [`crate::config::Config`]. At every start `ready` makes
//! volumes, gives them their first contents, opens what must not be looked up by a path, and finds how owners are to be translated under this start's
//! map (`translate`, `probe`); what comes out are mounts of config.json.

mod chown;
mod decide;
mod from;
mod glob;
mod image_volumes;
pub(crate) mod journal;
mod keys;
mod option;
pub(crate) mod probe;
mod ready;
mod reject;
mod translate;
mod words;

use std::{collections::BTreeMap, path::PathBuf};

use diag::Origin;
use serde::{Deserialize, Serialize};

pub use chown::Undone;
pub(crate) use chown::undo;

/// One mount.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mount {
    /// Where: an absolute path of the container without `.` and `..`.
    pub destination: PathBuf,
    /// What.
    pub source: Source,
    /// How.
    #[serde(default)]
    pub options: Options,
    /// Where the user wrote it.
    #[serde(skip)]
    pub at: Option<Origin>,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A directory or file of the host.
    Bind(PathBuf),
    /// A volume.
    Volume(VolumeSource),
    /// A new file system in memory.
    Tmpfs,
    /// The same, without limits.
    Ramfs,
    /// Terminals.
    Devpts,
    /// An image's files.
    Image(ImageSource),
}

/// A volume that is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSource {
    /// Its name.
    pub name: String,
    /// Whether it goes with the container.
    #[serde(default)]
    pub anonymous: bool,
    /// What of it, if not all: a relative path.
    #[serde(default)]
    pub subpath: Option<PathBuf>,
    /// `volume-label`: what it is given if it has to be made.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `volume-opt`: as `labels`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// An image that is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    /// Its name, as it was written.
    pub name: String,
    /// Its layers, by diff id, the lowest first.
    pub layers: Vec<String>,
}

/// How something is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Words of mount(8), as config.json has them: `ro`, `nosuid`, `rprivate`, `size=64m`.
    #[serde(default)]
    pub words: Vec<String>,
    /// How owners are translated.
    #[serde(default)]
    pub map: Map,
    /// `U`.
    #[serde(default)]
    pub chown: Chown,
    /// `nocopy`: a volume stays empty.
    #[serde(default)]
    pub no_copy: bool,
    /// `O`: what is written goes elsewhere.
    #[serde(default)]
    pub cover: Option<Cover>,
}

/// Whose the files of a directory are to be, inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Map {
    /// As it was meant: see `translate`.
    #[default]
    Auto,
    /// As they are on the host.
    None,
    /// The container's user is the owner.
    Owner,
    /// Single ids by name, `INSIDE=@OUTSIDE`.
    Wishes(Vec<String>),
    /// Podman's `idmap`: by the container's map, or by extents.
    Idmap(Option<String>),
}

/// Whether the files' owners are changed on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chown {
    /// They are not.
    #[default]
    No,
    /// They become the container's user's.
    Yes,
    /// It is only told what would change.
    Preview,
    /// They are changed even where that is dangerous.
    Force,
}

/// A layer over what is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// Where what is written stays; else it goes with the container's end.
    #[serde(default)]
    pub upper: Option<PathBuf>,
    /// overlayfs's own directory, on the same file system.
    #[serde(default)]
    pub work: Option<PathBuf>,
}

/// Where it was written makes no difference.
impl PartialEq for Mount {
    fn eq(&self, other: &Mount) -> bool {
        (&self.destination, &self.source, &self.options) == (&other.destination, &other.source, &other.options)
    }
}

impl Eq for Mount {}

impl Mount {
    /// Whether it is mounted for writing.
    pub fn is_writable(&self) -> bool {
        !self.options.words.iter().any(|word| word == "ro" || word == "rro")
    }

    /// The volume, if it is one.
    pub fn volume(&self) -> Option<&VolumeSource> {
        match &self.source {
            Source::Volume(volume) => Some(volume),
            _ => None,
        }
    }

    /// `bind`, `volume`, `tmpfs`, …: Podman's word for it.
    pub fn kind(&self) -> &'static str {
        match self.source {
            Source::Bind(_) => "bind",
            Source::Volume(_) => "volume",
            Source::Tmpfs => "tmpfs",
            Source::Ramfs => "ramfs",
            Source::Devpts => "devpts",
            Source::Image(_) => "image",
        }
    }
}

#[cfg(test)]
mod tests;
