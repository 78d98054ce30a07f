//! Where diagnostics go: to the terminal for people, and to the log for engines.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    time::SystemTime,
};

use diag::{Error, render};
use rustix::fs::{Mode, OFlags, open};

use crate::arguments::{Global, LogFormat};

/// The exit status of every failure of the runtime's own, as runc has it.
const FAILED: u8 = 1;
/// The exit status of an `exec` that failed, as runc has it.
const EXEC_FAILED: u8 = 255;

/// Writes diagnostics.
pub struct Reporter {
    log: Option<std::path::PathBuf>,
    format: LogFormat,
    json_to_terminal: bool,
    debug: bool,
}

impl Reporter {
    /// Writes where the command line says.
    pub fn new(global: &Global) -> Reporter {
        Reporter {
            log: global.log.clone(),
            format: global.log_format,
            debug: global.debug,
            json_to_terminal: global.log_format_given && global.log_format == LogFormat::Json && global.log.is_none(),
        }
    }

    /// Reports the failure that ends the command.
    pub fn failed(&self, error: &Error) -> ExitCode {
        self.report(error);
        ExitCode::from(FAILED)
    }

    /// Reports the failure of an `exec`, whose other statuses are the command's.
    pub fn exec_failed(&self, error: &Error) -> ExitCode {
        self.report(error);
        ExitCode::from(EXEC_FAILED)
    }

    /// Reports an error or a warning.
    pub fn report(&self, error: &Error) {
        self.to_log(error);
        let mut stderr = std::io::stderr();
        let text = if self.json_to_terminal {
            render::json(error.report(), SystemTime::now())
        } else {
            let variable = |name| std::env::var_os(name);
            let color =
                render::wants_color(variable("NO_COLOR").as_deref(), variable("TERM").as_deref(), stderr.is_terminal());
            render::text(error.report(), render::Style { color, ..render::Style::PLAIN })
        };
        // There is no other place to complain to.
        let _ = stderr.write_all(text.as_bytes());
    }

    /// Reports one after the other what went wrong without ending the command.
    pub fn warnings(&self, warnings: &[Error]) {
        for warning in warnings {
            self.report(warning);
        }
    }

    /// With `--debug`: tells what a container's first process was given to do.
    pub fn steps(&self, steps: &[runtime::step::Step]) {
        if !self.debug {
            return;
        }
        let time = render::rfc3339(SystemTime::now());
        let line = |step: &runtime::step::Step| match self.format {
            LogFormat::Text => format!("time=\"{time}\" level=debug msg={:?}\n", step.act.to_string()),
            LogFormat::Json => {
                let line = serde_json::json!({ "level": "debug", "msg": step.act.to_string(), "time": time });
                format!("{line}\n")
            }
        };
        let lines: String = steps.iter().map(line).collect();
        match &self.log {
            Some(_) => self.append(&lines),
            // There is no other place to complain to.
            None => drop(std::io::stderr().write_all(lines.as_bytes())),
        }
    }

    fn to_log(&self, error: &Error) {
        let line = match self.format {
            LogFormat::Text => render::log_text(error.report(), SystemTime::now()),
            LogFormat::Json => render::json(error.report(), SystemTime::now()),
        };
        self.append(&line);
    }

    fn append(&self, line: &str) {
        let Some(path) = &self.log else { return };
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        if let Ok(file) = open(path, flags, Mode::from_raw_mode(0o644)) {
            let _ = sys::dir::write_all(file, line.as_bytes());
        }
    }
}
