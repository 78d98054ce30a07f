//! How the container's monitor looks after it.

use diag::Result;
use runtime::job::{STOP_TIMEOUT, Supervision};

use super::{Setting, file};
use crate::values;

pub(super) fn decide(setting: &Setting) -> Result<Supervision> {
    let (life, process) = (&setting.request.life, &setting.request.process);
    let stop_timeout = match (&process.stop_timeout, &setting.conf.engine.stop_timeout) {
        (Some(given), _) => values::number(given, "a number of seconds")?,
        (None, conf) => conf.as_ref().map_or(STOP_TIMEOUT, |given| given.value),
    };
    Ok(Supervision {
        stop_timeout,
        pidfile: life.pidfile.as_ref().map(file::absolute).transpose()?,
        monitor_pidfile: life.conmon_pidfile.as_ref().map(file::absolute).transpose()?,
        ..Supervision::default()
    })
}
