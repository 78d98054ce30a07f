//! The container's health: a command that is executed in it at intervals, and what is made of how it ends.
//!
//! What is known is in `health.json` in the bundle, in the form in which `inspect` shows it. A check that runs is one more
//! process of this monitor's; its output goes through a pipe that the event loop reads. One check at a time.

use std::{
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use diag::Result;
use rustix::{
    fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open},
    io,
    pipe::{PipeFlags, pipe_with},
    process::{WaitId, WaitIdOptions, waitid},
};
use serde::{Deserialize, Serialize};

use crate::{
    chronicle,
    job::health::{Health, OnFailure, command},
};

/// The file in the bundle.
pub const FILE: &str = "health.json";

/// How many results are kept, …
const KEPT: usize = 5;
/// … and how much of each one's output, in bytes.
const OUTPUT_LIMIT: usize = 500;

/// The exit status of a check that took too long.
const TIMED_OUT: i32 = -1;

/// What is known of a container's health, as Podman's `inspect` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report {
    /// `starting`, `healthy` or `unhealthy`.
    pub status: String,
    /// How often it has failed in a row.
    pub failing_streak: u32,
    /// The last results, the newest last.
    pub log: Vec<Finding>,
}

/// How one check ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Finding {
    /// When it began: RFC 3339.
    pub start: String,
    /// When it had ended.
    pub end: String,
    /// Its exit status; -1 if it was killed because it took too long, or could not be executed.
    pub exit_code: i32,
    /// The beginning of what it printed.
    pub output: String,
}

/// Executes a command in the container with these streams: a descriptor of the process that becomes readable when it ends.
/// This process is its parent.
pub(super) type Probe<'a> = &'a dyn Fn(&[String], [OwnedFd; 3]) -> Result<OwnedFd>;

/// What is to be done with the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    GoOn,
    /// `--health-on-failure`, which is not `none`.
    Act(OnFailure),
}

/// A check that runs.
struct Check {
    pidfd: OwnedFd,
    /// `None` once it has ended.
    output: Option<OwnedFd>,
    text: Vec<u8>,
    began: u64,
    until: Instant,
    timed_out: bool,
}

/// The watch over a container's health during one life.
pub(super) struct Vigil {
    health: Health,
    pub(super) report: Report,
    begun: Instant,
    next: Option<Instant>,
    check: Option<Check>,
    /// Whether the startup check is still to succeed, and how often it has, or has failed, in a row.
    is_starting_up: bool,
    row: (u32, u32),
}

impl Vigil {
    /// Begins, with the first check at once.
    pub(super) fn new(health: Health) -> Vigil {
        let now = Instant::now();
        let (is_starting_up, interval) = match &health.startup {
            Some(startup) => (true, startup.interval),
            None => (false, health.interval),
        };
        let next = (!interval.is_zero()).then_some(now);
        let report = Report { status: "starting".to_owned(), ..Report::default() };
        Vigil { health, report, begun: now, next, check: None, is_starting_up, row: (0, 0) }
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.check {
            Some(check) if check.timed_out => None,
            Some(check) => Some(check.until),
            None => self.next,
        }
    }

    /// What is waited for: the check's end, and its output.
    pub(super) fn waits_for(&self) -> Option<(&OwnedFd, Option<&OwnedFd>)> {
        self.check.as_ref().map(|check| (&check.pidfd, check.output.as_ref()))
    }

    /// Does what is due: begins a check, or ends one that takes too long. True if a check could not be begun, which is its result.
    pub(super) fn tick(&mut self, probe: Probe) -> bool {
        let now = Instant::now();
        if self.due().is_none_or(|due| due > now) {
            return false;
        }
        match &mut self.check {
            Some(check) => {
                check.timed_out = true;
                let _ = sys::signals::send(&check.pidfd, 9);
                false
            }
            None => self.begin(probe),
        }
    }

    /// Begins a check, unless one runs; true if that was not possible.
    pub(super) fn begin(&mut self, probe: Probe) -> bool {
        if self.check.is_some() {
            return false;
        }
        let (test, timeout) = match &self.health.startup {
            Some(startup) if self.is_starting_up => (&startup.test, startup.timeout),
            _ => (&self.health.test, self.health.timeout),
        };
        let Some(words) = command(test) else {
            self.next = None;
            return false;
        };
        let began = chronicle::now();
        match start(probe, &words) {
            Ok((pidfd, output)) => {
                let until = Instant::now() + timeout;
                self.check =
                    Some(Check { pidfd, output: Some(output), text: Vec::new(), began, until, timed_out: false });
                false
            }
            Err(words) => {
                self.judge(began, TIMED_OUT, words);
                true
            }
        }
    }

    /// Reads what the check has printed.
    pub(super) fn read_output(&mut self) {
        let Some(check) = &mut self.check else { return };
        let mut buffer = [0; 1024];
        // Bounded, for a check that prints without end.
        for _ in 0..READS_A_TURN {
            let Some(output) = &check.output else { return };
            match io::read(output, &mut buffer) {
                Ok(0) => check.output = None,
                Ok(length) => {
                    let room = OUTPUT_LIMIT.saturating_sub(check.text.len());
                    check.text.extend_from_slice(&buffer[..length.min(room)]);
                }
                Err(_) => return,
            }
        }
    }

    /// Takes note of a check that has ended; what that means for the container.
    pub(super) fn finish(&mut self) -> Verdict {
        self.read_output();
        let Some(check) = self.check.take() else { return Verdict::GoOn };
        let status = waitid(WaitId::PidFd(check.pidfd.as_fd()), WaitIdOptions::EXITED).ok().flatten();
        let code = match status.as_ref().and_then(rustix::process::WaitIdStatus::exit_status) {
            Some(code) if !check.timed_out => code,
            _ => TIMED_OUT,
        };
        let text = String::from_utf8_lossy(&check.text).into_owned();
        self.judge(check.began, code, text)
    }

    /// Takes note of a result.
    fn judge(&mut self, began: u64, exit_code: i32, output: String) -> Verdict {
        let (start, end) = (chronicle::time(began), chronicle::time(chronicle::now()));
        self.report.log.push(Finding { start, end, exit_code, output });
        let excess = self.report.log.len().saturating_sub(KEPT);
        self.report.log.drain(..excess);
        let verdict =
            if self.is_starting_up { self.judge_startup(exit_code == 0) } else { self.judge_health(exit_code == 0) };
        let interval = match &self.health.startup {
            Some(startup) if self.is_starting_up => startup.interval,
            _ => self.health.interval,
        };
        self.next = (!interval.is_zero()).then(|| Instant::now() + interval.max(SHORTEST));
        verdict
    }

    fn judge_startup(&mut self, well: bool) -> Verdict {
        let Some(startup) = &self.health.startup else { return Verdict::GoOn };
        self.row = if well { (self.row.0 + 1, 0) } else { (0, self.row.1 + 1) };
        if self.row.0 >= startup.successes.max(1) {
            self.is_starting_up = false;
            // From here on the regular check decides.
            self.begun = Instant::now();
            return Verdict::GoOn;
        }
        if startup.retries > 0 && self.row.1 >= startup.retries {
            self.row.1 = 0;
            return Verdict::Act(OnFailure::Restart);
        }
        Verdict::GoOn
    }

    fn judge_health(&mut self, well: bool) -> Verdict {
        if well {
            self.report.failing_streak = 0;
            "healthy".clone_into(&mut self.report.status);
            return Verdict::GoOn;
        }
        if self.begun.elapsed() < self.health.start_period {
            return Verdict::GoOn;
        }
        self.report.failing_streak += 1;
        if self.report.failing_streak < self.health.retries.max(1) || self.report.status == "unhealthy" {
            return Verdict::GoOn;
        }
        "unhealthy".clone_into(&mut self.report.status);
        match self.health.on_failure {
            OnFailure::None => Verdict::GoOn,
            action => Verdict::Act(action),
        }
    }
}

/// How often a check's output is read before the others' turn.
const READS_A_TURN: usize = 64;

/// A check is not begun more often than this, whatever was asked for.
const SHORTEST: Duration = Duration::from_millis(100);

/// Starts the command with its output in a pipe; why not, in words.
fn start(probe: Probe, words: &[String]) -> Result<(OwnedFd, OwnedFd), String> {
    let pipe = || {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&reader, fcntl_getfl(&reader)? | OFlags::NONBLOCK)?;
        let null = open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let errors = io::fcntl_dupfd_cloexec(&writer, 3)?;
        Ok::<_, io::Errno>((reader, [null, writer, errors]))
    };
    let (reader, streams) = pipe().map_err(|errno| errno.to_string())?;
    let pidfd = probe(words, streams).map_err(|error| error.to_string())?;
    Ok((pidfd, reader))
}

impl Drop for Check {
    /// A check does not outlive what it checks.
    fn drop(&mut self) {
        if sys::signals::send(&self.pidfd, 9).is_ok() {
            let _ = waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::health::Startup;

    fn vigil(retries: u32, start_period: u64) -> Vigil {
        let health = Health {
            retries,
            start_period: Duration::from_secs(start_period),
            on_failure: OnFailure::Kill,
            ..Health::default()
        };
        Vigil::new(health)
    }

    fn judged(vigil: &mut Vigil, codes: &[i32]) -> Vec<(String, Verdict)> {
        let judge = |code: &i32| {
            let verdict = vigil.judge(0, *code, String::new());
            (vigil.report.status.clone(), verdict)
        };
        codes.iter().map(judge).collect()
    }

    #[test]
    fn failures_in_a_row_make_it_unhealthy_once() {
        let mut vigil = vigil(2, 0);
        let seen = judged(&mut vigil, &[1, 0, 1, -1, 1, 0, 0]);
        let act = Verdict::Act(OnFailure::Kill);
        let on = Verdict::GoOn;
        let expected = [
            ("starting", on),
            ("healthy", on),
            ("healthy", on),
            ("unhealthy", act),
            ("unhealthy", on),
            ("healthy", on),
            ("healthy", on),
        ];
        assert_eq!(seen, expected.map(|(status, verdict)| (status.to_owned(), verdict)));
        assert_eq!((vigil.report.log.len(), vigil.report.failing_streak), (KEPT, 0));
    }

    #[test]
    fn failures_of_the_beginning_do_not_count() {
        let mut vigil = vigil(1, 3600);
        assert_eq!(judged(&mut vigil, &[1, 1, 1])[2], ("starting".to_owned(), Verdict::GoOn));
        assert_eq!(judged(&mut vigil, &[0])[0].0, "healthy");
    }

    #[test]
    fn a_startup_check_comes_first() {
        let startup = Startup { retries: 2, successes: 2, ..Startup::default() };
        let mut vigil = Vigil::new(Health { startup: Some(startup), ..Health::default() });
        let verdicts: Vec<Verdict> = judged(&mut vigil, &[0, 1, 1]).into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(verdicts, [Verdict::GoOn, Verdict::GoOn, Verdict::Act(OnFailure::Restart)]);
        assert_eq!(judged(&mut vigil, &[0, 0])[1].0, "starting");
        assert_eq!(judged(&mut vigil, &[0])[0].0, "healthy");
    }
}
