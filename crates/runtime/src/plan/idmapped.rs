//! Idmapped bind mounts: `uidMappings`, `gidMappings`, `idmap`, `ridmap`.

use diag::{Error, Pointer, Result, codes};
use idmap::{IdMap, Kind};
use oci::spec::Mount;

use super::{Carried, Context, Idmap, map::read_extents, options::MountOptions};

/// Whether a mount is to be idmapped.
pub(super) fn asked(mount: &Mount, options: &MountOptions) -> bool {
    options.idmap.is_some() || !mount.uid_mappings.is_empty() || !mount.gid_mappings.is_empty()
}

/// The map of a bind mount. One of its own is from the ids on disk (`containerID`) to ids of the host (`hostID`); `idmap` alone means
/// the container's map.
pub(super) fn decide(
    context: &Context<'_>,
    mount: &Mount,
    options: &MountOptions,
    from: &Pointer,
) -> Result<Option<Idmap>> {
    if !asked(mount, options) {
        return Ok(None);
    }
    let recursive = options.idmap.unwrap_or(false);
    let bundle = context.bundle;
    let given = [&mount.uid_mappings, &mount.gid_mappings].map(|list| !list.is_empty());
    match (given[0], given[1]) {
        (false, false) if context.map.is_some() => Ok(Some(Idmap { carried: Carried::ByContainer, recursive })),
        (false, false) => {
            Err(Error::new(codes::UR0413, "`idmap` is given, but neither the mount nor the container has a map")
                .at(bundle.at(from.child("options")))
                .help("give the mount uidMappings and gidMappings, or the container a user namespace"))
        }
        (true, true) => {
            let read = |kind| {
                let (list, member) = match kind {
                    Kind::Uid => (&mount.uid_mappings, "uidMappings"),
                    Kind::Gid => (&mount.gid_mappings, "gidMappings"),
                };
                read_extents(kind, list, &from.child(member), bundle)
            };
            let map = IdMap::try_from_fn(read)?;
            let own = context.map == Some(&map);
            let carried = if own { Carried::ByContainer } else { Carried::ByItself(map) };
            Ok(Some(Idmap { carried, recursive }))
        }
        (uids, _) => {
            let missing = if uids { "gidMappings" } else { "uidMappings" };
            Err(Error::new(codes::UR0413, format!("an idmapped mount needs both maps; {missing} is missing"))
                .at(bundle.at(from.clone())))
        }
    }
}
