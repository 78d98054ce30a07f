//! The monitor around a fake container: a plain child process. No root is needed.

use std::{
    os::fd::AsRawFd,
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
    pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt},
};
use tempfile::TempDir;

use super::{container::Started, health::Report, scribe::EXIT, *};
use crate::{
    attach::{FromClient, FromMonitor, Link},
    job::{
        Exit, Supervision,
        health::{Health, OnFailure},
        restart::RestartPolicy,
    },
};

/// A shell that waits for the word before it does what it shall.
struct Fake {
    child: Child,
    pidfd: OwnedFd,
    go: std::io::PipeWriter,
    terminal: Option<OwnedFd>,
    cleared: Arc<AtomicBool>,
}

impl Waiting for Fake {
    fn pidfd(&self) -> Result<OwnedFd> {
        Ok(self.pidfd.try_clone().unwrap())
    }

    fn pid(&self) -> i32 {
        self.child.id().try_into().unwrap()
    }

    fn take_terminal(&mut self) -> Option<OwnedFd> {
        self.terminal.take()
    }

    fn take_warnings(&mut self) -> Vec<Error> {
        vec![Error::warning(codes::UR0611, "a warning")]
    }

    fn start(self) -> Result<Started> {
        drop(self.go);
        let cleared = self.cleared;
        let clear_away = Box::new(move || {
            cleared.store(true, Ordering::SeqCst);
            vec![Error::warning(codes::UR0605, "a hook's warning")]
        });
        Ok(Started { warnings: vec![], groups: vec![], clear_away })
    }
}

fn fake(script: &str, streams: Option<[OwnedFd; 3]>, cleared: Arc<AtomicBool>) -> Fake {
    let (wait, go) = std::io::pipe().unwrap();
    let mut command = Command::new("sh");
    // The word is the end of an inherited pipe.
    sys::descriptors::keep_at_exec(&wait).unwrap();
    let word = format!("/proc/self/fd/{}", wait.as_raw_fd());
    command.args(["-c", &format!("cat {word} >/dev/null </dev/null; {script}")]);
    let mut terminal = None;
    if let Some([stdin, stdout, stderr]) = streams {
        command.stdin(stdin).stdout(stdout).stderr(stderr);
    } else {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        unlockpt(&master).unwrap();
        let slave = || {
            let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
            Stdio::from(ioctl_tiocgptpeer(&master, flags).unwrap())
        };
        command.stdin(slave()).stdout(slave()).stderr(slave());
        terminal = Some(master);
    }
    let child = command.spawn().unwrap();
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    Fake { child, pidfd: pidfd_open(pid, PidfdFlags::empty()).unwrap(), go, terminal, cleared }
}

/// Executes a command beside the fake container.
fn probe(words: &[String], [stdin, stdout, stderr]: [OwnedFd; 3]) -> Result<OwnedFd> {
    let child = Command::new(&words[0]).args(&words[1..]).stdin(stdin).stdout(stdout).stderr(stderr).spawn();
    let child = child.map_err(|error| Error::new(codes::UR0502, "not found").words(error))?;
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    Ok(pidfd_open(pid, PidfdFlags::empty()).unwrap())
}

/// A monitor that runs in a thread, and its first client.
struct Stage {
    dir: TempDir,
    client: Link,
    monitor: JoinHandle<Outcome>,
    cleared: Arc<AtomicBool>,
    /// Hangs up when the monitor lets go of what it holds.
    held: std::io::PipeReader,
}

impl Stage {
    fn set(script: &'static str, stdin: bool, terminal: bool) -> Stage {
        Stage::supervised(script, stdin, terminal, Supervision::default())
    }

    fn supervised(script: &'static str, stdin: bool, terminal: bool, supervision: Supervision) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let (client, link) = Link::pair().unwrap();
        // Room for a packet or two: what a test's client does not read is soon too much. (The kernel doubles it.)
        rustix::net::sockopt::set_socket_send_buffer_size(&link, 20_000).unwrap();
        let open = || Dir::open(dir.path()).unwrap();
        let job = Job { stdin, terminal, supervision, ..Job::bare() };
        let (held, holder) = std::io::pipe().unwrap();
        let order =
            Order { job, bundle: open(), run_dir: open(), client: link, hold: vec![holder.into()], passthrough: None };
        let cleared = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&cleared);
        let monitor =
            thread::spawn(move || attend(order, |_, _, streams| Ok(fake(script, streams, Arc::clone(&note))), &probe));
        Stage { dir, client, monitor, cleared, held }
    }

    fn is_held(&self) -> bool {
        let mut fds = [PollFd::new(&self.held, PollFlags::empty())];
        poll(&mut fds, Some(&Timespec::default())).unwrap() == 0
    }

    fn dir(&self) -> Dir {
        Dir::open(self.dir.path()).unwrap()
    }

    fn log(&self) -> String {
        let text = self.dir().read_text("log", 64 << 20).unwrap();
        text.lines().flat_map(|line| [line.split_once(' ').unwrap().1, "\n"]).collect()
    }

    /// Waits until the log has a text.
    fn logged(&self, text: &str) {
        let begun = Instant::now();
        while !self.dir().has("log") || !self.log().contains(text) {
            assert!(begun.elapsed() < Duration::from_secs(20), "no `{text}` in the log: {}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// All that a client has heard.
#[derive(Debug, Default)]
struct Heard {
    started: Option<i32>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    warnings: Vec<String>,
    failed: Option<String>,
    findings: Vec<health::Finding>,
    exit: Option<Exit>,
}

fn wait_for(link: &Link, flags: PollFlags) {
    let mut fds = [PollFd::new(link, flags)];
    let limit = Timespec { tv_sec: 20, tv_nsec: 0 };
    assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "nothing came");
}

fn say(link: &Link, message: FromClient<'_>) {
    while link.say(message) == Err(Errno::AGAIN) {
        wait_for(link, PollFlags::OUT);
    }
}

/// Hears until the monitor is gone, or `enough`.
fn hear(link: &Link, heard: &mut Heard, enough: impl Fn(&Heard) -> bool) {
    let mut buffer = Vec::new();
    while !enough(heard) {
        match link.hear(&mut buffer) {
            Ok(None) => return,
            Err(Errno::AGAIN) => wait_for(link, PollFlags::IN),
            Ok(Some(message)) => match message {
                FromMonitor::Hello(version) => assert_eq!(version, frame::VERSION),
                FromMonitor::Checked(finding) => heard.findings.extend(finding),
                FromMonitor::Started(pid) => heard.started = Some(pid),
                FromMonitor::Failed(report) => heard.failed = Some(report.what.to_string()),
                FromMonitor::Stdout(bytes) => heard.stdout.extend_from_slice(bytes),
                FromMonitor::Stderr(bytes) => heard.stderr.extend_from_slice(bytes),
                FromMonitor::Warning(report) => heard.warnings.push(report.what.to_string()),
                FromMonitor::Exit(exit) => heard.exit = Some(exit),
            },
            Err(errno) => panic!("{errno}"),
        }
    }
}

fn hear_all(link: &Link) -> Heard {
    let mut heard = Heard::default();
    hear(link, &mut heard, |_| false);
    heard
}

#[test]
fn output_warnings_and_exit_in_order() {
    let stage = Stage::set("echo out; echo err >&2; printf half; exit 7", false, false);
    let heard = hear_all(&stage.client);
    assert!(heard.started.is_some());
    assert_eq!((heard.stdout.as_slice(), heard.stderr.as_slice()), (&b"out\nhalf"[..], &b"err\n"[..]));
    assert_eq!(heard.warnings, ["a warning", "a hook's warning"]);
    let exit = heard.exit.unwrap();
    assert_eq!((exit.code, exit.signal), (7, None));
    assert!(stage.cleared.load(Ordering::SeqCst));
    let recorded: Exit = serde_json::from_slice(&stage.dir().read(EXIT, 4096).unwrap()).unwrap();
    assert_eq!(recorded, exit);
    assert!(!stage.dir().has(SOCKET));
    let log = stage.log();
    assert!(
        log.contains("stdout F out\n") && log.contains("stderr F err\n") && log.contains("stdout P half\n"),
        "{log}"
    );
    assert_eq!(stage.monitor.join().unwrap(), Outcome { status: 7, told: true });
}

#[test]
fn input_larger_than_every_buffer_goes_through_and_ends() {
    let stage = Stage::set("cat", true, false);
    let input: Vec<u8> = (0..3_000_000_u32).map(|n| b'a' + u8::try_from(n % 23).unwrap()).collect();
    let mut heard = Heard::default();
    let mut buffer = Vec::new();
    // As an engine does it: never asleep in one direction.
    for message in input.chunks(30_000).map(FromClient::Stdin).chain([FromClient::StdinEnd]) {
        while stage.client.say(message) == Err(Errno::AGAIN) {
            wait_for(&stage.client, PollFlags::IN | PollFlags::OUT);
            while let Ok(Some(message)) = stage.client.hear(&mut buffer) {
                if let FromMonitor::Stdout(bytes) = message {
                    heard.stdout.extend_from_slice(bytes);
                }
            }
        }
    }
    hear(&stage.client, &mut heard, |_| false);
    assert!(heard.stdout == input, "{} of {} bytes", heard.stdout.len(), input.len());
    assert_eq!(heard.exit.unwrap().code, 0);
}

#[test]
fn without_input_there_is_dev_null() {
    let stage = Stage::set("cat; echo done", false, false);
    say(&stage.client, FromClient::Stdin(b"nobody reads this"));
    assert_eq!(hear_all(&stage.client).stdout, b"done\n");
}

#[test]
fn a_vanished_client_does_not_disturb_and_another_may_come() {
    let stage = Stage::set("echo one; read line; echo got $line; exit 3", true, false);
    stage.logged("one");
    let Stage { dir, client, monitor, .. } = stage;
    drop(client);
    let link = Link::connect(&Dir::open(dir.path()).unwrap()).unwrap();
    say(&link, FromClient::Stdin(b"a line\n"));
    let heard = hear_all(&link);
    assert!(heard.started.is_some());
    assert_eq!(heard.stdout, b"got a line\n");
    assert_eq!(monitor.join().unwrap(), Outcome { status: 3, told: true });
}

#[test]
fn that_nobody_was_told_is_known() {
    let stage = Stage::set("sleep 0.2; exit 4", false, false);
    drop(stage.client);
    assert_eq!(stage.monitor.join().unwrap(), Outcome { status: 4, told: false });
}

#[test]
fn input_of_a_client_that_has_left_is_delivered() {
    let stage = Stage::set("sleep 0.3; wc -c >&2", true, false);
    let link = {
        stage.client.say(FromClient::Resize { rows: 1, columns: 1 }).unwrap();
        let mut heard = Heard::default();
        hear(&stage.client, &mut heard, |heard| heard.started.is_some());
        Link::connect(&stage.dir()).unwrap()
    };
    for _ in 0..4 {
        say(&link, FromClient::Stdin(&vec![b'x'; 30_000]));
    }
    say(&link, FromClient::StdinEnd);
    drop(link);
    assert_eq!(hear_all(&stage.client).stderr, b"120000\n");
}

#[test]
fn a_slow_client_stops_the_container_and_gets_everything() {
    let stage =
        Stage::set("i=0; while [ $i -lt 400 ]; do printf %10000s $i; i=$((i+1)); done; echo all >&2", false, false);
    let mut heard = Heard::default();
    hear(&stage.client, &mut heard, |heard| heard.started.is_some());
    thread::sleep(Duration::from_millis(700));
    assert!(!stage.log().contains("all"), "the container was not stopped");
    hear(&stage.client, &mut heard, |_| false);
    assert_eq!(heard.stdout.len(), 4_000_000);
    assert_eq!(heard.stderr, b"all\n");
}

#[test]
fn the_end_is_recorded_before_a_slow_client_has_heard_of_it() {
    let stage = Stage::set("head -c 60000 /dev/zero; exit 5", false, false);
    let begun = Instant::now();
    while !stage.cleared.load(Ordering::SeqCst) {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    while stage.is_held() {
        thread::sleep(Duration::from_millis(5));
    }
    assert!(stage.dir().has(EXIT) && !stage.monitor.is_finished());
    let heard = hear_all(&stage.client);
    assert_eq!((heard.stdout.len(), heard.exit.unwrap().code), (60_000, 5));
}

#[test]
fn signals_reach_init() {
    let stage = Stage::set("echo up; exec sleep 60", false, false);
    let mut heard = Heard::default();
    hear(&stage.client, &mut heard, |heard| !heard.stdout.is_empty());
    say(&stage.client, FromClient::Signal(200));
    assert!(stage.is_held());
    say(&stage.client, FromClient::Signal(15));
    hear(&stage.client, &mut heard, |heard| heard.exit.is_some());
    assert!(!stage.is_held(), "the client knows of the end, and the lock is not free");
    let exit = heard.exit.unwrap();
    assert_eq!((exit.code, exit.signal), (143, Some(15)));
}

#[test]
fn a_process_that_keeps_the_output_does_not_keep_the_monitor() {
    let begun = Instant::now();
    let stage = Stage::set("echo out; sleep 8 & exit 0", false, false);
    assert_eq!(hear_all(&stage.client).stdout, b"out\n");
    assert!(begun.elapsed() < Duration::from_secs(7));
}

#[test]
fn a_terminal_has_its_size_from_the_beginning_and_an_end_of_file() {
    let stage = Stage::set("stty size; cat >/dev/null; echo end", true, true);
    say(&stage.client, FromClient::Resize { rows: 33, columns: 101 });
    let mut heard = Heard::default();
    hear(&stage.client, &mut heard, |heard| heard.stdout.ends_with(b"\r\n"));
    assert_eq!(heard.stdout, b"33 101\r\n");
    say(&stage.client, FromClient::StdinEnd);
    hear(&stage.client, &mut heard, |_| false);
    assert!(heard.stdout.ends_with(b"end\r\n"), "{:?}", String::from_utf8_lossy(&heard.stdout));
    assert_eq!(heard.exit.unwrap().code, 0);
}

#[test]
fn a_failure_to_start_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Dir::open(dir.path()).unwrap();
    let (client, link) = Link::pair().unwrap();
    let job = Job { remove_at_end: vec![dir.path().join("a-name"), dir.path().join("never/there")], ..Job::bare() };
    open().write("a-name", b"", 0o644).unwrap();
    let order = Order { job, bundle: open(), run_dir: open(), client: link, hold: vec![], passthrough: None };
    let create = |_: &Job, _: &Dir, _| Err::<Fake, _>(Error::new(codes::UR0502, "not found"));
    let outcome = attend(order, create, &probe);
    assert_eq!(outcome, Outcome { status: 127, told: true });
    assert_eq!(hear_all(&client).failed.as_deref(), Some("not found"));
    assert!(!open().has(SOCKET) && !open().has(EXIT) && !open().has("a-name"));
}

fn restarted(restart: RestartPolicy) -> Supervision {
    Supervision { restart, ..Supervision::default() }
}

#[test]
fn a_policy_brings_it_back_until_it_has_had_enough() {
    let policy = RestartPolicy::OnFailure { retries: Some(2) };
    let stage = Stage::supervised("echo life; exit 3", false, false, restarted(policy));
    // The first client hears of the first end and is let go.
    let heard = hear_all(&stage.client);
    let first = heard.exit.unwrap();
    assert_eq!((heard.stdout.as_slice(), first.code, first.again), (&b"life\n"[..], 3, true));
    let Stage { dir, monitor, .. } = stage;
    assert_eq!(monitor.join().unwrap(), Outcome { status: 3, told: false });
    let dir = Dir::open(dir.path()).unwrap();
    let last: Exit = serde_json::from_slice(&dir.read(EXIT, 4096).unwrap()).unwrap();
    assert_eq!((last.code, last.again, last.restarts), (3, false, 2));
    assert_eq!(dir.read_text("log", 4096).unwrap().lines().count(), 3);
}

#[test]
fn a_success_ends_what_restarts_on_failure() {
    let policy = RestartPolicy::OnFailure { retries: None };
    let stage = Stage::supervised("exit 0", false, false, restarted(policy));
    assert!(!hear_all(&stage.client).exit.unwrap().again);
    assert_eq!(stage.monitor.join().unwrap(), Outcome { status: 0, told: true });
}

#[test]
fn who_wants_it_down_ends_the_restarts() {
    let stage = Stage::supervised("echo up; exec sleep 60", false, false, restarted(RestartPolicy::Always));
    let mut heard = Heard::default();
    hear(&stage.client, &mut heard, |heard| !heard.stdout.is_empty());
    say(&stage.client, FromClient::KeepDown);
    say(&stage.client, FromClient::Signal(9));
    hear(&stage.client, &mut heard, |_| false);
    let exit = heard.exit.unwrap();
    assert_eq!((exit.code, exit.again, exit.by_person), (137, false, true));
    assert_eq!(stage.monitor.join().unwrap().status, 137);
}

#[test]
fn a_restart_that_is_waited_for_can_be_called_off() {
    let stage = Stage::supervised("exit 1", false, false, restarted(RestartPolicy::Always));
    assert!(hear_all(&stage.client).exit.unwrap().again);
    // Whether this comes while it rests or while it lives once more: it ends.
    let link = Link::connect(&stage.dir()).unwrap();
    say(&link, FromClient::KeepDown);
    let exit = hear_all(&link).exit.unwrap();
    assert!(!exit.again && exit.by_person);
    assert!(!stage.is_held());
    stage.monitor.join().unwrap();
}

#[test]
fn who_is_quiet_hears_only_the_end() {
    let stage = Stage::set("read word; echo $word; echo $word >&2; exit 3", true, false);
    let mut heard = Heard::default();
    hear(&stage.client, &mut heard, |heard| heard.started.is_some());
    let quiet = Link::connect(&stage.dir()).unwrap();
    say(&quiet, FromClient::Quiet);
    say(&quiet, FromClient::Stdin(b"spoken\n"));
    assert_eq!(hear_all(&stage.client).stdout, b"spoken\n");
    let heard = hear_all(&quiet);
    assert!(heard.stdout.is_empty() && heard.stderr.is_empty());
    assert_eq!(heard.exit.unwrap().code, 3);
}

#[test]
fn its_time_is_limited() {
    let supervision = Supervision { time_limit: Some(Duration::from_millis(300)), ..Supervision::default() };
    let stage = Stage::supervised("sleep 60", false, false, supervision);
    let exit = hear_all(&stage.client).exit.unwrap();
    assert_eq!((exit.code, exit.signal, exit.timed_out), (255, Some(9), true));
}

#[test]
fn pids_are_left_in_files() {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| Some(place.path().join(name));
    let supervision = Supervision { pidfile: file("init"), monitor_pidfile: file("none/x"), ..Supervision::default() };
    let stage = Stage::supervised("exit 0", false, false, supervision);
    let heard = hear_all(&stage.client);
    let written = Dir::open(place.path()).unwrap().read_text("init", 20).unwrap();
    assert_eq!(written, heard.started.unwrap().to_string());
    assert!(heard.warnings.iter().any(|warning| warning.contains("none/x")), "{:?}", heard.warnings);
}

fn checked(script: &str, on_failure: OnFailure) -> Supervision {
    let health = Health {
        test: vec!["CMD-SHELL".to_owned(), script.to_owned()],
        interval: Duration::from_millis(100),
        retries: 2,
        on_failure,
        ..Health::default()
    };
    Supervision { health: Some(health), ..Supervision::default() }
}

#[test]
fn health_is_checked_and_recorded() {
    let stage = Stage::supervised("exec sleep 60", false, false, checked("echo fine", OnFailure::None));
    let mut heard = Heard::default();
    hear(&stage.client, &mut heard, |heard| heard.findings.len() > 1);
    let report: Report = serde_json::from_slice(&stage.dir().read(health::FILE, 1 << 20).unwrap()).unwrap();
    assert_eq!((report.status.as_str(), report.failing_streak), ("healthy", 0));
    assert_eq!((report.log[0].exit_code, report.log[0].output.as_str()), (0, "fine\n"));
    say(&stage.client, FromClient::Signal(9));
    hear(&stage.client, &mut heard, |_| false);
}

#[test]
fn an_unhealthy_container_is_killed_stopped_or_started_again() {
    for (action, code, again, by_person) in [
        (OnFailure::Kill, 137, false, false),
        (OnFailure::Stop, 143, false, true),
        (OnFailure::Restart, 143, true, false),
    ] {
        let stage = Stage::supervised("exec sleep 60", false, false, checked("exit 3", action));
        let heard = hear_all(&stage.client);
        let exit = heard.exit.unwrap();
        assert_eq!((exit.code, exit.again, exit.by_person), (code, again, by_person), "{action:?}");
        assert!(heard.findings.len() >= 2 && heard.findings[0].exit_code == 3);
        if again {
            let link = Link::connect(&stage.dir()).unwrap();
            say(&link, FromClient::KeepDown);
            say(&link, FromClient::Signal(9));
            hear_all(&link);
        }
        stage.monitor.join().unwrap();
    }
}

#[test]
fn a_check_can_be_asked_for_and_may_take_too_long() {
    let mut supervision = checked("sleep 30", OnFailure::None);
    if let Some(health) = &mut supervision.health {
        (health.interval, health.timeout) = (Duration::ZERO, Duration::from_millis(200));
    }
    let stage = Stage::supervised("exec sleep 60", false, false, supervision);
    let mut heard = Heard::default();
    hear(&stage.client, &mut heard, |heard| heard.started.is_some());
    say(&stage.client, FromClient::CheckHealth);
    hear(&stage.client, &mut heard, |heard| !heard.findings.is_empty());
    assert_eq!(heard.findings[0].exit_code, -1);
    say(&stage.client, FromClient::Signal(9));
    hear(&stage.client, &mut heard, |_| false);
}
