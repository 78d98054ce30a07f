//! Whether a container is well: a command that is executed in it now and then. `--health-…`, and the image's HEALTHCHECK.

use std::time::Duration;

use diag::{Error, Result, codes};
use serde::{Deserialize, Serialize};

/// A container's health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// As images and `inspect` write it: `["CMD", …]` or `["CMD-SHELL", "…"]`.
    pub test: Vec<String>,
    /// From one check to the next; zero: only `healthcheck run` checks.
    pub interval: Duration,
    /// A check that takes longer is killed and has failed.
    pub timeout: Duration,
    /// So many failures in a row make it unhealthy; at least 1.
    pub retries: u32,
    /// Failures do not count for so long after the start.
    pub start_period: Duration,
    /// What is checked until the container is up: `--health-startup-…`.
    #[serde(default)]
    pub startup: Option<Startup>,
    /// What is done when it has become unhealthy.
    #[serde(default)]
    pub on_failure: OnFailure,
}

/// The check that is done in place of the regular one until it has succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Startup {
    /// As [`Health::test`].
    pub test: Vec<String>,
    /// From one check to the next.
    pub interval: Duration,
    /// A check that takes longer is killed and has failed.
    pub timeout: Duration,
    /// After so many failures in a row the container is restarted; 0: never.
    pub retries: u32,
    /// So many successes in a row are needed; 0 means 1.
    pub successes: u32,
}

/// `--health-on-failure`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// Nothing.
    #[default]
    None,
    /// SIGKILL; what its restart policy says follows.
    Kill,
    /// It is stopped and started again.
    Restart,
    /// It is stopped.
    Stop,
}

impl OnFailure {
    /// Reads `none`, `kill`, `restart` or `stop`. Fails with UR0806.
    pub fn parse(text: &str) -> Result<OnFailure> {
        match text {
            "none" => Ok(OnFailure::None),
            "kill" => Ok(OnFailure::Kill),
            "restart" => Ok(OnFailure::Restart),
            "stop" => Ok(OnFailure::Stop),
            other => Err(Error::new(codes::UR0806, format!("there is no health action `{other}`"))
                .help("the actions are none, kill, restart and stop")),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            OnFailure::None => "none",
            OnFailure::Kill => "kill",
            OnFailure::Restart => "restart",
            OnFailure::Stop => "stop",
        }
    }
}

/// Podman's defaults: 30 seconds, 30 seconds, 3, none.
impl Default for Health {
    fn default() -> Self {
        Health {
            test: Vec::new(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            retries: 3,
            start_period: Duration::ZERO,
            startup: None,
            on_failure: OnFailure::None,
        }
    }
}

/// Podman's defaults: 30 seconds, 30 seconds, without end, once.
impl Default for Startup {
    fn default() -> Self {
        let half_minute = Duration::from_secs(30);
        Startup { test: Vec::new(), interval: half_minute, timeout: half_minute, retries: 0, successes: 0 }
    }
}

/// Reads `--health-cmd` as Podman does: a JSON array of words is executed as it is, other text by a shell; the words `CMD`,
/// `CMD-SHELL` and `NONE` in front mean what they mean in an image. `None`: no check at all. Fails with UR0806.
pub fn parse_test(written: &str) -> Result<Option<Vec<String>>> {
    let nothing = || Error::new(codes::UR0806, "the health check has no command");
    let array: Option<Vec<String>> = serde_json::from_str(written).ok();
    let words: Vec<String> = match &array {
        Some(words) => words.clone(),
        None => written.splitn(2, ' ').map(str::to_owned).collect(),
    };
    let first = words.first().filter(|word| !word.is_empty()).ok_or_else(nothing)?.to_ascii_uppercase();
    let words_of_test = match first.as_str() {
        "NONE" => return Ok(None),
        "CMD" if array.is_none() => written.split_whitespace().map(str::to_owned).collect(),
        "CMD" | "CMD-SHELL" => words,
        _ if array.is_some() && words.len() > 1 => [vec!["CMD".to_owned()], words].concat(),
        _ => vec!["CMD-SHELL".to_owned(), words.join(" ")],
    };
    if words_of_test.len() < 2 { Err(nothing()) } else { Ok(Some(words_of_test)) }
}

/// The words that a test executes; `None` if it is none (`NONE`, or nothing).
pub fn command(test: &[String]) -> Option<Vec<String>> {
    let (kind, words) = test.split_first()?;
    match kind.to_ascii_uppercase().as_str() {
        _ if words.is_empty() => None,
        "CMD" => Some(words.to_vec()),
        "CMD-SHELL" => Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), words.join(" ")]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_read_as_podman_reads_them() {
        for (text, words) in [
            ("curl -f http://x", &["CMD-SHELL", "curl -f http://x"][..]),
            ("true", &["CMD-SHELL", "true"]),
            (r#"["ls", "-l"]"#, &["CMD", "ls", "-l"]),
            (r#"["ls"]"#, &["CMD-SHELL", "ls"]),
            (r#"["CMD", "ls"]"#, &["CMD", "ls"]),
            (r#"["CMD-SHELL", "ls | wc"]"#, &["CMD-SHELL", "ls | wc"]),
            ("CMD ls  -l", &["CMD", "ls", "-l"]),
            ("CMD-SHELL ls | wc", &["CMD-SHELL", "ls | wc"]),
        ] {
            assert_eq!(parse_test(text).unwrap().unwrap(), words, "{text}");
        }
        assert_eq!(parse_test("none").unwrap(), None);
        for text in ["", "[]", "CMD", "[\"\"]"] {
            assert_eq!(parse_test(text).unwrap_err().code(), codes::UR0806, "{text}");
        }
    }

    #[test]
    fn a_shell_reads_what_is_no_array() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(command(&words(&["CMD-SHELL", "a | b"])).unwrap(), ["/bin/sh", "-c", "a | b"]);
        assert_eq!(command(&words(&["CMD", "a", "b"])).unwrap(), ["a", "b"]);
        assert_eq!(command(&words(&["NONE"])), None);
        assert_eq!(command(&[]), None);
    }
}
