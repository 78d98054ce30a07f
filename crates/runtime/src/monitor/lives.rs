//! A container's lives: what is done around each of them, and whether there is another one.
//!
//! In `exit.json` a life's end is recorded before anything of it is cleared away. Between two lives the container has no
//! `state.json`, and an `exit.json` that says `again`.

use std::{
    os::fd::OwnedFd,
    rc::Rc,
    time::{Duration, Instant},
};

use diag::{Error, Result, codes};
use rustix::io::fcntl_dupfd_cloexec;
use sys::Dir;

use super::{
    clients::{FAILED, WARNING},
    container::{Started, Waiting},
    health::{Probe, Vigil},
    log::Log,
    notify::Notifier,
    oom,
    scribe::{EXIT, Scribe},
    streams::Streams,
    watch::{Life, Watch, now},
};
use crate::{
    attach::Listener,
    job::{Exit, Job, Root, frame, logging::LogDriver, restart},
};

/// When it was started last, in its bundle: seconds since the epoch.
const STARTED: &str = "started";
/// How often its monitor has restarted it, in its bundle; absent: never.
const RESTARTS: &str = "restarts";

/// What there is besides the container itself, in all of its lives.
pub(super) struct Post<'a> {
    pub(super) job: Job,
    bundle: Rc<Dir>,
    pub(super) run_dir: Dir,
    passthrough: Option<[OwnedFd; 3]>,
    /// How a command is executed in the container.
    probe: Probe<'a>,
    scribe: Rc<Scribe>,
}

/// A life that has ended.
pub(super) struct Ended {
    /// How; an error if that is not known.
    pub(super) exit: Result<Exit>,
    /// What went wrong while it was cleared away.
    pub(super) warnings: Vec<Error>,
    /// How long it was.
    lasted: Duration,
}

impl<'a> Post<'a> {
    pub(super) fn new(
        job: Job,
        bundle: Dir,
        run_dir: Dir,
        passthrough: Option<[OwnedFd; 3]>,
        probe: Probe<'a>,
    ) -> Post<'a> {
        let bundle = Rc::new(bundle);
        let scribe = Rc::new(Scribe::new(&job, Rc::clone(&bundle)));
        Post { job, bundle, run_dir, passthrough, probe, scribe }
    }

    /// Opens what outlasts a life: the log and the socket.
    pub(super) fn open(&self) -> Result<Watch> {
        let log = Log::open(&self.job, &self.bundle)?;
        let listener = Listener::bind(&self.run_dir)
            .map_err(|failed| failed.into_error(codes::UR0606, "the container's socket cannot be made"))?;
        let clients = super::Clients::default();
        Ok(Watch {
            life: None,
            clients,
            listener,
            log,
            notifier: Notifier::open(&self.job, &self.bundle)?,
            scribe: Rc::clone(&self.scribe),
            kept_down: false,
            revived: false,
            buffer: Vec::new(),
        })
    }

    /// One life, from the making of the container to the clearing away. An error if it did not start.
    pub(super) fn live<W: Waiting>(
        &self,
        watch: &mut Watch,
        create: &mut impl FnMut(&Job, &Dir, Option<[OwnedFd; 3]>) -> Result<W>,
        restarts: u32,
    ) -> Result<Ended> {
        let begun = Instant::now();
        let (life, mut container) = self.prepare(create)?;
        watch.life = Some(life);
        for warning in container.take_warnings() {
            watch.clients.tell_report(WARNING, warning);
        }
        watch.hear_all();
        let Started { mut warnings, groups, clear_away } = container.start().inspect_err(|_| watch.life = None)?;
        let pid = watch.life.as_ref().map_or(0, |life| life.pid);
        warnings.extend(self.write_pid_files(pid));
        for warning in warnings {
            watch.clients.tell_report(WARNING, warning);
        }
        self.scribe.note("start", None);
        watch.clients.tell(frame::STARTED, pid.to_string().as_bytes());
        if let Some(warning) = watch.notifier.as_mut().and_then(Notifier::started) {
            watch.clients.tell_report(WARNING, warning);
        }
        let ended = watch.run(self.probe);
        let revived = std::mem::take(&mut watch.revived);
        let mut warnings = Vec::new();
        let lasted = begun.elapsed();
        let exit = ended.map(|exit| Exit {
            oom: oom::has_killed(&groups),
            by_person: watch.kept_down,
            restarts,
            again: !watch.kept_down && (revived || self.wants_more(exit, restarts, lasted)),
            ..exit
        });
        if let Ok(exit) = &exit {
            warnings.extend(self.scribe.record(*exit).err());
            self.scribe.note("died", Some(exit.code));
        }
        warnings.extend(clear_away());
        self.scribe.note("cleanup", None);
        Ok(Ended { exit, warnings, lasted })
    }

    /// The lives after the first one, as long as the restart policy wants them; the end of the last one.
    pub(super) fn live_on<W: Waiting>(
        &self,
        watch: &mut Watch,
        create: &mut impl FnMut(&Job, &Dir, Option<[OwnedFd; 3]>) -> Result<W>,
        mut last: Ended,
    ) -> Ended {
        // How many restarts there were in a row, without a sound life in between; and in all.
        let (mut row, mut total) = (0, 0);
        while let Ok(exit) = last.exit
            && exit.again
        {
            for warning in last.warnings.drain(..) {
                watch.clients.tell_report(WARNING, warning);
            }
            watch.clients.bid_farewell(frame::EXIT, &serde_json::to_vec(&exit).unwrap_or_default());
            row = if last.lasted >= restart::SOUND_RUN { 0 } else { row };
            watch.rest(restart::RestartPolicy::pause(row));
            if watch.kept_down {
                let exit = Exit { again: false, by_person: true, ..exit };
                last.warnings.extend(self.scribe.record(exit).err());
                last.exit = Ok(exit);
                break;
            }
            (row, total) = (row + 1, total + 1);
            self.scribe.note("restart", None);
            last = self.live_again(watch, create, total);
        }
        last
    }

    /// A life that is not the first: if it does not start, that is its end.
    fn live_again<W: Waiting>(
        &self,
        watch: &mut Watch,
        create: &mut impl FnMut(&Job, &Dir, Option<[OwnedFd; 3]>) -> Result<W>,
        restarts: u32,
    ) -> Ended {
        let begun = Instant::now();
        let lived = self.make_ready(restarts).and_then(|()| self.live(watch, create, restarts));
        lived.unwrap_or_else(|error| {
            let code = error.code().class().exit_status();
            let exit = Exit { code, at: now(), restarts, by_person: watch.kept_down, ..Exit::default() };
            let again = !watch.kept_down && self.wants_more(exit, restarts, Duration::ZERO);
            let exit = Exit { again, ..exit };
            watch.clients.tell_report(FAILED, error);
            let warnings = self.scribe.record(exit).err().into_iter().collect();
            Ended { exit: Ok(exit), warnings, lasted: begun.elapsed() }
        })
    }

    /// Whether the restart policy wants another life after this one.
    fn wants_more(&self, exit: Exit, restarts: u32, lasted: Duration) -> bool {
        let in_a_row = if lasted >= restart::SOUND_RUN { 0 } else { restarts };
        self.job.supervision.restart.wants(exit.code, in_a_row)
    }

    /// What the engine does before the first life.
    fn make_ready(&self, restarts: u32) -> Result<()> {
        let kept = |failed: sys::Failed| failed.into_error(codes::UR0606, "the container cannot be made ready again");
        if let Root::Overlay { writable: Some(writable), .. } = &self.job.root {
            // An overlay that was given up without a sync leaves a mark in there and is refused.
            let dir = Dir::open(writable).map_err(kept)?;
            dir.remove_tree("work").and_then(|()| dir.make_dir("work", 0o700)).map_err(kept)?;
        }
        // How the last life ended is no news of this one.
        self.bundle.remove_file(EXIT).map_err(kept)?;
        self.bundle.write(RESTARTS, restarts.to_string().as_bytes(), 0o600).map_err(kept)?;
        self.bundle.write(STARTED, now().to_string().as_bytes(), 0o600).map_err(kept)
    }

    /// Everything up to the word.
    fn prepare<W: Waiting>(
        &self,
        create: &mut impl FnMut(&Job, &Dir, Option<[OwnedFd; 3]>) -> Result<W>,
    ) -> Result<(Life, W)> {
        let job = &self.job;
        let (streams, init) = if job.terminal {
            let mut init = create(job, &self.run_dir, None)?;
            let master = init.take_terminal().ok_or_else(|| contradiction("has none"))?;
            (Streams::terminal(master)?, init)
        } else {
            let (streams, ends) = self.streams()?;
            let mut init = create(job, &self.run_dir, Some(ends))?;
            if init.take_terminal().is_some() {
                return Err(contradiction("has one"));
            }
            (streams, init)
        };
        let until = job.supervision.time_limit.map(|limit| Instant::now() + limit);
        let vigil = job.supervision.health.clone().map(Vigil::new);
        let (stop_signal, patience) = (job.supervision.stop_signal, job.supervision.stop_timeout);
        let patience = Duration::from_secs(patience.into());
        let (pidfd, pid) = (init.pidfd()?, init.pid());
        let life = Life { pidfd, pid, streams, until, timed_out: false, vigil, stop_signal, patience, mercy: None };
        Ok((life, init))
    }

    /// This monitor's ends of the streams, and the container's.
    fn streams(&self) -> Result<(Streams, [OwnedFd; 3])> {
        match &self.passthrough {
            Some(given) if self.job.supervision.logging.driver == LogDriver::Passthrough => {
                let another = |fd: &OwnedFd| {
                    fcntl_dupfd_cloexec(fd, 3).map_err(|errno| {
                        Error::new(codes::UR0512, "the container's standard streams cannot be made")
                            .os("fcntl(F_DUPFD_CLOEXEC)", errno.raw_os_error())
                    })
                };
                let [stdin, stdout, stderr] = given;
                Ok((Streams::none(), [another(stdin)?, another(stdout)?, another(stderr)?]))
            }
            _ => Streams::pipes(self.job.stdin),
        }
    }

    /// `--pidfile` and `--conmon-pidfile`; what cannot be written is a warning.
    fn write_pid_files(&self, init: i32) -> Vec<Error> {
        let supervision = &self.job.supervision;
        let own = rustix::process::getpid().as_raw_nonzero().get();
        let files = [(&supervision.pidfile, init), (&supervision.monitor_pidfile, own)];
        let write = |(path, pid): (&Option<std::path::PathBuf>, i32)| {
            let path = path.as_ref()?;
            let (above, name) = path.parent().zip(path.file_name())?;
            let written = Dir::open(above).and_then(|dir| dir.write(name, pid.to_string().as_bytes(), 0o644));
            written.err().map(|failed| {
                let mut report =
                    failed.into_error(codes::UR0632, format!("`{}` cannot be written", path.display())).into_report();
                report.severity = diag::Severity::Warning;
                report.into()
            })
        };
        files.into_iter().filter_map(write).collect()
    }
}

fn contradiction(found: &str) -> Error {
    Error::new(
        codes::UR0413,
        format!("by `process.terminal` the container {found}, and the engine asked for the opposite"),
    )
}
