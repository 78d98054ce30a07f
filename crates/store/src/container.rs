//! Containers' directories and names.
//!
//! # On disk
//! * `containers/<id>/`: `config.json`, `upper/` and `work/` (one file system, one parent, so that one idmapped mount serves both),
//!   `name` (a symbolic link that holds the container's name), and what the monitor adds: `log`, `exit.json`.
//!   A container that is to be removed after its run has the empty file `volatile`.
//! * `names/<name>` → `../containers/<id>`: the only truth about who has a name.
//!
//! # Locks
//! Whoever gives or takes away a name holds `names/` itself exclusively, for the few calls that it takes. That a container is not
//! running is for the caller to see to: its monitor's lock is in the run root.
//!
//! # After a crash
//! The name is linked before the container appears and unlinked after it has gone, so a crash between leaves a link that
//! leads nowhere: such a name is free, and the next container that wants it replaces the link.

use std::{ffi::OsStr, fmt, path::PathBuf};

use diag::{Error, Result, codes};
use sys::{
    Dir, Failed,
    rustix::{
        fs::{FlockOperation, Gid, Mode, Uid, fchmod, fchown},
        io::Errno,
    },
};

use crate::{
    Durability, Store, Upper,
    draft::{Draft, hex, random},
    io,
    layout::wait,
};

/// The longest config.json that is read: 16 MiB.
const CONFIG_LIMIT: usize = 16 << 20;

/// An empty file in the directory of a container that is to be removed after its run. Names are on the disk in the order in which they were
/// made, contents are not: so the mark is there when the configuration is not.
pub(crate) const VOLATILE: &str = "volatile";

/// 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(String);

impl ContainerId {
    /// An id that nobody has.
    pub fn random() -> ContainerId {
        ContainerId(hex(&random::<32>()))
    }

    /// A full id as it is written; `None` if it is not one.
    pub fn parse(text: &str) -> Option<ContainerId> {
        let right = text.len() == 64 && text.bytes().all(is_hex);
        right.then(|| ContainerId(text.to_owned()))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 12 digits that people see.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The root directory of an image (see [`Upper`]), which a container's `upper/` has to resemble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootDir {
    /// Permission bits, 07777 at most.
    pub mode: u32,
    /// Owner as the container sees it.
    pub uid: u32,
    /// Group as the container sees it.
    pub gid: u32,
}

/// What a container's directory is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewContainer<'a> {
    /// Its id.
    pub id: &'a ContainerId,
    /// Its name, if it has one.
    pub name: Option<&'a str>,
    /// The contents of `config.json`.
    pub config: &'a [u8],
    /// With it, `upper/` and `work/` are made.
    pub upper: Option<&'a Upper>,
    /// Whether its configuration is on the disk before it has its place. That takes 1 to 10 ms where a whole run takes 25, so what is to be
    /// removed after its run goes without: a power failure may leave it with an empty configuration, and the mark `VOLATILE` says that
    /// nobody misses it.
    pub durability: Durability,
}

/// A container's directory.
#[derive(Debug)]
pub struct Container {
    id: ContainerId,
    dir: Dir,
}

impl Container {
    /// Its id.
    pub fn id(&self) -> &ContainerId {
        &self.id
    }

    /// Its directory.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The contents of `config.json`.
    pub fn config(&self) -> Result<String> {
        self.dir.read_text("config.json", CONFIG_LIMIT).map_err(|failed| {
            failed
                .into_error(codes::UR0810, format!("the configuration of container {} cannot be read", self.id.short()))
        })
    }
}

impl Store {
    /// Makes a container's directory and takes its name: both or nothing. A name that is taken is UR0801.
    pub fn create_container(&self, new: &NewContainer<'_>) -> Result<Container> {
        new.name.map(check_name).transpose()?;
        let (draft, dir) = Draft::dir(self)?;
        fill(&dir, new)?;
        let what = || format!("container {} cannot be made", new.id.short());
        let _names = self.hold_names()?;
        if let Some(name) = new.name {
            self.take_name(name, new.id)?;
        }
        let published = draft.publish(&self.containers, new.id.as_str());
        if !matches!(published, Ok(true)) {
            self.release_name(new.name);
        }
        if !published.map_err(io(what()))? {
            return Err(Error::new(codes::UR0801, format!("a container with the id {} exists already", new.id)));
        }
        self.open_container(new.id.clone()).map_err(io(what()))
    }

    /// Finds a container by its full id, its name, or the beginning of its id.
    pub fn container(&self, key: &str) -> Result<Container> {
        let id = match ContainerId::parse(key).filter(|id| self.containers.has(id.as_str())) {
            Some(id) => id,
            None => match check_name(key).ok().and_then(|()| self.holder_of(key)) {
                Some(id) => id,
                None => self.by_prefix(key)?,
            },
        };
        self.open_container(id).map_err(|failed| match failed.errno {
            Errno::NOENT => no_such(key),
            _ => io(format!("container `{key}` cannot be opened"))(failed),
        })
    }

    /// The ids of all containers.
    pub fn containers(&self) -> Result<Vec<ContainerId>> {
        let names = self.containers.names().map_err(io("the containers cannot be listed"))?;
        Ok(names.iter().filter_map(|name| ContainerId::parse(name.to_str()?)).collect())
    }

    /// The name of a container, if it has one.
    pub fn name_of(&self, id: &ContainerId) -> Option<String> {
        let written = self.containers.read_link(PathBuf::from(id.as_str()).join("name")).ok()?;
        let name = written.to_str().filter(|name| check_name(name).is_ok())?;
        (self.holder_of(name).as_ref() == Some(id)).then(|| name.to_owned())
    }

    /// Gives a container another name, and a new `config.json` that says so. A name that is taken is UR0801.
    pub fn rename_container(&self, id: &ContainerId, name: &str, config: &[u8]) -> Result<()> {
        check_name(name)?;
        let what = || format!("container {} cannot be renamed", id.short());
        let _names = self.hold_names()?;
        let container = self.open_container(id.clone()).map_err(io(what()))?;
        let old = self.name_of(id);
        // Each step leaves a name that leads to it; the old one is free when the container itself says the new one.
        self.take_name(name, id)?;
        let renamed = container
            .dir
            .remove_file("name")
            .and_then(|()| container.dir.symlink("name", name))
            .and_then(|()| container.dir.write_synced("config.json", config, 0o600));
        if renamed.is_ok() {
            self.release_name(old.as_deref());
        }
        renamed.map_err(io(what()))
    }

    /// Removes a container's directory and its name. That it does not run is for the caller to know.
    pub fn remove_container(&self, id: &ContainerId) -> Result<()> {
        let what = || format!("container {} cannot be removed", id.short());
        let names = self.hold_names()?;
        let name = self.name_of(id);
        let gone = match Draft::withdraw(self, &self.containers, id.as_str()) {
            Err(failed) if failed.errno == Errno::NOENT => return Err(no_such(id.as_str())),
            gone => gone.map_err(io(what()))?,
        };
        self.release_name(name.as_deref());
        drop(names);
        gone.remove().map_err(io(what()))
    }

    fn open_container(&self, id: ContainerId) -> Result<Container, Failed> {
        let dir = self.containers.dir(id.as_str())?;
        Ok(Container { id, dir })
    }

    /// Who has a name. A link that leads nowhere is a free name.
    fn holder_of(&self, name: &str) -> Option<ContainerId> {
        let target = self.names.read_link(name).ok()?;
        let id = target.file_name().and_then(OsStr::to_str).and_then(ContainerId::parse)?;
        self.containers.has(id.as_str()).then_some(id)
    }

    fn take_name(&self, name: &str, id: &ContainerId) -> Result<()> {
        if let Some(holder) = self.holder_of(name) {
            return Err(Error::new(
                codes::UR0801,
                format!("the name `{name}` is used by container {}", holder.short()),
            )
            .help_run("remove that container, or choose another name", format!("unroot rm {name}")));
        }
        // A link that is left over leads nowhere, and nobody else can be making one now.
        self.release_name(Some(name));
        self.names
            .symlink(name, &format!("../containers/{id}"))
            .map_err(io(format!("the name `{name}` cannot be given")))
    }

    fn release_name(&self, name: Option<&str>) {
        if let Some(name) = name {
            // A link that stays leads nowhere: the name is free all the same.
            let _ = self.names.remove_file(name);
        }
    }

    fn hold_names(&self) -> Result<Dir> {
        let held = self.names.dir(".").and_then(|names| {
            wait(&names, FlockOperation::LockExclusive).map_err(|errno| Failed::new("flock", names.path(), errno))?;
            Ok(names)
        });
        held.map_err(io("the names cannot be locked"))
    }

    fn by_prefix(&self, key: &str) -> Result<ContainerId> {
        if key.is_empty() || !key.bytes().all(is_hex) {
            return Err(no_such(key));
        }
        let mut fitting: Vec<_> = self.containers()?.into_iter().filter(|id| id.as_str().starts_with(key)).collect();
        match fitting.len() {
            0 => Err(no_such(key)),
            1 => Ok(fitting.remove(0)),
            n => Err(Error::new(codes::UR0809, format!("`{key}` fits {n} containers"))
                .fact(format!("they are {}", listed(&fitting)))
                .help("write more of the id")),
        }
    }
}

/// The first few of several ids.
fn listed(ids: &[ContainerId]) -> String {
    let shown: Vec<_> = ids.iter().take(5).map(ContainerId::short).collect();
    let rest = if ids.len() > shown.len() { ", …" } else { "" };
    format!("{}{rest}", shown.join(", "))
}

fn no_such(key: &str) -> Error {
    Error::new(codes::UR0802, format!("there is no container `{key}`"))
        .help_run("see which containers there are", "unroot ps -a")
}

/// Whether this can be a container's name: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, 255 bytes at most; UR0804 otherwise.
pub fn check_name(name: &str) -> Result<()> {
    let right = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins && name.bytes().all(right) && name.len() <= 255 {
        return Ok(());
    }
    Err(Error::new(codes::UR0804, format!("`{name}` cannot be a container's name"))
        .help("begin with a letter or a digit and go on with letters, digits, `_`, `.` and `-`, 255 at most"))
}

/// Fills a container's directory before anybody sees it.
fn fill(dir: &Dir, new: &NewContainer<'_>) -> Result<()> {
    let what = || format!("the directory of container {} cannot be filled", new.id.short());
    match new.durability {
        Durability::Synced => dir.write_synced("config.json", new.config, 0o600).map_err(io(what()))?,
        Durability::Volatile => {
            dir.write(VOLATILE, b"", 0o600).map_err(io(what()))?;
            dir.write("config.json", new.config, 0o600).map_err(io(what()))?;
        }
    }
    if let Some(name) = new.name {
        dir.symlink("name", name).map_err(io(what()))?;
    }
    let Some(beginning) = new.upper else { return Ok(()) };
    let root = beginning.root();
    dir.make_dir("work", 0o700).map_err(io(what()))?;
    let upper = dir.make_dir("upper", 0o700).map_err(io(what()))?;
    beginning.fill(&upper)?;
    let failed = |call, errno| Failed::new(call, upper.path(), errno);
    match fchown(&upper, Some(Uid::from_raw(root.uid)), Some(Gid::from_raw(root.gid))) {
        // EINVAL is the kernel's word for an id that this user namespace does not have.
        Err(Errno::INVAL) => {
            return Err(Error::new(
                codes::UR0107,
                format!("the image's root directory belongs to {}:{}, which is not available here", root.uid, root.gid),
            )
            .os(
                format!("fchown({}, {}, {})", upper.path().display(), root.uid, root.gid),
                Errno::INVAL.raw_os_error(),
            ));
        }
        done => done.map_err(|errno| io(what())(failed("fchown", errno)))?,
    }
    fchmod(&upper, Mode::from_raw_mode(root.mode & 0o7777)).map_err(|errno| io(what())(failed("fchmod", errno)))
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
