//! `rm`, and what `--rm` leaves to be done.

use std::time::Duration;

use diag::{Error, Result, codes};
use store::{Container, ContainerId};
use sys::Dir;

use crate::{
    Engine,
    config::Config,
    life::{self, Life},
    request::Given,
    stop::SIGKILL,
    userdb,
};

/// The file in the run root that says that [`Engine::sweep`] has looked at all containers since the machine has started.
const SWEPT: &str = "swept";

/// How a container is removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Removal {
    /// One that runs is killed; one that does not exist is no failure.
    pub force: bool,
    /// One that does not exist is no failure.
    pub ignore: bool,
    /// How long one that runs has after its stop signal, in seconds; `None`: it is killed at once.
    pub seconds: Option<u32>,
    /// The volumes that were made for it alone go with it.
    pub volumes: bool,
}

impl Engine<'_> {
    /// Removes a container; false if there was none and that is fine.
    pub fn remove(&self, key: &Given<String>, force: bool) -> Result<bool> {
        self.remove_with(key, Removal { force, ..Removal::default() })
    }

    /// Removes a container in a way; false if there was none and that is fine. UR0803 if it runs.
    pub fn remove_with(&self, key: &Given<String>, how: Removal) -> Result<bool> {
        let Removal { force, ignore, seconds, volumes } = how;
        let container = match self.find(key) {
            Err(error) if (force || ignore) && error.code() == codes::UR0802 => return Ok(false),
            found => found?,
        };
        let id = container.id().clone();
        if let Life::Running(_) | Life::Restarting(_) = life::of(&self.store, &container)? {
            if !force {
                return Err(key.blame(running(&key.value)));
            }
            // What cannot be read any more can be removed all the same.
            let config = container.config().and_then(|text| Config::read(id.as_str(), &text))?;
            let (signal, patience) = seconds.map_or((SIGKILL, 10), |seconds| (config.stop_signal, seconds));
            let patience = Duration::from_secs(patience.into());
            self.end(&config, signal, patience).map_err(|error| key.blame(error))?;
        }
        match self.discard(&id, volumes) {
            Ok(true) => Ok(true),
            Ok(false) => Err(key.blame(running(&key.value))),
            // Its own `--rm` was quicker.
            Err(error) if error.code() == codes::UR0802 => Ok(true),
            Err(error) => Err(key.blame(error)),
        }
    }

    /// Removes a container that does not run, with all that is kept of it; false if it runs.
    fn discard(&self, id: &ContainerId, volumes: bool) -> Result<bool> {
        let Some(held) = life::hold(&self.store, id.as_str())? else { return Ok(false) };
        // Who has ended in peace has cleared away everything already.
        let in_peace = self.store.container(id.as_str()).is_ok_and(|container| container.dir().has("exit.json"));
        let clean = (in_peace && !held.dir.has(runtime::state::FILE)) || life::bury(&held.dir);
        userdb::forget(&held.dir);
        let config = self.store.container(id.as_str()).and_then(|container| container.config());
        let config = config.and_then(|text| Config::read(id.as_str(), &text)).ok();
        let mounts = config.iter().filter(|_| volumes).flat_map(|config| config.mounts.clone()).collect::<Vec<_>>();
        let removed = self.store.remove_container(id);
        if removed.as_ref().is_err_and(|error| error.code() != codes::UR0802) {
            return removed.map(|()| true);
        }
        self.remove_anonymous(&mounts);
        // If somebody else was quicker, the directory is there again only because its lock was asked for.
        // What is left of its processes is found by the directory, which so has to stay for the next command.
        let gone = if clean { self.store.running().remove_tree(id.as_str()) } else { Ok(()) };
        drop(held);
        removed?;
        if let Some(config) = config {
            self.note(&config, "remove");
        }
        gone.map_err(|failed| {
            failed.into_error(codes::UR0606, format!("the state of container {} cannot be removed", id.short()))
        })?;
        Ok(true)
    }

    /// Does what `--rm` asks for, for a container that has ended. Nobody is told if it fails: the next command tries again.
    pub(crate) fn remove_ended(&self, config: &Config) {
        let Some(id) = ContainerId::parse(&config.id) else { return };
        if life::wait_for_end(&self.store, &config.id, Duration::from_secs(10)) {
            self.discard_ended(&id, config);
        }
    }

    /// Removes a container with `--rm` that has ended, and with `--rmi` its image by the name that was given.
    fn discard_ended(&self, id: &ContainerId, config: &Config) {
        if self.discard(id, true).is_ok_and(|gone| gone) && config.remove_image {
            // An image that others stand on stays, without a word: so does Podman's.
            let _ = self.remove_image(&Given::unwritten(config.image.clone()), false);
        }
    }

    /// Clears away what killed processes have left: containers with `--rm` that have ended, and states of containers that
    /// are no more.
    pub(crate) fn sweep(&self) {
        self.sweep_after_boot();
        for name in self.store.running().names().unwrap_or_default() {
            let Some(id) = name.to_str().and_then(ContainerId::parse) else { continue };
            let Ok(container) = self.store.container(id.as_str()) else {
                self.forget(&id);
                continue;
            };
            self.sweep_one(&container);
        }
    }

    /// Removes a container with `--rm` that has ended.
    fn sweep_one(&self, container: &Container) {
        let Ok(Life::Exited(_) | Life::Lost) = life::of(&self.store, container) else { return };
        let config = container.config().and_then(|text| Config::read(container.id().as_str(), &text));
        if let Ok(config) = config.as_ref()
            && config.remove
        {
            self.discard_ended(container.id(), config);
        }
    }

    /// The run root is empty after the machine has started, so it does not name the containers that were running before.
    /// Once a boot, all containers are looked at for those with `--rm`.
    fn sweep_after_boot(&self) {
        let Ok(run_root) = Dir::open(&self.scope.run_root) else { return };
        if run_root.has(SWEPT) {
            return;
        }
        for id in self.store.containers().unwrap_or_default() {
            if let Ok(container) = self.store.container(id.as_str()) {
                self.sweep_one(&container);
            }
        }
        let _ = run_root.write(SWEPT, b"", 0o600);
    }

    /// Removes the state of a container that is not in the store, unless it is just being made or removed.
    fn forget(&self, id: &ContainerId) {
        if let Ok(Some(held)) = life::hold(&self.store, id.as_str())
            && life::bury(&held.dir)
        {
            let _ = self.store.running().remove_tree(id.as_str());
        }
    }
}

fn running(name: &str) -> Error {
    Error::new(codes::UR0803, format!("the container `{name}` is running"))
        .help_run("stop it first", format!("unroot stop {name}"))
        .help_run("or kill and remove it at once", format!("unroot rm -f {name}"))
}
