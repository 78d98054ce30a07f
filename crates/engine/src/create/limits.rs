//! Limits of the process, the size of /dev/shm, and parameters of the kernel.

use std::collections::BTreeMap;

use diag::{Error, Result, codes};
use oci::spec::{Rlimit, RlimitKind};
use rustix::process::{Resource, getrlimit};

use super::Setting;
use crate::{config::SHM_SIZE, request::Given, values};

/// The names of `--ulimit`; getrlimit(2) says what they are.
const NAMES: [(&str, RlimitKind); 16] = [
    ("as", RlimitKind::RlimitAs),
    ("core", RlimitKind::RlimitCore),
    ("cpu", RlimitKind::RlimitCpu),
    ("data", RlimitKind::RlimitData),
    ("fsize", RlimitKind::RlimitFsize),
    ("locks", RlimitKind::RlimitLocks),
    ("memlock", RlimitKind::RlimitMemlock),
    ("msgqueue", RlimitKind::RlimitMsgqueue),
    ("nice", RlimitKind::RlimitNice),
    ("nofile", RlimitKind::RlimitNofile),
    ("nproc", RlimitKind::RlimitNproc),
    ("rss", RlimitKind::RlimitRss),
    ("rtprio", RlimitKind::RlimitRtprio),
    ("rttime", RlimitKind::RlimitRttime),
    ("sigpending", RlimitKind::RlimitSigpending),
    ("stack", RlimitKind::RlimitStack),
];

/// How many files and processes a container may have where nobody says it: as many as unroot itself, up to this.
const PLENTY: u64 = 1 << 20;

/// `--ulimit`, over `default_ulimits` of containers.conf, over the defaults.
pub(super) fn limits(setting: &Setting) -> Result<Vec<Rlimit>> {
    let given = values::commas(&setting.request.resources.ulimit)?;
    if given.iter().any(|given| given.value == "host") {
        return Ok(Vec::new());
    }
    let raised = [(RlimitKind::RlimitNofile, Resource::Nofile), (RlimitKind::RlimitNproc, Resource::Nproc)];
    let mut limits: Vec<Rlimit> = raised
        .map(|(kind, resource)| {
            let most = getrlimit(resource).maximum.unwrap_or(u64::MAX).min(PLENTY);
            Rlimit { kind, soft: most, hard: most }
        })
        .to_vec();
    for given in setting.conf.containers.default_ulimits.iter().chain(&given) {
        let limit = limit(given)?;
        limits.retain(|earlier| earlier.kind != limit.kind);
        limits.push(limit);
    }
    Ok(limits)
}

/// `NAME=SOFT[:HARD]`; -1 is no limit.
fn limit(given: &Given<String>) -> Result<Rlimit> {
    let refused = |what: String| {
        given.blame(Error::new(codes::UR0806, what).help("write it as NAME=SOFT or NAME=SOFT:HARD, or `host`"))
    };
    let text = given.value.as_str();
    let (name, numbers) = text.split_once('=').ok_or_else(|| refused(format!("`{text}` is not a limit")))?;
    let known = NAMES.iter().find(|(known, _)| name.to_ascii_lowercase().trim_start_matches("rlimit_") == *known);
    let kind = known.map(|(_, kind)| *kind).ok_or_else(|| {
        let names = NAMES.map(|(name, _)| name).join(", ");
        refused(format!("there is no limit `{name}`")).fact(format!("there are {names}"))
    })?;
    let (soft, hard) = numbers.split_once(':').unwrap_or((numbers, numbers));
    let number = |text: &str| match text {
        "-1" | "unlimited" => Ok(u64::MAX),
        other => other.parse().map_err(|_| refused(format!("`{other}` is not a number"))),
    };
    let (soft, hard) = (number(soft)?, number(hard)?);
    if soft > hard {
        return Err(refused(format!("the soft limit of `{text}` is above its hard limit")));
    }
    Ok(Rlimit { kind, soft, hard })
}

/// `--shm-size`, in bytes.
pub(super) fn shm_size(setting: &Setting) -> Result<u64> {
    let given = setting.request.resources.shm_size.as_ref().or(setting.conf.containers.shm_size.as_ref());
    let size = given.map(values::size).transpose()?;
    Ok(size.map_or(SHM_SIZE, i64::unsigned_abs))
}

/// `--oom-score-adj`.
pub(super) fn oom_score_adj(setting: &Setting) -> Result<Option<i32>> {
    let Some(given) = &setting.request.resources.oom_score_adj else {
        return Ok(setting.conf.containers.oom_score_adj.as_ref().map(|given| given.value));
    };
    let what = "a number from -1000 to 1000";
    let score = values::number(given, what)?;
    if (-1000..=1000).contains(&score) {
        return Ok(Some(score));
    }
    Err(given.blame(Error::new(codes::UR0806, format!("`{score}` is not {what}"))))
}

/// `--sysctl`, over `default_sysctls` of containers.conf.
pub(super) fn parameters(setting: &Setting) -> Result<BTreeMap<String, String>> {
    let given = values::commas(&setting.request.resources.sysctl)?;
    let mut parameters = BTreeMap::new();
    // What holds for all containers does not hold for those who have no such namespace.
    let own_network = setting.request.network.network.as_ref().is_none_or(|mode| mode.value == "none");
    let fits = |default: &&Given<String>| own_network || !default.value.starts_with("net.");
    for given in setting.conf.containers.default_sysctls.iter().filter(fits).chain(&given) {
        if !given.value.contains('=') {
            let what = format!("the parameter `{}` has no value", given.value);
            return Err(given.blame(Error::new(codes::UR0806, what).help("write it as NAME=VALUE")));
        }
        parameters.extend([values::pair(given, "a parameter")?]);
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read() {
        let read = |text: &str| limit(&Given::unwritten(text.to_owned())).ok().map(|limit| (limit.soft, limit.hard));
        assert_eq!(read("nofile=10"), Some((10, 10)));
        assert_eq!(read("RLIMIT_CORE=0:-1"), Some((0, u64::MAX)));
        assert_eq!(read("stack=unlimited"), Some((u64::MAX, u64::MAX)));
        for wrong in ["nofile", "nofile=", "legs=1", "nofile=2:1", "nofile=1:2:3", "nofile=-2", "core=-1:5"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
