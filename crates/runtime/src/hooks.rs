//! The hooks of config.json: programs that are run at six points of a container's life.
//!
//! A hook gets the container's state as JSON on its standard input, exactly the arguments and the environment that
//! config.json gives it, and nothing else of ours. What it prints is not shown; the end of it is kept for the diagnosis.
//!
//! * *must*: be called by a process with one thread; `SIGPIPE` must not kill it (Rust's start-up code sees to that).
//! * *must not*: wait for anything but the hook itself. A daemon that a hook leaves behind keeps its output open for ever.
//!
//! Source: OCI runtime specification, config.md "POSIX-platform Hooks" and runtime.md "Lifecycle".

mod child;

use std::fmt;

use diag::{Error, Pointer, Result, codes};
use oci::{
    Source,
    spec::{Hook, Hooks},
};

/// The points at which hooks are run, by the names that config.json has for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Deprecated; at the time of `createRuntime`.
    Prestart,
    /// In the runtime's namespaces, when the container's are made.
    CreateRuntime,
    /// In the container's namespaces, before its root is entered.
    CreateContainer,
    /// In the container, right before its command.
    StartContainer,
    /// In the runtime's namespaces, after the command was started.
    Poststart,
    /// In the runtime's namespaces, after the container was deleted.
    Poststop,
}

impl Kind {
    /// All of them, in the order of a container's life.
    pub const ALL: [Kind; 6] = [
        Kind::Prestart,
        Kind::CreateRuntime,
        Kind::CreateContainer,
        Kind::StartContainer,
        Kind::Poststart,
        Kind::Poststop,
    ];

    /// Its member of `hooks` in config.json.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Prestart => "prestart",
            Kind::CreateRuntime => "createRuntime",
            Kind::CreateContainer => "createContainer",
            Kind::StartContainer => "startContainer",
            Kind::Poststart => "poststart",
            Kind::Poststop => "poststop",
        }
    }

    /// The hooks of this kind.
    pub fn of(self, hooks: &Hooks) -> &[Hook] {
        match self {
            Kind::Prestart => &hooks.prestart,
            Kind::CreateRuntime => &hooks.create_runtime,
            Kind::CreateContainer => &hooks.create_container,
            Kind::StartContainer => &hooks.start_container,
            Kind::Poststart => &hooks.poststart,
            Kind::Poststop => &hooks.poststop,
        }
    }

    fn pointer(self, index: usize) -> Pointer {
        Pointer::new("/hooks").child(self.name()).child(index)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Checks hooks without running them: paths are absolute, timeouts positive, variables have names, texts are free of NUL. Errors: UR0402.
pub fn check(hooks: &[Hook], kind: Kind, source: &Source) -> Result<()> {
    hooks.iter().enumerate().try_for_each(|(index, hook)| check_one(hook, &kind.pointer(index), source))
}

fn check_one(hook: &Hook, at: &Pointer, source: &Source) -> Result<()> {
    let refuse = |member: &str, what: String| Err(Error::new(codes::UR0402, what).at(source.at(at.child(member))));
    let path = &hook.path;
    if !path.is_absolute() {
        let what = format!("the path of the hook `{}` is not absolute", path.display());
        return refuse("path", what);
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return refuse("path", "the path of a hook has a NUL in it".to_owned());
    }
    if let Some(timeout) = hook.timeout.filter(|seconds| *seconds <= 0) {
        return refuse("timeout", format!("the timeout of a hook is `{timeout}` and must be above 0"));
    }
    if let Some(bad) = hook.env.iter().find(|word| !matches!(word.split_once('='), Some((name, _)) if !name.is_empty()))
    {
        return refuse("env", format!("`{bad}` is not an environment variable: it has no name or no `=`"));
    }
    for (member, words) in [("args", &hook.args), ("env", &hook.env)] {
        if words.iter().any(|word| word.contains('\0')) {
            return refuse(member, format!("a text in `{member}` of a hook has a NUL in it"));
        }
    }
    Ok(())
}

/// Runs hooks in their order, up to the first one that fails (UR0605): for the kinds that stop a container's start.
///
/// `state` is the container's state as JSON. A caller with a deadline sees to it that hooks have timeouts.
pub fn run_all(hooks: &[Hook], kind: Kind, source: &Source, state: &[u8]) -> Result<()> {
    hooks.iter().enumerate().try_for_each(|(index, hook)| run_one(hook, kind, index, source, state))
}

/// Runs all hooks, whichever fail: for `poststart` and `poststop`, whose failures the specification wants as warnings.
pub fn run_each(hooks: &[Hook], kind: Kind, source: &Source, state: &[u8]) -> Vec<Error> {
    let failed = |(index, hook)| run_one(hook, kind, index, source, state).err();
    hooks.iter().enumerate().filter_map(failed).map(into_warning).collect()
}

fn into_warning(error: Error) -> Error {
    let mut report = error.into_report();
    report.severity = diag::Severity::Warning;
    report.into()
}

fn run_one(hook: &Hook, kind: Kind, index: usize, source: &Source, state: &[u8]) -> Result<()> {
    let at = kind.pointer(index);
    check_one(hook, &at, source)?;
    let path = hook.path.display();
    let fault = match child::run(hook, state) {
        Ok(child::End { fault: None, .. }) => return Ok(()),
        Ok(end) => {
            let how = end.fault.unwrap_or_default();
            let error = Error::new(codes::UR0605, format!("the {kind} hook `{path}` {how}"));
            output_lines(&end.output).fold(error, |error, line| error.fact(format!("it said: {line}")))
        }
        Err(failed) => Error::new(codes::UR0605, format!("the {kind} hook `{path}` could not be run"))
            .os(format!("{}({path})", failed.call), failed.errno.raw_os_error()),
    };
    Err(fault.at(source.at(at)))
}

/// The last lines of a hook's output, as text that can be printed.
fn output_lines(output: &[u8]) -> impl Iterator<Item = String> {
    let text = String::from_utf8_lossy(output).into_owned();
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>())
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.into_iter()
}

#[cfg(test)]
mod tests;
