//! The user's own namespace: a user who is not root becomes the root of it, in place, before anything else is done.
//!
//! *Theory of operation.* The kernel lets a process with one thread move into a user namespace. Its maps must be written from
//! outside: with further ids by newuidmap and newgidmap, which may do what the user may not. So a clone stays outside,
//! this process unshares and tells it, the clone runs the two programs and reports, and this process goes on as uid 0.
//!
//! All containers of a user share the namespace while one of them lives, so that one `unroot` can act on what another one
//! started: a running monitor is the peg that it hangs on.
//!
//! *Must*: be called with one thread. *Must not*: touch the store before.

mod join;

use std::{fs, ops::RangeInclusive};

use diag::{Error, Result, codes};
use idmap::{IdMap, Kind, Outside, SubidFile, intermediate, slots::FIRST_SLOT};
use runtime::own_namespace;
use rustix::process::{getgid, getuid};
use sys::{Alone, Dir};

use crate::client::Notices;

/// Enters the namespace: that of a running container of the same user (`running` has a directory for each), or a new one.
/// Returns what the user should know before anything is unpacked or started in it.
pub fn enter(alone: &Alone, running: Option<&Dir>, notices: &dyn Notices) -> Result<Option<Error>> {
    let user = User::look();
    let delegated = Delegated::look(&user);
    for warning in &delegated.warnings {
        notices.notice(warning.report());
    }
    let map = delegated.map(&user)?;
    let note = (map.uid.ids() == 1).then(|| single_id(&user, &delegated));
    let joined = running.map_or(Ok(false), join::any)?;
    if !joined {
        own_namespace::enter(alone, &map)?;
    }
    Ok(note)
}

/// The namespace that the calling user enters, or would enter: the ids of their store's files, in the host's ids.
pub(crate) fn own_map() -> Result<IdMap> {
    let user = User::look();
    Delegated::look(&user).map(&user)
}

/// Who calls.
struct User {
    uid: u32,
    gid: u32,
    name: Option<String>,
}

impl User {
    fn look() -> User {
        let uid = getuid().as_raw();
        let passwd = fs::read("/etc/passwd").unwrap_or_default();
        User { uid, gid: getgid().as_raw(), name: oci::accounts::user_name(uid, &passwd) }
    }

    fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.uid.to_string())
    }
}

/// What /etc/subuid and /etc/subgid give to the user.
struct Delegated {
    uids: Vec<RangeInclusive<u32>>,
    gids: Vec<RangeInclusive<u32>>,
    warnings: Vec<Error>,
    /// The beginning of a range that could still be given to the user.
    free: u32,
}

impl Delegated {
    fn look(user: &User) -> Delegated {
        let read = |path: &str| SubidFile::parse(path, &fs::read(path).unwrap_or_default());
        let (uid, gid) = (read("/etc/subuid"), read("/etc/subgid"));
        let free = first_free([&uid, &gid]);
        let name = user.name.as_deref();
        // A stranger's bad line is a stranger's business.
        let own = |warning: &Error| match &warning.report().at {
            Some(diag::Origin::Line { text, .. }) => {
                let owner = text.split(':').next().unwrap_or_default();
                Some(owner) == name || owner == user.uid.to_string()
            }
            _ => false,
        };
        let warnings = uid.warnings().into_iter().chain(gid.warnings()).filter(own).collect();
        Delegated { uids: uid.ranges_for(name, user.uid), gids: gid.ranges_for(name, user.uid), warnings, free }
    }

    /// Both kinds or neither: with a uid map of many and a gid map of one, every further file would have a group of nobody.
    fn map(&self, user: &User) -> Result<IdMap> {
        let whole = !self.uids.is_empty() && !self.gids.is_empty();
        IdMap::try_from_fn(|kind| {
            let (own, ranges) = match kind {
                Kind::Uid => (user.uid, &self.uids),
                Kind::Gid => (user.gid, &self.gids),
            };
            let ranges: &[_] = if whole { ranges } else { &[] };
            intermediate(Outside(own), ranges).map_err(|fault| {
                Error::new(codes::UR0202, "the ids in /etc/subuid and /etc/subgid make no map")
                    .words(format!("{fault:?}"))
            })
        })
    }
}

/// The note that everything will belong to one id.
fn single_id(user: &User, delegated: &Delegated) -> Error {
    let file = if delegated.uids.is_empty() { "/etc/subuid" } else { "/etc/subgid" };
    let shown = user.shown();
    let (first, last) = (delegated.free, delegated.free + 65_535);
    let error = Error::warning(
        codes::UR0201,
        format!("only one user id and one group id are available: `{shown}` has no line in {file}"),
    )
    .fact("files of other owners are unpacked as your own, and programs that change to another user fail");
    match &user.name {
        Some(name) => error.help_run(
            "let the administrator delegate a range that nobody else has",
            format!("sudo usermod --add-subuids {first}-{last} --add-subgids {first}-{last} {name}"),
        ),
        None => error.help(format!(
            "let the administrator add the line `{shown}:{first}:65536` to /etc/subuid and /etc/subgid; nobody else has that range"
        )),
    }
}

/// The first id from which on nothing is delegated to anybody; useradd(8) begins at 100000.
fn first_free(files: [&SubidFile; 2]) -> u32 {
    let last = files.iter().filter_map(|file| file.all().last()).max();
    last.map_or(100_000, |last| last.saturating_add(1).max(100_000)).min(FIRST_SLOT - 65_536)
}
