//! `cargo xtask crash --rounds N --seed S`: what `kill -9` leaves of a store.
//!
//! A round kills one command that brings something in or removes it, at a moment that is drawn by lot and printed. Then
//! `unroot system check` must find nothing that a command would stumble over, and the same images must be pulled and run. Nothing is repaired
//! before that look, except in the rounds that kill a repair: there a file was taken from a layer on purpose. The images come
//! from Debian's docker-registry on loopback. What has failed can be tried again with the seed that is printed first; moments are
//! drawn from the time that each command took when nobody killed it.

mod registry;

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tempfile::TempDir;

use crate::{
    call::{self, Outcome, While},
    fixtures,
    workspace::Workspace,
};
use registry::Registry;

const USAGE: &str = "usage: cargo xtask crash [--rounds N] [--seed S]";

/// What is killed: words of a command; `IMAGE` is one of the registry's, `ARCHIVE` an archive, `TAR` a root filesystem's, `SAVED` a file
/// that is written.
const VICTIMS: [&[&str]; 9] = [
    &["pull", "-q", "--tls-verify=false", "IMAGE"],
    &["pull", "-q", "--tls-verify=false", "IMAGE"],
    &["load", "-i", "ARCHIVE"],
    &["import", "TAR", "imported"],
    &["rmi", "-f", "IMAGE"],
    &["system", "prune", "-a", "-f"],
    &["run", "--rm", "--network", "none", "IMAGE", "/bin/busybox", "true"],
    &["save", "-q", "--format", "oci-archive", "-o", "SAVED", "IMAGE"],
    &["system", "check", "--repair"],
];

/// Numbers by chance, the same from the same seed (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % limit.max(1)
    }
}

/// A store, and what is brought into it.
struct Trial {
    dir: TempDir,
    program: PathBuf,
    registry: Registry,
}

/// Does it all; the fault says in which rounds something was found.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome<()> {
    let (rounds, seed) = asked(arguments)?;
    println!("seed {seed}");
    let trial = Trial::new(workspace)?;
    let spans = trial.spans()?;
    // Without the multiplication small seeds would begin alike; zero would stay zero.
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut failed = Vec::new();
    for round in 1..=rounds {
        let victim = usize::try_from(dice.below(VICTIMS.len() as u64)).unwrap_or_default();
        let image = usize::try_from(dice.below(registry::IMAGES.len() as u64)).unwrap_or_default();
        let moment = dice.below(spans[victim] * 11 / 10);
        let words = trial.words(VICTIMS[victim], image);
        println!("round {round}: {} µs into {}", moment, words.join(" "));
        trial.prepare(VICTIMS[victim], image)?;
        trial.kill(&words, Duration::from_micros(moment))?;
        if let Err(fault) = trial.judge(VICTIMS[victim]) {
            println!("round {round}: FAILED: {fault}");
            failed.push(round);
        }
    }
    if failed.is_empty() {
        println!("{rounds} rounds, nothing found");
        return Ok(());
    }
    Err(format!("{} of {rounds} rounds failed: {failed:?}; seed {seed}", failed.len()).into())
}

fn asked(arguments: &[String]) -> Outcome<(u32, u64)> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let (mut rounds, mut seed) = (20, now);
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--rounds" => rounds = value.parse().during(|| USAGE.to_owned())?,
            [name, value] if name == "--seed" => seed = value.parse().during(|| USAGE.to_owned())?,
            _ => return Err(USAGE.into()),
        }
    }
    Ok((rounds, seed))
}

impl Trial {
    fn new(workspace: &Workspace) -> Outcome<Trial> {
        let program = match std::env::var_os("UNROOT_TEST_BIN_DIR") {
            Some(directory) => PathBuf::from(directory).join("unroot"),
            None => crate::binaries::Binaries::build(workspace)?.path("unroot"),
        };
        let busybox = fixtures::busybox().ok_or("there is no static busybox: apt install busybox-static")?;
        let dir = tempfile::Builder::new().prefix("unroot-crash.").tempdir().during(|| "a directory".to_owned())?;
        let registry = Registry::start(dir.path())?;
        let trial = Trial { dir, program, registry };
        trial.registry.fill(&trial, &busybox)?;
        Ok(trial)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, words: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(self.path("root")).arg("--runroot").arg(self.path("run")).args(words);
        command.env("HOME", self.dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn words(&self, of: &[&str], image: usize) -> Vec<String> {
        let name = self.registry.name(image);
        let place = |word: &&str| match *word {
            "IMAGE" => name.clone(),
            "ARCHIVE" => self.path(&format!("{}.tar", registry::IMAGES[image].0)).display().to_string(),
            "SAVED" => self.path("saved.tar").display().to_string(),
            "TAR" => self.path("layers/base.tar").display().to_string(),
            word => word.to_owned(),
        };
        of.iter().map(place).collect()
    }

    /// A command that must succeed.
    fn fine(&self, words: &[&str]) -> Outcome<Output> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut command = self.command(&words);
        let output = command.stdout(Stdio::piped()).output().during(|| call::shown(&command))?;
        if output.status.success() {
            return Ok(output);
        }
        let said = [output.stdout, output.stderr].concat();
        Err(format!("{}: {}: {}", words.join(" "), output.status, String::from_utf8_lossy(&said)).into())
    }

    /// How long each command takes here when nobody kills it, in microseconds.
    fn spans(&self) -> Outcome<Vec<u64>> {
        let mut spans = Vec::new();
        for victim in VICTIMS {
            self.prepare(victim, 0)?;
            let words = self.words(victim, 0);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let begun = Instant::now();
            self.fine(&words)?;
            spans.push(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
        }
        Ok(spans)
    }

    /// What brings in finds nothing of it here; what removes finds something to remove.
    fn prepare(&self, victim: &[&str], image: usize) -> Outcome<()> {
        let name = self.registry.name(image);
        match victim[0] {
            "pull" | "load" | "import" => self.fine(&["system", "prune", "-a", "-f"]),
            "system" if victim[1] == "check" => {
                self.fine(&["pull", "-q", "--tls-verify=false", &name])?;
                self.damage();
                return Ok(());
            }
            _ => self.fine(&["pull", "-q", "--tls-verify=false", &name]),
        }
        .map(drop)
    }

    /// Takes a file from the first layer, for a repair to bring back.
    fn damage(&self) {
        for layer in fs::read_dir(self.path("root/layers")).into_iter().flatten().flatten().take(1) {
            for file in fs::read_dir(layer.path().join("fs")).into_iter().flatten().flatten() {
                if file.path().is_file() {
                    // It is there to be lost; that it cannot be removed makes this round an easier one.
                    let _ = fs::remove_file(file.path());
                    return;
                }
            }
        }
    }

    /// Starts a command and kills it, with all its threads, after a while.
    fn kill(&self, words: &[String], after: Duration) -> Outcome<()> {
        let mut command = self.command(words);
        let mut child: Child = command.stderr(Stdio::null()).spawn().during(|| call::shown(&command))?;
        thread::sleep(after);
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().during(|| call::shown(&command)).map(drop)
    }

    /// Nothing is found, all images are pulled and run, and in the end nothing is left.
    fn judge(&self, victim: &[&str]) -> Outcome<()> {
        if victim.contains(&"--repair") {
            // What was damaged on purpose, and was not mended before the kill.
            self.fine(&["system", "check", "--repair"])?;
        }
        self.fine(&["system", "check"])?;
        self.fine(&["system", "prune", "-f"])?;
        for image in 0..registry::IMAGES.len() {
            let name = self.registry.name(image);
            self.fine(&["pull", "-q", "--tls-verify=false", &name])?;
            let output = self.fine(&["run", "--rm", "--network", "none", &name, "/bin/busybox", "cat", "/last"])?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            if said.trim() != registry::last_layer(image) {
                return Err(format!("{name} says `{}`", said.trim()).into());
            }
        }
        self.fine(&["system", "check"])?;
        let left = fs::read_dir(self.path("root/tmp")).during(|| "tmp".to_owned())?.count();
        if left > 0 { Err(format!("{left} entries stay in tmp").into()) } else { Ok(()) }
    }
}
