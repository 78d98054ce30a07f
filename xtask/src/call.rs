//! Programs that a chore calls, and how a chore fails.

use std::{
    fmt,
    process::{Command, Stdio},
};

/// Why a chore could not be done: a sentence for the person who asked for it.
#[derive(Debug)]
pub struct Fault(String);

/// What a chore returns.
pub type Outcome<T> = Result<T, Fault>;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Fault {
    fn from(sentence: String) -> Self {
        Self(sentence)
    }
}

impl From<&str> for Fault {
    fn from(sentence: &str) -> Self {
        Self(sentence.to_owned())
    }
}

/// Names what was being done when something failed.
pub trait While<T> {
    /// The sentence is computed only if it is needed.
    fn during(self, what: impl FnOnce() -> String) -> Outcome<T>;
}

impl<T, E: fmt::Display> While<T> for Result<T, E> {
    fn during(self, what: impl FnOnce() -> String) -> Outcome<T> {
        self.map_err(|error| Fault(format!("{}: {error}", what())))
    }
}

/// The cargo that started this program, at the root of the workspace.
pub fn cargo(workspace: &crate::Workspace, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(&workspace.root);
    command
}

/// Runs it with our own standard streams; any status but 0 is a fault.
pub fn run(command: &mut Command) -> Outcome<()> {
    let status = command.status().during(|| shown(command))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", shown(command)).into()) }
}

/// Runs it and returns what it prints to its standard output; any status but 0 is a fault.
pub fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stderr(Stdio::inherit()).output().during(|| shown(command))?;
    if output.status.success() {
        String::from_utf8(output.stdout).during(|| shown(command))
    } else {
        Err(format!("{}: {}", shown(command), output.status).into())
    }
}

/// Whether it ends with status 0. What it prints is not shown; a program that is not there does not succeed.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The command as a line.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
