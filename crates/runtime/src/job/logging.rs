//! Where the container's output is kept: `--log-driver`, `--log-opt`.

use std::path::PathBuf;

use diag::{Error, Result, codes};
use serde::{Deserialize, Serialize};

/// How and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logging {
    /// The kind of log.
    pub driver: LogDriver,
    /// `--log-opt path=`: the file; `None`: `log` in the container's directory. Absolute.
    pub path: Option<PathBuf>,
    /// `--log-opt max-size=`: a file that would become longer is put aside, and a new one begun. Bytes.
    pub max_size: Option<u64>,
    /// `--log-opt tag=`: what journald is told besides.
    pub tag: Option<String>,
}

/// A kind of log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogDriver {
    /// A file of `TIME STREAM F|P TEXT`.
    #[default]
    K8sFile,
    /// A file of JSON objects, as Docker writes it.
    JsonFile,
    /// The host's journal.
    Journald,
    /// Nothing is kept.
    None,
    /// The container has the standard streams of whoever starts it.
    Passthrough,
}

impl LogDriver {
    /// Reads a driver's name; fails with UR0806.
    pub fn parse(text: &str) -> Result<LogDriver> {
        let all =
            [LogDriver::K8sFile, LogDriver::JsonFile, LogDriver::Journald, LogDriver::None, LogDriver::Passthrough];
        all.into_iter().find(|driver| driver.name() == text).ok_or_else(|| {
            Error::new(codes::UR0806, format!("there is no log driver `{text}`"))
                .help("the drivers are k8s-file, json-file, journald, none and passthrough")
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            LogDriver::K8sFile => "k8s-file",
            LogDriver::JsonFile => "json-file",
            LogDriver::Journald => "journald",
            LogDriver::None => "none",
            LogDriver::Passthrough => "passthrough",
        }
    }
}

impl Logging {
    /// Takes one `--log-opt KEY=VALUE`; fails with UR0806.
    pub fn set(&mut self, option: &str) -> Result<()> {
        let refused = |what: String| Error::new(codes::UR0806, what);
        let Some((key, value)) = option.split_once('=') else {
            return Err(refused(format!("`{option}` is not a log option of the form KEY=VALUE")));
        };
        match key.to_ascii_lowercase().as_str() {
            "driver" => self.driver = LogDriver::parse(value)?,
            "path" => {
                let path = std::path::absolute(value)
                    .map_err(|error| refused(format!("`{value}` is not a usable path")).words(error))?;
                self.path = Some(path);
            }
            "max-size" => self.max_size = size(value)?,
            "tag" => self.tag = Some(value.to_owned()),
            _ => {
                return Err(
                    refused(format!("there is no log option `{key}`")).help("the options are path, max-size and tag")
                );
            }
        }
        Ok(())
    }
}

/// A size as people write it, in steps of 1000: `10mb`, `512k`, `100`; a negative one is none.
fn size(text: &str) -> Result<Option<u64>> {
    let wrong =
        || Error::new(codes::UR0806, format!("`{text}` is not the size of a log")).help("write it as `10mb` or `512k`");
    if text.starts_with('-') {
        return text.parse::<i64>().map(|_| None).map_err(|_| wrong());
    }
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let factor: u64 = match unit.trim().trim_end_matches('b') {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "t" => 1_000_000_000_000,
        _ => return Err(wrong()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    // Digits behind the point, as far as they count.
    let part = match part.get(..part.len().min(9)).unwrap_or_default() {
        "" => 0,
        digits => {
            let scale = 10_u64.pow(u32::try_from(digits.len()).map_err(|_| wrong())?);
            u128::from(digits.parse::<u64>().map_err(|_| wrong())?) * u128::from(factor) / u128::from(scale)
        }
    };
    let bytes = u128::from(whole) * u128::from(factor) + part;
    u64::try_from(bytes).map(|bytes| (bytes > 0).then_some(bytes)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("10mb", Some(10_000_000)),
            ("10M", Some(10_000_000)),
            ("1.5k", Some(1500)),
            ("512", Some(512)),
            ("7 kB", Some(7000)),
            ("-1", None),
            ("0", None),
        ] {
            assert_eq!(size(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "mb", "1x", "x1", "1.2.3", "99999999999999t", "-", "--1"] {
            assert_eq!(size(text).unwrap_err().code(), codes::UR0806, "{text}");
        }
    }

    #[test]
    fn options() {
        let mut logging = Logging::default();
        for option in ["path=/x/log", "max-size=1kb", "tag=web", "driver=json-file"] {
            logging.set(option).unwrap();
        }
        assert_eq!(
            logging,
            Logging {
                driver: LogDriver::JsonFile,
                path: Some("/x/log".into()),
                max_size: Some(1000),
                tag: Some("web".into())
            }
        );
        for option in ["path", "colour=red", "driver=syslog", "max-size=x"] {
            assert_eq!(logging.set(option).unwrap_err().code(), codes::UR0806, "{option}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = size(&text);
            let _ = Logging::default().set(&text);
        }
    }
}
