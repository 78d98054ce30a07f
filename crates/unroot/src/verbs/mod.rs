//! The verbs: one file each. Every one parses its arguments, makes one call of the engine, and prints.

mod attach;
mod create;
mod diff;
mod events;
mod exec;
mod exists;
mod explain;
mod export;
mod healthcheck;
mod history;
mod image_exists;
mod images;
mod import;
mod info;
mod inspect;
mod kill;
mod load;
mod login;
mod logout;
mod logs;
mod map_audit;
mod map_calc;
mod map_plan;
mod map_show;
mod podman;
mod prune;
mod ps;
mod pull;
mod push;
mod rename;
mod restart;
mod rm;
mod rmi;
mod run;
mod save;
mod search;
mod start;
mod stop;
mod system_check;
mod system_df;
mod system_prune;
mod system_reset;
mod tag;
mod top;
mod untag;
mod version;
mod volume;
mod wait;
mod who;

use clap::Command;

use crate::cli::Perform;
pub use podman::of_podman;

/// One verb.
pub struct Verb {
    /// Its first spelling.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// Adds its arguments.
    pub args: fn(Command) -> Command,
    /// Performs it.
    pub run: Perform,
}

/// A noun with verbs below it.
pub struct Group {
    /// `container`.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// Its verbs, with the names that they have here.
    pub verbs: &'static [(&'static str, &'static Verb)],
}

/// The verbs of the first level, in the order of the help.
pub static TOP: &[&Verb] = &[
    &run::VERB,
    &create::VERB,
    &start::VERB,
    &stop::VERB,
    &restart::VERB,
    &kill::VERB,
    &exec::VERB,
    &top::VERB,
    &diff::VERB,
    &export::VERB,
    &ps::VERB,
    &logs::VERB,
    &attach::VERB,
    &wait::VERB,
    &rename::VERB,
    &rm::VERB,
    &events::VERB,
    &images::VERB,
    &pull::VERB,
    &push::VERB,
    &rmi::VERB,
    &tag::VERB,
    &untag::VERB,
    &history::VERB,
    &inspect::VERB,
    &load::VERB,
    &save::VERB,
    &import::VERB,
    &search::VERB,
    &login::VERB,
    &logout::VERB,
    &who::VERB,
    &info::VERB,
    &version::VERB,
    &explain::VERB,
];

/// The groups.
pub static GROUPS: &[Group] = &[
    Group {
        name: "container",
        about: "Containers: the same verbs, spelled out",
        verbs: &[
            ("run", &run::VERB),
            ("create", &create::VERB),
            ("start", &start::VERB),
            ("stop", &stop::VERB),
            ("restart", &restart::VERB),
            ("kill", &kill::VERB),
            ("exec", &exec::VERB),
            ("top", &top::VERB),
            ("diff", &diff::OF_CONTAINER),
            ("export", &export::VERB),
            ("ls", &ps::VERB),
            ("logs", &logs::VERB),
            ("attach", &attach::VERB),
            ("wait", &wait::VERB),
            ("rename", &rename::VERB),
            ("exists", &exists::VERB),
            ("rm", &rm::VERB),
            ("inspect", &inspect::OF_CONTAINERS),
            ("prune", &prune::CONTAINERS),
        ],
    },
    Group {
        name: "image",
        about: "Images: the same verbs, spelled out",
        verbs: &[
            ("ls", &images::VERB),
            ("diff", &diff::OF_IMAGE),
            ("rm", &rmi::VERB),
            ("exists", &image_exists::VERB),
            ("history", &history::VERB),
            ("inspect", &inspect::OF_IMAGES),
            ("tag", &tag::VERB),
            ("untag", &untag::VERB),
            ("pull", &pull::VERB),
            ("push", &push::VERB),
            ("load", &load::VERB),
            ("save", &save::VERB),
            ("import", &import::VERB),
            ("search", &search::VERB),
            ("prune", &prune::IMAGES),
        ],
    },
    Group {
        name: "system",
        about: "The store as a whole: what it takes, whether it is sound, what nobody needs",
        verbs: &[
            ("df", &system_df::VERB),
            ("prune", &system_prune::VERB),
            ("check", &system_check::VERB),
            ("reset", &system_reset::VERB),
            ("info", &info::VERB),
        ],
    },
    Group { name: volume::GROUP.name, about: volume::GROUP.about, verbs: volume::GROUP.verbs },
    Group { name: "healthcheck", about: "Check containers' health", verbs: &[("run", &healthcheck::VERB)] },
    Group {
        name: "map",
        about: "Maps of user namespaces: show, calculate, plan, audit",
        verbs: &[
            ("show", &map_show::VERB),
            ("calc", &map_calc::VERB),
            ("plan", &map_plan::VERB),
            ("audit", &map_audit::VERB),
        ],
    },
];

/// The verb of the first level with this name.
pub fn top(name: &str) -> Option<&'static Verb> {
    TOP.iter().copied().find(|verb| verb.name == name)
}

/// The group with this name.
pub fn group(name: &str) -> Option<&'static Group> {
    GROUPS.iter().find(|group| group.name == name)
}

/// A group's verb.
pub fn in_group(group: &Group, name: &str) -> Option<&'static Verb> {
    group.verbs.iter().find(|(own, _)| *own == name).map(|(_, verb)| *verb)
}
