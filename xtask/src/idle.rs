//! What containers at rest cost: the time to start many of them, two at a time, and the private memory of their monitors,
//! beside Podman's and its conmon's on the same root filesystem.
//!
//! Times are printed, never judged. The memory of a monitor is unroot's own, and has a limit.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Workspace,
    binaries::Binaries,
    call::{self, Outcome, While},
    fixtures,
};

/// How many containers.
const CONTAINERS: u32 = 200;
/// How many are started at a time.
const AT_A_TIME: u32 = 2;
/// Private memory that a monitor must stay below, in KiB.
const LIMIT: u64 = 150;

/// An engine that is measured.
struct Engine<'a> {
    name: &'a str,
    /// Its program, with the options that every call needs.
    program: Vec<String>,
    /// What the command lines of its monitors have in them.
    monitors: [String; 2],
}

/// Measures and prints.
pub fn run(workspace: &Workspace) -> Outcome<()> {
    if !rustix::process::geteuid().is_root() {
        return Err("`idle` needs root: Podman's containers would not be comparable".into());
    }
    let binaries = Binaries::build(workspace)?;
    let busybox = fixtures::busybox().ok_or("there is no static busybox; install busybox-static")?;
    let place = tempfile::tempdir().during(|| "a directory".to_owned())?;
    let archive = root_filesystem(place.path(), &busybox)?;
    let path = |name: &str| place.path().join(name).display().to_string();
    let unroot = binaries.path("unroot").display().to_string();
    let own = Engine {
        name: "unroot",
        program: vec![unroot, "--root".into(), path("root"), "--runroot".into(), path("run")],
        monitors: [binaries.path("unroot-runtime").display().to_string(), "monitor".into()],
    };
    let private = measure(&own, &archive)?;
    let podman = Engine {
        name: "podman",
        program: [
            "podman",
            "--root",
            &path("podman"),
            "--runroot",
            &path("podman-run"),
            "--tmpdir",
            &path("podman-tmp"),
        ]
        .map(str::to_owned)
        .to_vec(),
        monitors: ["conmon".into(), path("podman")],
    };
    if let Err(fault) = measure(&podman, &archive) {
        println!("podman is not measured: {fault}");
    }
    if private > LIMIT {
        return Err(format!("a monitor has {private} KiB of its own, and {LIMIT} are allowed").into());
    }
    Ok(())
}

/// A tar archive with nothing but a busybox.
fn root_filesystem(place: &Path, busybox: &Path) -> Outcome<String> {
    let root = place.join("rootfs/bin");
    fs::create_dir_all(&root).and_then(|()| fs::copy(busybox, root.join("busybox"))).during(|| "a root".to_owned())?;
    std::os::unix::fs::symlink("busybox", root.join("sleep")).during(|| "a link".to_owned())?;
    let archive = place.join("rootfs.tar");
    call::run(Command::new("tar").arg("-C").arg(place.join("rootfs")).arg("-cf").arg(&archive).arg("."))?;
    Ok(archive.display().to_string())
}

/// Starts the containers, looks, and removes them; a monitor's private memory in KiB.
fn measure(engine: &Engine, archive: &str) -> Outcome<u64> {
    call::run(engine.call(&["import", archive, "idle"]).stdout(Stdio::null()).stderr(Stdio::null()))?;
    let begun = Instant::now();
    let started = start_all(engine);
    let taken = begun.elapsed();
    // What a start has dirtied and given back is not at rest yet.
    thread::sleep(Duration::from_secs(1));
    let monitors = engine.monitors();
    let removed = call::run(engine.call(&["rm", "--force", "--time", "0", "--all"]).stdout(Stdio::null()));
    started?;
    removed?;
    let count = u64::try_from(monitors.len()).unwrap_or(u64::MAX).max(1);
    let private = monitors.iter().sum::<u64>() / count;
    println!(
        "{:8} {CONTAINERS} containers, {AT_A_TIME} at a time: {:6.2} s, {:5.1} ms each; {} monitors, {private} KiB private each",
        engine.name,
        taken.as_secs_f64(),
        taken.as_secs_f64() * 1000.0 / f64::from(CONTAINERS),
        monitors.len(),
    );
    Ok(private)
}

fn start_all(engine: &Engine) -> Outcome<()> {
    let share = CONTAINERS / AT_A_TIME;
    thread::scope(|scope| {
        let start = || {
            (0..share).try_for_each(|_| {
                let words = ["run", "--detach", "--network", "none", "idle", "/bin/sleep", "1000"];
                call::run(engine.call(&words).stdout(Stdio::null()))
            })
        };
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(start)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker has panicked")?)
    })
}

impl Engine<'_> {
    fn call(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).args(words).stdin(Stdio::null());
        command
    }

    /// The private memory of each monitor, in KiB.
    fn monitors(&self) -> Vec<u64> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
        let is_monitor = |process: &Path| {
            let words = fs::read(process.join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            self.monitors.iter().all(|part| words.contains(part.as_str()))
        };
        processes.filter(|process| is_monitor(process)).filter_map(|process| private(&process)).collect()
    }
}

/// `Private_Clean` and `Private_Dirty` of a process, in KiB.
fn private(process: &Path) -> Option<u64> {
    let text = fs::read_to_string(process.join("smaps_rollup")).ok()?;
    let of = |line: &str| line.strip_prefix("Private_")?.split_whitespace().nth(1)?.parse::<u64>().ok();
    Some(text.lines().filter_map(of).sum())
}
