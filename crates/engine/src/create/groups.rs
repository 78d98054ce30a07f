//! The further groups of the container's process.

use diag::{Error, Result, codes};
use oci::{Account, accounts};

use super::Base;
use crate::{request::RunRequest, values};

/// The word that keeps the groups of whoever starts the container.
const KEEP: &str = "keep-groups";

/// Those that the image gives the user, and those of `--group-add`.
pub(super) fn further(request: &RunRequest, account: &Account, base: &Base) -> Result<Vec<u32>> {
    let mut groups = account.groups.clone();
    for given in values::commas(&request.identity.group_add)?.iter().filter(|given| given.value != KEEP) {
        let gid = accounts::resolve_group(&given.value, &base.image.group).map_err(|error| given.blame(error))?;
        if gid != account.gid && !groups.contains(&gid) {
            groups.push(gid);
        }
    }
    Ok(groups)
}

/// Whether `--group-add keep-groups` is asked for; it cannot stand beside other groups.
pub(super) fn kept(request: &RunRequest) -> Result<bool> {
    let given = values::commas(&request.identity.group_add)?;
    match given.iter().find(|given| given.value == KEEP) {
        None => Ok(false),
        Some(_) if given.len() == 1 => Ok(true),
        Some(keep) => Err(keep.blame(
            Error::new(codes::UR0830, "`keep-groups` cannot stand beside other groups")
                .fact("who keeps the groups that they have cannot get others"),
        )),
    }
}
