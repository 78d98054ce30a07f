use std::fmt;

use serde::{Deserialize, Serialize};

/// One of `process.rlimits`; all members are required. The largest number is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    /// `type`: of what.
    #[serde(rename = "type")]
    pub kind: RlimitKind,
    /// What the soft limit may be raised to.
    pub hard: u64,
    /// What holds.
    pub soft: u64,
}

/// A resource of setrlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "setrlimit(2) says what each of them is")]
#[allow(clippy::enum_variant_names, reason = "these are the names of config.json")]
pub enum RlimitKind {
    RlimitCpu,
    RlimitFsize,
    RlimitData,
    RlimitStack,
    RlimitCore,
    RlimitRss,
    RlimitNproc,
    RlimitNofile,
    RlimitMemlock,
    RlimitAs,
    RlimitLocks,
    RlimitSigpending,
    RlimitMsgqueue,
    RlimitNice,
    RlimitRtprio,
    RlimitRttime,
}

/// As config.json has it: `RLIMIT_NOFILE`.
impl fmt::Display for RlimitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
