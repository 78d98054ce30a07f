//! `--userns=container:NAME` and `--userns=ns:PATH`: a user namespace that is there already, with the map that it has.
//!
//! Nothing is leased: the ids are the other container's. If that one ends first, its lease goes with it, but its range is not given to
//! anybody else while a process has it in its map, which is what every search for a range looks at.

use std::path::{Path, PathBuf};

use diag::{Error, Origin, Result, codes};
use idmap::{IdMap, MapOption, Place, Request, Userns, World, resolve_with};
use rustix::{
    fs::{Mode, OFlags, fstat, open},
    io::Errno,
};
use store::Lease;
use sys::clone::Namespaces;

use crate::{
    Engine,
    config::Config,
    map::{
        Decided, Host,
        asked::Asked,
        coverage::{self, Image},
        is_identity,
    },
    namespaces::{Seen, maps_of, own_identity},
    request::Given,
};

/// A namespace that is there.
struct There {
    path: PathBuf,
    map: IdMap,
}

impl Engine<'_> {
    /// Decides a start in the namespace of somebody else; `None` if the options ask for no such thing.
    ///
    /// Errors: UR0802, UR0809 and UR0814 for a container that is not there or does not run; UR0410 for what is no namespace, or one whose
    /// map nobody can tell; UR0108 for wishes, and for the namespace that unroot itself is in; UR0101 if its map leaves out what
    /// the container needs.
    pub(crate) fn decide_joined(
        &self,
        config: &Config,
        image: &Image,
        host: &Host,
        origin: &dyn Fn(&Place) -> Option<Origin>,
    ) -> Result<Option<Decided<Lease>>> {
        let asked = Asked::read(&config.map, host, image).map_err(|refused| refused.into_error(origin))?;
        let Request::Mode(mode @ (Userns::Container(_) | Userns::Path(_))) = &asked.request else { return Ok(None) };
        let world = World { caller: &host.caller, subuid: &host.subuid, subgid: &host.subgid };
        // What contradicts it is found there; nothing is planned for a map that exists.
        resolve_with(&asked.request, &asked.wishes, &world, |_| Err(Error::new(codes::UR0699, "a map was planned")))
            .map_err(|refused| refused.into_error(origin))?;
        let length = config.map.userns.as_ref().map_or(0, String::len);
        let at = |error: Error| match origin(&Place::new(MapOption::Userns, 0, 0..length)) {
            Some(origin) => error.moved_to(origin),
            None => error,
        };
        let there = match mode {
            Userns::Container(key) => self.of_container(key),
            Userns::Path(path) => of_path(Path::new(path)),
            _ => return Ok(None),
        };
        let There { path, map } = there.map_err(at)?;
        let finding = coverage::check(&map, image, &asked.request, &host.passwd, &host.group);
        let warnings = finding.map_err(at)?.map(at).into_iter().collect();
        let shifted = !is_identity(&map);
        let current = host.current.clone();
        let joined = Some(path);
        Ok(Some(Decided { map, current, lease: None, user: None, shifted, warnings, planned: None, joined }))
    }

    fn of_container(&self, key: &str) -> Result<There> {
        let container = self.find(&Given::unwritten(key.to_owned()))?;
        let holders = self.holders()?;
        let holder = holders.into_iter().find(|holder| holder.id == container.id().as_str());
        let found = holder.and_then(|holder| Some((holder.pid?, holder.map?)));
        let (pid, map) = found.ok_or_else(|| {
            Error::new(codes::UR0814, format!("container `{key}` does not run, so it has no user namespace to join"))
                .help_run("start it first", format!("unroot start {key}"))
        })?;
        Ok(There { path: format!("/proc/{pid}/ns/user").into(), map })
    }
}

fn of_path(path: &Path) -> Result<There> {
    let shown = path.display();
    if !path.is_absolute() {
        return Err(Error::new(codes::UR0410, format!("the path `{shown}` of the user namespace is not absolute"))
            .help("write it as in `--userns=ns:/proc/PID/ns/user`"));
    }
    let file = open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty())
        .map_err(|errno| unopened(path, errno))?;
    let kind = sys::namespace_kind(&file);
    if !matches!(kind, Ok(Namespaces::USER)) {
        let error = Error::new(codes::UR0410, format!("`{shown}` is not a user namespace"));
        return Err(match kind {
            Ok(_) => error.fact("it is a namespace of another kind").help("write `--userns=ns:/proc/PID/ns/user`"),
            Err(errno) => error.os(format!("ioctl({shown}, NS_GET_NSTYPE)"), errno.raw_os_error()),
        });
    }
    let found = fstat(&file).map_err(|errno| unopened(path, errno))?;
    let identity = (found.st_dev, found.st_ino);
    if Some(identity) == own_identity() {
        return Err(Error::new(codes::UR0108, format!("`{shown}` is the user namespace that unroot itself is in"))
            .fact("a container has a namespace of its own, always")
            .help("write `--userns=host` to have the same ids"));
    }
    let seen = Seen::look();
    let pid = seen.each().find(|(other, _)| *other == identity).map(|(_, pid)| pid);
    let map = pid.and_then(maps_of).filter(|map| !map.uid.is_empty() && !map.gid.is_empty());
    let map = map.ok_or_else(|| {
        Error::new(codes::UR0410, format!("the map of `{shown}` is not known, because no process is in it"))
            .fact("a map can only be read from a process that is in the user namespace")
            .help_run("look at what the file is", format!("stat -L -c %F {shown}; readlink {shown}"))
    })?;
    Ok(There { path: path.to_owned(), map })
}

/// Here it is not a mode that forbids the way: to see a process's namespaces takes the right to trace it.
fn unopened(path: &Path, errno: Errno) -> Error {
    let call = format!("open({})", path.display());
    let what = format!("the user namespace `{}`", path.display());
    if errno == Errno::ACCESS && path.starts_with("/proc") {
        return Error::new(codes::UR0410, format!("{what} cannot be opened"))
            .os(call, errno.raw_os_error())
            .fact("to open a namespace of another process takes the right to trace that process (ptrace(2), \"access mode checking\")");
    }
    oci::way::find(path).into_error(codes::UR0410, &what).os(call, errno.raw_os_error())
}
