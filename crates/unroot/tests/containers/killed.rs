//! `kill -9` at any moment leaves nothing that is not cleared away by the next command.

use std::{
    collections::BTreeSet,
    env,
    process::{Child, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::{
    home::{Home, MARK, skip, until},
    remains,
};

/// How many containers are started, and by how many at a time.
const STARTS: u32 = 200;
const WORKERS: u32 = 4;

/// Whose death is tried.
const VICTIMS: [&str; 3] = ["the monitor", "unroot run", "init"];

/// Numbers by chance, the same from the same seed (xorshift64).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 33) % u64::from(limit)).expect("a small number")
    }
}

/// What all workers share.
struct Trial {
    home: Home,
    /// How long a start takes here, in microseconds: no death is tried much later.
    span: u32,
    hits: [AtomicU32; 3],
    /// The ids that were ever seen, by which control groups are found.
    ids: Mutex<BTreeSet<String>>,
    over: AtomicBool,
}

#[test]
#[expect(clippy::print_stdout, reason = "the seed makes a failure happen again")]
fn privileged_deaths_at_random_moments_leave_nothing() {
    let Some(trial) = Trial::new() else { return };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_micros());
    let given = env::var("UNROOT_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(u64::try_from(now).unwrap_or(1));
    println!("UNROOT_TEST_SEED={seed}; a start takes {} ms", trial.span / 1000);
    let begun = Instant::now();
    thread::scope(|scope| {
        let watcher = scope.spawn(|| trial.watch());
        let work = |worker| {
            let (trial, mut dice) = (&trial, Dice::new(seed + u64::from(worker)));
            scope.spawn(move || (0..STARTS / WORKERS).for_each(|_| trial.start(&mut dice)))
        };
        let workers: Vec<_> = (0..WORKERS).map(work).collect();
        let ended: Vec<_> = workers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        trial.over.store(true, Ordering::Relaxed);
        watcher.join().expect("the watcher");
        assert!(ended.iter().all(Result::is_ok));
    });
    let hits: Vec<u32> = trial.hits.iter().map(|hits| hits.load(Ordering::Relaxed)).collect();
    println!("{STARTS} starts in {:.1?}; killed: {VICTIMS:?} {hits:?}", begun.elapsed());
    trial.judge();
}

impl Trial {
    fn new() -> Option<Trial> {
        if !std::path::Path::new("/proc/thread-self/children").exists() {
            return skip("this kernel does not tell the children of a process");
        }
        let home = Home::privileged()?;
        let begun = Instant::now();
        (0..4).for_each(|_| drop(home.says(&["run", "--rm", "box", "true"])));
        let span = u32::try_from(begun.elapsed().as_micros() / 4).expect("a short time");
        let (hits, ids) = Default::default();
        Some(Trial { home, span, hits, ids, over: AtomicBool::new(false) })
    }

    /// Notes all ids. A container lives for some milliseconds at least.
    fn watch(&self) {
        while !self.over.load(Ordering::Relaxed) {
            let seen = self.home.entries("root/containers").into_iter().chain(self.home.entries("run/containers"));
            self.ids.lock().expect("the ids").extend(seen);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Starts one container and kills one of its three processes.
    fn start(&self, dice: &mut Dice) {
        let options = ["-d", "-d --rm", "--rm", "-e ATTACHED=1"][dice.below(4) as usize].split(' ');
        let files = "for i in 1 2 3 4 5 6 7 8; do echo $i > /data/$i; done; sleep 0.05";
        let command: &[&str] = match dice.below(3) {
            0 => &["sleep", "0.3"],
            1 => &["true"],
            _ => &["sh", "-c", files],
        };
        let options: Vec<&str> = options.collect();
        let words = [&["run", "-e", MARK], options.as_slice(), &["box"], command].concat();
        let mut run = self.home.command(&words);
        let null = Stdio::null;
        let mut run = run.stdin(null()).stdout(null()).stderr(null()).spawn().expect("a process");
        let victim = dice.below(3) as usize;
        // Most of what can go wrong does so within the time of a start.
        let delay = Duration::from_micros(dice.below(self.span * 3 / 2).into());
        self.hits[victim].fetch_add(u32::from(kill(&mut run, victim, delay)), Ordering::Relaxed);
        run.wait().expect("its end");
    }

    /// Nothing is left but the records of containers without `--rm`, and these can be removed.
    fn judge(&self) {
        let home = &self.home;
        let mut left = Vec::new();
        let end = Instant::now() + Duration::from_secs(10);
        while Instant::now() < end {
            left = remains::marked(home);
            if left.is_empty() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(left, [""; 0], "processes that outlive the monitor");
        home.assert_no_mounts();
        assert_eq!(remains::held_slots(home), [""; 0]);
        home.says(&["info"]);
        let ids = self.ids.lock().expect("the ids").clone();
        assert!(ids.len() > STARTS as usize / 2, "{} ids were seen", ids.len());
        for id in &ids {
            let place = home.entries(&format!("run/containers/{id}"));
            assert_eq!(remains::groups([id]), [""; 0], "control groups after the next command; recorded: {place:?}");
        }
        home.says(&["ps", "-a"]);
        let names = home.says(&["ps", "-a", "--format", "{{.Names}}"]);
        let names: Vec<&str> = names.lines().collect();
        home.says(&[&["rm"], &names[..]].concat());
        home.assert_empty();
    }
}

/// Kills one of a container's processes after a while; whether it was still there.
fn kill(run: &mut Child, victim: usize, delay: Duration) -> bool {
    let own = Pid::from_child(run);
    let victim = match victim {
        0 => first_child(run, own),
        1 => Some(own),
        _ => first_child(run, own).and_then(|monitor| first_child(run, monitor)),
    };
    let Some(pidfd) = victim.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else { return false };
    thread::sleep(delay);
    pidfd_send_signal(&pidfd, Signal::KILL).is_ok()
}

/// Waits for the child of a process; `None` if `run` ends before, or the process.
fn first_child(run: &mut Child, pid: Pid) -> Option<Pid> {
    for _ in 0..10_000 {
        if let Some(child) = remains::children(pid).first() {
            return Some(*child);
        }
        let gone = run.try_wait().expect("its state").is_some();
        if gone && (pid == Pid::from_child(run) || remains::parent(pid).is_none()) {
            return None;
        }
        thread::sleep(Duration::from_micros(300));
    }
    None
}

#[test]
fn privileged_containers_can_be_started_again_after_every_death() {
    let Some(home) = Home::privileged() else { return };
    home.says(&["run", "-d", "-e", MARK, "--name", "c", "box", "sleep", "60"]);
    for victim in VICTIMS {
        let init = Pid::from_raw(home.init_of("c")).expect("a pid");
        let monitor = remains::parent(init).expect("a monitor");
        let pid = if victim == "init" { init } else { monitor };
        rustix::process::kill_process(pid, Signal::KILL).expect("a signal");
        until("all is dead", || remains::marked(&home).is_empty());
        let status = home.field("c", "Status");
        let expected = if victim == "init" { "Exited (137)" } else { "Exited (monitor killed)" };
        assert!(status.starts_with(expected), "{victim}: {status}");
        home.says(&["start", "c"]);
    }
    home.says(&["rm", "-f", "c"]);
    home.assert_empty();
}
