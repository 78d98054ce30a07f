//! The groups of a process that enters a container that runs.

use std::path::PathBuf;

use diag::{Result, codes};
use rustix::{fs::Mode, fs::OFlags, io::Errno};
use sys::{Dir, Failed};

use super::{Cgroup, Member, error, v1};
use crate::{exec::group::SubGroup, state::read_proc};

/// The longest of the files that are read.
const LIMIT: usize = 4096;

impl Cgroup {
    /// Whether the container's processes are stopped by the freezer.
    pub fn is_frozen(&self) -> bool {
        let read = |member: &Member, name: &str| member.dir.read_text(name, LIMIT).unwrap_or_default();
        self.members.iter().any(|member| {
            if member.is_v2() {
                read(member, "cgroup.freeze").trim_end() == "1"
            } else {
                v1::has(&member.record.controllers, "freezer") && read(member, "freezer.state").trim_end() != "THAWED"
            }
        })
    }

    /// The groups for a process that enters: the container's, or those below it that were asked for. A group of version 2 that
    /// gives controllers to others below takes no process itself: then it is the group that `init`, a pid, is in by now, as runc has it.
    /// UR0607 for a group that is not there.
    pub fn below(self, groups: &[SubGroup], init: i32) -> Result<Cgroup> {
        let mut members = Vec::new();
        for member in self.members {
            let asked = groups.iter().rev().find(|group| group.is_for(&member.record.controllers));
            members.push(match asked.filter(|group| !group.path.as_os_str().is_empty()) {
                Some(group) => below(&member, group)?,
                None if member.is_v2() && distributes(&member.dir) => inits_own(member, init),
                None => member,
            });
        }
        Ok(Cgroup { members })
    }
}

fn below(member: &Member, group: &SubGroup) -> Result<Member> {
    let dir = member.dir.dir(&group.path).map_err(|failed| {
        let missing = failed.errno == Errno::NOENT;
        let what = format!("there is no control group `{}` below the container's", group.path.display());
        let failed = error(if missing { what } else { "a control group cannot be opened".to_owned() }, &failed);
        debug_assert_eq!(failed.code(), codes::UR0607);
        failed
    })?;
    let mut record = member.record.clone();
    dir.path().clone_into(&mut record.path);
    Ok(Member { record, dir })
}

/// Whether a group gives controllers to the groups below it.
fn distributes(dir: &Dir) -> bool {
    dir.read_text("cgroup.subtree_control", LIMIT).is_ok_and(|text| !text.trim().is_empty())
}

/// The group that init is in, if that is one below the container's; the container's otherwise.
fn inits_own(member: Member, init: i32) -> Member {
    let own = || -> Option<Dir> {
        let text = read_proc(&format!("/proc/{init}/cgroup")).ok()?;
        let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
        // The container's own path, as seen from the mount, is the end of the record's; what init has beyond it lies below.
        let name = member.record.path.file_name()?.to_str()?;
        let (_, beyond) = path.split_once(&format!("/{name}/"))?;
        open_below(&member.dir, &PathBuf::from(beyond)).ok()
    };
    match own() {
        Some(dir) => {
            let mut record = member.record.clone();
            dir.path().clone_into(&mut record.path);
            Member { record, dir }
        }
        None => member,
    }
}

fn open_below(dir: &Dir, path: &std::path::Path) -> Result<Dir, Failed> {
    let fd = dir.open_at(path, OFlags::DIRECTORY, Mode::empty())?;
    Ok(Dir::from_fd(fd, dir.path().join(path)))
}
