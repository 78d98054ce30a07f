//! `run`: create, start, and stay connected or not.

use std::io::IsTerminal as _;

use diag::{Error, Origin, Result, codes};
use idmap::{MapOption, Place};
use store::{Container, ContainerId, Lease};

use crate::{
    Engine, client,
    config::Config,
    create::{file::write_id, supervision},
    hello,
    image_facts::Layers,
    life,
    map::Decided,
    origins::Origins,
    request::{Given, Identity, RunRequest, is_on},
};

/// How a run went.
#[derive(Debug)]
pub enum Outcome {
    /// The container has ended; this is its exit status.
    Exited(u8),
    /// It runs in the background; this is its id.
    Detached(String),
}

/// A container that is made, and what a start of it now needs.
struct Prepared {
    container: Container,
    config: Config,
    decided: Decided<Lease>,
    layers: Option<Layers>,
}

impl Engine<'_> {
    /// Makes a container; its id.
    pub fn create(&self, request: &RunRequest) -> Result<String> {
        self.tell_note();
        self.prepare(request).map(|prepared| prepared.config.id)
    }

    /// Makes a container and starts it.
    pub fn run(&self, request: &RunRequest) -> Result<Outcome> {
        let outcome = self.make_and_start(request).map_err(|error| self.explain_full(error))?;
        if matches!(outcome, Outcome::Exited(1..)) {
            self.tell_if_full();
        }
        Ok(outcome)
    }

    fn make_and_start(&self, request: &RunRequest) -> Result<Outcome> {
        self.tell_note();
        let (tty, interactive) = (is_on(request.process.tty.as_ref()), is_on(request.process.interactive.as_ref()));
        let detach = is_on(request.attachment.detach.as_ref());
        if tty && interactive && !detach && !std::io::stdin().is_terminal() {
            self.warn(&no_terminal());
        }
        let wiring = supervision::wiring(request)?;
        let signals = if detach { None } else { Some(client::catch_signals(&wiring)?) };
        let Prepared { container, config, decided, layers } = self.prepare(request)?;
        let origins = Origins::of(request, &config.args, &config.env).with_mounts(&config.mounts);
        let begun = life::hold(&self.store, &config.id)
            .and_then(|held| {
                held.ok_or_else(|| Error::new(codes::UR0803, "the container was started by somebody else"))
            })
            .and_then(|held| self.begin(&container, &config, decided, layers.as_ref(), held));
        let mut started = begun.map_err(|error| self.give_up(&config, error))?;
        let Some(signals) = signals else {
            self.await_start(&config, &mut started, &origins).map_err(|error| self.give_up(&config, error))?;
            return Ok(Outcome::Detached(config.id));
        };
        let outcome = self.attend(&config, &mut started, wiring, &signals, &origins);
        if config.remove {
            started.reap();
            self.remove_ended(&config);
        }
        outcome.map(Outcome::Exited)
    }

    /// Makes the container, with the ids that a start now would have.
    fn prepare(&self, request: &RunRequest) -> Result<Prepared> {
        let id = ContainerId::random();
        let built_in =
            !request.rootfs && self.ready_hello(&request.image.value).map_err(|error| request.image.blame(error))?;
        let request = &self.with_default_map(request)?;
        let content = self.store.share()?;
        let mut draft = self.draft(request, &id)?;
        let decided = self.decide(&draft.config, &draft.image, |place| given_at(&request.identity, place))?;
        if let Some((uid, gid)) = decided.user.filter(|_| draft.image.user_is_open) {
            (draft.config.user.uid, draft.config.user.gid) = (uid, gid);
        }
        if built_in {
            hello::tell_map(&mut draft.config, &decided.map, &decided.current);
        }
        let layers = self.layers(&draft.config)?;
        self.replace(request)?;
        let container = self.make(&mut draft, &id, request, &|config| self.document(config, &decided, &[]))?;
        drop(content);
        if let Some(path) = &request.life.cidfile {
            write_id(path, id.as_str()).inspect_err(|_| self.remove_ended(&draft.config))?;
        }
        self.note(&draft.config, "create");
        Ok(Prepared { container, config: draft.config, decided, layers })
    }

    /// `--replace`: removes who has the name.
    fn replace(&self, request: &RunRequest) -> Result<()> {
        match &request.life.name {
            Some(name) if is_on(request.life.replace.as_ref()) => self.remove(name, true).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// A container that did not start: with `--rm` nothing is left of it; otherwise it stays, as Podman has it, to be looked at.
    fn give_up(&self, config: &Config, error: Error) -> Error {
        if config.remove {
            self.remove_ended(config);
        }
        error
    }
}

/// Where a part of an option's value stands on the command line.
pub(crate) fn given_at(identity: &Identity, place: &Place) -> Option<Origin> {
    let given: Option<&Given<String>> = match place.option {
        MapOption::Userns => identity.userns.as_ref(),
        MapOption::Uidmap => identity.uidmap.get(place.value),
        MapOption::Gidmap => identity.gidmap.get(place.value),
        MapOption::Subuidname => identity.subuidname.as_ref(),
        MapOption::Subgidname => identity.subgidname.as_ref(),
        MapOption::Map => identity.map.get(place.value),
        MapOption::MeAs => identity.me_as.as_ref(),
    };
    match given?.at.clone()? {
        Origin::Arg { argv, index, range } => {
            let start = range.map_or(0, |range| range.start);
            Some(Origin::Arg { argv, index, range: Some(start + place.bytes.start..start + place.bytes.end) })
        }
        other => Some(other),
    }
}

fn no_terminal() -> Error {
    Error::warning(
        codes::UR0511,
        "standard input is not a terminal, so --tty and --interactive do less than you may expect",
    )
    .help("leave --tty out to connect a pipe or a file")
}
