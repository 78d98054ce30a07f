//! A moment as `--since` and `--until` take it.

use diag::{Error, Result, codes};
use oci::Timestamp;
use runtime::{chronicle, job::duration};

/// Reads a time of RFC 3339 (without a zone: UTC; without a time of day: midnight), seconds since the epoch, or a duration before now;
/// nanoseconds since the epoch. UR0806.
pub fn moment(text: &str) -> Result<u64> {
    let seconds = || {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let whole: u64 = whole.parse().ok()?;
        let nanos: u64 =
            if part.is_empty() { 0 } else { format!("{:0<9}", part.get(..part.len().min(9))?).parse().ok()? };
        whole.checked_mul(1_000_000_000)?.checked_add(nanos)
    };
    let calendar = || {
        let parsed = ["", "Z", ":00Z", ":00:00Z", "T00:00:00Z"]
            .iter()
            .find_map(|end| format!("{}{end}", text.replacen(' ', "T", 1)).parse::<Timestamp>().ok())?;
        u64::try_from(parsed.0).ok()?.checked_mul(1_000_000_000)
    };
    if let Some(at) = seconds().or_else(calendar) {
        return Ok(at);
    }
    // `-10m` and `10m` are the same to people.
    let before = duration::parse(text.strip_prefix('-').unwrap_or(text)).map_err(|_| {
        Error::new(codes::UR0806, format!("`{text}` is not a time"))
            .help("write it as `2026-01-31T12:00:00Z`, as seconds since the epoch, or as a duration before now: `10m`")
    })?;
    Ok(chronicle::now().saturating_sub(u64::try_from(before.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_in_many_forms() {
        for (text, at) in [
            ("2026-11-21T20:00:00Z", 1_795_291_200),
            ("2026-11-21T20:00:00.5+00:00", 1_795_291_200),
            ("2026-11-21T22:00:00+02:00", 1_795_291_200),
            ("2026-11-21T20:00:00", 1_795_291_200),
            ("2026-11-21T20:00", 1_795_291_200),
            ("2026-11-21 20:00:00", 1_795_291_200),
            ("2026-11-21", 1_795_219_200),
            ("1795291200", 1_795_291_200),
        ] {
            assert_eq!(moment(text).unwrap() / 1_000_000_000, at, "{text}");
        }
        assert_eq!(moment("1.5").unwrap(), 1_500_000_000);
        let hour = chronicle::now() - moment("1h").unwrap();
        assert!((3_590_000_000_000..3_610_000_000_000).contains(&hour), "{hour}");
        for text in ["", "yesterday", "1x", "2026-13-01"] {
            assert_eq!(moment(text).unwrap_err().code(), codes::UR0806, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _ = moment(&text);
        }
    }
}
