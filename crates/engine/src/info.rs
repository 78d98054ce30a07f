//! `info`: what this host can do, and where things are kept.

use std::{fmt::Write as _, fs, path::Path};

use diag::Result;
use idmap::{IdMap, Kind, NoNames, draw};
use serde_json::{Value, json};
use store::image::Images;

use crate::{Engine, image_architecture, life::Life, map::Host, monitor};

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
    /// `v2`, `v1` or `none`.
    pub cgroups: &'static str,
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
        Ok(Info {
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            architecture: image_architecture(),
            rootless: self.scope.rootless,
            mapping: mapping(&host),
            map: host.current,
            cgroups: cgroups(),
            runtime: monitor::find().ok().map(|path| path.display().to_string()),
            root: self.scope.root.display().to_string(),
            run_root: self.scope.run_root.display().to_string(),
            images: Images::of(&self.store).list()?.len(),
            containers: ids.len(),
            running,
            leases: self.store.leases()?.len(),
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
                "idMappings": { "uidmap": extents(&self.map, Kind::Uid), "gidmap": extents(&self.map, Kind::Gid) },
                "rootfsMapping": self.mapping,
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
            ("control groups", self.cgroups.to_owned()),
            ("runtime", runtime.to_owned()),
            ("store", self.root.clone()),
            ("run root", self.run_root.clone()),
            ("images", self.images.to_string()),
            (
                "containers",
                format!("{} ({} running, {} ranges of ids leased)", self.containers, self.running, self.leases),
            ),
        ] {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<16}{value}");
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
