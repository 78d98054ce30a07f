//! Makes what a plan names.

use std::path::Path;

use diag::{Error, Result, codes};
use rustix::io::Errno;
use sys::{Dir, Failed};

use super::{
    Cgroup, CgroupPlan, Member, Record, collect_procs,
    plan::{Choice, Place},
    v1, v2,
};

/// How often a walk begins again because another container removed a shared directory under our feet.
const RACES: usize = 64;

impl CgroupPlan {
    /// Makes the groups. Beside them there may be a warning (UR0611): no hierarchy is ours to use, and there are none.
    ///
    /// Errors: UR0607; then nothing is left of what was made.
    pub fn make(&self) -> Result<(Cgroup, Option<Error>)> {
        let mut cgroup = Cgroup::default();
        let mut refusal = None;
        for choice in &self.choices {
            match make_one(choice) {
                Ok(member) => cgroup.members.push(member),
                Err(failed) if undelegated(&failed) => refusal = Some(failed),
                Err(failed) => {
                    // The first failure is the one that counts.
                    let _ = cgroup.delete();
                    return Err(explain(&failed));
                }
            }
        }
        let warning = cgroup.is_empty().then(|| without(refusal));
        Ok((cgroup, warning))
    }
}

impl CgroupPlan {
    /// Removes the groups that a process which was killed has made by this plan, as far as nobody is in them. Groups below
    /// them go too if the place is the container's own. Errors: UR0607.
    pub fn clear(&self) -> Result<()> {
        let places = self.choices.iter().flat_map(|choice| &choice.places);
        let mut first = Ok(());
        // One that cannot be removed keeps none of the others.
        for place in places {
            let cleared = clear_place(place);
            let cleared =
                cleared.map_err(|failed| super::error("a control group cannot be removed".to_owned(), &failed));
            first = first.and(cleared);
        }
        first
    }
}

fn clear_place(place: &Place) -> Result<(), Failed> {
    let path = place.mount.join(&place.base).join(&place.path);
    if place.home {
        let parents = place.path.components().count().saturating_sub(1);
        return super::delete_member(&Record { controllers: String::new(), path, parents });
    }
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    match Dir::open(above) {
        Ok(above) => super::remove_below(&above, Path::new(name), 0),
        Err(failed) if failed.errno == Errno::NOENT => Ok(()),
        Err(failed) => Err(failed),
    }
}

fn undelegated(failed: &Failed) -> bool {
    matches!(failed.errno, Errno::ACCESS | Errno::PERM | Errno::ROFS)
}

fn without(refusal: Option<Failed>) -> Error {
    let warning = Error::warning(codes::UR0611, "the container runs without a control group of its own");
    match refusal {
        Some(failed) => warning
            .os(format!("{}({})", failed.call, failed.path.display()), failed.errno.raw_os_error())
            .help("have a part of the hierarchy delegated: under systemd, a user's manager does it (`Delegate=yes`)"),
        None => warning.fact("no hierarchy of control groups is mounted here"),
    }
}

fn explain(failed: &Failed) -> Error {
    let error = super::error("the container's control group cannot be made".to_owned(), failed);
    match failed.errno {
        Errno::BUSY => {
            error.help("there are processes in it already: give this container a `linux.cgroupsPath` of its own")
        }
        Errno::AGAIN => error.fact("a limit of the number of groups (cgroup.max.descendants or .depth) is reached"),
        _ => error,
    }
}

/// The first place that is allowed; the last refusal otherwise.
fn make_one(choice: &Choice) -> Result<Member, Failed> {
    let mut refusal = None;
    for place in &choice.places {
        match make_place(&choice.controllers, place) {
            Err(failed) if undelegated(&failed) => refusal = Some(failed),
            made => return made,
        }
    }
    Err(refusal.unwrap_or_else(|| Failed::new("mkdir", Path::new("/"), Errno::NOENT)))
}

fn make_place(controllers: &str, place: &Place) -> Result<Member, Failed> {
    let mount = Dir::open(&place.mount)?;
    let base = if place.base.as_os_str().is_empty() { mount } else { mount.dir(&place.base)? };
    if controllers.is_empty() && !v2::may_move_below(&base) {
        return Err(Failed::new("access", &base.path().join("cgroup.procs"), Errno::ACCESS));
    }
    let mut races = 0;
    loop {
        match walk(controllers, &base, place) {
            Err(failed) if is_race(failed.errno) && races < RACES => races += 1,
            walked => return walked,
        }
    }
}

/// A directory that somebody removes meanwhile is missing, or, if it was open already, has files that answer no more.
fn is_race(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NODEV)
}

/// Makes one directory after the other.
fn walk(controllers: &str, base: &Dir, place: &Place) -> Result<Member, Failed> {
    let mut dir = base.try_clone()?;
    let (mut depth, mut first_made, mut leaf_made) = (0, None, false);
    for name in &place.path {
        let (next, made) = match step(controllers, &dir, Path::new(name)) {
            Ok(step) => step,
            Err(failed) => {
                take_back(&dir, depth, first_made);
                return Err(failed);
            }
        };
        if made && first_made.is_none() {
            first_made = Some(depth);
        }
        (dir, leaf_made, depth) = (next, made, depth + 1);
    }
    if !leaf_made {
        check_unused(&dir)?;
    }
    // The directories above the leaf that go with it: our own, or those that were not there before.
    let above = depth.saturating_sub(1);
    let parents = if place.home { above } else { above - first_made.unwrap_or(above).min(above) };
    let record = Record { controllers: controllers.to_owned(), path: dir.path().to_owned(), parents };
    Ok(Member { record, dir })
}

/// One directory below another, and whether it is new.
fn step(controllers: &str, dir: &Dir, name: &Path) -> Result<(Dir, bool), Failed> {
    if controllers.is_empty() {
        super::controllers::hand_down(dir);
    }
    let (next, made) = match dir.make_dir(name, 0o755) {
        Err(failed) if failed.errno == Errno::EXIST => (dir.dir(name)?, false),
        made => (made?, true),
    };
    if v1::has(controllers, "cpuset")
        && let Err(failed) = v1::inherit_cpuset(dir, &next)
    {
        if made {
            let _ = dir.remove_dir(name);
        }
        return Err(failed);
    }
    Ok((next, made))
}

/// Removes the directories that were made before one could not be.
fn take_back(dir: &Dir, depth: usize, first_made: Option<usize>) {
    let made = first_made.map_or(0, |first| depth - first);
    for path in dir.path().ancestors().take(made) {
        // It was empty a moment ago; if somebody uses it by now, it is theirs.
        let _ = super::remove(path);
    }
}

/// A group that was there before may be taken over, as runc does, but only when nobody is in it.
fn check_unused(dir: &Dir) -> Result<(), Failed> {
    let mut pids = Vec::new();
    collect_procs(dir, super::DEPTH, &mut pids)?;
    if pids.is_empty() { Ok(()) } else { Err(Failed::new("mkdir", dir.path(), Errno::BUSY)) }
}
