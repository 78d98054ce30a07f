//! Containers with names: what a person means by `run`, `ps`, `rm`. One file a verb.
//!
//! A verb is *asked* ([`request`]: words with their places), *decided* (image, user, environment, [`map`]: everything that can be
//! refused is refused before anything is made) and *done* (a directory in the store, a monitor). Nothing here prints;
//! warnings go to [`Notices`] when they are known.

pub mod accounts;
mod attach;
pub mod calc;
pub mod capabilities;
pub mod claims;
pub mod client;
mod conf_file;
pub mod config;
pub mod containers_conf;
mod create;
pub mod credentials;
pub mod diff;
pub mod environment;
pub mod events;
pub mod exec;
mod explain_map;
mod export;
mod files;
mod foreign;
pub mod healthcheck;
pub mod hello;
pub mod history;
pub mod holders;
pub mod image_facts;
pub mod images;
pub mod import;
pub mod info;
pub mod inspect;
pub mod interruption;
mod kill;
mod ladder;
pub mod life;
mod load;
pub mod login;
pub mod logs;
pub mod map;
pub mod map_of;
pub mod map_plan;
pub mod monitor;
pub mod mounts;
mod names;
pub mod namespaces;
mod notify;
pub mod origins;
mod outside;
pub mod ps;
pub mod pull;
pub mod push;
pub mod registries;
pub mod remove;
mod rename;
pub mod request;
mod restart;
pub mod rootless;
pub mod run;
pub mod save;
pub mod scope;
pub mod search;
mod seccomp;
pub mod select;
pub mod spec;
mod start;
mod stop;
pub mod system;
mod tag;
mod target;
pub mod top;
pub mod transfer;
mod userdb;
mod values;
pub mod volumes;
pub mod wait;
pub mod who;

use diag::{Error, Result};
use oci::image::Platform;
use store::{Store, image::Intake};
use sys::{Alone, Dir};

pub use client::Notices;
pub use oci::Timestamp;
pub use runtime::signal::Signal;
pub use scope::{Options, Scope};

/// The engine, in one scope.
pub struct Engine<'a> {
    scope: Scope,
    /// That this process may clone itself; not for verbs that only look.
    alone: Option<&'a Alone>,
    store: Store,
    notices: &'a dyn Notices,
    /// Whether the user's own namespace was entered.
    entered: bool,
    /// What the user should know about it, before anything is unpacked or started.
    note: Option<Error>,
}

impl<'a> Engine<'a> {
    /// For verbs that change something: an ordinary user enters their own namespace first.
    pub fn enter(alone: &'a Alone, options: &Options, notices: &'a dyn Notices) -> Result<Engine<'a>> {
        let scope = Scope::choose(options, &scope::Surroundings::look()?)?;
        scope.secure()?;
        let running = Dir::open(scope.run_root.join("containers")).ok();
        running.iter().for_each(life::kill_orphans);
        let note = if scope.rootless { rootless::enter(alone, running.as_ref(), notices)? } else { None };
        let store = Store::open(&scope.root, &scope.run_root)?;
        let entered = scope.rootless;
        let engine = Engine { scope, alone: Some(alone), store, notices, entered, note };
        engine.sweep();
        Ok(engine)
    }

    /// For verbs that only look, or only talk to monitors.
    pub fn look(options: &Options, notices: &'a dyn Notices) -> Result<Engine<'a>> {
        let scope = Scope::choose(options, &scope::Surroundings::look()?)?;
        scope.secure()?;
        let store = Store::open(&scope.root, &scope.run_root)?;
        Ok(Engine { scope, alone: None, store, notices, entered: false, note: None })
    }

    /// Where things are kept.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    fn warn(&self, warning: &Error) {
        self.notices.notice(warning.report());
    }

    /// Says what the user should know about their own namespace. For verbs to which it matters.
    fn tell_note(&self) {
        self.note.iter().for_each(|note| self.warn(note));
    }

    /// How images are brought in here.
    fn intake(&self) -> Result<Intake> {
        let single = self.entered && map::Host::look(true)?.current.uid.ids() == 1;
        let ownership = if single { store::Ownership::Single } else { store::Ownership::Canonical };
        Ok(Intake { ownership, ..Intake::default() })
    }
}

/// This machine's architecture in the words of images: `amd64`.
pub fn image_architecture() -> String {
    Platform::here().architecture
}
