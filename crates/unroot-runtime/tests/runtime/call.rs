//! The program under test, and what a call of it has given.

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// No call of the runtime takes this long; one that does hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// The variable by which the processes of a test are found: its value is the id of the container.
pub const MARK: &str = "UNROOT_TEST_CONTAINER";

/// The release build that is to be tested, or else the one that cargo made beside this test.
pub fn program() -> PathBuf {
    match std::env::var_os("UNROOT_TEST_BIN_DIR") {
        Some(directory) => PathBuf::from(directory).join("unroot-runtime"),
        None => PathBuf::from(env!("CARGO_BIN_EXE_unroot-runtime")),
    }
}

/// What a call has given.
#[derive(Debug)]
pub struct Ran {
    /// The exit status; 128 + n if signal n has ended it.
    pub status: i32,
    /// Its standard output, and that of the container.
    pub stdout: String,
    /// Its standard error, and that of the container.
    pub stderr: String,
}

/// Calls a command. Its output goes to files in `directory`: a container that outlives the call keeps them open.
pub fn call(command: &mut Command, directory: &Path) -> Ran {
    let (stdout, stderr) = (directory.join("stdout"), directory.join("stderr"));
    command.stdin(Stdio::null()).stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let status = wait(&mut child);
    let text = |path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
    Ran { status, stdout: text(stdout), stderr: text(stderr) }
}

/// Waits for the end of a child.
pub fn wait(child: &mut Child) -> i32 {
    let pidfd =
        rustix::process::pidfd_open(rustix::process::Pid::from_child(child), rustix::process::PidfdFlags::empty());
    let pidfd = pidfd.unwrap();
    let mut polled = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
    let patience = rustix::time::Timespec { tv_sec: i64::try_from(PATIENCE.as_secs()).unwrap(), tv_nsec: 0 };
    if rustix::event::poll(&mut polled, Some(&patience)).unwrap() == 0 {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("the runtime did not end within {PATIENCE:?}");
    }
    let status = child.wait().unwrap();
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap())
}

/// Waits until something is true, or for a few seconds.
pub fn wait_until(mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !holds() {
        if begun.elapsed() > Duration::from_secs(5) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

impl Ran {
    /// Asserts success; the standard output without the last line end.
    pub fn ok(&self) -> &str {
        assert_eq!(self.status, 0, "{}\n{}", self.stderr, self.stdout);
        self.stdout.trim_end()
    }

    /// Asserts a refusal with this code, at this place of config.json if it is not empty, and these words in it.
    pub fn refused(&self, code: &str, place: &str, words: &[&str]) {
        self.refused_with(1, code, place, words);
    }

    /// The same with another exit status.
    pub fn refused_with(&self, status: i32, code: &str, place: &str, words: &[&str]) {
        assert_eq!(self.status, status, "{}\n{}", self.stderr, self.stdout);
        self.says(&format!("error[{code}]: "), place, words);
    }

    /// Asserts success, and a warning.
    pub fn warned(&self, code: &str, place: &str, words: &[&str]) -> &str {
        self.says(&format!("warning[{code}]: "), place, words);
        self.ok()
    }

    fn says(&self, title: &str, place: &str, words: &[&str]) {
        assert!(self.stderr.contains(title), "not {title}:\n{}", self.stderr);
        if !place.is_empty() {
            let end = format!(" ({place})");
            let arrow = |line: &str| {
                let position = line.split_once("/config.json:").and_then(|(_, after)| after.strip_suffix(&end));
                position.is_some_and(|position| position.split(':').all(|number| number.parse::<u32>().is_ok()))
            };
            assert!(self.stderr.lines().any(arrow), "not at {place:?}:\n{}", self.stderr);
        }
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in:\n{}", self.stderr);
        }
    }
}
