//! One hook as a process: fed, listened to, and ended when its time is over.

use std::{
    fs::File,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use oci::spec::Hook;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_setfl},
    io::Errno,
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

/// How much of a hook's output is kept, from its end.
const OUTPUT_KEPT: usize = 2048;

/// How a hook ended.
pub(super) struct End {
    /// What went wrong, as the end of a sentence.
    pub(super) fault: Option<String>,
    /// The last of what it printed, on either stream.
    pub(super) output: Vec<u8>,
}

/// A call that failed before the hook ran.
pub(super) struct Failed {
    pub(super) call: &'static str,
    pub(super) errno: Errno,
}

/// Runs a hook to its end.
pub(super) fn run(hook: &Hook, state: &[u8]) -> Result<End, Failed> {
    let deadline = hook.timeout.and_then(|seconds| {
        let seconds = u64::try_from(seconds).ok()?;
        // A deadline beyond the clock's range is none.
        Instant::now().checked_add(Duration::from_secs(seconds))
    });
    let (listen, speak) = std::io::pipe().map_err(failed("pipe2"))?;
    let mut child = command(hook, speak)?.spawn().map_err(failed("execve"))?;
    let ends = Ends::new(&mut child, listen.into(), state);
    let (ended, output) = match ends {
        Ok(ends) => ends.attend(deadline),
        Err(failed) => {
            end(&mut child);
            return Err(failed);
        }
    };
    if !ended {
        end(&mut child);
        let fault = format!("did not end within its timeout of {} seconds and was killed", hook.timeout.unwrap_or(0));
        return Ok(End { fault: Some(fault), output });
    }
    let status = child.wait().map_err(failed("waitid"))?;
    Ok(End { fault: fault(status), output })
}

fn command(hook: &Hook, speak: std::io::PipeWriter) -> Result<Command, Failed> {
    let mut command = Command::new(&hook.path);
    if let Some((name, rest)) = hook.args.split_first() {
        command.arg0(name).args(rest);
    }
    command.env_clear();
    for variable in &hook.env {
        if let Some((name, value)) = variable.split_once('=') {
            command.env(name, value);
        }
    }
    let same = speak.try_clone().map_err(failed("dup"))?;
    command.stdin(Stdio::piped()).stdout(speak).stderr(same);
    // A group of its own, so that its children end with it when its time is over.
    command.process_group(0);
    Ok(command)
}

fn failed(call: &'static str) -> impl Fn(std::io::Error) -> Failed {
    move |error| Failed { call, errno: Errno::from_io_error(&error).unwrap_or(Errno::IO) }
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Both can only fail if it has ended already.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn fault(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exited with status {code}")),
        (None, Some(signal)) => {
            let number = u8::try_from(signal).ok().and_then(crate::signal::Signal::new);
            Some(number.map_or_else(|| "was killed".to_owned(), |signal| format!("was killed by {signal}")))
        }
        (None, None) => Some("ended in an unknown way".to_owned()),
    }
}

/// Our ends of a running hook.
struct Ends<'a> {
    pidfd: OwnedFd,
    feed: Option<OwnedFd>,
    listen: Option<File>,
    state: &'a [u8],
    output: Vec<u8>,
}

impl<'a> Ends<'a> {
    fn new(child: &mut Child, listen: OwnedFd, state: &'a [u8]) -> Result<Ends<'a>, Failed> {
        let errno = |call| move |errno| Failed { call, errno };
        let pid = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or(Failed { call: "fork", errno: Errno::SRCH })?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).map_err(errno("pidfd_open"))?;
        let feed = child.stdin.take().map(OwnedFd::from);
        for end in feed.iter().map(AsFd::as_fd).chain([listen.as_fd()]) {
            fcntl_setfl(end, OFlags::NONBLOCK).map_err(errno("fcntl"))?;
        }
        Ok(Ends { pidfd, feed, listen: Some(File::from(listen)), state, output: Vec::new() })
    }

    /// Feeds and listens until the hook has ended (true) or its time is over (false).
    fn attend(mut self, deadline: Option<Instant>) -> (bool, Vec<u8>) {
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let ended = self.wait(left);
            self.feed();
            self.listen();
            if ended || left.is_some_and(|left| left.is_zero()) {
                return (ended, self.output);
            }
        }
    }

    /// Waits until there is something to do; whether the hook has ended.
    fn wait(&self, left: Option<Duration>) -> bool {
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut fds = vec![PollFd::new(&self.pidfd, PollFlags::IN)];
        fds.extend(self.feed.iter().map(|feed| PollFd::new(feed, PollFlags::OUT)));
        fds.extend(self.listen.iter().map(|listen| PollFd::new(listen, PollFlags::IN)));
        // EINTR and a timeout look alike from here: the caller looks at the clock.
        poll(&mut fds, timeout.as_ref()).is_ok() && fds[0].revents().contains(PollFlags::IN)
    }

    /// Writes what the hook takes of the state. That it does not read it all is its own affair.
    fn feed(&mut self) {
        while let Some(feed) = &self.feed {
            match rustix::io::write(feed, self.state) {
                Ok(n) if n < self.state.len() => self.state = &self.state[n..],
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => self.feed = None,
            }
        }
    }

    /// Reads what it has printed, and keeps the end of it.
    fn listen(&mut self) {
        let mut buffer = [0; 1024];
        // Bounded: a hook that prints without pause must not keep us from looking at the clock.
        for _ in 0..64 {
            let Some(listen) = &self.listen else { return };
            match rustix::io::read(listen, &mut buffer) {
                Ok(0) => self.listen = None,
                Ok(n) => self.keep(&buffer[..n]),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.listen = None,
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        let surplus = self.output.len().saturating_sub(OUTPUT_KEPT);
        self.output.drain(..surplus);
    }
}
