//! `unroot volume …`.

mod create;
mod exists;
mod export;
mod import;
mod inspect;
mod ls;
mod mount;
mod prune;
mod rm;
mod undo_chown;
mod why;

use diag::{Error, Result, codes};
use engine::{Engine, volumes::Filter};

use super::{Group, Verb};
use crate::call::Call;

/// The group.
pub static GROUP: Group = Group {
    name: "volume",
    about: "Volumes: directories that outlive containers",
    verbs: &[
        ("create", &create::VERB),
        ("ls", &ls::VERB),
        ("inspect", &inspect::VERB),
        ("rm", &rm::VERB),
        ("prune", &prune::VERB),
        ("exists", &exists::VERB),
        ("export", &export::VERB),
        ("import", &import::VERB),
        ("mount", &mount::MOUNT),
        ("unmount", &mount::UNMOUNT),
        ("undo-chown", &undo_chown::VERB),
        ("why", &why::VERB),
    ],
};

/// Reads `--filter`.
fn filters(call: &Call, engine: &Engine, texts: Vec<String>) -> Result<Vec<Filter>> {
    let made = |name: &str| {
        let key = engine::request::Given::unwritten(name.to_owned());
        engine.volume(&key).ok().map(|row| row.record.created)
    };
    call.words.each("filter", texts).iter().map(|given| Filter::parse(given, made)).collect()
}

/// Names or `--all`, but not both and not neither.
fn names_or_all(names: &[String], all: bool) -> Result<()> {
    if names.is_empty() == all {
        return Ok(());
    }
    Err(Error::new(codes::UR0806, "either names or `--all` must be given"))
}
