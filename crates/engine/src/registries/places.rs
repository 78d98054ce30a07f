//! Where the files are that say something about registries.

use std::{env, ffi::OsString, path::PathBuf};

use idmap::Inside;
use rustix::process::{geteuid, getuid};

use crate::scope;

/// The paths of a process. Tests invent them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The distribution's directory: `/usr/share/containers`.
    pub distribution: PathBuf,
    /// The administrator's: `/etc/containers`.
    pub system: PathBuf,
    /// The user's: `$XDG_CONFIG_HOME/containers` or `~/.config/containers`. As in Podman, root's counts too.
    pub user: Option<PathBuf>,
    /// `$CONTAINERS_REGISTRIES_CONF`: in place of any other registries.conf (drop-ins count all the same).
    pub registries: Option<PathBuf>,
    /// What was answered when a short name was ambiguous: `short-name-aliases.conf`.
    pub learned: Option<PathBuf>,
    /// `$REGISTRY_AUTH_FILE`: in place of the file that `login` writes.
    pub auth_file: Option<PathBuf>,
    /// The file that `login` writes: `$XDG_RUNTIME_DIR/containers/auth.json`, or `/run/containers/UID/auth.json`.
    pub run_auth: PathBuf,
    /// Docker's: `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`.
    pub docker_config: Option<PathBuf>,
    /// Docker's of old: `~/.dockercfg`.
    pub docker_old: Option<PathBuf>,
    /// Docker's directory of certificates: `/etc/docker/certs.d`.
    pub docker_certs: PathBuf,
    /// Where credential helpers are looked for, in place of this process's `PATH`.
    pub programs: Option<OsString>,
}

impl Places {
    /// Those of a process that has entered no namespace of its own.
    pub fn of_caller() -> Places {
        Places::look(!geteuid().is_root())
    }

    /// Those of this process. `rootless` says that an ordinary user asks.
    pub fn look(rootless: bool) -> Places {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let absolute = |name: &str| path(name).filter(|path| path.is_absolute());
        let home = path("HOME");
        let of_home = |name: &str| home.as_ref().map(|home| home.join(name));
        let cache = absolute("XDG_CACHE_HOME").or_else(|| of_home(".cache"));
        let cache = if rootless { cache } else { Some("/var/cache".into()) };
        let run = absolute("XDG_RUNTIME_DIR").unwrap_or_else(|| format!("/run/containers/{}", uid()).into());
        let run = if run.starts_with("/run/containers") { run } else { run.join("containers") };
        Places {
            distribution: "/usr/share/containers".into(),
            system: "/etc/containers".into(),
            user: absolute("XDG_CONFIG_HOME").or_else(|| of_home(".config")).map(|dir| dir.join("containers")),
            registries: path("CONTAINERS_REGISTRIES_CONF"),
            learned: cache.map(|dir| dir.join("containers/short-name-aliases.conf")),
            auth_file: path("REGISTRY_AUTH_FILE"),
            run_auth: run.join("auth.json"),
            docker_config: path("DOCKER_CONFIG").or_else(|| of_home(".docker")).map(|dir| dir.join("config.json")),
            docker_old: of_home(".dockercfg"),
            docker_certs: "/etc/docker/certs.d".into(),
            programs: None,
        }
    }
}

/// The user's id outside of the namespace that an ordinary user's process may have entered.
fn uid() -> u32 {
    let inside = getuid().as_raw();
    scope::own_map("uid_map").ok().and_then(|map| map.to_outside(Inside(inside))).map_or(inside, |outside| outside.0)
}
