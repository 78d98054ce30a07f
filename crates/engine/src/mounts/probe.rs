//! Whether the mounts of a path can be idmapped: tried, on a mount that nobody sees.

use std::path::Path;

use rustix::{
    fs::CWD,
    io::Errno,
    mount::{OpenTreeFlags, open_tree},
};
use std::os::fd::{AsFd, OwnedFd};
use sys::{
    Alone,
    carrier::user_namespace,
    mount::{Attr, Change, set_attributes},
};

/// What can be idmapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ability {
    /// The path with all that is mounted below.
    Tree,
    /// The path, but not all that is mounted below it.
    Top,
    /// Not even the path.
    Nothing(Refused),
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The file system: `ext4`; empty if it is not known.
    pub filesystem: String,
    /// The call that was refused.
    pub call: &'static str,
    /// What the kernel said.
    pub errno: Errno,
}

/// Tries mounts; the user namespace that it takes is made once.
pub(crate) struct Probe<'a> {
    alone: &'a Alone,
    carrier: Option<OwnedFd>,
}

impl<'a> Probe<'a> {
    /// Nothing is made yet.
    pub(crate) fn new(alone: &'a Alone) -> Probe<'a> {
        Probe { alone, carrier: None }
    }

    /// Tries a path that is there.
    pub(crate) fn path(&mut self, path: &Path, recursive: bool) -> Ability {
        match self.attempt(path, recursive) {
            Ok(()) if recursive => Ability::Tree,
            Ok(()) => Ability::Top,
            Err(_) if recursive && self.attempt(path, false).is_ok() => Ability::Top,
            Err((call, errno)) => Ability::Nothing(Refused { filesystem: filesystem(path), call, errno }),
        }
    }

    fn attempt(&mut self, path: &Path, recursive: bool) -> Result<(), (&'static str, Errno)> {
        let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        flags.set(OpenTreeFlags::AT_RECURSIVE, recursive);
        let mount = open_tree(CWD, path, flags).map_err(|errno| ("open_tree", errno))?;
        let carrier = match self.carrier.take() {
            Some(carrier) => carrier,
            None => user_namespace(self.alone, "0 0 1\n", "0 0 1\n").map_err(|errno| ("clone3", errno))?,
        };
        let carrier = self.carrier.insert(carrier);
        let change = Change { set: Attr::IDMAP, userns: Some(carrier.as_fd()), recursive, ..Change::default() };
        set_attributes(&mount, &change).map_err(|errno| ("mount_setattr", errno))
    }
}

/// The name of a path's file system; empty where the kernel does not tell.
pub(crate) fn filesystem(path: &Path) -> String {
    let opened =
        rustix::fs::open(path, rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty());
    let found = opened.and_then(sys::mount_id).and_then(|id| sys::statmount(id, None));
    found.map(|mount| String::from_utf8_lossy(&mount.filesystem).into_owned()).unwrap_or_default()
}
