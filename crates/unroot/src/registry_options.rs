//! The options of verbs that talk to registries.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use diag::{Error, Result, codes};
use engine::transfer::{Patience, Way};

use crate::{call::Call, prompt};

// How registries are reached. (A doc comment would become the description of the verb that flattens it.)
#[derive(Clone, Debug, Args)]
pub struct RegistryOptions {
    /// Verify certificates and refuse plain HTTP, or with `false` neither; registries.conf decides otherwise
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    /// Who to be for the registry
    #[arg(long, value_name = "USER[:PASSWORD]")]
    creds: Option<String>,
    /// Read credentials from this file only
    #[arg(long, value_name = "PATH")]
    authfile: Option<PathBuf>,
    /// Take certificates for the registry (*.crt, *.cert, *.key) from this directory
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,
    /// Try again so many times
    #[arg(long, value_name = "NUMBER", default_value_t = Patience::default().retries)]
    retry: u32,
    /// Wait before the first further try (`2s`, `500ms`), and twice as long before each one after it
    #[arg(long, value_name = "DURATION")]
    retry_delay: Option<String>,
}

impl RegistryOptions {
    /// What the engine is told. Error: UR0806.
    pub fn way(self, call: &Call) -> Result<Way> {
        let pause = match &self.retry_delay {
            None => Patience::default().pause,
            Some(text) => duration(text).ok_or_else(|| {
                let what = format!("`{text}` is not a duration");
                let error = Error::new(codes::UR0806, what).help("write it as `2s`, `500ms` or `1m`");
                call.words.one("retry_delay", ()).blame(error)
            })?,
        };
        Ok(Way {
            tls_verify: self.tls_verify,
            creds: match self.creds {
                Some(creds) => Some(call.words.one("creds", with_password(creds)?)),
                None => None,
            },
            authfile: self.authfile.map(|path| call.words.one("authfile", path)),
            cert_dir: self.cert_dir.map(|path| call.words.one("cert_dir", path)),
            patience: Patience { retries: self.retry, pause },
        })
    }
}

/// A name alone is asked for its password, if there is somebody to ask.
fn with_password(creds: String) -> Result<String> {
    if creds.contains(':') || !prompt::somebody() {
        return Ok(creds);
    }
    let password = prompt::secret("Password: ")?;
    Ok(format!("{creds}:{password}"))
}

/// A number and a unit; seconds without one.
fn duration(text: &str) -> Option<Duration> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs_f32());
        assert_eq!(seconds("2s"), Some(2.0));
        assert_eq!(seconds("2"), Some(2.0));
        assert_eq!(seconds("500ms"), Some(0.5));
        assert_eq!(seconds("1m"), Some(60.0));
        for bad in ["", "s", "1d", "-1s", "99999999999999999999h", "18446744073709551615h"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
