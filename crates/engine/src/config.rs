//! What a container is, apart from the range of ids that it runs in: everything that was decided once, when it was made.
//! It is kept in the container's config.json as an annotation, so that a later start can write config.json anew.

mod names;
mod process;
mod security;

use std::{collections::BTreeMap, path::PathBuf};

use diag::{Error, Result, codes};
use runtime::job::Supervision;
use serde::{Deserialize, Serialize};

pub use names::{HostsBase, NameFiles};
pub use process::{SHM_SIZE, Surroundings, UMASK};
pub use security::{DeviceBind, SeccompChoice, Security};

use crate::mounts::Mount;

/// The annotation of config.json that holds a [`Config`] as JSON.
pub const ANNOTATION: &str = "org.unroot.container";

/// A container's network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// A network namespace of its own with nothing but the loopback interface.
    #[default]
    None,
    /// The host's network namespace.
    Host,
}

/// Where the root filesystem comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rootfs {
    /// Layers of an image, by diff id, the lowest first, and a writable layer of the container's own.
    Layers(Vec<String>),
    /// A directory on the host (`--rootfs`).
    Directory(PathBuf),
}

/// Nothing at all: what a [`Config`] has before it is decided.
impl Default for Rootfs {
    fn default() -> Self {
        Rootfs::Layers(Vec::new())
    }
}

/// Who the process is, as the container sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

/// How the range of ids is found at every start: the options as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapRequest {
    /// `--userns`.
    pub userns: Option<String>,
    /// `--uidmap`.
    pub uidmap: Vec<String>,
    /// `--gidmap`.
    pub gidmap: Vec<String>,
    /// `--subuidname`.
    #[serde(default)]
    pub subuidname: Option<String>,
    /// `--subgidname`.
    #[serde(default)]
    pub subgidname: Option<String>,
    /// `--map`.
    #[serde(default)]
    pub map: Vec<String>,
    /// `--me-as`.
    #[serde(default)]
    pub me_as: Option<String>,
}

/// One container.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The image's name as people know it, or the path of the root filesystem.
    pub image: String,
    /// The image's id (the digest of its configuration), if it has one.
    pub image_id: Option<String>,
    /// When it was made: seconds since the epoch.
    pub created: u64,
    /// `--rm`.
    pub remove: bool,
    /// The root filesystem.
    pub rootfs: Rootfs,
    /// The command.
    pub args: Vec<String>,
    /// Its environment, `NAME=VALUE` each.
    pub env: Vec<String>,
    /// Its working directory.
    pub cwd: String,
    /// Who it runs as.
    pub user: User,
    /// The container's host name.
    pub hostname: String,
    /// Its network.
    pub network: Network,
    /// `--read-only`.
    pub read_only: bool,
    /// `--privileged`.
    pub privileged: bool,
    /// `--tty`.
    pub tty: bool,
    /// `--interactive`.
    pub interactive: bool,
    /// The signal that asks it to end.
    pub stop_signal: u8,
    /// Its map.
    pub map: MapRequest,
    /// What is mounted into it.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// `--read-only-tmpfs=false`: with `read_only`, nothing can be written to.
    #[serde(default)]
    pub without_scratch: bool,
    /// How its monitor looks after it.
    #[serde(default)]
    pub supervision: Supervision,
    /// `--label`, and the image's labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `--annotation`.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// What surrounds its process.
    #[serde(default)]
    pub surroundings: Surroundings,
    /// What the files in its /etc tell of names.
    #[serde(default)]
    pub names: NameFiles,
    /// What it may do.
    #[serde(default)]
    pub security: Security,
    /// `--rmi`: its image goes with it.
    #[serde(default)]
    pub remove_image: bool,
}

impl Config {
    /// Reads it back from the text of a container's config.json. UR0810 if it is not there.
    pub fn read(id: &str, text: &str) -> Result<Config> {
        let short = id.get(..12).unwrap_or(id);
        let broken = |words: String| {
            Error::new(codes::UR0810, format!("the records of container {short} are not readable"))
                .words(words)
                .help_run("remove the container", format!("unroot rm {short}"))
        };
        let document: serde_json::Value = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        let annotation = document.get("annotations").and_then(|all| all.get(ANNOTATION)).and_then(|one| one.as_str());
        let annotation = annotation.ok_or_else(|| broken(format!("config.json has no annotation `{ANNOTATION}`")))?;
        serde_json::from_str(annotation).map_err(|error| broken(error.to_string()))
    }
}
