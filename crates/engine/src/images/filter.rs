//! `images --filter`: which images are wanted.

use diag::{Error, Result, codes};
use oci::{Reference, Timestamp};

use super::{Facts, glob};
use crate::{create::now, request::Given};

/// One filter, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    wanted: Wanted,
    /// `KEY!=VALUE`.
    negated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Dangling(bool),
    Reference(String),
    Id(String),
    Digest(String),
    Label(String, Option<String>),
    Before(Moment),
    Since(Moment),
    Containers(bool),
    /// No image is one or the other here: `readonly`, `intermediate`, `manifest`.
    Never(bool),
}

/// A time, or the time at which an image was made.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Moment {
    At(u64),
    Image(Named),
}

/// An image's name, and when it was made, once that is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: String,
    created: u64,
}

const KEYS: &str = "after, before, containers, dangling, digest, id, intermediate, label, manifest, readonly, reference, since and until";

impl Filter {
    /// Reads `KEY=VALUE` or `KEY!=VALUE`. UR0806.
    pub fn parse(given: &Given<String>) -> Result<Filter> {
        let text = given.value.as_str();
        let (key, value, negated) = match (text.split_once("!="), text.split_once('=')) {
            (Some((key, value)), Some((first, _))) if key.len() < first.len() => (key, value, true),
            (_, Some((key, value))) => (key, value, false),
            (_, None) => return Err(wrong(given, "it is not of the form KEY=VALUE")),
        };
        let truth = || match value {
            "true" | "1" | "t" => Ok(true),
            "false" | "0" | "f" => Ok(false),
            _ => Err(wrong(given, "its value is neither `true` nor `false`")),
        };
        let image = || Moment::Image(Named { name: value.to_owned(), created: 0 });
        let wanted = match key {
            "dangling" => Wanted::Dangling(truth()?),
            "reference" => Wanted::Reference(value.to_owned()),
            "id" => Wanted::Id(value.trim_start_matches("sha256:").to_owned()),
            "digest" => Wanted::Digest(value.to_owned()),
            "label" => match value.split_once('=') {
                Some((name, value)) => Wanted::Label(name.to_owned(), Some(value.to_owned())),
                None => Wanted::Label(value.to_owned(), None),
            },
            "before" => Wanted::Before(image()),
            "since" | "after" => Wanted::Since(image()),
            "until" => Wanted::Before(Moment::At(until(value).ok_or_else(|| {
                wrong(given, "its value is no time: write `24h`, `2026-01-31T00:00:00Z` or seconds since 1970")
            })?)),
            "containers" => Wanted::Containers(truth()?),
            "intermediate" | "readonly" | "manifest" => Wanted::Never(truth()?),
            _ => return Err(wrong(given, "there is no such key").help(format!("the keys are {KEYS}"))),
        };
        Ok(Filter { wanted, negated })
    }

    /// Looks up when the image was made that is named, if one is.
    pub(super) fn look_up(&mut self, created: impl FnOnce(&str) -> Result<u64>) -> Result<()> {
        match &mut self.wanted {
            Wanted::Before(Moment::Image(image)) | Wanted::Since(Moment::Image(image)) => {
                image.created = created(&image.name)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether several of this kind want either, not all of them.
    fn is_alternative(&self) -> bool {
        !self.negated && matches!(self.wanted, Wanted::Reference(_) | Wanted::Id(_) | Wanted::Digest(_))
    }

    fn fits(&self, image: &Facts) -> bool {
        let is = match &self.wanted {
            Wanted::Dangling(is) => image.names.is_empty() == *is,
            Wanted::Reference(pattern) => image.names.iter().any(|name| name_fits(pattern, name)),
            Wanted::Id(start) => hex(&image.id).starts_with(start.as_str()),
            Wanted::Digest(start) => image.digest.starts_with(start.as_str()),
            Wanted::Label(name, value) => {
                image.labels.get(name).is_some_and(|own| value.as_ref().is_none_or(|value| value == own))
            }
            Wanted::Before(moment) => image.created < moment.seconds(),
            Wanted::Since(moment) => image.created > moment.seconds(),
            Wanted::Containers(is) => (image.containers > 0) == *is,
            Wanted::Never(is) => !*is,
        };
        is != self.negated
    }
}

impl Moment {
    fn seconds(&self) -> u64 {
        match self {
            Moment::At(seconds) => *seconds,
            Moment::Image(image) => image.created,
        }
    }
}

/// Whether an image fits all filters; of several for its name, its id or its digest it need fit one.
pub(super) fn fit(filters: &[Filter], image: &Facts) -> bool {
    let (either, all): (Vec<&Filter>, Vec<&Filter>) = filters.iter().partition(|filter| filter.is_alternative());
    let same = |a: &Filter, b: &Filter| std::mem::discriminant(&a.wanted) == std::mem::discriminant(&b.wanted);
    all.iter().all(|filter| filter.fits(image))
        && either.iter().all(|filter| either.iter().any(|other| same(filter, other) && other.fits(image)))
}

/// Whether a pattern fits a name in any of the forms that people write it in.
pub(super) fn name_fits(pattern: &str, name: &Reference) -> bool {
    let rest = match (name.tag(), name.digest()) {
        (Some(tag), _) => format!(":{tag}"),
        (None, Some(digest)) => format!("@{digest}"),
        (None, None) => String::new(),
    };
    let path = name.path();
    let short = path.strip_prefix("library/").unwrap_or(path);
    let last = path.rsplit('/').next().unwrap_or(path);
    [name.name(), path, short, last]
        .iter()
        .any(|form| glob::fits(pattern, form) || glob::fits(pattern, &format!("{form}{rest}")))
}

/// A time, seconds since the epoch, or how long ago.
fn until(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds);
    }
    if let Ok(Timestamp(seconds)) = text.parse::<Timestamp>() {
        return u64::try_from(seconds).ok();
    }
    let mut ago: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u64 = rest[..end].parse().ok()?;
        let unit = match rest[end..].chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            _ => return None,
        };
        ago = ago.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[end + 1..];
    }
    (!text.is_empty()).then(|| now().saturating_sub(ago))
}

fn hex(id: &str) -> &str {
    id.strip_prefix("sha256:").unwrap_or(id)
}

fn wrong(given: &Given<String>, why: &str) -> Error {
    given.blame(Error::new(codes::UR0806, format!("`{}` is not a filter of images: {why}", given.value)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(text: &str) -> Result<Filter> {
        Filter::parse(&Given::unwritten(text.to_owned()))
    }

    fn facts() -> Facts {
        Facts {
            names: vec![Reference::parse("quay.io/a/web:1").unwrap()],
            id: format!("sha256:{}", "ab".repeat(32)),
            labels: [("tier".to_owned(), "front=1".to_owned())].into(),
            created: 100,
            ..Facts::default()
        }
    }

    #[test]
    fn filters_are_podmans() {
        for fine in [
            "dangling=false",
            "reference=web",
            "reference=*/web",
            "reference=quay.io/a/w*",
            "reference=web:1",
            "id=abab",
            "label=tier",
            "label=tier=front=1",
            "label!=other",
            "until=101",
            "containers=false",
            "readonly=false",
            "reference!=db",
        ] {
            assert!(filter(fine).unwrap().fits(&facts()), "{fine}");
        }
        for not in
            ["dangling=true", "reference=db", "id=b", "label=tier=back", "label!=tier", "until=99", "manifest=true"]
        {
            assert!(!filter(not).unwrap().fits(&facts()), "{not}");
        }
        for bad in ["", "dangling", "dangling=perhaps", "name=x", "until=soon", "until=", "until=5y"] {
            assert_eq!(filter(bad).unwrap_err().code(), codes::UR0806, "{bad}");
        }
    }

    #[test]
    fn names_are_alternatives_and_labels_are_not() {
        let all = |texts: &[&str]| texts.iter().map(|text| filter(text).unwrap()).collect::<Vec<_>>();
        assert!(fit(&all(&["reference=db", "reference=web"]), &facts()));
        assert!(!fit(&all(&["reference=web", "id=b"]), &facts()));
        assert!(!fit(&all(&["label=tier", "label=other"]), &facts()));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(until|label|reference|id)!?=\\PC{0,20}|\\PC{0,20}") {
            if let Ok(filter) = filter(&text) {
                filter.fits(&facts());
            }
        }
    }
}
