//! A user namespace of this process's own, for a caller who is not root.
//!
//! To open a mount takes `CAP_SYS_ADMIN` over the mount namespace. An ordinary user has that in a namespace of their own, and
//! so this process moves into one before a plan is made. In it every id has the number that it has outside: the caller's own
//! ids and those that the container is to have on the host. So config.json means what it says, and the container's map is
//! written from here, with the rights that this process has by then.
//!
//! *Must*: be called with one thread, before anything is opened as a mount. *Must not*: do anything for a process that may mount
//! already, as root or as a monitor of the engine's may.

use std::os::fd::OwnedFd;

use diag::{Error, Pointer, Report, Result, codes};
use idmap::{Extent, Extents, Fault, IdMap, Kind};
use oci::{
    Bundle,
    spec::{Namespace, NamespaceKind},
};
use rustix::{
    fs::stat,
    io::Errno,
    pipe::{PipeFlags, pipe_with},
    process::{Signal, set_parent_process_death_signal},
    thread::{CapabilitySet, capabilities},
};
use sys::{
    Alone,
    carrier::{reap, write_proc},
    clone::{How, Namespaces, clone3, unshare},
    dir::{read_all, write_all},
};

use crate::{explain, host::Host, newidmap, parent::internal};

/// The longest report that the clone sends.
const LONGEST_REPORT: usize = 64 * 1024;
const NEW: Namespaces = Namespaces::USER.union(Namespaces::MOUNT);

/// Enters a namespace that suits a bundle, if this process may not mount. Errors: UR0203, UR0204, UR0206.
pub fn enter_for(alone: &Alone, bundle: &Bundle, host: &Host) -> Result<()> {
    if capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN)) {
        return Ok(());
    }
    // A map that is none is refused when the plan is made, before anything is opened.
    let Ok(map) = IdMap::try_from_fn(|kind| as_outside(bundle, kind, host)) else { return Ok(()) };
    check_joined(bundle)?;
    check_ways(bundle)?;
    enter(alone, &map)
}

/// Moves this process into a new user namespace with this map, and into a new mount namespace that it owns.
/// Errors: UR0203, UR0204, UR0206.
pub fn enter(alone: &Alone, map: &IdMap) -> Result<()> {
    if Kind::BOTH.into_iter().all(|kind| map.get(kind).ids() == 1) {
        by_itself(alone, map)
    } else {
        by_programs(alone, map)
    }
}

/// From a namespace of one's own there is no way into one that lies beside it.
fn check_joined(bundle: &Bundle) -> Result<()> {
    let list = bundle.spec.linux.as_ref().map_or(&[][..], |linux| &linux.namespaces);
    let joins = |namespace: &Namespace| {
        namespace.kind == NamespaceKind::User
            && namespace.path.as_ref().is_some_and(|path| !path.as_os_str().is_empty())
    };
    let Some(index) = list.iter().position(joins) else { return Ok(()) };
    Err(Error::new(codes::UR0411, "this version cannot join a user namespace for an ordinary user")
        .at(bundle.at(Pointer::new("/linux/namespaces").child(index).child("path")))
        .fact("an ordinary user's mounts are opened in a user namespace beside it, from which it cannot be entered")
        .help("give the container a user namespace of its own: take the path away"))
}

/// In the namespace strangers' ids have no number; so a directory that is closed to this user is told of, with its owner, before.
fn check_ways(bundle: &Bundle) -> Result<()> {
    let root = bundle.spec.root.iter().map(|root| (&root.path, "the root filesystem", Pointer::new("/root/path")));
    let mounts = bundle
        .spec
        .mounts
        .iter()
        .enumerate()
        .filter(|(_, mount)| mount.source.as_ref().is_some_and(|path| path.is_absolute()));
    let sources = mounts.filter_map(|(index, mount)| {
        Some((mount.source.as_ref()?, "the source of a mount", Pointer::new("/mounts").child(index).child("source")))
    });
    for (path, what, from) in root.chain(sources) {
        let path = bundle.path.join(path);
        let shown = path.display();
        if matches!(stat(&path), Err(Errno::ACCESS)) {
            return Err(oci::way::find(&path)
                .into_error(codes::UR0408, &format!("{what} `{shown}`"))
                .os(format!("stat({shown})"), Errno::ACCESS.raw_os_error())
                .moved_to(bundle.at(from)));
        }
    }
    Ok(())
}

/// The host ids of the container, and the caller's own, each as itself.
fn as_outside(bundle: &Bundle, kind: Kind, host: &Host) -> std::result::Result<Extents, Fault> {
    let own = match kind {
        Kind::Uid => host.ids().0,
        Kind::Gid => host.ids().1,
    };
    let linux = bundle.spec.linux.as_ref();
    let mappings = linux.map_or(&[][..], |linux| match kind {
        Kind::Uid => &linux.uid_mappings,
        Kind::Gid => &linux.gid_mappings,
    });
    let same = |first: u32, len: u32| Extent::new(first, first, len);
    let mut extents: Vec<_> = mappings.iter().map(|mapping| same(mapping.host_id, mapping.size)).collect();
    if !extents.iter().any(|extent| extent.outside_range().contains(&own)) {
        extents.push(same(own, 1));
    }
    Extents::new(extents)
}

/// A map of one's own id needs nobody's help; the kernel wants `setgroups` given up for it (`user_namespaces(7)`).
fn by_itself(alone: &Alone, map: &IdMap) -> Result<()> {
    move_in(alone)?;
    let pid = own_pid()?;
    let files = [("setgroups", "deny".to_owned()), ("uid_map", map.uid.to_kernel()), ("gid_map", map.gid.to_kernel())];
    files.into_iter().try_for_each(|(name, text)| {
        write_proc(pid, name, &text).map_err(|errno| internal(&format!("write(/proc/self/{name})"), errno))
    })
}

/// A clone stays outside and has newuidmap and newgidmap write what only they may.
fn by_programs(alone: &Alone, map: &IdMap) -> Result<()> {
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| internal("pipe2()", errno));
    let ((go, ready), (answer, said)) = (pipe()?, pipe()?);
    let (pid, work) = (own_pid()?, map.clone());
    // Its ends belong to the clone: they are closed here when `clone3` returns, so that its death is seen.
    let clone = clone3(alone, How::default(), move |_| stay_outside(&go, &said, pid, &work))
        .map_err(|errno| explain::clone(errno, Namespaces::empty()))?;
    let written = move_in(alone).and_then(|()| {
        write_all(&ready, b"1").map_err(|errno| internal("write(pipe)", errno))?;
        let text = read_all(&answer, LONGEST_REPORT).map_err(|errno| internal("read(pipe)", errno))?;
        match serde_json::from_slice::<Option<Report>>(&text) {
            Ok(None) => Ok(()),
            Ok(Some(report)) => Err(Error::from(report)),
            Err(error) => Err(Error::new(codes::UR0203, "the maps could not be written").words(error)),
        }
    });
    reap(&clone);
    written
}

/// The clone's life: it waits until the other has moved, has the maps written, and says how that went.
fn stay_outside(go: &OwnedFd, said: &OwnedFd, pid: i32, map: &IdMap) -> u8 {
    // It holds a copy of the other end itself, and so would never see that one close.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    while rustix::io::read(go, &mut [0]) == Err(Errno::INTR) {}
    let report = newidmap::write(pid, map).err().map(Error::into_report);
    let text = serde_json::to_vec(&report).unwrap_or_default();
    u8::from(write_all(said, &text).is_err())
}

fn move_in(alone: &Alone) -> Result<()> {
    unshare(alone, NEW).map_err(|errno| explain::clone(errno, NEW))
}

fn own_pid() -> Result<i32> {
    i32::try_from(std::process::id()).map_err(|_| internal("getpid()", Errno::RANGE))
}
