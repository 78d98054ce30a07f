//! `--userns=container:NAME` and `--userns=ns:PATH`: a user namespace that is there already, with the map that it has.
//!
//! Nothing is leased: the ids are the other container's. If that one ends first, its lease goes with it, but its range is not given to
//! anybody else while a process has it in its map, which is what every search for a range looks at.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use diag::{Error, Origin, Result, codes};
use idmap::{IdMap, MapOption, Place, Request, Userns, World, resolve_with};
use store::Lease;

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
            Some(origin) => error.at(origin),
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
    let found = fs::metadata(path).map_err(|error| {
        oci::way::find(path)
            .into_error(codes::UR0410, &format!("the user namespace `{shown}`"))
            .os(format!("stat({shown})"), error.raw_os_error().unwrap_or_default())
    })?;
    let identity = (found.dev(), found.ino());
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
