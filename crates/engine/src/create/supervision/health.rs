//! The container's health check, from `--health-…`.

use std::time::Duration;

use diag::{Error, Result, codes};
use runtime::job::{
    duration,
    health::{Health, OnFailure, Startup, parse_test},
};

use super::read;
use crate::{
    request::{Given, Supervision, is_on},
    values,
};

/// The health check; `None`: there is none, or it is switched off.
pub(super) fn decide(wishes: &Supervision) -> Result<Option<Health>> {
    if let Some(off) = wishes.no_healthcheck.as_ref().filter(|off| off.value)
        && wishes.health_cmd.is_some()
    {
        return Err(super::contradiction("--no-healthcheck", "--health-cmd", off.at.clone()));
    }
    if is_on(wishes.no_healthcheck.as_ref()) {
        return Ok(None);
    }
    let Some(test) = read(wishes.health_cmd.as_ref(), parse_test)?.flatten() else {
        return without_command(wishes);
    };
    let usual = Health::default();
    Ok(Some(Health {
        test,
        interval: interval(wishes.health_interval.as_ref(), usual.interval)?,
        timeout: timeout(wishes.health_timeout.as_ref(), usual.timeout)?,
        retries: retries(wishes.health_retries.as_ref(), usual.retries)?,
        start_period: read(wishes.health_start_period.as_ref(), duration::parse)?.unwrap_or_default(),
        startup: startup(wishes)?,
        on_failure: read(wishes.health_on_failure.as_ref(), OnFailure::parse)?.unwrap_or_default(),
    }))
}

/// What would be about a check that there is not is not passed over.
fn without_command(wishes: &Supervision) -> Result<Option<Health>> {
    let all = [
        &wishes.health_interval,
        &wishes.health_retries,
        &wishes.health_timeout,
        &wishes.health_start_period,
        &wishes.health_on_failure,
        &wishes.health_startup_cmd,
        &wishes.health_startup_interval,
        &wishes.health_startup_retries,
        &wishes.health_startup_success,
        &wishes.health_startup_timeout,
    ];
    match all.into_iter().flatten().next() {
        None => Ok(None),
        Some(given) => {
            let error = Error::new(codes::UR0830, "a health check is described, but there is no command for it");
            Err(given.blame(error.help("add --health-cmd")))
        }
    }
}

fn startup(wishes: &Supervision) -> Result<Option<Startup>> {
    let Some(test) = read(wishes.health_startup_cmd.as_ref(), parse_test)?.flatten() else { return Ok(None) };
    let usual = Startup::default();
    let number =
        |given: Option<&Given<String>>| given.map_or(Ok(0), |given| values::number(given, "a number of checks"));
    Ok(Some(Startup {
        test,
        interval: interval(wishes.health_startup_interval.as_ref(), usual.interval)?,
        timeout: timeout(wishes.health_startup_timeout.as_ref(), usual.timeout)?,
        retries: number(wishes.health_startup_retries.as_ref())?,
        successes: number(wishes.health_startup_success.as_ref())?,
    }))
}

/// A duration, or `disable`.
fn interval(given: Option<&Given<String>>, usual: Duration) -> Result<Duration> {
    let parse = |text: &str| if text == "disable" { Ok(Duration::ZERO) } else { duration::parse(text) };
    Ok(read(given, parse)?.unwrap_or(usual))
}

/// At least a second, as Podman has it.
fn timeout(given: Option<&Given<String>>, usual: Duration) -> Result<Duration> {
    let parse = |text: &str| match duration::parse(text)? {
        short if short < Duration::from_secs(1) => {
            Err(Error::new(codes::UR0806, format!("`{text}` is too short: a check has at least a second")))
        }
        long => Ok(long),
    };
    Ok(read(given, parse)?.unwrap_or(usual))
}

fn retries(given: Option<&Given<String>>, usual: u32) -> Result<u32> {
    let Some(given) = given else { return Ok(usual) };
    match values::number(given, "a number of checks")? {
        0 => Err(given.blame(Error::new(codes::UR0806, "a container cannot be unhealthy after no failure at all"))),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "this is what the fields hold")]
    fn given(text: &str) -> Option<Given<String>> {
        Some(Given::unwritten(text.to_owned()))
    }

    #[test]
    fn what_is_not_said_is_podmans_default() {
        let wishes = Supervision { health_cmd: given("true"), health_interval: given("5s"), ..Supervision::default() };
        let health = decide(&wishes).unwrap().unwrap();
        assert_eq!(health.test, ["CMD-SHELL", "true"]);
        assert_eq!((health.interval.as_secs(), health.timeout.as_secs(), health.retries), (5, 30, 3));
        let wishes = Supervision { health_interval: given("disable"), ..wishes };
        assert!(decide(&wishes).unwrap().unwrap().interval.is_zero());
        assert_eq!(decide(&Supervision { health_cmd: given("none"), ..Supervision::default() }).unwrap(), None);
        assert_eq!(decide(&Supervision::default()).unwrap(), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let with = |wishes: Supervision| decide(&wishes).unwrap_err().code();
        let base = || Supervision { health_cmd: given("true"), ..Supervision::default() };
        assert_eq!(with(Supervision { health_timeout: given("10ms"), ..base() }), codes::UR0806);
        assert_eq!(with(Supervision { health_retries: given("0"), ..base() }), codes::UR0806);
        assert_eq!(with(Supervision { health_on_failure: given("panic"), ..base() }), codes::UR0806);
        assert_eq!(with(Supervision { health_retries: given("2"), ..Supervision::default() }), codes::UR0830);
        let off = Some(Given::unwritten(true));
        assert_eq!(with(Supervision { no_healthcheck: off, ..base() }), codes::UR0830);
    }
}
