//! What the configuration files that Podman reads say about containers and their user namespaces: containers.conf(5) and
//! containers-storage.conf(5).
//!
//! Of containers.conf every file that is there counts, a later one before an earlier one. Of storage.conf only one counts: the user's own
//! if there is one, and for root the one in /etc or else the distribution's. Nobody's user files count for root, and the system's
//! storage.conf does not count for users, as in Podman. A file that cannot be understood is an error here, which names
//! the line: Podman says so and goes on without it.

mod defaults;

use std::{env, path::PathBuf};

use diag::Result;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    Engine,
    conf_file::{drop_ins, given, parse, read},
    request::Given,
};

pub use defaults::{Containers, EngineDefaults};
use defaults::{ContainersTable, EngineTable};

/// What the files say; `None` where they say nothing. Each value knows its line.
#[derive(Clone, Debug, Default)]
pub struct ContainersConf {
    /// containers.conf, `[containers]`: the defaults of containers' options.
    pub containers: Containers,
    /// containers.conf, `[engine]`.
    pub engine: EngineDefaults,
    /// storage.conf, `[storage.options] root-auto-userns-user`: whose subordinate ids root's automatic maps come from.
    pub root_auto_userns_user: Option<Given<String>>,
    /// storage.conf, `[storage.options] auto-userns-min-size`: an automatic map has at least so many ids.
    pub auto_userns_min_size: Option<Given<u32>>,
    /// storage.conf, `[storage.options] auto-userns-max-size`: an automatic map has at most so many ids.
    pub auto_userns_max_size: Option<Given<u32>>,
}

/// Where the files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The distribution's directory: `/usr/share/containers`.
    pub distribution: PathBuf,
    /// The administrator's: `/etc/containers`.
    pub system: PathBuf,
    /// An ordinary user's: `~/.config/containers`.
    pub user: Option<PathBuf>,
    /// `$CONTAINERS_CONF`: in place of all other containers.conf.
    pub only: Option<PathBuf>,
    /// `$CONTAINERS_CONF_OVERRIDE`: after all other containers.conf.
    pub last: Option<PathBuf>,
    /// `$CONTAINERS_STORAGE_CONF`: in place of any other storage.conf.
    pub storage: Option<PathBuf>,
}

impl Places {
    /// Those of this process. `rootless` says that an ordinary user asks.
    pub fn look(rootless: bool) -> Places {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = || path("HOME").map(|home| home.join(".config"));
        let user = path("XDG_CONFIG_HOME").filter(|path| path.is_absolute()).or_else(home);
        Places {
            distribution: "/usr/share/containers".into(),
            system: "/etc/containers".into(),
            user: user.filter(|_| rootless).map(|config| config.join("containers")),
            only: path("CONTAINERS_CONF"),
            last: path("CONTAINERS_CONF_OVERRIDE"),
            storage: path("CONTAINERS_STORAGE_CONF"),
        }
    }

    /// Every containers.conf, the weakest first, and whether it must exist.
    fn containers(&self) -> Result<Vec<(PathBuf, bool)>> {
        let mut files = Vec::new();
        if let Some(only) = &self.only {
            files.push((only.clone(), true));
        } else {
            files.push((self.distribution.join(CONTAINERS), false));
            for dir in [Some(&self.system), self.user.as_ref()].into_iter().flatten() {
                files.push((dir.join(CONTAINERS), false));
                files.extend(drop_ins(&dir.join("containers.conf.d"))?.into_iter().map(|path| (path, false)));
            }
        }
        files.extend(self.last.clone().map(|last| (last, true)));
        Ok(files)
    }

    /// The storage.conf that counts, if it is there.
    fn storage(&self) -> Result<Option<(PathBuf, String)>> {
        if let Some(path) = &self.storage {
            return Ok(Some((path.clone(), read(path, true)?.unwrap_or_default())));
        }
        let dirs = match &self.user {
            Some(user) => vec![user],
            None => vec![&self.system, &self.distribution],
        };
        for path in dirs.into_iter().map(|dir| dir.join("storage.conf")) {
            if let Some(text) = read(&path, false)? {
                return Ok(Some((path, text)));
            }
        }
        Ok(None)
    }
}

const CONTAINERS: &str = "containers.conf";
/// What can name other files.
const VARIABLES: &str = "CONTAINERS_CONF or CONTAINERS_STORAGE_CONF";

impl ContainersConf {
    /// Reads all files. UR0811 for a file that cannot be read or understood.
    pub fn read(places: &Places) -> Result<ContainersConf> {
        ContainersConf::read_containers(places)?.with_storage(places)
    }

    /// Reads containers.conf only: who asks for nothing of storage.conf does not stumble over it.
    pub fn read_containers(places: &Places) -> Result<ContainersConf> {
        let mut conf = ContainersConf::default();
        for (path, needed) in places.containers()? {
            let Some(text) = read(&path, needed)? else { continue };
            let file: ContainersFile = parse(&path, &text, VARIABLES)?;
            conf.containers.overlay(&path, &text, file.containers);
            conf.engine.overlay(&path, &text, file.engine);
        }
        Ok(conf)
    }

    fn with_storage(self, places: &Places) -> Result<ContainersConf> {
        let mut conf = self;
        if let Some((path, text)) = places.storage()? {
            let options = parse::<StorageFile>(&path, &text, VARIABLES)?.storage.options;
            let size = |size: Option<Spanned<u32>>| size.map(|size| given(&path, &text, size));
            // As in Podman, nought and the empty name are the same as nothing.
            conf.auto_userns_min_size = size(options.min_size).filter(|size| size.value > 0);
            conf.auto_userns_max_size = size(options.max_size).filter(|size| size.value > 0);
            let user = options.user.map(|user| given(&path, &text, user));
            conf.root_auto_userns_user = user.filter(|user| !user.value.is_empty());
        }
        Ok(conf)
    }
}

impl Engine<'_> {
    /// What the files called containers.conf say, in this scope.
    pub fn containers_conf(&self) -> Result<ContainersConf> {
        ContainersConf::read_containers(&Places::look(self.scope.rootless))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainersFile {
    containers: ContainersTable,
    engine: EngineTable,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StorageFile {
    storage: StorageTable,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StorageTable {
    options: StorageOptions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StorageOptions {
    #[serde(rename = "root-auto-userns-user")]
    user: Option<Spanned<String>>,
    #[serde(rename = "auto-userns-min-size")]
    min_size: Option<Spanned<u32>>,
    #[serde(rename = "auto-userns-max-size")]
    max_size: Option<Spanned<u32>>,
}

#[cfg(test)]
#[path = "containers_conf/tests.rs"]
mod tests;
