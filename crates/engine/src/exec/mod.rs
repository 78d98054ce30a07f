//! `exec`: a further process in a container that runs.
//!
//! *Theory of operation.* The process is this one's own child: no monitor stands between a command and its exit status. It gets
//! pipes or a terminal of the container, never this process's own streams, whose files are none of the container's business; this process
//! carries the bytes (`attended`). A session in the background has a *keeper*, a clone of this process that is its parent instead, and
//! that writes down how it ended (`keeper`). Each session has a record in the container's run directory (`record`).
//!
//! An ordinary user's namespace is entered before, as for every verb: from there one has all rights over the container's.

mod attended;
mod keeper;
mod process;
pub mod record;

use std::os::fd::OwnedFd;

use diag::{Error, Result, codes};
use runtime::{
    exec::{Container, Request},
    host::{Host, WITHOUT},
    state::State,
};
use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
    pipe::{PipeFlags, pipe_with},
};
use store::ContainerId;
use sys::Alone;

use self::{
    attended::{End, Ends},
    record::Sessions,
};
use crate::{
    Engine,
    client::{Wiring, catch_signals, keys::DetachKeys},
    origins::Origins,
    request::Given,
    target::Target,
};

/// What is asked for.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that the user gave or not")]
#[derive(Clone, Debug, Default)]
pub struct ExecRequest {
    /// The container.
    pub container: Given<String>,
    /// The command and its arguments.
    pub command: Vec<Given<String>>,
    /// `--detach`.
    pub detach: bool,
    /// `--interactive`.
    pub interactive: bool,
    /// `--tty`.
    pub tty: bool,
    /// `--privileged`.
    pub privileged: bool,
    /// `--user`.
    pub user: Option<Given<String>>,
    /// `--workdir`.
    pub workdir: Option<Given<String>>,
    /// `--env`.
    pub env: Vec<Given<String>>,
    /// `--env-file`.
    pub env_file: Vec<Given<String>>,
    /// `--preserve-fds`.
    pub preserve_fds: u32,
    /// `--detach-keys`; Podman's if it is not given.
    pub detach_keys: Option<Given<String>>,
}

/// What it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The command has ended with this exit status.
    Exited(u8),
    /// It runs in the background as the session of this id.
    Detached(String),
    /// The detach keys were typed; it goes on.
    Left,
}

/// A process's standard streams: those that it gets, and the other ends.
struct Wired {
    given: Option<[OwnedFd; 3]>,
    ends: Ends,
}

impl Engine<'_> {
    /// Runs a command in a container that runs. Errors: UR0814 (it does not run), UR0640 (paused), UR0507 (the user), and those of a command.
    pub fn exec(&self, alone: &Alone, request: &ExecRequest) -> Result<Outcome> {
        let target = self.target(&request.container)?;
        let (container, sessions) = self.enterable(&target, &request.container)?;
        let process = process::of(&target.config, &container, request)?;
        let origins = Origins::of_exec(request, &process.env);
        let host = Host::new(std::env::var(WITHOUT).ok().as_deref())?;
        let record = sessions.begin(ContainerId::random().to_string(), &process, request.detach)?;
        let wired = wire(request)?;
        let ask = Request {
            process,
            source: None,
            stdio: wired.given,
            preserve_fds: request.preserve_fds,
            groups: Vec::new(),
            ignore_paused: false,
        };
        if request.detach {
            let id = record.id().to_owned();
            let begin = |alone: &Alone| container.enter(alone, ask, &host).map_err(|error| origins.attach(error));
            keeper::keep(alone, begin, record)?;
            return Ok(Outcome::Detached(id));
        }
        let keys = request.detach_keys.as_ref();
        let keys = keys.map_or_else(
            || Ok(DetachKeys::default()),
            |keys| DetachKeys::parse(&keys.value).map_err(|error| keys.blame(error)),
        )?;
        let signals = catch_signals(&Wiring::default())?;
        let mut entered = container.enter(alone, ask, &host).map_err(|error| origins.attach(error))?;
        entered.warnings.iter().for_each(|warning| self.warn(warning));
        let (terminal, pid) = (entered.terminal.take(), entered.pid());
        let record = record.runs(pid);
        let child = entered.execute().map_err(|error| origins.attach(error))?;
        let ends = match terminal {
            Some(master) => Ends::terminal(master, request.interactive, keys),
            None => wired.ends,
        };
        match attended::attend(&child, ends, &signals)? {
            End::Exited(status) => {
                record.forget();
                Ok(Outcome::Exited(status))
            }
            End::Left(master) => {
                keeper::keep_terminal(alone, master)?;
                Ok(Outcome::Left)
            }
        }
    }

    /// The container, if it runs, and where its sessions are kept.
    fn enterable(&self, target: &Target, key: &Given<String>) -> Result<(Container, Sessions)> {
        let dir = self.running_dir(target, key)?;
        let container = State::read(&dir).and_then(Container::open).map_err(|error| {
            if [codes::UR0603, codes::UR0606].contains(&error.code()) { target.not_running(key) } else { error }
        })?;
        Ok((container, Sessions::of(dir)))
    }
}

/// Makes the streams: a terminal is made in the container, everything else is pipes; nothing comes of an input that was not asked for.
fn wire(request: &ExecRequest) -> Result<Wired> {
    let failed = |call: &'static str| {
        move |errno: Errno| {
            Error::new(codes::UR0512, "the standard streams cannot be made").os(call, errno.raw_os_error())
        }
    };
    if request.tty && !request.detach {
        return Ok(Wired { given: None, ends: Ends::default() });
    }
    let null = || open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(failed("open(/dev/null)"));
    if request.detach {
        return Ok(Wired { given: Some([null()?, null()?, null()?]), ends: Ends::default() });
    }
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(failed("pipe2()"));
    let (stdin, input) = if request.interactive {
        let (reader, writer) = pipe()?;
        (reader, Some(writer))
    } else {
        (null()?, None)
    };
    let ((out, stdout), (err, stderr)) = (pipe()?, pipe()?);
    let ends = Ends::pipes(input, out, err).map_err(failed("fcntl(O_NONBLOCK)"))?;
    Ok(Wired { given: Some([stdin, stdout, stderr]), ends })
}
