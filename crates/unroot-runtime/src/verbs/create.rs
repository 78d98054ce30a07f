//! `create`: a bundle becomes a container that waits.

use std::{path::Path, process::ExitCode};

use diag::{Error, Result, codes};
use oci::Bundle;
use runtime::{
    containers::Held,
    job::Root,
    launch::{self, Init, Request},
};
use rustix::fs::{Mode, OFlags, open, rename};
use sys::Alone;

use super::{containers, this_host};
use crate::{
    arguments::{Create, Global},
    console,
    report::Reporter,
};

/// A container that was made, and its directory.
pub struct Made {
    /// Its first process.
    pub init: Init,
    /// Its directory; locked while it is being made.
    pub held: Held,
}

/// `create`.
pub fn create(alone: &Alone, global: &Global, options: &Create, reporter: &Reporter) -> Result<ExitCode> {
    let Made { init, held } = make(alone, global, options, true, reporter)?;
    if let Some(path) = &options.pid_file
        && let Err(error) = write_pid(path, init.pid())
    {
        drop(init);
        // The first failure is the one that counts.
        let _ = containers(global)?.remove(&options.id, held);
        return Err(error);
    }
    init.release();
    Ok(ExitCode::SUCCESS)
}

/// Makes a container; what was begun is undone if it fails.
pub fn make(alone: &Alone, global: &Global, options: &Create, by_others: bool, reporter: &Reporter) -> Result<Made> {
    let bundle = Bundle::open(if options.bundle.as_os_str().is_empty() { Path::new(".") } else { &options.bundle })?;
    let console = agree_on_console(&bundle, options, by_others)?;
    let containers = containers(global)?;
    let held = containers.make(&options.id)?;
    let cgroup = bundle.spec.linux.as_ref().and_then(|linux| linux.cgroups_path.clone());
    let noted = cgroup.map_or(Ok(()), |path| held.note_cgroup(&path));
    let begun = noted.and_then(|()| begin(alone, options, bundle, by_others, &held)).and_then(|mut init| {
        if global.needs_groups
            && let Some(at) = init.warnings.iter().position(|warning| warning.code() == codes::UR0611)
        {
            let refusal = Error::new(
                codes::UR0611,
                "the container has no control group of its own, and `--rootless false` asks for one",
            );
            let facts = init.warnings.swap_remove(at).into_report().facts;
            return Err(facts.into_iter().fold(refusal, Error::fact));
        }
        reporter.warnings(&init.warnings);
        reporter.steps(init.steps());
        if let Some(socket) = &console
            && let Some(master) = init.terminal.take()
        {
            console::send(socket, &master)?;
        }
        Ok(init)
    });
    match begun {
        Ok(init) => Ok(Made { init, held }),
        Err(error) => {
            // The first failure is the one that counts.
            let _ = containers.remove(&options.id, held);
            Err(error)
        }
    }
}

fn begin(alone: &Alone, options: &Create, bundle: Bundle, by_others: bool, held: &Held) -> Result<Init> {
    let state_dir = held
        .dir
        .try_clone()
        .map_err(|failed| failed.into_error(codes::UR0606, "the container's directory cannot be opened once more"))?;
    let host = this_host()?;
    runtime::own_namespace::enter_for(alone, &bundle, &host)?;
    let request = Request {
        id: options.id.clone(),
        bundle,
        root: Root::Bundle { idmap: options.idmap_root },
        stdio: None,
        no_pivot: options.no_pivot,
        preserve_fds: options.preserve_fds,
        die_with_parent: false,
        started_by_others: by_others,
        state_dir,
    };
    launch::create(alone, request, &host)
}

/// A terminal and a place for its master come together, or not at all; `run` in the foreground keeps the master itself.
fn agree_on_console(bundle: &Bundle, options: &Create, by_others: bool) -> Result<Option<std::os::fd::OwnedFd>> {
    let wants = bundle.spec.process.as_ref().is_some_and(|process| process.terminal);
    let detached = by_others || options.detach;
    match (wants, &options.console_socket) {
        (true, Some(path)) => console::connect_to(path).map(Some),
        (true, None) if detached => {
            Err(Error::new(codes::UR0511, "the container has a terminal, and nobody to hand it to")
                .at(bundle.at(diag::Pointer::new("/process/terminal")))
                .help("give a socket that takes it: --console-socket PATH; or run in the foreground"))
        }
        (false, Some(_)) => {
            Err(Error::new(codes::UR0511, "`--console-socket` is given, but the container has no terminal")
                .help("set process.terminal to true, or take the option away"))
        }
        _ => Ok(None),
    }
}

/// Writes a pid, so that whoever waits for the file finds it whole.
pub fn write_pid(path: &Path, pid: i32) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let written = open(&temporary, flags, Mode::from_raw_mode(0o644))
        .and_then(|file| sys::dir::write_all(file, pid.to_string().as_bytes()))
        .and_then(|()| rename(&temporary, path));
    written.map_err(|errno| {
        Error::new(codes::UR0606, format!("the pid cannot be written to `{}`", path.display()))
            .os(format!("write({})", path.display()), errno.raw_os_error())
    })
}
