//! `exec`: a further process in a container.

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::ExitCode,
};

use diag::{Error, Result, codes};
use oci::{
    Source,
    spec::{Capability, Process},
};
use runtime::{
    exec::{Container, Entered, Request, group::SubGroup},
    state::State,
};
use rustix::fs::{Mode, OFlags, open};
use sys::Alone;

use super::{
    containers,
    create::write_pid,
    foreground::{self, Foreground},
    this_host,
};
use crate::{
    arguments::{Exec, Global},
    console,
    report::Reporter,
};

/// The longest description of a process that is read.
const LIMIT: usize = 4 << 20;

/// `exec`. Its failures have another exit status than those of other verbs.
pub fn exec(alone: &Alone, global: &Global, options: &Exec, reporter: &Reporter) -> Result<ExitCode> {
    perform(alone, global, options, reporter).or_else(|error| Ok(reporter.exec_failed(&error)))
}

fn perform(alone: &Alone, global: &Global, options: &Exec, reporter: &Reporter) -> Result<ExitCode> {
    let state = State::read(&containers(global)?.get(&options.id)?)?;
    let container = Container::open(state)?;
    let (process, source) = match &options.process {
        Some(file) => described(file, &container)?,
        None => (written(options, &container)?, None),
    };
    let console = agree_on_console(&process, options)?;
    let request = Request {
        process,
        source,
        stdio: None,
        preserve_fds: options.preserve_fds,
        groups: options.cgroup.iter().map(|text| SubGroup::parse(text)).collect::<Result<_>>()?,
        ignore_paused: options.ignore_paused,
    };
    let words = options.process.is_none();
    let bare = |error: Error| if words { without_config(error) } else { error };
    let mut entered = container.enter(alone, request, &this_host()?).map_err(bare)?;
    reporter.warnings(&entered.warnings);
    let terminal = hand_over(&mut entered, options, console.as_ref())?;
    let caught = if options.detach { None } else { foreground::catch() };
    let process = entered.execute().map_err(bare)?;
    if options.detach {
        return Ok(ExitCode::SUCCESS);
    }
    let foreground = Foreground { pidfd: &process.pidfd, terminal: terminal.as_ref() };
    Ok(ExitCode::from(foreground.attend(caught.as_ref())))
}

/// Before anything runs, who waits for the pid or for the terminal has it. The master of a terminal that is kept.
fn hand_over(entered: &mut Entered, options: &Exec, console: Option<&OwnedFd>) -> Result<Option<OwnedFd>> {
    if let Some(path) = &options.pid_file {
        write_pid(path, entered.pid())?;
    }
    match (entered.terminal.take(), console) {
        (Some(master), Some(socket)) => console::send(socket, &master).map(|()| None),
        (master, _) => Ok(master),
    }
}

/// The process that a file describes. What it says nothing of (rights, limits, labels) is the container's, as runc has it.
fn described(file: &Path, container: &Container) -> Result<(Process, Option<Source>)> {
    let unreadable = |call: &str, errno: rustix::io::Errno| {
        Error::new(codes::UR0642, format!("the description `{}` of a process cannot be read", file.display()))
            .os(format!("{call}({})", file.display()), errno.raw_os_error())
    };
    let opened = open(file, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty());
    let opened = opened.map_err(|errno| unreadable("open", errno))?;
    let bytes = sys::dir::read_all(opened, LIMIT).map_err(|errno| unreadable("read", errno))?;
    let source = Source::from_bytes(file.display().to_string(), bytes, codes::UR0642)?;
    let mut process: Process = source.parse(codes::UR0642)?;
    let own = container.default_process();
    process.capabilities = process.capabilities.or(own.capabilities);
    process.apparmor_profile = process.apparmor_profile.or(own.apparmor_profile);
    process.selinux_label = process.selinux_label.or(own.selinux_label);
    process.oom_score_adj = process.oom_score_adj.or(own.oom_score_adj);
    if process.rlimits.is_empty() {
        process.rlimits = own.rlimits;
    }
    Ok((process, Some(source)))
}

/// The process of the command line: the container's own, and what the options change.
fn written(options: &Exec, container: &Container) -> Result<Process> {
    let mut process = container.default_process();
    process.args.clone_from(&options.command);
    process.terminal = options.tty;
    process.env.extend(options.env.iter().cloned());
    if let Some(cwd) = &options.cwd {
        process.cwd = PathBuf::from(cwd);
    }
    if let Some(text) = &options.user {
        (process.user.uid, process.user.gid) = user(text, process.user.gid)?;
    }
    process.user.additional_gids.extend(&options.additional_gids);
    process.no_new_privileges |= options.no_new_privs;
    process.apparmor_profile = options.apparmor.clone().or(process.apparmor_profile);
    process.selinux_label = options.process_label.clone().or(process.selinux_label);
    let sets = process.capabilities.get_or_insert_default();
    for name in &options.cap {
        let number = runtime::capability::number(name).ok_or_else(|| {
            Error::new(codes::UR0508, format!("`{name}` is no capability")).help("they are listed in capabilities(7)")
        })?;
        // Not inheritable ones: what an ordinary execve of another user must not get (CVE-2022-29162).
        for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
            set.push(Capability(number));
        }
    }
    Ok(process)
}

/// `UID[:GID]`, numbers alone: names are the engine's business.
fn user(text: &str, gid: u32) -> Result<(u32, u32)> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let read = match text.split_once(':') {
        Some((uid, gid)) => number(uid).zip(number(gid)),
        None => number(text).map(|uid| (uid, gid)),
    };
    read.filter(|(uid, gid)| *uid != u32::MAX && *gid != u32::MAX).ok_or_else(|| {
        Error::new(codes::UR0610, format!("`{text}` is no user"))
            .help("write numbers: `--user UID` or `--user UID:GID`; names are the engine's business")
    })
}

/// A terminal whose master is not kept here goes to a socket, and only there.
fn agree_on_console(process: &Process, options: &Exec) -> Result<Option<OwnedFd>> {
    match (process.terminal, &options.console_socket) {
        (true, Some(path)) => console::connect_to(path).map(Some),
        (true, None) if options.detach => {
            Err(Error::new(codes::UR0511, "the process has a terminal, and nobody to hand it to")
                .help("give a socket that takes it: --console-socket PATH; or run it in the foreground"))
        }
        (false, Some(_)) => {
            Err(Error::new(codes::UR0511, "`--console-socket` is given, but the process has no terminal")
                .help("add --tty, or take the option away"))
        }
        _ => Ok(None),
    }
}

/// The command line is no part of config.json: what is wrong with it is not to be found there.
fn without_config(error: Error) -> Error {
    let written = ["/process/args", "/process/cwd", "/process/user", "/process/env", "/process/terminal"];
    let Some(diag::Origin::Config { pointer, .. }) = &error.report().at else { return error };
    if !written.iter().any(|member| pointer.as_str().starts_with(member)) {
        return error;
    }
    let mut report = error.into_report();
    report.at = None;
    report.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_numbers() {
        assert_eq!(user("7", 3).unwrap(), (7, 3));
        assert_eq!(user("7:8", 3).unwrap(), (7, 8));
        for bad in ["", "root", "7:", ":8", "-1", "+1", "4294967295", "4294967296", "0x1", "7:8:9"] {
            assert_eq!(user(bad, 0).unwrap_err().code(), codes::UR0610, "{bad}");
        }
    }
}
