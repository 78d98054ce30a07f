//! When a container that has ended is started again: `--restart`.

use std::{fmt, time::Duration};

use diag::{Error, Result, codes};
use serde::{Deserialize, Serialize};

/// What is done when the container has ended without a person wanting it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Nothing.
    #[default]
    No,
    /// It is started again if its exit status is not 0.
    OnFailure {
        /// So often in a row; `None`: without end.
        retries: Option<u32>,
    },
    /// It is started again.
    Always,
    /// It is started again; and after the machine's start, unless a person had stopped it.
    UnlessStopped,
}

/// The first pause before a restart; each further one is twice as long, …
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A container that has run so long is well: the next restart counts as the first one.
pub const SOUND_RUN: Duration = Duration::from_secs(10);

impl RestartPolicy {
    /// Reads `no`, `never`, `always`, `unless-stopped`, `on-failure` or `on-failure:N`; empty is `no`. Fails with UR0806.
    pub fn parse(text: &str) -> Result<RestartPolicy> {
        let (name, count) = text.split_once(':').map_or((text, None), |(name, count)| (name, Some(count)));
        let refused = |what: String| Error::new(codes::UR0806, what);
        let policy = match name {
            "" | "no" | "never" => RestartPolicy::No,
            "always" => RestartPolicy::Always,
            "unless-stopped" => RestartPolicy::UnlessStopped,
            "on-failure" => {
                let number =
                    |text: &str| text.parse().map_err(|_| refused(format!("`{text}` is not a number of restarts")));
                return Ok(RestartPolicy::OnFailure { retries: count.map(number).transpose()? });
            }
            other => {
                return Err(refused(format!("there is no restart policy `{other}`"))
                    .help("the policies are no, on-failure, on-failure:N, always and unless-stopped"));
            }
        };
        match count {
            None => Ok(policy),
            Some(_) => Err(refused(format!("the restart policy `{name}` takes no number of restarts"))
                .help("only on-failure does: on-failure:3")),
        }
    }

    /// Whether a container that ended so, and was restarted so often in a row, is started again.
    pub fn wants(self, code: u8, restarts: u32) -> bool {
        match self {
            RestartPolicy::No => false,
            RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
            RestartPolicy::OnFailure { retries } => {
                code != 0 && retries.is_none_or(|most| most == 0 || restarts < most)
            }
        }
    }

    /// How long the restart after so many is waited for.
    pub fn pause(restarts: u32) -> Duration {
        FIRST_PAUSE.saturating_mul(1 << restarts.min(16)).min(LONGEST_PAUSE)
    }

    /// Its name without a number: what `ps --filter restart-policy=` compares.
    pub fn name(self) -> &'static str {
        match self {
            RestartPolicy::No => "no",
            RestartPolicy::OnFailure { .. } => "on-failure",
            RestartPolicy::Always => "always",
            RestartPolicy::UnlessStopped => "unless-stopped",
        }
    }
}

impl fmt::Display for RestartPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            RestartPolicy::OnFailure { retries: Some(most) } => write!(f, ":{most}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_as_podman_reads_them() {
        for (text, policy) in [
            ("", RestartPolicy::No),
            ("no", RestartPolicy::No),
            ("never", RestartPolicy::No),
            ("always", RestartPolicy::Always),
            ("unless-stopped", RestartPolicy::UnlessStopped),
            ("on-failure", RestartPolicy::OnFailure { retries: None }),
            ("on-failure:3", RestartPolicy::OnFailure { retries: Some(3) }),
        ] {
            assert_eq!(RestartPolicy::parse(text).unwrap(), policy, "{text}");
        }
        for text in ["sometimes", "always:3", "on-failure:", "on-failure:-1", "on-failure:x", "ALWAYS"] {
            assert_eq!(RestartPolicy::parse(text).unwrap_err().code(), codes::UR0806, "{text}");
        }
        assert_eq!(RestartPolicy::OnFailure { retries: Some(3) }.to_string(), "on-failure:3");
    }

    #[test]
    fn who_is_started_again() {
        assert!(!RestartPolicy::No.wants(1, 0));
        assert!(RestartPolicy::Always.wants(0, 1000));
        let twice = RestartPolicy::OnFailure { retries: Some(2) };
        assert_eq!([twice.wants(0, 0), twice.wants(1, 1), twice.wants(1, 2)], [false, true, false]);
    }

    #[test]
    fn pauses_grow_up_to_a_minute() {
        let pauses: Vec<u128> = (0..4).map(|n| RestartPolicy::pause(n).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800]);
        assert_eq!(RestartPolicy::pause(u32::MAX), Duration::from_mins(1));
    }
}
