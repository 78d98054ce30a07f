//! The map of a mount, whoever made it: from the ids on disk to those that are seen.

use std::{fs, os::fd::AsFd, path::Path};

use diag::{Error, Result, codes};
use idmap::{
    Extents, IdMap, Kind,
    levels::{Level, Levels},
};
use runtime::host::Host;
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, StatxFlags, openat, statx},
    io::Errno,
};
use sys::{Maps, Mount, mount_id, mount_namespace_id, statmount};

use super::{Picture, Shown, Words, process::command_of};
use crate::{
    accounts::Accounts,
    info,
    namespaces::{maps_of, pids},
    request::Given,
};

/// A mount, and a process that has it, if this one has not.
pub struct Found {
    /// What the kernel tells.
    pub mount: Mount,
    /// A process in whose mount namespace it is.
    pub pid: Option<i32>,
}

/// The mount that a word means: a path on it.
pub fn show(word: &Given<String>) -> Result<Shown> {
    let path = Path::new(&word.value);
    let found = find(path).map_err(|error| word.blame(error))?;
    let Some(found) = found else {
        let lines = vec![format!("the mount at `{}` does not map ids: what is on disk is what is seen", word.value)];
        return Ok(Shown::Words(Words { what: "mount", name: word.value.clone(), lines }));
    };
    picture(&found, &word.value).map_err(|error| word.blame(error))
}

/// The mount that a path is on; nothing if the kernel can only be asked whether it is idmapped, and it is not.
///
/// Errors: UR0813 if there is no such path, UR0319 if the kernel does not tell.
pub fn find(path: &Path) -> Result<Option<Found>> {
    let shown = path.display();
    let fd = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(|errno| {
        Error::new(codes::UR0813, format!("`{shown}` cannot be opened"))
            .os(format!("open({shown})"), errno.raw_os_error())
    })?;
    let asked = if Host::new(Some(&info::without()?))?.may_use("statmount") { ask(&fd) } else { Err(Errno::NOSYS) };
    match asked {
        Ok(found) => Ok(Some(found)),
        Err(errno) => match is_idmapped(&fd) {
            Some(false) => Ok(None),
            idmapped => Err(untold(&shown.to_string(), idmapped).os("statmount", errno.raw_os_error())),
        },
    }
}

/// Asks in this process's mount namespace, then in those of all processes that may be looked at: a path through
/// `/proc/PID/root` leads to one of those.
fn ask(fd: impl AsFd) -> rustix::io::Result<Found> {
    let id = mount_id(fd)?;
    let own = match statmount(id, None) {
        Ok(mount) => return Ok(Found { mount, pid: None }),
        Err(errno @ (Errno::NOENT | Errno::PERM)) => errno,
        Err(errno) => return Err(errno),
    };
    let mut tried = Vec::new();
    for pid in pids() {
        let Ok(namespace) = fs::File::open(format!("/proc/{pid}/ns/mnt")) else { continue };
        let Ok(number) = mount_namespace_id(&namespace) else { continue };
        if tried.contains(&number) {
            continue;
        }
        tried.push(number);
        if let Ok(mount) = statmount(id, Some(number)) {
            return Ok(Found { mount, pid: Some(pid) });
        }
    }
    Err(own)
}

/// What /proc/self/mountinfo says; `None` if the mount is not in it.
fn is_idmapped(fd: impl AsFd) -> Option<bool> {
    let id = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?.stx_mnt_id.to_string();
    let table = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let line = table.lines().find(|line| line.split(' ').next() == Some(&id))?;
    Some(line.split(' ').nth(5)?.split(',').any(|option| option == "idmapped"))
}

fn untold(path: &str, idmapped: Option<bool>) -> Error {
    let what = match idmapped {
        Some(_) => format!("the mount at `{path}` is idmapped, and this kernel does not tell how"),
        None => format!("the mount at `{path}` is in another mount namespace, and the kernel does not tell about it"),
    };
    Error::new(codes::UR0319, what)
        .fact("statmount(2) reports the maps of mounts since Linux 6.15")
        .help_run("look at the process that uses it", "unroot map show PID")
}

fn picture(found: &Found, path: &str) -> Result<Shown> {
    let mount = &found.mount;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (filesystem, point) = (text(&mount.filesystem), text(&mount.point));
    let map = match &mount.maps {
        Maps::Known { uid, gid } => IdMap::try_from_fn(|kind| {
            let text = if kind == Kind::Uid { uid } else { gid };
            Extents::from_kernel(text).map_err(|bad| {
                Error::new(codes::UR0319, format!("the map of the mount at `{path}` is not understood")).words(bad)
            })
        })?,
        Maps::Untold => return Err(untold(path, Some(true))),
        Maps::None => {
            let whose = found.pid.map(|pid| format!(" of process {pid}")).unwrap_or_default();
            let line = format!(
                "the mount at `{point}`{whose} ({filesystem}) does not map ids: what is on disk is what is seen"
            );
            return Ok(Shown::Words(Words { what: "mount", name: path.to_owned(), lines: vec![line] }));
        }
    };
    let source = text(&mount.source);
    let source = if source.is_empty() { filesystem } else { format!("{filesystem} {source}") };
    let columns = vec![Level::new("on disk", source), Level::new("host", format!("at {point}"))];
    let mut picture = Picture {
        what: "mount",
        name: path.to_owned(),
        levels: Levels { columns, maps: vec![map], marks: Vec::new() },
        accounts: vec![Accounts::default(), Accounts::host()],
        notes: Vec::new(),
    };
    if let Some(pid) = found.pid {
        within(&mut picture, pid, &point);
    }
    Ok(Shown::Picture(Box::new(picture)))
}

/// A mount of another mount namespace, as the processes there see it.
fn within(picture: &mut Picture, pid: i32, point: &str) {
    let Some(map) = maps_of(pid).filter(|map| !map.uid.is_empty() && *map != IdMap::identity()) else { return };
    let Ok(back) = IdMap::try_from_fn(|kind| Ok::<_, Error>(map.get(kind).invert())) else { return };
    // What the mount does not lead to is no part of its picture.
    let seen = picture.levels.maps.first().map(|map| [map.uid.outside_ids(), map.gid.outside_ids()]);
    let Some([uids, gids]) = seen else { return };
    let kept = IdMap::try_from_fn(|kind| {
        let ids = if kind == Kind::Uid { &uids } else { &gids };
        let parts = ids.ranges().map(|range| {
            let (first, last) = range.into_inner();
            idmap::Extent::new(first, first, last - first + 1)
        });
        Extents::new(parts).and_then(|same| same.compose(back.get(kind)))
    });
    let Ok(kept) = kept else { return };
    picture.levels.columns[1].detail = String::new();
    picture
        .levels
        .columns
        .push(Level::new(format!("pid {pid} {}", command_of(pid).unwrap_or_default()), format!("at {point}")));
    picture.levels.maps.push(kept);
    let inside = Accounts::of_process(pid);
    picture.accounts[0] = inside.clone();
    picture.accounts.push(inside);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(path: &str) -> Result<Shown> {
        show(&Given::unwritten(path.to_owned()))
    }

    #[test]
    fn a_mount_that_maps_nothing() {
        let Shown::Words(words) = shown("/proc").unwrap() else { panic!("/proc is not idmapped") };
        assert!(words.lines[0].contains("does not map ids"), "{words:?}");
        assert_eq!(shown("/no/such/path").unwrap_err().code(), codes::UR0813);
    }

    #[test]
    fn the_table_of_mounts_is_the_other_way() {
        let root = fs::File::open("/").unwrap();
        assert_eq!(is_idmapped(&root), Some(false));
        assert_eq!(untold("/x", Some(true)).code(), codes::UR0319);
    }
}
