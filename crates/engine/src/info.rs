//! `info`: what this host can do, and where things are kept.

use std::{fmt::Write as _, fs, path::Path};

use diag::Result;
use idmap::{IdMap, Kind, NoNames, draw};
use runtime::{
    cgroup::{CgroupHost, Hierarchy},
    host::WITHOUT,
};
use serde_json::{Value, json};
use store::image::Images;

use crate::{Engine, image_architecture, ladder, life::Life, map::Host, monitor};

/// Facts about the host and the store.
#[derive(Clone, Debug)]
pub struct Info {
    /// The kernel's release.
    pub kernel: String,
    /// The architecture in the words of images.
    pub architecture: String,
    /// Whether an ordinary user asks.
    pub rootless: bool,
    /// This process's map: for an ordinary user, that of their own namespace.
    pub map: IdMap,
    /// How the root filesystems of containers are mapped, and why so.
    pub mapping: &'static str,
    /// How they are for another map than the store's, where mounts cannot be idmapped, and why so.
    pub other_maps: Option<String>,
    /// `v2`, `v1` or `none`.
    pub cgroups: &'static str,
    /// Whether containers of this caller can have control groups of their own.
    pub delegated: bool,
    /// What `UNROOT_WITHOUT` takes away: a list with commas between, as it was written; empty as a rule.
    pub without: String,
    /// Where `unroot-runtime` is, if it was found.
    pub runtime: Option<String>,
    /// The store's directory.
    pub root: String,
    /// The run root.
    pub run_root: String,
    /// How many images.
    pub images: usize,
    /// How many containers.
    pub containers: usize,
    /// How many of them run.
    pub running: usize,
    /// How many ranges of ids are leased.
    pub leases: usize,
}

impl Engine<'_> {
    /// Looks everything up.
    pub fn info(&self) -> Result<Info> {
        let host = Host::look(self.entered)?;
        let ids = self.store.containers()?;
        let mut running = 0;
        for id in &ids {
            let container = self.store.container(id.as_str())?;
            running += usize::from(matches!(crate::life::of(&self.store, &container)?, Life::Running(_)));
        }
        let other_maps = if host.nested && host.current.uid.ids() > 1 {
            let (way, lack) = self.way(&ladder::host()?)?;
            Some(ladder::in_words(way, lack.as_ref()))
        } else {
            None
        };
        Ok(Info {
            other_maps,
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            architecture: image_architecture(),
            rootless: self.scope.rootless,
            mapping: mapping(&host),
            map: host.current,
            cgroups: cgroups(),
            delegated: is_delegated(),
            without: without()?,
            runtime: monitor::find().ok().map(|path| path.display().to_string()),
            root: self.scope.root.display().to_string(),
            run_root: self.scope.run_root.display().to_string(),
            images: Images::of(&self.store).list()?.len(),
            containers: ids.len(),
            running,
            leases: self.store.leases()?.len() + self.store.lock_ids()?.held()?.len(),
        })
    }
}

impl Info {
    /// For programs, and for templates.
    pub fn to_json(&self) -> Value {
        json!({
            "host": {
                "arch": self.architecture,
                "os": "linux",
                "kernel": self.kernel,
                "cgroupVersion": self.cgroups,
                "cgroupDelegated": self.delegated,
                "without": self.without.split(',').filter(|word| !word.is_empty()).collect::<Vec<_>>(),
                "idMappings": { "uidmap": extents(&self.map, Kind::Uid), "gidmap": extents(&self.map, Kind::Gid) },
                "rootfsMapping": self.mapping,
                "otherMaps": self.other_maps,
                "ociRuntime": { "name": "unroot-runtime", "path": self.runtime },
                "security": { "rootless": self.rootless },
            },
            "store": {
                "graphRoot": self.root,
                "runRoot": self.run_root,
                "imageStore": { "number": self.images },
                "containerStore": {
                    "number": self.containers,
                    "running": self.running,
                    "stopped": self.containers - self.running.min(self.containers),
                },
                "leases": self.leases,
            },
            "version": { "Version": env!("CARGO_PKG_VERSION"), "OsArch": format!("linux/{}", self.architecture) },
        })
    }

    /// For people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let who = if self.rootless { "an ordinary user" } else { "root" };
        let runtime = self.runtime.as_deref().unwrap_or("not found");
        for (name, value) in [
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("kernel", format!("{} ({})", self.kernel, self.architecture)),
            ("caller", who.to_owned()),
            ("file ids", self.mapping.to_owned()),
            ("other maps", self.other_maps.clone().unwrap_or_default()),
            ("control groups", self.groups_in_words()),
            ("runtime", runtime.to_owned()),
            ("store", self.root.clone()),
            ("run root", self.run_root.clone()),
            ("images", self.images.to_string()),
            (
                "containers",
                format!("{} ({} running, {} ranges of ids leased)", self.containers, self.running, self.leases),
            ),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<16}{value}");
        }
        if !self.without.is_empty() {
            let _ = writeln!(text, "{:<16}{} ({WITHOUT} takes that away)", "done without", self.without);
        }
        if self.map != IdMap::identity() {
            let _ = writeln!(text, "ids");
            for line in draw(Kind::Uid, &self.map.uid, &NoNames, 76).lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }
}

impl Info {
    fn groups_in_words(&self) -> String {
        let why = match (self.cgroups, self.delegated) {
            ("none", _) | (_, true) => "",
            (_, false) => ", none of which is delegated here: containers run without one, and without limits",
        };
        format!("{}{why}", self.cgroups)
    }
}

/// What the environment takes away: the value of [`WITHOUT`], of which every word is known.
pub(crate) fn without() -> Result<String> {
    let text = std::env::var_os(WITHOUT).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
    runtime::host::Host::new(Some(&text))?;
    Ok(text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(","))
}

/// Whether a control group can be made below this process's own, or at the top, in any hierarchy.
fn is_delegated() -> bool {
    let may_write = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    let own = |hierarchy: &Hierarchy| hierarchy.mount.join(&hierarchy.own);
    CgroupHost::read().is_ok_and(|host| {
        host.hierarchies.iter().any(|hierarchy| may_write(&hierarchy.mount) || may_write(&own(hierarchy)))
    })
}

fn extents(map: &IdMap, kind: Kind) -> Value {
    map.get(kind)
        .iter()
        .map(|extent| json!({ "container_id": extent.inside.0, "host_id": extent.outside.0, "size": extent.len }))
        .collect()
}

/// Which of DESIGN's ways of mapping a root filesystem is used here, and why.
fn mapping(host: &Host) -> &'static str {
    match (host.nested, host.current.uid.ids()) {
        (false, _) => "idmapped mounts: files keep the ids that containers see, whatever range they run in",
        (true, 1) => {
            "one id only: every file is the user's own, as nothing is delegated in /etc/subuid and /etc/subgid"
        }
        (true, _) => "the user's own namespace: root in a container is the user, further ids are the delegated ones",
    }
}

fn cgroups() -> &'static str {
    if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
        "v2"
    } else if fs::read_to_string("/proc/self/cgroup").is_ok_and(|text| !text.is_empty()) {
        "v1"
    } else {
        "none"
    }
}
