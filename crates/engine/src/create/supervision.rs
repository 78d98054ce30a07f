//! How the container's monitor looks after it.

mod health;

use std::time::Duration;

use diag::{Error, Result, codes};
use runtime::job::{
    STOP_TIMEOUT, Supervision,
    logging::{LogDriver, Logging},
    notify::SdNotify,
    restart::RestartPolicy,
};

use super::{Setting, contradiction, file};
use crate::{
    client::{Wiring, keys::DetachKeys},
    request::{self, Given, RunRequest, is_on},
    values,
};

pub(super) fn decide(setting: &Setting) -> Result<Supervision> {
    let (life, process) = (&setting.request.life, &setting.request.process);
    let wishes = &setting.request.supervision;
    let stop_timeout = match (&process.stop_timeout, &setting.conf.engine.stop_timeout) {
        (Some(given), _) => values::number(given, "a number of seconds")?,
        (None, conf) => conf.as_ref().map_or(STOP_TIMEOUT, |given| given.value),
    };
    Ok(Supervision {
        restart: restart(setting)?,
        health: health::decide(wishes)?,
        logging: logging(setting)?,
        stop_timeout,
        time_limit: time_limit(wishes)?,
        sdnotify: read(wishes.sdnotify.as_ref(), SdNotify::parse)?.unwrap_or_default(),
        pidfile: life.pidfile.as_ref().map(file::absolute).transpose()?,
        monitor_pidfile: life.conmon_pidfile.as_ref().map(file::absolute).transpose()?,
        ..Supervision::default()
    })
}

/// How this process is connected to the container that it runs.
pub(crate) fn wiring(request: &RunRequest) -> Result<Wiring> {
    let wishes = &request.supervision;
    Ok(Wiring {
        stdin: is_on(request.process.interactive.as_ref()),
        tty: is_on(request.process.tty.as_ref()),
        sig_proxy: wishes.sig_proxy.as_ref().is_none_or(|given| given.value),
        detach_keys: read(wishes.detach_keys.as_ref(), DetachKeys::parse)?.unwrap_or_default(),
    })
}

/// A value that is blamed for what is wrong with it.
fn read<T>(given: Option<&Given<String>>, parse: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
    given.map(|given| parse(&given.value).map_err(|error| given.blame(error))).transpose()
}

fn restart(setting: &Setting) -> Result<RestartPolicy> {
    let given = setting.request.supervision.restart.as_ref();
    let policy = read(given, RestartPolicy::parse)?.unwrap_or_default();
    let is_removed = is_on(setting.request.life.rm.as_ref()) || is_on(setting.request.life.rmi.as_ref());
    if policy != RestartPolicy::No && is_removed {
        return Err(contradiction("--rm", "--restart", given.and_then(|given| given.at.clone())));
    }
    Ok(policy)
}

/// Nought is none.
fn time_limit(wishes: &request::Supervision) -> Result<Option<Duration>> {
    let Some(given) = &wishes.timeout else { return Ok(None) };
    let seconds: u64 = values::number(given, "a number of seconds")?;
    Ok((seconds > 0).then(|| Duration::from_secs(seconds)))
}

fn logging(setting: &Setting) -> Result<Logging> {
    let wishes = &setting.request.supervision;
    let mut logging = Logging::default();
    for option in &wishes.log_opt {
        logging.set(&option.value).map_err(|error| option.blame(error))?;
    }
    if let Some(driver) = read(wishes.log_driver.as_ref(), LogDriver::parse)? {
        logging.driver = driver;
    }
    let passes = logging.driver == LogDriver::Passthrough;
    if passes && is_on(setting.request.process.tty.as_ref()) {
        let at = wishes.log_driver.as_ref().and_then(|given| given.at.clone());
        return Err(contradiction("--tty", "--log-driver passthrough", at));
    }
    if passes && let Some(path) = wishes.log_opt.iter().find(|option| option.value.starts_with("path=")) {
        return Err(
            path.blame(Error::new(codes::UR0830, "with the log driver passthrough there is no log to have a path"))
        );
    }
    Ok(logging)
}
