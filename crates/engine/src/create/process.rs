//! What surrounds the container's process, and how it is asked to end.

use std::path::{Component, Path};

use diag::{Error, Result, codes};
use runtime::signal::Signal;

use super::{Setting, file, flag, limits};
use crate::{
    config::{Surroundings, UMASK},
    environment::{self, Sources},
    request::{Given, is_on},
    values,
};

/// Where time zones are described.
pub(crate) const ZONES: &str = "/usr/share/zoneinfo";

/// The umask and the time zone.
pub(super) fn surroundings(setting: &Setting) -> Result<Surroundings> {
    let (asked, conf) = (&setting.request.process, &setting.conf.containers);
    let umask = asked.umask.as_ref().or(conf.umask.as_ref()).map(umask).transpose()?.unwrap_or(UMASK);
    let zone = asked.tz.as_ref().or(conf.tz.as_ref()).filter(|zone| !zone.value.is_empty());
    let time_zone = zone.map(time_zone).transpose()?.flatten();
    Ok(Surroundings {
        umask,
        time_zone,
        limits: limits::limits(setting)?,
        shm_size: limits::shm_size(setting)?,
        parameters: limits::parameters(setting)?,
        oom_score_adj: limits::oom_score_adj(setting)?,
    })
}

/// One to four octal digits.
fn umask(given: &Given<String>) -> Result<u32> {
    let text = given.value.as_str();
    let umask = u32::from_str_radix(text, 8).ok().filter(|_| text.len() <= 4 && !text.starts_with('+'));
    umask.ok_or_else(|| {
        given.blame(
            Error::new(codes::UR0806, format!("the umask `{text}` is not one to four octal digits"))
                .help("write it as in `--umask 0022`"),
        )
    })
}

/// A zone that the host knows; its file is what the container gets. A host that says nothing has UTC, as the container then.
fn time_zone(given: &Given<String>) -> Result<Option<String>> {
    let zone = given.value.as_str();
    if zone == "local" {
        return Ok(Path::new("/etc/localtime").exists().then(|| zone.to_owned()));
    }
    let plain = Path::new(zone).components().all(|part| matches!(part, Component::Normal(_)));
    if plain && Path::new(ZONES).join(zone).is_file() {
        return Ok(Some(zone.to_owned()));
    }
    Err(given.blame(
        Error::new(codes::UR0806, format!("there is no time zone `{zone}`"))
            .fact(format!("it would be the file `{ZONES}/{zone}` of the host (package tzdata)"))
            .help("zones have names such as `Europe/Berlin`; `local` is the host's own"),
    ))
}

/// `--stop-signal`, or what the image says, or SIGTERM.
pub(super) fn stop_signal(setting: &Setting) -> Result<u8> {
    if let Some(given) = &setting.request.process.stop_signal {
        return Signal::parse(&given.value).map(Signal::number).map_err(|error| given.blame(error));
    }
    match setting.image.stop_signal.as_str() {
        "" => Ok(Signal::TERM.number()),
        name => Signal::parse(name).map(Signal::number),
    }
}

/// The environment of the container.
pub(super) fn environment(setting: &Setting, hostname: &str, home: &str) -> Result<Vec<String>> {
    let (asked, conf) = (&setting.request.process, &setting.conf.containers);
    let caller: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let files = values::commas(&asked.env_file)?;
    let files = files.iter().map(file::lines).collect::<Result<Vec<_>>>()?.concat();
    environment::merge(&Sources {
        defaults: &conf.env,
        image: &setting.image.env,
        merged: &asked.env_merge,
        unset: &asked.unsetenv,
        unset_all: is_on(asked.unsetenv_all.as_ref()),
        host: flag(asked.env_host.as_ref(), conf.env_host.as_ref()),
        proxies: asked.http_proxy.as_ref().or(conf.http_proxy.as_ref()).is_none_or(|given| given.value),
        files: &files,
        given: &asked.env,
        caller: &caller,
        hostname,
        home,
        tty: is_on(asked.tty.as_ref()),
    })
}
