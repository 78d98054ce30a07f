//! `--filter` of `volume ls` and `volume prune`.

use std::time::Duration;

use diag::{Error, Result, codes};
use store::{DRIVER, VolumeRecord};

use crate::request::Given;

/// One filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Part of the name.
    Name(String),
    /// The driver's name.
    Driver(String),
    /// The scope, which is always `local`.
    Scope(String),
    /// A label, perhaps with this value; or its absence.
    Label {
        /// Its name.
        name: String,
        /// Its value.
        value: Option<String>,
        /// Whether it must be there.
        wanted: bool,
    },
    /// An option, perhaps with this value.
    Option(String, Option<String>),
    /// Whether no container names it.
    Dangling(bool),
    /// Whether it was made for one container.
    Anonymous(bool),
    /// Made before this time: seconds since the epoch.
    Until(u64),
    /// Made after this time.
    Since(u64),
}

const KNOWN: &str = "there are `name`, `driver`, `scope`, `label`, `label!`, `opt`, `dangling`, `anonymous`, `until`, `since` and `after`";

impl Filter {
    /// Reads `KEY=VALUE`. `made` tells when a volume was made, for those that name one. Errors: UR0806.
    pub fn parse(given: &Given<String>, made: impl Fn(&str) -> Option<u64>) -> Result<Filter> {
        let refused = |what: String| given.blame(Error::new(codes::UR0806, what).help(KNOWN));
        let Some((key, value)) =
            given.value.split_once('=').or_else(|| given.value.strip_suffix('!').map(|key| (key, "")))
        else {
            return Err(refused(format!("the filter `{}` has no value", given.value)));
        };
        let truth = || match value {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(refused(format!("`{value}` is neither `true` nor `false`"))),
        };
        let named = |text: &str| {
            let (name, value) =
                text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
            (name.to_owned(), value)
        };
        Ok(match key {
            "name" => Filter::Name(value.to_owned()),
            "driver" => Filter::Driver(value.to_owned()),
            "scope" => Filter::Scope(value.to_owned()),
            "label" | "label!" => {
                let (name, value) = named(value);
                Filter::Label { name, value, wanted: key == "label" }
            }
            "opt" => {
                let (name, value) = named(value);
                Filter::Option(name, value)
            }
            "dangling" => Filter::Dangling(truth()?),
            "anonymous" => Filter::Anonymous(truth()?),
            "until" => Filter::Until(time(value).ok_or_else(|| refused(format!("`{value}` is no time")))?),
            "since" | "after" => Filter::Since(
                made(value).or_else(|| time(value)).ok_or_else(|| refused(format!("there is no volume `{value}`")))?,
            ),
            other => return Err(refused(format!("there is no filter `{other}`"))),
        })
    }

    /// Whether a volume fits; `unused` says that no container names it.
    pub fn fits(&self, record: &VolumeRecord, unused: bool) -> bool {
        let same = |known: Option<&String>, wanted: &Option<String>| {
            known.is_some_and(|known| wanted.as_ref().is_none_or(|wanted| wanted == known))
        };
        match self {
            Filter::Name(part) => record.name.contains(part.as_str()),
            Filter::Driver(name) | Filter::Scope(name) => name == DRIVER,
            Filter::Label { name, value, wanted } => same(record.labels.get(name), value) == *wanted,
            Filter::Option(name, value) => same(record.options.get(name), value),
            Filter::Dangling(dangling) => unused == *dangling,
            Filter::Anonymous(anonymous) => record.anonymous == *anonymous,
            Filter::Until(time) => record.created < *time,
            Filter::Since(time) => record.created > *time,
        }
    }

    /// Of the filters of one kind one must fit, as in Podman; labels all.
    pub fn all_fit(filters: &[Filter], record: &VolumeRecord, unused: bool) -> bool {
        let alike = |a: &Filter, b: &Filter| std::mem::discriminant(a) == std::mem::discriminant(b);
        filters.iter().all(|filter| match filter {
            Filter::Label { .. } => filter.fits(record, unused),
            _ => filters.iter().filter(|other| alike(filter, other)).any(|other| other.fits(record, unused)),
        })
    }
}

/// A duration before now (`10m`, `1h30m`), or seconds since the epoch.
fn time(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds);
    }
    if let Ok(oci::Timestamp(at)) = text.parse() {
        return u64::try_from(at).ok();
    }
    let now = crate::create::now();
    duration(text).map(|duration| now.saturating_sub(duration.as_secs()))
}

fn duration(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    let mut digits = String::new();
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return None,
        };
        seconds = seconds.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    digits.is_empty().then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(text: &str, record: &VolumeRecord, unused: bool) -> bool {
        Filter::parse(&Given::unwritten(text.to_owned()), |_| Some(50)).unwrap().fits(record, unused)
    }

    #[test]
    fn filters() {
        let labels = [("env".to_owned(), "test".to_owned())].into();
        let record = VolumeRecord { name: "webdata".into(), created: 100, labels, ..VolumeRecord::default() };
        for (text, expected) in [
            ("name=web", true),
            ("name=x", false),
            ("driver=local", true),
            ("label=env", true),
            ("label=env=test", true),
            ("label=env=prod", false),
            ("label!=env", false),
            ("label!=other", true),
            ("dangling=true", true),
            ("dangling=false", false),
            ("anonymous=0", true),
            ("until=101", true),
            ("until=10h", true),
            ("since=other", true),
            ("opt=type", false),
        ] {
            assert_eq!(fits(text, &record, true), expected, "{text}");
        }
        for bad in ["name", "x=y", "dangling=maybe", "until=soon"] {
            let refused = Filter::parse(&Given::unwritten(bad.to_owned()), |_| None).unwrap_err();
            assert_eq!(refused.code(), codes::UR0806, "{bad}");
        }
    }
}
