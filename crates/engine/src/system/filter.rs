//! `--filter` of the verbs that prune.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use diag::{Error, Result, codes};
use oci::Timestamp;

use crate::request::Given;

/// What is to be removed has to fit all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters {
    labels: Vec<Label>,
    /// Made before this moment: seconds since the epoch.
    until: Option<u64>,
    /// Whether images with a name stay (`dangling=true`) or go, too.
    pub(super) dangling: Option<bool>,
}

/// `label=KEY[=VALUE]`, or with `!=` the contrary.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Label {
    key: String,
    value: Option<String>,
    wanted: bool,
}

impl Filters {
    /// Reads them. Errors: UR0806.
    pub(super) fn parse(given: &[Given<String>], images: bool) -> Result<Filters> {
        let mut filters = Filters::default();
        for one in given {
            filters.add(one, images).map_err(|error| one.blame(error))?;
        }
        Ok(filters)
    }

    fn add(&mut self, given: &Given<String>, images: bool) -> Result<()> {
        let text = given.value.as_str();
        let refused = |what: String| Err(Error::new(codes::UR0806, what));
        let Some((key, value)) = text.split_once('=') else {
            return refused(format!("`{text}` is not a filter of the form KEY=VALUE"));
        };
        match key {
            "label" | "label!" => {
                let (name, value) = value.split_once('=').map_or((value, None), |(name, value)| (name, Some(value)));
                let label = Label { key: name.to_owned(), value: value.map(str::to_owned), wanted: key == "label" };
                self.labels.push(label);
            }
            "until" => self.until = Some(moment(value, now())?),
            "dangling" if images => match value {
                "true" | "1" => self.dangling = Some(true),
                "false" | "0" => self.dangling = Some(false),
                _ => return refused(format!("`{value}` is neither true nor false")),
            },
            key => {
                let known = if images { "label, label!, until and dangling" } else { "label, label! and until" };
                return Err(Error::new(codes::UR0806, format!("there is no filter `{key}` here"))
                    .help(format!("the filters are {known}")));
            }
        }
        Ok(())
    }

    /// Whether something that was made then, and has these labels, fits.
    pub(super) fn fit(&self, created: u64, labels: &BTreeMap<String, String>) -> bool {
        let has = |label: &Label| {
            labels.get(&label.key).is_some_and(|found| label.value.as_ref().is_none_or(|value| value == found))
        };
        self.until.is_none_or(|until| created < until) && self.labels.iter().all(|label| has(label) == label.wanted)
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A moment as Podman reads it: seconds since the epoch, RFC 3339, a date, or a duration before now (`24h`, `1h30m`, `7d`).
fn moment(text: &str, now: u64) -> Result<u64> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(seconds);
    }
    if let Some(seconds) = duration(text) {
        return Ok(now.saturating_sub(seconds));
    }
    let whole = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        19 => format!("{text}Z"),
        _ => text.to_owned(),
    };
    whole.parse::<Timestamp>().ok().and_then(|time| u64::try_from(time.0).ok()).ok_or_else(|| {
        Error::new(codes::UR0806, format!("`{text}` is not a moment")).help(
            "write a duration before now (24h), a date (2026-01-31), a time as in RFC 3339, or seconds since the epoch",
        )
    })
}

/// Seconds of a duration in Go's words: numbers with units, one after the other. Fractions of a second are left out.
pub(super) fn duration(text: &str) -> Option<u64> {
    let (mut rest, mut total) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the limits are looked at first")]
    let seconds = (!text.is_empty() && total.is_finite() && (0.0..1e15).contains(&total)).then_some(total as u64);
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filters(texts: &[&str]) -> Result<Filters> {
        let given: Vec<_> = texts.iter().map(|text| Given::unwritten((*text).to_owned())).collect();
        Filters::parse(&given, true)
    }

    #[test]
    fn labels_and_times_decide() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]);
        let fits = |texts: &[&str]| filters(texts).unwrap().fit(1000, &labels);
        assert!(fits(&[]) && fits(&["label=a"]) && fits(&["label=a=1", "label=b"]));
        assert!(!fits(&["label=a=2"]) && !fits(&["label=c"]) && !fits(&["label!=a"]));
        assert!(fits(&["label!=c"]) && fits(&["until=1001"]) && !fits(&["until=1000"]) && fits(&["until=1h"]));
        for bad in ["label", "until=soon", "colour=red", "dangling=perhaps"] {
            assert_eq!(filters(&[bad]).unwrap_err().code(), codes::UR0806, "{bad}");
        }
    }

    #[test]
    fn moments_are_podmans() {
        assert_eq!(moment("1h30m", 10_000).unwrap(), 10_000 - 5400);
        assert_eq!(moment("2026-01-31", 0).unwrap(), 1_769_817_600);
        assert_eq!(moment("2026-01-31T00:00:01", 0).unwrap(), 1_769_817_601);
        assert_eq!(moment("77", 0).unwrap(), 77);
        assert_eq!((duration("7d"), duration(""), duration("5"), duration("h")), (Some(604_800), None, None, None));
    }
}
