//! From a container's directory to a running container: the map of this start, config.json, the monitor.

use std::os::fd::OwnedFd;

use diag::{Error, Origin, Result, codes};
use idmap::Place;
use oci::Digest;
use runtime::job::{Job, Root, Subject, Supervision, notify::SdNotify};
use serde_json::Value;
use store::{Container, Lease};
use sys::{Dir, rustix::fs::stat};

use crate::{
    Engine, capabilities,
    client::{self, Client, Ended, Wiring},
    config::{Config, Rootfs},
    create::{directory_facts, now},
    files, hello,
    image_facts::{Layers, runs_systemd},
    info,
    life::{self, Held, Process, STARTED},
    map::{self, Decided, Host, coverage::Image, pool::StoreLeases},
    monitor::{self, Started},
    notify,
    origins::Origins,
    request::Given,
    spec,
    stop::{PATIENCE, SIGKILL},
};

/// As a program that writes into a pipe without a reader: 128 + SIGPIPE.
const READER_GONE: u8 = 141;

impl Engine<'_> {
    /// Starts a container in the background. One that runs already is left alone, as Podman does.
    pub fn start(&self, key: &Given<String>) -> Result<()> {
        let target = self.target(key)?;
        let Some(held) = life::hold(&self.store, target.container.id().as_str())? else { return Ok(()) };
        let mut started =
            self.start_again(&target.container, &target.config, held).map_err(|error| key.blame(error))?;
        self.await_start(&target.config, &mut started, &Origins::default()).map_err(|error| key.blame(error))
    }

    /// Starts one container, or finds it running, and stays connected to it; its exit status.
    pub fn start_attached(&self, keys: &[Given<String>], wiring: Wiring) -> Result<u8> {
        let [key] = keys else {
            let what = "several containers cannot be attached to at once";
            let error = Error::new(codes::UR0806, what).help("start them without --attach and --interactive");
            return Err(keys.get(1).map_or_else(|| Error::new(codes::UR0806, what), |second| second.blame(error)));
        };
        let target = self.target(key)?;
        let wiring = Wiring { stdin: wiring.stdin && target.config.interactive, tty: target.config.tty, ..wiring };
        match life::hold(&self.store, target.container.id().as_str())? {
            Some(held) => {
                let signals = client::catch_signals(&wiring)?;
                let mut started =
                    self.start_again(&target.container, &target.config, held).map_err(|error| key.blame(error))?;
                self.attend(&target.config, &mut started, wiring, &signals, &Origins::default())
            }
            None => self.attach(&target.container, &target.config, wiring),
        }
    }

    /// A start that is not the first: the map is chosen anew, because others may have the old range.
    pub(crate) fn start_again(&self, container: &Container, config: &Config, held: Held) -> Result<Started> {
        let layers = self.layers(config)?;
        let image = known(config, layers.as_ref())?;
        let decided = self.decide(config, &image, |_| None)?;
        let mut config = config.clone();
        hello::tell_map_anew(&mut config, &decided.map, &decided.current);
        self.begin(container, &config, decided, layers.as_ref(), held)
    }

    /// The layers of a container's image; `None` for a directory.
    pub(crate) fn layers(&self, config: &Config) -> Result<Option<Layers>> {
        let Rootfs::Layers(diff_ids) = &config.rootfs else { return Ok(None) };
        Layers::open(&self.store, &digests(diff_ids)?).map(Some)
    }

    /// Finds the map of this start and takes its lease.
    pub(crate) fn decide(
        &self,
        config: &Config,
        image: &Image,
        origin: impl Fn(&Place) -> Option<Origin>,
    ) -> Result<Decided<Lease>> {
        // Before anything is made: the monitor will read the variable, too, but then there would be something to take back.
        info::without()?;
        let host = Host::look(self.entered)?;
        // What a stranger's broken file claims is not avoided.
        host.claims
            .warnings
            .iter()
            .filter(|warning| warning.code() == codes::UR0209)
            .for_each(|warning| self.warn(warning));
        if let Some(decided) = self.decide_joined(config, image, &host, &origin)? {
            return Ok(decided);
        }
        let mut leases = StoreLeases::new(&self.store, &config.id, &config.name);
        let decided = map::decide(&config.map, &host, image, &config.name, &mut leases, origin);
        drop(leases);
        decided.map_err(|error| if error.code() == codes::UR0205 { self.explain_scarcity(error, &host) } else { error })
    }

    /// The text of config.json for a start with this map.
    pub(crate) fn document(&self, config: &Config, decided: &Decided<Lease>, mounts: &[Value]) -> String {
        let files = self.store.root().path().join("containers").join(&config.id);
        let cgroup = format!("/unroot/{}", config.id);
        let nested = self.is_nested();
        let start = spec::Start {
            map: &decided.map,
            shifted: decided.shifted && !nested,
            files: &files,
            nodes: !nested && files::may_have_nodes(self.store.root()),
            capabilities: capabilities::known(),
            unified_cgroups: std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
            cgroup: (!nested).then_some(cgroup.as_str()),
            joined: decided.joined.as_deref(),
            mounts,
        };
        let mut document = spec::document(config, &start);
        if config.supervision.sdnotify == SdNotify::Container && notify_socket().is_some() {
            notify::give_socket(&mut document, &files);
        }
        document.to_string()
    }

    /// Starts the monitor. The lock and the lease go over to it.
    pub(crate) fn begin(
        &self,
        container: &Container,
        config: &Config,
        decided: Decided<Lease>,
        layers: Option<&Layers>,
        held: Held,
    ) -> Result<Started> {
        let dir = container.dir();
        let kept =
            |failed: sys::Failed| failed.into_error(codes::UR0707, "the container's directory cannot be written");
        decided.warnings.iter().for_each(|warning| self.warn(warning));
        let image = || known(config, layers).unwrap_or_default();
        let mounts = self.ready_mounts(config, &decided, layers, &image())?;
        let document = self.document(config, &decided, &mounts.mounts);
        dir.write("config.json", document.as_bytes(), 0o600).map_err(kept)?;
        files::write(config, dir)?;
        if !self.is_nested() && files::may_have_nodes(self.store.root()) {
            files::make_nodes(config, dir)?;
        }
        self.own_files(container, config, &decided)?;
        // How the last life ended is no news of this one.
        dir.remove_file("exit.json").and_then(|()| dir.remove_file("restarts")).map_err(kept)?;
        let (root, in_use) = self.root(container, config, &decided, layers)?;
        if matches!(root, Root::Overlay { .. }) {
            // The last one may have been given up without a sync, which overlayfs remembers in there and refuses.
            dir.remove_tree("work").and_then(|()| dir.make_dir("work", 0o700)).map_err(kept)?;
        }
        dir.write(STARTED, now().to_string().as_bytes(), 0o600).map_err(kept)?;
        let has_own_ids = decided.shifted && decided.joined.is_none();
        let names = if has_own_ids { self.name_ids(config, &decided.map, image, &held.dir) } else { Vec::new() };
        let job = Job {
            id: config.id.clone(),
            bundle: dir.path().to_owned(),
            run_dir: held.dir.path().to_owned(),
            root,
            stdin: config.interactive,
            terminal: config.tty,
            client: -1,
            hold: Vec::new(),
            remove_at_end: names,
            exit_command: self.exit_command(config),
            supervision: Supervision { stop_signal: config.stop_signal, ..config.supervision.clone() },
            passthrough: None,
            subject: self.subject(config),
            notify_socket: notify_socket(),
        };
        let lease = decided.lease.map(Lease::into_fd);
        let holdings: Vec<OwnedFd> = [held.lock].into_iter().chain(lease).chain(in_use).chain(mounts.held).collect();
        life::note_begin(&held.dir)?;
        // The sessions of the last life are none of this one's.
        let _ = held.dir.remove_tree("exec");
        let started = monitor::start(job, &holdings)?;
        if let Some(process) = i32::try_from(started.pid()).ok().and_then(Process::of) {
            life::write_monitor(&held.dir, process)?;
        }
        Ok(started)
    }

    /// How its monitor calls it in the chronicle.
    pub(crate) fn subject(&self, config: &Config) -> Subject {
        Subject {
            name: config.name.clone(),
            image: config.image.clone(),
            chronicle: self.scope.run_root.clone(),
            attributes: config.labels.clone(),
        }
    }

    /// What becomes the root filesystem, and what of it is to be held while the container lives.
    fn root(
        &self,
        container: &Container,
        config: &Config,
        decided: &Decided<Lease>,
        layers: Option<&Layers>,
    ) -> Result<(Root, Vec<OwnedFd>)> {
        match (&config.rootfs, layers) {
            (Rootfs::Directory(path), _) => {
                let idmap = decided.shifted && carries_container_ids(path, decided);
                Ok((Root::Bundle { idmap }, Vec::new()))
            }
            (Rootfs::Layers(diff_ids), Some(layers)) => {
                let overlay = self.overlay(container, decided, layers, &digests(diff_ids)?)?;
                Ok(overlay.into_root(container.dir().path().to_owned(), config))
            }
            (Rootfs::Layers(_), None) => Err(Error::new(codes::UR0810, "the container's layers are not known")),
        }
    }

    /// `--rm` for a container that nobody waits for.
    fn exit_command(&self, config: &Config) -> Vec<String> {
        let own = std::env::current_exe().ok().and_then(|path| path.to_str().map(str::to_owned));
        let (Some(own), true) = (own, config.remove) else { return Vec::new() };
        let root = self.scope.root.display().to_string();
        let run_root = self.scope.run_root.display().to_string();
        [&own, "--root", &root, "--runroot", &run_root, "rm", "--volumes", &config.id].map(str::to_owned).to_vec()
    }

    /// Waits until a container runs in the background.
    pub(crate) fn await_start(&self, config: &Config, started: &mut Started, origins: &Origins) -> Result<()> {
        let Some(link) = started.link.take() else { return Ok(()) };
        let outcome = Client::new(link, Wiring::default(), self.notices).await_start();
        outcome.map_err(|error| origins.attach(self.unbegin(config, error, started)))
    }

    /// Stays connected until a container ends; its exit status.
    pub(crate) fn attend(
        &self,
        config: &Config,
        started: &mut Started,
        wiring: Wiring,
        signals: &sys::caught::Caught,
        origins: &Origins,
    ) -> Result<u8> {
        let Some(link) = started.link.take() else { return Ok(0) };
        let mut client = Client::new(link, wiring, self.notices);
        match client.attend(signals) {
            Ok(Ended::Exited(exit)) => Ok(exit.code),
            Ok(Ended::Detached) => Ok(0),
            Ok(Ended::ReaderGone) => {
                // With --rm the container is this command's own, a part of a pipeline: it ends as a program there would.
                // Without, it goes on, as Podman's do.
                if config.remove {
                    client.signal(SIGKILL)?;
                    client.await_end(PATIENCE)?;
                }
                Ok(READER_GONE)
            }
            Ok(Ended::MonitorGone) => {
                life::end_without_monitor(&self.store, &config.id);
                Err(mourn(client::monitor_gone(), started))
            }
            Err(error) => Err(origins.attach(self.unbegin(config, error, started))),
        }
    }

    /// A start that failed is none: the container is as it was before.
    fn unbegin(&self, config: &Config, error: Error, started: &mut Started) -> Error {
        let error = mourn(error, started);
        started.reap();
        life::end_without_monitor(&self.store, &config.id);
        if let Ok(container) = self.store.container(&config.id) {
            // What stays would only say that it ran once and was lost.
            let _ = container.dir().remove_file(STARTED);
            let _ = self.store.running().dir(&config.id).and_then(|dir| dir.remove_file(runtime::state::FILE));
        }
        error
    }

    /// Connects to a container that runs.
    pub(crate) fn attach(&self, container: &Container, config: &Config, wiring: Wiring) -> Result<u8> {
        let signals = client::catch_signals(&wiring)?;
        let link = self.link(container.id().as_str())?;
        match Client::new(link, wiring, self.notices).attend(&signals)? {
            Ended::Exited(exit) => Ok(exit.code),
            Ended::Detached => Ok(0),
            Ended::ReaderGone => Ok(READER_GONE),
            Ended::MonitorGone => {
                life::end_without_monitor(&self.store, &config.id);
                Err(client::monitor_gone())
            }
        }
    }
}

/// The service manager's socket, if one waits for a word from this process.
fn notify_socket() -> Option<String> {
    std::env::var("NOTIFY_SOCKET").ok().filter(|path| !path.is_empty())
}

/// Adds what a dying monitor said, if it died.
fn mourn(error: Error, started: &mut Started) -> Error {
    if error.code() == codes::UR0805 { started.last_words(error) } else { error }
}

/// What is known of a container's image at a later start.
fn known(config: &Config, layers: Option<&Layers>) -> Result<Image> {
    let (facts, systemd) = match (layers, &config.rootfs) {
        (Some(layers), _) => (layers.facts(&config.image)?, runs_systemd(layers.files(), &config.args)),
        (None, rootfs) => {
            let dir = if let Rootfs::Directory(path) = rootfs { Dir::open(path).ok() } else { None };
            let files: Vec<Dir> = dir.into_iter().collect();
            // --map and --me-as may name accounts of it.
            (directory_facts(&config.image, files.first()), runs_systemd(&files, &config.args))
        }
    };
    Ok(Image { process: config.user.clone(), systemd, ..facts })
}

/// The diff ids of a container's layers, the lowest first.
fn digests(diff_ids: &[String]) -> Result<Vec<Digest>> {
    diff_ids.iter().map(|text| Digest::parse(text)).collect()
}

/// Whether a directory's files have the ids that a container sees, and not ids that somebody has shifted for this very map.
fn carries_container_ids(path: &std::path::Path, decided: &Decided<Lease>) -> bool {
    let Ok(found) = stat(path) else { return true };
    let shifted_to = decided.map.uid.to_outside(idmap::Inside(0));
    shifted_to != Some(idmap::Outside(found.st_uid))
}
