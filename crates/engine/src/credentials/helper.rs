//! `docker-credential-NAME`: programs that keep credentials. A word says what is wanted, the rest goes through their stdin and stdout.
//!
//! Source: the protocol of docker-credential-helpers. A helper that knows nothing answers with a failure and a certain sentence.

use std::{
    ffi::OsString,
    io::{Read, Write},
    os::fd::AsFd,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use diag::{Error, Result, codes};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Deserialize;
use serde_json::json;

use super::Credential;

/// How long a helper may take: it may ask its user for a passphrase.
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer is longer, in bytes.
const LIMIT: usize = 1 << 20;
/// What all helpers say when they do not know a registry.
const UNKNOWN: &str = "credentials not found";
/// The name of a user in whose place a token stands.
const TOKEN: &str = "<token>";

/// A helper.
pub(super) struct Helper<'a> {
    /// What comes behind `docker-credential-`.
    pub(super) name: &'a str,
    /// Where programs are looked for; nothing means this process's `PATH`.
    pub(super) path: Option<&'a OsString>,
    /// Who names it: a file, for the help.
    pub(super) named_by: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    secret: String,
}

struct Output {
    status: ExitStatus,
    text: String,
}

impl Helper<'_> {
    /// Asks for the credential of a server; nothing if the helper has none. UR0905.
    pub(super) fn get(&self, server: &str) -> Result<Option<Credential>> {
        let output = self.ask("get", server)?;
        if !output.status.success() {
            return if output.text.contains(UNKNOWN) { Ok(None) } else { Err(self.refused("get", &output)) };
        }
        // The answer is not shown: a secret is in it.
        let answer: Answer = serde_json::from_str(&output.text)
            .map_err(|_| self.failed("answered something that is not JSON with `Username` and `Secret`"))?;
        Ok(match (answer.username.as_str(), answer.secret) {
            ("", secret) if secret.is_empty() => None,
            (TOKEN, secret) => Some(Credential::Identity(secret)),
            (user, password) => Some(Credential::Basic { user: user.to_owned(), password }),
        })
    }

    /// Gives it a credential to keep. UR0905.
    pub(super) fn store(&self, server: &str, user: &str, password: &str) -> Result<()> {
        let request = json!({ "ServerURL": server, "Username": user, "Secret": password });
        let output = self.ask("store", &request.to_string())?;
        if output.status.success() { Ok(()) } else { Err(self.refused("store", &output)) }
    }

    /// Makes it forget; whether it had known. UR0905.
    pub(super) fn erase(&self, server: &str) -> Result<bool> {
        let output = self.ask("erase", server)?;
        match output.status.success() {
            true => Ok(true),
            false if output.text.contains(UNKNOWN) => Ok(false),
            false => Err(self.refused("erase", &output)),
        }
    }

    fn program(&self) -> String {
        format!("docker-credential-{}", self.name)
    }

    fn failed(&self, how: &str) -> Error {
        Error::new(codes::UR0905, format!("the credential helper `{}` {how}", self.program()))
            .fact(format!("it is named by {}", self.named_by))
    }

    fn refused(&self, verb: &str, output: &Output) -> Error {
        let words = output.text.trim();
        let words = if words.is_empty() { output.status.to_string() } else { words.to_owned() };
        self.failed(&format!("failed to {verb}")).words(words)
    }

    fn ask(&self, verb: &str, input: &str) -> Result<Output> {
        if self.name.is_empty() || self.name.contains('/') {
            return Err(self.failed("has a name that no program can have"));
        }
        let mut command = Command::new(self.program());
        command.arg(verb).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        self.path.iter().for_each(|path| {
            command.env("PATH", path);
        });
        let mut child = command.spawn().map_err(|error| {
            self.failed("cannot be run").words(error).help(format!(
                "install `{}`, or remove it from {}",
                self.program(),
                self.named_by
            ))
        })?;
        let outcome = converse(&mut child, input, Instant::now() + PATIENCE);
        match outcome {
            Ok(Some(output)) => Ok(output),
            other => {
                // It may have ended just now; then there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                Err(match other {
                    Err(error) => self.failed("cannot be talked to").words(error),
                    _ => self.failed(&format!("has not answered within {} seconds", PATIENCE.as_secs())),
                })
            }
        }
    }
}

/// Writes, reads until the end and waits; nothing if it takes too long.
fn converse(child: &mut Child, input: &str, until: Instant) -> std::io::Result<Option<Output>> {
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(input.as_bytes())
        // One that does not care for its input may have gone already.
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        return Err(error);
    }
    let mut bytes = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        let mut part = [0; 4096];
        loop {
            if !readable(&stdout, until)? {
                return Ok(None);
            }
            match stdout.read(&mut part)? {
                0 => break,
                length if bytes.len() + length > LIMIT => return Err(std::io::Error::other("its answer is too long")),
                length => bytes.extend_from_slice(&part[..length]),
            }
        }
    }
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(Output { status, text: String::from_utf8_lossy(&bytes).into_owned() }));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(None)
}

/// Whether there is something to read, or the end, in time.
fn readable(from: &impl AsFd, until: Instant) -> std::io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(from, PollFlags::IN)], Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
