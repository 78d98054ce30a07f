//! `linux.resources`: limits, and how they are written to a container's groups.
//!
//! # Theory of operation
//! Each member of config.json becomes a [`Setting`]: a file of the controller, the text that is written to it, and the place that
//! asks for it. Both versions have their own files ([`v1`], [`v2`]); on a hybrid host the hierarchy that has the controller decides.
//! Settings that hang together (a limit and its swap, a quota and its period) make a [`Group`]: where one order is refused with
//! EINVAL because of the values that hold until then, the other one is tried.
//!
//! What asks for nothing is no setting: 0 and -1 where they mean "no limit" and the group is new. For a group that has limits
//! already ([`super::update`]), -1 takes a limit away.
//!
//! * *must*: refuse what cannot be set (UR0620), with the reason; never leave a limit out silently.

mod v1;
mod v2;

use std::{fmt::Display, path::Path};

use diag::{Error, Pointer, Result, codes};
use oci::{Source, spec::Resources};
use rustix::io::Errno;
use sys::Failed;

use super::{Cgroup, Member, controllers, write};

/// Texts that take a limit away.
const NO_LIMIT: [&str; 3] = ["max", "-1", "max 100000"];

/// What is to be written for one member of config.json.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    /// The files that may take it, and what is written to them; the first that is there does.
    files: Vec<(String, String)>,
    /// The place, relative to `linux.resources`.
    from: String,
}

impl Setting {
    fn new(file: impl Into<String>, text: impl Display, from: impl Into<String>) -> Setting {
        Setting { files: vec![(file.into(), text.to_string())], from: from.into() }
    }

    /// Another file, if the first is not there.
    fn or(mut self, file: impl Into<String>, text: impl Display) -> Setting {
        self.files.push((file.into(), text.to_string()));
        self
    }

    fn text(&self) -> &str {
        self.files.first().map_or("", |(_, text)| text)
    }
}

/// Settings of one controller that hang together, in the order that usually works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    controller: &'static str,
    settings: Vec<Setting>,
}

impl Group {
    fn new(controller: &'static str) -> Group {
        Group { controller, settings: Vec::new() }
    }

    fn one(controller: &'static str, setting: Setting) -> Group {
        Group { controller, settings: vec![setting] }
    }

    fn push(&mut self, setting: Option<Setting>) {
        self.settings.extend(setting);
    }
}

/// A member that one of the versions does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lacking {
    from: &'static str,
    why: &'static str,
}

/// What a version makes of the resources, or what it lacks.
type Groups = Result<Vec<Group>, Lacking>;

/// Where resources are said, for errors.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The document.
    pub source: &'a Source,
    /// The place of the resources in it: `/linux/resources`, or the root.
    pub at: &'a Pointer,
}

impl Place<'_> {
    fn of(self, from: &str) -> diag::Origin {
        let at = from.split('/').filter(|name| !name.is_empty()).fold(self.at.clone(), |at, name| at.child(name));
        self.source.at(at)
    }
}

/// Sets the limits of a container's groups. Errors: UR0620, UR0402; what was set before stays.
pub(super) fn apply(cgroup: &Cgroup, resources: &Resources, place: Place<'_>) -> Result<()> {
    check_before_update(cgroup, resources, place)?;
    for (old, new) in [(v1::CONTROLLERS.as_slice(), false), (v2::CONTROLLERS.as_slice(), true)] {
        for controller in old {
            let groups = if new { v2::groups(resources, controller) } else { Ok(v1::groups(resources, controller)) };
            let member = member_of(cgroup, controller);
            if member.map(Member::is_v2) != Some(new) && !(member.is_none() && new) {
                continue;
            }
            let groups = groups.map_err(|lacking| lacks(&lacking, place))?;
            for group in groups.iter().filter(|group| !group.settings.is_empty()) {
                match member {
                    Some(member) => apply_group(member, group, place)?,
                    // Without a group there is no limit, either.
                    None if group.settings.iter().all(|setting| NO_LIMIT.contains(&setting.text())) => {}
                    None => return Err(nowhere(group, place)),
                }
            }
        }
    }
    apply_unified(cgroup, resources, place)
}

/// The group whose hierarchy has a controller: one of version 1 if there is, the one of version 2 otherwise.
fn member_of<'a>(cgroup: &'a Cgroup, controller: &str) -> Option<&'a Member> {
    let old = cgroup.members.iter().find(|member| super::v1::has(&member.record.controllers, controller));
    old.or_else(|| cgroup.members.iter().find(|member| member.is_v2() && !is_hybrid(cgroup, member, controller)))
}

/// Whether version 2 is there for the processes' sake alone: it has not got the controller, and others have some.
fn is_hybrid(cgroup: &Cgroup, member: &Member, controller: &str) -> bool {
    let needed = controllers::of(controller);
    cgroup.members.len() > 1 && !controllers::available(&member.record.path).iter().any(|name| name == needed)
}

fn apply_group(member: &Member, group: &Group, place: Place<'_>) -> Result<()> {
    let mut first = None;
    let forth = group.settings.iter().map(|setting| set(member, setting));
    for (setting, done) in group.settings.iter().zip(forth) {
        if let Err(failed) = done {
            first = Some((setting, failed));
            break;
        }
    }
    let Some((setting, failed)) = first else { return Ok(()) };
    if failed.errno == Errno::INVAL && group.settings.len() > 1 {
        let back = group.settings.iter().rev().try_for_each(|setting| set(member, setting));
        if back.is_ok() {
            return Ok(());
        }
    }
    Err(refused(member, group.controller, setting, &failed, place))
}

fn set(member: &Member, setting: &Setting) -> Result<(), Failed> {
    let mut last = None;
    for (file, text) in &setting.files {
        match write(&member.dir, file, text.as_bytes()) {
            Err(failed) if failed.errno == Errno::NOENT => last = Some(failed),
            done => return done,
        }
    }
    last.map_or(Ok(()), Err)
}

/// `linux.resources.unified`: files of version 2 by their names.
fn apply_unified(cgroup: &Cgroup, resources: &Resources, place: Place<'_>) -> Result<()> {
    for (file, text) in &resources.unified {
        let from = format!("unified/{file}");
        let wrong =
            |what: String| Error::new(codes::UR0402, what).at(place.source.at(place.at.child("unified").child(file)));
        let Some((controller, _)) = file.split_once('.') else {
            return Err(wrong(format!("`{file}` is no file of a control group: its name has no dot")));
        };
        if file.contains('/') {
            return Err(wrong(format!("`{file}` leads out of the container's control group")));
        }
        let Some(member) = cgroup.members.iter().find(|member| member.is_v2()) else {
            return Err(Error::new(
                codes::UR0620,
                format!("`{file}` cannot be set: this host has no version 2 of control groups"),
            )
            .at(place.of(&from))
            .help("use the members of `linux.resources` that both versions have, such as `memory.limit`"));
        };
        // Each line is a setting of its own: `io.max` and its like take one device at a time.
        for line in text.lines().filter(|line| !line.is_empty()) {
            let setting = Setting::new(file, line, &from);
            set(member, &setting).map_err(|failed| refused(member, controller, &setting, &failed, place))?;
        }
    }
    Ok(())
}

/// `memory.checkBeforeUpdate`: a limit below what is used already would have the container killed.
fn check_before_update(cgroup: &Cgroup, resources: &Resources, place: Place<'_>) -> Result<()> {
    let Some(memory) = resources.memory.as_ref().filter(|memory| memory.check_before_update == Some(true)) else {
        return Ok(());
    };
    let Some(limit) = memory.limit.and_then(|limit| u64::try_from(limit).ok()).filter(|limit| *limit > 0) else {
        return Ok(());
    };
    let Some(member) = member_of(cgroup, "memory") else { return Ok(()) };
    let file = if member.is_v2() { "memory.current" } else { "memory.usage_in_bytes" };
    let used = member.dir.read_text(file, 64).ok().and_then(|text| text.trim_end().parse::<u64>().ok());
    match used {
        Some(used) if used > limit => {
            Err(Error::new(codes::UR0620, format!("the limit of {limit} bytes is below what the container uses already"))
                .fact(format!("{file} is {used}"))
                .at(place.of("memory/limit"))
                .help("give it a higher limit, or leave `checkBeforeUpdate` out to have it reclaimed, and killed if that does not suffice"))
        }
        _ => Ok(()),
    }
}

fn lacks(lacking: &Lacking, place: Place<'_>) -> Error {
    let what = format!("the limit `{}` cannot be set", lacking.from.replace('/', "."));
    Error::new(codes::UR0620, what).at(place.of(lacking.from)).fact(lacking.why).help("leave it out")
}

fn nowhere(group: &Group, place: Place<'_>) -> Error {
    let from = group.settings.first().map_or("", |setting| &setting.from);
    Error::new(
        codes::UR0620,
        format!("the limit `{}` cannot be set: the container has no control group for it", from.replace('/', ".")),
    )
    .at(place.of(from))
    .fact(format!("no hierarchy with the controller `{}` is there that this user may use", group.controller))
    .help("have the controller delegated to you, or run the container as root, or leave the limit out")
}

fn refused(member: &Member, controller: &str, setting: &Setting, failed: &Failed, place: Place<'_>) -> Error {
    let what = format!("the limit `{}` cannot be set to `{}`", setting.from.replace('/', "."), setting.text());
    let call = format!("{}({}, {:?})", failed.call, failed.path.display(), setting.text());
    let error = Error::new(codes::UR0620, what).os(call, failed.errno.raw_os_error()).at(place.of(&setting.from));
    match failed.errno {
        Errno::NOENT if member.is_v2() => missing_in_v2(error, &member.record.path, controller),
        Errno::NOENT => error.fact(format!("this kernel's controller `{controller}` has no such file")),
        Errno::BUSY => error.fact("more is in use already than the limit allows, and the kernel could not reclaim it"),
        Errno::INVAL | Errno::RANGE => error.fact("the kernel does not take the value here: it is out of range, or contradicts another limit of this group or of the one above"),
        Errno::NODEV => error.fact("there is no such device, or it is a partition: a limit is about a whole device"),
        Errno::PERM | Errno::ACCESS => error.fact("this file of the group was not delegated to this user"),
        _ => error,
    }
}

fn missing_in_v2(error: Error, path: &Path, controller: &str) -> Error {
    let needed = controllers::of(controller);
    match controllers::gap(path, needed) {
        controllers::Gap::Nowhere => error.fact(format!("this kernel has no controller `{needed}`")),
        controllers::Gap::NotAbove(above) => error
            .fact(format!("the controller `{needed}` is not delegated: `{}` has not got it", above.display()))
            .help(format!("under systemd: `Delegate={needed}` for the unit, as its administrator")),
        controllers::Gap::NotEnabled(above) => error
            .fact(format!(
                "the controller `{needed}` cannot be enabled below `{}`: it has processes of its own",
                above.display()
            ))
            .help("start from a scope: `systemd-run --user --scope -p Delegate=yes …`, or use --systemd-cgroup"),
        controllers::Gap::None => error.fact(format!("this kernel's controller `{needed}` has no such file")),
    }
}

#[cfg(test)]
mod tests;
