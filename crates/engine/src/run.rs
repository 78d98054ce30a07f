//! `run`: create, start, and stay connected or not.

use std::io::IsTerminal as _;

use diag::{Error, Origin, Result, codes};
use idmap::{MapOption, Place};
use store::ContainerId;

use crate::{
    Engine,
    client::{self, Wiring},
    config::Config,
    hello, life,
    origins::Origins,
    request::{Given, Identity, RunRequest},
};

/// How a run went.
#[derive(Debug)]
pub enum Outcome {
    /// The container has ended; this is its exit status.
    Exited(u8),
    /// It runs in the background; this is its id.
    Detached(String),
}

impl Engine<'_> {
    /// Makes a container and starts it.
    pub fn run(&self, request: &RunRequest) -> Result<Outcome> {
        self.tell_note();
        if request.process.tty && request.process.interactive && !request.detach && !std::io::stdin().is_terminal() {
            self.warn(&no_terminal());
        }
        let id = ContainerId::random();
        let wiring = Wiring { stdin: request.process.interactive, tty: request.process.tty, ..Wiring::default() };
        let signals = if request.detach { None } else { Some(client::catch_signals(&wiring)?) };
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
        let container = self.make(&mut draft, &id, request, &|config| self.document(config, &decided))?;
        drop(content);
        let config = draft.config;
        let origins = Origins::of(request, &config.args, &config.env);
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
