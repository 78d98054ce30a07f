//! What a monitor needs of the container that it watches.

use std::{mem, os::fd::OwnedFd};

use diag::{Error, Result, codes};
use oci::{Bundle, Source, spec::Hook};
use sys::{Alone, Dir};

use crate::{
    cgroup::Record,
    hooks::{self, Kind},
    host::Host,
    job::Job,
    launch::{self, Init, Request},
};

/// A container that has been made and waits for the word: a [`Made`], or what a test puts in its place. Dropping it
/// ends it.
pub(super) trait Waiting {
    /// Becomes readable when init ends.
    fn pidfd(&self) -> Result<OwnedFd>;
    /// Init's pid on the host.
    fn pid(&self) -> i32;
    /// The master of its terminal; handed over once.
    fn take_terminal(&mut self) -> Option<OwnedFd>;
    /// What the user should know; handed over once.
    fn take_warnings(&mut self) -> Vec<Error>;
    /// Lets the command execute.
    fn start(self) -> Result<Started>;
}

/// A container whose command was executed.
pub(super) struct Started {
    /// What the user should know.
    pub(super) warnings: Vec<Error>,
    /// Its control groups.
    pub(super) groups: Vec<Record>,
    /// Clears away what is left of it, after its end; what that came to, as warnings.
    pub(super) clear_away: Box<dyn FnOnce() -> Vec<Error>>,
}

/// A real one.
pub(super) struct Made {
    init: Init,
    run_dir: Dir,
    /// All that is needed of config.json after the start.
    poststop: Vec<Hook>,
    source: Source,
}

impl Made {
    /// Makes the container of a job.
    pub(super) fn new(
        alone: &Alone,
        host: &Host,
        job: &Job,
        run_dir: &Dir,
        stdio: Option<[OwnedFd; 3]>,
    ) -> Result<Made> {
        let another = || {
            let failed = |failed: sys::Failed| failed.into_error(codes::UR0606, "the run directory cannot be used");
            run_dir.try_clone().map_err(failed)
        };
        let bundle = Bundle::open(&job.bundle)?;
        let hooks = bundle.spec.hooks.as_ref().map(|hooks| Kind::Poststop.of(hooks));
        let (poststop, source) = (hooks.unwrap_or_default().to_vec(), bundle.source.clone());
        let request = Request {
            id: job.id.clone(),
            bundle,
            root: job.root.clone(),
            stdio,
            no_pivot: false,
            preserve_fds: 0,
            die_with_parent: true,
            started_by_others: false,
            state_dir: another()?,
        };
        Ok(Made { init: launch::create(alone, request, host)?, run_dir: another()?, poststop, source })
    }
}

impl Waiting for Made {
    fn pidfd(&self) -> Result<OwnedFd> {
        self.init.pidfd()
    }

    fn pid(&self) -> i32 {
        self.init.pid()
    }

    fn take_terminal(&mut self) -> Option<OwnedFd> {
        self.init.terminal.take()
    }

    fn take_warnings(&mut self) -> Vec<Error> {
        mem::take(&mut self.init.warnings)
    }

    /// From here on only death can part init from its monitor, so the plan, the document and all of their descriptors go.
    fn start(mut self) -> Result<Started> {
        let warnings = self.init.start()?;
        let Made { mut init, run_dir, poststop, source } = self;
        let (cgroup, mut state) = (mem::take(&mut init.cgroup), init.state.clone());
        // Where there is no hook to run, nothing is left to point into.
        let source = if poststop.is_empty() { Source::new("", "") } else { source };
        drop(init.release());
        let groups = cgroup.records();
        let clear_away = Box::new(move || {
            let mut warnings = launch::clear_away(None, &mut state, &cgroup, &run_dir);
            warnings.extend(hooks::run_each(&poststop, Kind::Poststop, &source, &state.for_hooks()));
            warnings
        });
        Ok(Started { warnings, groups, clear_away })
    }
}
