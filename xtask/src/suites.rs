//! The tests, in three suites: for anyone, for root, for an ordinary user.
//!
//! All of them run, whatever fails; the fault comes at the end, and each runner's closing line with it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    Workspace,
    account::Account,
    apt,
    binaries::Binaries,
    call::{self, Outcome, While},
    fixtures::Fixtures,
    tally::Tally,
};

/// Prefixes of the names of tests that are not for anyone.
const PRIVILEGED: &str = "privileged_";
const ROOTLESS: &str = "rootless_";

/// Suites that have run.
#[derive(Default)]
struct Record {
    tallies: Vec<(&'static str, Tally)>,
    failed: Vec<&'static str>,
}

/// Prepares what the tests need and runs all of them.
pub fn run(workspace: &Workspace) -> Outcome<()> {
    apt::install()?;
    let fixtures = Fixtures::prepare(workspace)?;
    let binaries = Binaries::build(workspace)?;
    let mut record = Record::default();
    let given = environment(&binaries.directory, &fixtures);
    let test = |arguments: &[&str]| {
        let mut command = call::cargo(workspace, &["test", "--workspace", "--no-fail-fast"]);
        command.args(arguments).envs(given.iter().map(|(name, path)| (name, path)));
        command
    };
    let both = ["--skip", PRIVILEGED, "--skip", ROOTLESS];
    record.run("for anyone", &mut test(&[&["--", "--show-output"], both.as_slice()].concat()))?;
    record.run("privileged", &mut test(&["--tests", "--", "--show-output", PRIVILEGED]))?;
    if rustix::process::geteuid().is_root() {
        rootless(workspace, &binaries, &fixtures, &mut record)?;
    } else {
        record.run("rootless", &mut test(&["--tests", "--", "--show-output", ROOTLESS]))?;
    }
    record.close()
}

fn environment(binaries: &Path, fixtures: &Fixtures) -> Vec<(&'static str, PathBuf)> {
    let mut given = vec![("UNROOT_TEST_BIN_DIR", binaries.to_owned())];
    given.extend(fixtures.busybox.clone().map(|path| ("UNROOT_TEST_BUSYBOX", path)));
    given.extend(fixtures.debian.clone().map(|path| ("UNROOT_TEST_DEBIAN", path)));
    given
}

/// The rootless tests as an ordinary user, from copies that it can read.
fn rootless(workspace: &Workspace, binaries: &Binaries, fixtures: &Fixtures, record: &mut Record) -> Outcome<()> {
    let account = Account::prepare()?;
    let stage = Stage::set(binaries, fixtures, &account)?;
    let given = environment(&stage.path("bin"), &stage.fixtures);
    let mut any = false;
    for runner in runners(workspace)? {
        if !call::output(Command::new(&runner).args(["--list", ROOTLESS]))?.contains(": test") {
            continue;
        }
        any = true;
        let program = stage.take(&runner)?;
        let mut command = account.command(&program, &stage.path("home"), &stage.path("run"));
        command.args(["--show-output", ROOTLESS]).envs(given.iter().map(|(name, path)| (name, path)));
        record.run("rootless", &mut command)?;
    }
    if !any {
        println!("no test is called {ROOTLESS}*");
    }
    Ok(())
}

/// The test programs of the workspace, built.
fn runners(workspace: &Workspace) -> Outcome<Vec<PathBuf>> {
    let arguments = ["test", "--workspace", "--tests", "--no-run", "--message-format=json-render-diagnostics"];
    let messages = call::output(&mut call::cargo(workspace, &arguments))?;
    let programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["profile"]["test"].as_bool().filter(|&test| test)?;
        message["executable"].as_str().map(PathBuf::from)
    });
    Ok(programs.collect())
}

/// A directory of copies that every user can read, and of places where one user can write.
struct Stage {
    directory: TempDir,
    fixtures: Fixtures,
}

impl Stage {
    fn set(binaries: &Binaries, fixtures: &Fixtures, account: &Account) -> Outcome<Self> {
        let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let directory = tempfile::Builder::new().prefix("unroot-test.").permissions(readable).tempdir();
        let directory = directory.during(|| "a directory for the rootless tests".to_owned())?;
        let mut stage = Self { directory, fixtures: Fixtures { busybox: fixtures.busybox.clone(), debian: None } };
        for name in ["bin", "home", "run"] {
            fs::create_dir(stage.path(name)).during(|| stage.path(name).display().to_string())?;
        }
        account.give(&stage.path("home"))?;
        account.give(&stage.path("run"))?;
        for name in ["unroot", "unroot-runtime"] {
            stage.copy(&binaries.path(name), "bin")?;
        }
        stage.fixtures.debian = fixtures.debian.as_ref().map(|archive| stage.copy(archive, "")).transpose()?;
        Ok(stage)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn take(&self, program: &Path) -> Outcome<PathBuf> {
        self.copy(program, "")
    }

    fn copy(&self, file: &Path, place: &str) -> Outcome<PathBuf> {
        let copy = self.path(place).join(file.file_name().unwrap_or_default());
        fs::copy(file, &copy).during(|| file.display().to_string())?;
        Ok(copy)
    }
}

impl Record {
    /// Runs one program (cargo, or a test program itself), shows all that it prints, and keeps what matters of it.
    fn run(&mut self, suite: &'static str, command: &mut Command) -> Outcome<()> {
        println!("\n== tests: {suite}: {}", call::shown(command));
        let mut tally = Tally::default();
        tally.begin(runner_of(command));
        let (reader, writer) = std::io::pipe().during(|| "a pipe".to_owned())?;
        let errors = writer.try_clone().during(|| "a pipe".to_owned())?;
        let mut child = command.stdout(writer).stderr(errors).spawn().during(|| call::shown(command))?;
        // The command holds the pipe's other end too, which would never let it end.
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        for line in BufReader::new(reader).split(b'\n') {
            let line = line.during(|| "a pipe".to_owned())?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            tally.take(&line);
        }
        let status = child.wait().during(|| call::shown(command))?;
        if !status.success() {
            self.failed.push(suite);
        }
        self.tallies.push((suite, tally));
        Ok(())
    }

    /// Prints what was skipped, and every runner's closing line at the very end.
    fn close(&self) -> Outcome<()> {
        let skips = self.tallies.iter().flat_map(|(suite, tally)| tally.skips().iter().map(move |skip| (suite, skip)));
        println!("\n== skipped: {}", skips.clone().count());
        skips.for_each(|(suite, skip)| println!("{suite}: {skip}"));
        println!("\n== results");
        for (suite, tally) in &self.tallies {
            for (runner, line) in tally.closing() {
                println!("{suite}: {runner}\n{line}");
            }
        }
        std::io::stdout().flush().during(|| "standard output".to_owned())?;
        let passed: u64 = self.tallies.iter().map(|(_, tally)| tally.passed()).sum();
        match self.failed.as_slice() {
            [] if passed == 0 => Err("no test has run".into()),
            [] => Ok(()),
            failed => Err(format!("tests failed: {}", failed.join(", ")).into()),
        }
    }
}

/// The name of a test program that runs by itself; cargo names its own.
fn runner_of(command: &Command) -> String {
    let program = command.get_args().find(|argument| Path::new(argument).is_absolute());
    let file = program.and_then(|program| Path::new(program).file_name()).unwrap_or_default().to_string_lossy();
    file.rsplit_once('-').map_or(file.as_ref(), |(name, _)| name).to_owned()
}
