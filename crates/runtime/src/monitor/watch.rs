//! The event loop: from the start of a container's command to the end of its init, and while a restart is waited for.

use std::{
    mem,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    rc::Rc,
    time::{Duration, Instant},
};

use diag::{Error, Result, codes};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{WaitId, WaitIdOptions, waitid},
};

use super::{
    clients::{self, Clients},
    health::{Probe, Verdict, Vigil},
    log::Log,
    notify::Notifier,
    scribe::Scribe,
    streams::{Read, Streams, read},
};
use crate::{
    attach::{CONTENTS_LIMIT, FromClient, Link, Listener},
    job::{Exit, TIMED_OUT, frame, health::OnFailure},
};

/// How many messages of one client are heard before the others' turn.
const MESSAGES_A_TURN: usize = 16;

/// How much of a stream is read after init's end. All that init left is in the pipe or the terminal, and a pipe holds 64 KiB
/// unless somebody made it larger, up to 1 MiB; more can only come from a process that outlives init.
const DRAIN_LIMIT: usize = 1 << 20;

/// Everything that the loop looks after, for as long as there is a monitor.
pub(super) struct Watch {
    /// The container, while it runs.
    pub(super) life: Option<Life>,
    pub(super) clients: Clients,
    pub(super) listener: Listener,
    pub(super) log: Log,
    /// The way to the service manager.
    pub(super) notifier: Option<Notifier>,
    pub(super) scribe: Rc<Scribe>,
    /// Whether somebody wants it not to be started again.
    pub(super) kept_down: bool,
    /// Whether its health check wants it to be started again, whatever its restart policy says.
    pub(super) revived: bool,
    /// For what is read, from whichever side.
    pub(super) buffer: Vec<u8>,
}

/// A container that runs. It is not known here how it was made.
pub(super) struct Life {
    pub(super) pidfd: OwnedFd,
    pub(super) pid: i32,
    pub(super) streams: Streams,
    /// When it is killed.
    pub(super) until: Option<Instant>,
    /// Whether it was killed because its time was up.
    pub(super) timed_out: bool,
    /// The watch over its health.
    pub(super) vigil: Option<Vigil>,
    pub(super) stop_signal: u8,
    /// How long it has after its stop signal.
    pub(super) patience: Duration,
    /// When it is killed that was asked to end.
    pub(super) mercy: Option<Instant>,
}

/// How many ways out a container has.
const OUTPUTS: usize = 2;

/// Its number.
const SIGKILL: u8 = 9;

/// What a descriptor in the list of poll(2) stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Init,
    Listener,
    Input,
    Output(usize),
    Client(usize),
    CheckEnd,
    CheckOutput,
    Notify,
}

impl Watch {
    /// Looks after the container until its init has ended and its output was read; from then on there is none.
    pub(super) fn run(&mut self, probe: Probe) -> Result<Exit> {
        self.tell_health();
        while !self.turn(self.life.as_ref().and_then(Life::due), Some(probe))? {
            self.mind_the_time(probe);
        }
        self.drain();
        let exit = self.life.as_ref().map_or_else(|| Ok(Exit::default()), Life::exit);
        self.life = None;
        exit
    }

    /// Listens to the clients for a while in which there is no container, or until it is to be kept down.
    pub(super) fn rest(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.kept_down && Instant::now() < until {
            if self.turn(Some(until), None).is_err() {
                // Nothing can be heard any more; but the time passes.
                std::thread::sleep(until.saturating_duration_since(Instant::now()));
            }
        }
    }

    /// Does what is due: kills a container whose time is up, begins or ends a check of its health.
    fn mind_the_time(&mut self, probe: Probe) {
        let Some(life) = &mut self.life else { return };
        let now = Instant::now();
        let is_up = |until: &mut Option<Instant>| until.take_if(|until| *until <= now).is_some();
        life.timed_out |= is_up(&mut life.until) && sys::signals::send(&life.pidfd, SIGKILL).is_ok();
        if is_up(&mut life.mercy) {
            // If it has ended already, the next turn says so.
            let _ = sys::signals::send(&life.pidfd, SIGKILL);
        }
        if life.vigil.as_mut().is_some_and(|vigil| vigil.tick(probe)) {
            self.tell_health();
        }
    }

    /// A client wants a check now.
    fn check_now(&mut self, probe: Option<Probe>) {
        let vigil = self.life.as_mut().and_then(|life| life.vigil.as_mut()).zip(probe);
        match vigil {
            Some((vigil, probe)) => {
                if vigil.begin(probe) {
                    self.tell_health();
                }
            }
            // Who asks waits for an answer: there is no finding.
            None => self.clients.tell(frame::CHECKED, b"null"),
        }
    }

    /// A check has ended.
    fn finish_check(&mut self) {
        let Some(vigil) = self.life.as_mut().and_then(|life| life.vigil.as_mut()) else { return };
        let verdict = vigil.finish();
        self.tell_health();
        if let Verdict::Act(action) = verdict {
            self.act(action);
        }
    }

    /// Writes the container's health down and tells it to who waits for it.
    fn tell_health(&mut self) {
        let Some(vigil) = self.life.as_ref().and_then(|life| life.vigil.as_ref()) else { return };
        let report = &vigil.report;
        self.scribe.record_health(report);
        if let Some(finding) = report.log.last() {
            self.scribe.note_health(&report.status);
            self.clients.tell(frame::CHECKED, &serde_json::to_vec(finding).unwrap_or_default());
        }
        let warning = match &mut self.notifier {
            Some(notifier) if report.status == "healthy" => notifier.healthy(),
            _ => None,
        };
        if let Some(warning) = warning {
            self.clients.tell_report(clients::WARNING, warning);
        }
    }

    /// Does what is to be done with an unhealthy container.
    fn act(&mut self, action: OnFailure) {
        let Some(life) = &mut self.life else { return };
        match action {
            OnFailure::None => return,
            OnFailure::Kill => {}
            OnFailure::Restart => self.revived = true,
            OnFailure::Stop => self.kept_down = true,
        }
        let signal = if action == OnFailure::Kill { SIGKILL } else { life.stop_signal };
        life.mercy = Some(Instant::now() + life.patience);
        // If it has ended already, the next turn says so.
        let _ = sys::signals::send(&life.pidfd, signal);
    }

    /// Listens to what the clients have said so far: before the start, so that a terminal has its size from the beginning.
    pub(super) fn hear_all(&mut self) {
        for index in 0..self.clients.iter().count() {
            self.hear(index, None);
        }
        self.clients.sweep();
    }

    /// Waits, and serves everything that is ready; whether init has ended.
    fn turn(&mut self, until: Option<Instant>, probe: Option<Probe>) -> Result<bool> {
        let ready = self.wait(until)?;
        for (source, flags) in &ready {
            match *source {
                Source::Init => {}
                Source::Listener => self.accept(),
                Source::Input => self.flush_input(),
                Source::Output(index) => drop(self.read(index)),
                Source::Client(index) => self.serve(index, *flags, probe),
                Source::CheckEnd => self.finish_check(),
                Source::CheckOutput => self.read_check(),
                Source::Notify => self.notifier.iter().for_each(Notifier::pass_on),
            }
        }
        self.clients.sweep();
        Ok(ready.iter().any(|(source, _)| *source == Source::Init))
    }

    /// What is waited for at the moment.
    fn interests(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut list = Vec::with_capacity(8);
        list.push((Source::Listener, self.listener.as_fd(), PollFlags::IN));
        let inlet = self.notifier.as_ref().and_then(|notifier| notifier.inlet.as_ref());
        list.extend(inlet.map(|inlet| (Source::Notify, inlet.as_fd(), PollFlags::IN)));
        if let Some(life) = &self.life {
            list.push((Source::Init, life.pidfd.as_fd(), PollFlags::IN));
            if let Some((end, output)) = life.vigil.as_ref().and_then(Vigil::waits_for) {
                list.push((Source::CheckEnd, end.as_fd(), PollFlags::IN));
                list.extend(output.map(|output| (Source::CheckOutput, output.as_fd(), PollFlags::IN)));
            }
            list.extend(life.streams.input.blocked().map(|end| (Source::Input, end.as_fd(), PollFlags::OUT)));
            // A client that has not taken the last message is waited for, not buffered for.
            if self.clients.are_ready() {
                for (index, output) in life.streams.outputs.iter().enumerate() {
                    list.extend(output.iter().map(|(_, fd)| (Source::Output(index), fd.as_fd(), PollFlags::IN)));
                }
            }
        }
        for (index, client) in self.clients.iter().enumerate() {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, !self.holds(client.id));
            flags.set(PollFlags::OUT, client.is_behind());
            // Even with no flags poll would report a hang-up, over and over, that cannot be acted on yet.
            if !flags.is_empty() {
                list.push((Source::Client(index), client.link.as_fd(), flags));
            }
        }
        list
    }

    /// Whether a client must not be read, because what it has said is not delivered yet.
    fn holds(&self, client: u64) -> bool {
        self.life.as_ref().is_some_and(|life| life.streams.input.holds(client))
    }

    fn read_check(&mut self) {
        if let Some(vigil) = self.life.as_mut().and_then(|life| life.vigil.as_mut()) {
            vigil.read_output();
        }
    }

    fn flush_input(&mut self) {
        if let Some(life) = &mut self.life {
            life.streams.input.flush();
        }
    }

    fn wait(&self, until: Option<Instant>) -> Result<Vec<(Source, PollFlags)>> {
        // Rounded up: a turn too early would only be one for nothing.
        let left = |until: Instant| until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        let limit = until.and_then(|until| Timespec::try_from(left(until)).ok());
        let interests = self.interests();
        let mut fds: Vec<PollFd<'_>> =
            interests.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(errno) => {
                return Err(
                    Error::new(codes::UR0699, "the container cannot be watched").os("poll", errno.raw_os_error())
                );
            }
        }
        let ready = interests.iter().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        Ok(ready.map(|((source, _, _), fd)| (*source, fd.revents())).collect())
    }

    fn accept(&mut self) {
        // One a turn: poll reports the others.
        if let Ok(link) = self.listener.accept() {
            self.welcome(link);
        }
    }

    /// Takes a client in and tells it where it is.
    pub(super) fn welcome(&mut self, link: Link) {
        let Some(client) = self.clients.add(link) else { return };
        Clients::tell_one(client, frame::HELLO, frame::VERSION.to_string().as_bytes());
        if let Some(life) = &self.life {
            Clients::tell_one(client, frame::STARTED, life.pid.to_string().as_bytes());
        }
    }

    fn serve(&mut self, index: usize, flags: PollFlags, probe: Option<Probe>) {
        if flags.intersects(PollFlags::OUT | PollFlags::ERR | PollFlags::HUP) {
            self.clients.flush(index);
        }
        if flags.intersects(PollFlags::IN | PollFlags::ERR | PollFlags::HUP) {
            self.hear(index, probe);
        }
    }

    /// Takes messages of one client.
    fn hear(&mut self, index: usize, probe: Option<Probe>) {
        let mut buffer = mem::take(&mut self.buffer);
        for _ in 0..MESSAGES_A_TURN {
            let Some(client) = self.clients.get(index).filter(|client| !self.holds(client.id)) else {
                break;
            };
            match client.link.receive(&mut buffer) {
                // What nobody understands may come from a newer client; it can do without an answer.
                Ok(Some(packet)) => {
                    let id = client.id;
                    if let Some(message) = FromClient::parse(packet) {
                        self.obey(id, message, probe);
                    }
                }
                Err(Errno::AGAIN) => break,
                Ok(None) | Err(_) => {
                    self.clients.forget(index);
                    break;
                }
            }
        }
        self.buffer = buffer;
    }

    fn obey(&mut self, client: u64, message: FromClient<'_>, probe: Option<Probe>) {
        match message {
            FromClient::CheckHealth => self.check_now(probe),
            FromClient::Quiet => self.clients.hush(client),
            FromClient::KeepDown => self.kept_down = true,
            other => {
                if let Some(life) = &mut self.life {
                    life.obey(client, other);
                }
            }
        }
    }

    /// Reads once from a stream, for the log and for the clients.
    fn read(&mut self, index: usize) -> Read {
        let Some(life) = &mut self.life else { return Read::End };
        let Some((stream, fd)) = &life.streams.outputs[index] else { return Read::End };
        self.buffer.resize(frame::LIMIT, 0);
        let outcome = read(fd, &mut self.buffer[..CONTENTS_LIMIT]);
        match outcome {
            Read::Dry => {}
            Read::End => life.streams.outputs[index] = None,
            Read::Bytes(length) => {
                let bytes = &self.buffer[..length];
                if let Some(warning) = self.log.write(*stream, bytes) {
                    self.clients.tell_report(clients::WARNING, warning);
                }
                self.clients.tell_output(stream.frame(), bytes);
            }
        }
        outcome
    }

    /// Reads what init has left: up to the end, or all that is there if another process keeps a stream open.
    fn drain(&mut self) {
        for index in 0..OUTPUTS {
            let mut total = 0;
            while let Read::Bytes(length) = self.read(index) {
                total += length;
                if total > DRAIN_LIMIT {
                    break;
                }
            }
        }
        self.clients.sweep();
    }
}

impl Life {
    /// When there is something to do that nobody says.
    fn due(&self) -> Option<Instant> {
        [self.until, self.mercy, self.vigil.as_ref().and_then(Vigil::due)].into_iter().flatten().min()
    }

    fn obey(&mut self, client: u64, message: FromClient<'_>) {
        match message {
            FromClient::Stdin(bytes) => self.streams.input.take(client, bytes),
            FromClient::StdinEnd => self.streams.input.finish(client),
            FromClient::Resize { rows, columns } => self.streams.resize(rows, columns),
            // It can have ended already; and a number that is no signal hurts nobody.
            FromClient::Signal(signal) => drop(sys::signals::send(&self.pidfd, signal)),
            FromClient::Quiet | FromClient::KeepDown | FromClient::CheckHealth => {}
        }
    }

    /// How init has ended.
    fn exit(&self) -> Result<Exit> {
        let failed = |errno: Errno| {
            Error::new(codes::UR0699, "how the container ended is not known")
                .os("waitid(P_PIDFD)", errno.raw_os_error())
        };
        let status = loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => break status,
                Ok(None) | Err(Errno::INTR) => {}
                Err(errno) => return Err(failed(errno)),
            }
        };
        let byte = |number: i32| u8::try_from(number & 0xff).unwrap_or_default();
        let signal = status.terminating_signal().map(byte);
        let code = match signal {
            _ if self.timed_out => TIMED_OUT,
            Some(signal) => 128_u8.saturating_add(signal),
            None => status.exit_status().map(byte).unwrap_or_default(),
        };
        Ok(Exit { code, signal, at: now(), timed_out: self.timed_out, ..Exit::default() })
    }
}

/// Seconds since the epoch.
pub(super) fn now() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    u64::try_from(now.tv_sec).unwrap_or(0)
}

/// Waits until the clients have taken everything, however slow they are; the container is not kept for it. Whether anybody
/// has heard it all.
pub(super) fn farewell(clients: &mut Clients, scratch: &mut Vec<u8>) -> bool {
    let mut heard = false;
    loop {
        clients.sweep();
        heard |= clients.dismiss_ready(scratch) > 0;
        if clients.is_empty() {
            return heard;
        }
        let mut fds: Vec<PollFd<'_>> = clients.iter().map(|client| PollFd::new(&client.link, PollFlags::OUT)).collect();
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return heard,
        }
        drop(fds);
        for index in 0..clients.iter().count() {
            clients.flush(index);
        }
    }
}
