//! `run`: create, start, wait, delete.

use std::process::ExitCode;

use diag::Result;
use sys::Alone;

use super::{
    containers,
    create::{Made, make, write_pid},
    foreground::{self, Foreground},
};
use crate::{
    arguments::{Create, Global},
    report::Reporter,
};

/// `run`.
pub fn run(alone: &Alone, global: &Global, options: &Create, reporter: &Reporter) -> Result<ExitCode> {
    let Made { mut init, held } = make(alone, global, options, false, reporter)?;
    let noted = options.pid_file.as_ref().map_or(Ok(()), |path| write_pid(path, init.pid()));
    let started = noted.and_then(|()| {
        let caught = if options.detach { None } else { foreground::catch() };
        init.start().map(|warnings| (warnings, caught))
    });
    let (warnings, caught) = match started {
        Ok(started) => started,
        Err(error) => {
            drop(init);
            let _ = containers(global)?.remove(&options.id, held);
            return Err(error);
        }
    };
    reporter.warnings(&warnings);
    if options.detach {
        init.release();
        return Ok(ExitCode::SUCCESS);
    }
    let status = match init.pidfd() {
        Ok(pidfd) => Foreground { pidfd: &pidfd, terminal: init.terminal.as_ref() }.attend(caught.as_ref()),
        Err(_) => 255,
    };
    if options.keep {
        // What `delete` needs later stays: the state, which says that the container has stopped.
        init.release();
        return Ok(ExitCode::from(status));
    }
    reporter.warnings(&init.clear_away());
    containers(global)?.remove(&options.id, held)?;
    Ok(ExitCode::from(status))
}
