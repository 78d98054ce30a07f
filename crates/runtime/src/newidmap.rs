//! Maps that only `newuidmap` and `newgidmap` may write: this process has no right over the ids, but /etc/subuid lends them to its user.

use std::{path::Path, process::Command};

use diag::{Error, Result, codes};
use idmap::{IdMap, Kind};

/// Has both maps of a process written.
pub fn write(pid: i32, map: &IdMap) -> Result<()> {
    Kind::BOTH.into_iter().try_for_each(|kind| write_one(pid, map, kind))
}

fn write_one(pid: i32, map: &IdMap, kind: Kind) -> Result<()> {
    let program = match kind {
        Kind::Uid => "newuidmap",
        Kind::Gid => "newgidmap",
    };
    let triples = map.get(kind).iter().flat_map(|extent| [extent.inside.0, extent.outside.0, extent.len]);
    let words: Vec<String> = std::iter::once(pid.to_string()).chain(triples.map(|number| number.to_string())).collect();
    let call = format!("{program} {}", words.join(" "));
    let output = Command::new(program).args(&words).output().map_err(|error| {
        Error::new(codes::UR0204, format!("`{program}` cannot be run"))
            .words(error)
            .fact("an ordinary user's map beyond the own id must be written by this program, which checks /etc/subuid and /etc/subgid")
            .help_run("on Debian and Ubuntu it is in the package uidmap", "sudo apt-get install uidmap")
    })?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let refused = Error::new(codes::UR0203, format!("`{program}` refused the map"))
        .words(if words.is_empty() { format!("{call}: {}", output.status) } else { words })
        .fact(format!("it was run as: {call}"))
        .help_run("see which ids are lent to you", format!("grep \"^$(id -un):\\|^$(id -u):\" {}", kind.subid_file()));
    Err(privileged(program).into_iter().fold(refused, Error::fact))
}

/// What is wrong with the program itself, if it has not the right that it needs.
fn privileged(program: &str) -> Option<String> {
    use rustix::fs::{Mode, StatVfsMountFlags, lgetxattr, stat, statvfs};
    let path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).map(|dir| dir.join(program)).find(|candidate| stat(candidate).is_ok())
    })?;
    let setuid =
        stat(&path).is_ok_and(|stat| Mode::from_raw_mode(stat.st_mode).contains(Mode::SUID) && stat.st_uid == 0);
    let mut space = [0_u8; 64];
    let capable = lgetxattr(&path, "security.capability", &mut space[..]).is_ok();
    let nosuid = statvfs(&path).is_ok_and(|fs| fs.f_flag.contains(StatVfsMountFlags::NOSUID));
    let shown = Path::display(&path);
    match (setuid || capable, nosuid) {
        (false, _) => Some(format!("{shown} is neither set-user-id root nor has file capabilities")),
        (true, true) => Some(format!("{shown} lies on a file system that is mounted nosuid")),
        (true, false) => None,
    }
}
