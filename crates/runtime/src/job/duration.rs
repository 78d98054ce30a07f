//! Times as Podman's options write them: `1h30m`, `1.5s`, `300ms`.

use std::time::Duration;

use diag::{Error, Result, codes};

/// The units, the longer names first, in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration in Go's notation (`time.ParseDuration`) that is not negative. Fails with UR0806.
pub fn parse(text: &str) -> Result<Duration> {
    let wrong = || {
        Error::new(codes::UR0806, format!("`{text}` is not a duration")).help("write it as `30s`, `1m30s` or `500ms`")
    };
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total: u128 = 0;
    while !rest.is_empty() || total == 0 && text.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let (unit, nanos) = UNITS.into_iter().find(|(unit, _)| after.starts_with(unit)).ok_or_else(wrong)?;
        total = total.checked_add(scaled(number, nanos).ok_or_else(wrong)?).ok_or_else(wrong)?;
        rest = &after[unit.len()..];
    }
    // As Go: at most 2^63 - 1 nanoseconds.
    let nanos = i64::try_from(total).map_err(|_| wrong())?;
    Ok(Duration::from_nanos(nanos.unsigned_abs()))
}

/// A decimal number of units, in nanoseconds.
fn scaled(number: &str, unit: u64) -> Option<u128> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part = match part.get(..part.len().min(15))? {
        "" => 0,
        digits => {
            let scale = 10_u128.pow(u32::try_from(digits.len()).ok()?);
            u128::from(digits.parse::<u64>().ok()?) * u128::from(unit) / scale
        }
    };
    Some(u128::from(whole) * u128::from(unit) + part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_go_reads_them() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("1.5s", 1500),
            (".5s", 500),
            ("300ms", 300),
            ("1500us", 1),
            ("+2s", 2000),
        ] {
            assert_eq!(parse(text).unwrap().as_millis(), millis, "{text}");
        }
        for text in ["", "s", "30", "1x", "-1s", "1s30", ".s", "1..2s", "9999999999h", "1s ", "1d"] {
            assert_eq!(parse(text).unwrap_err().code(), codes::UR0806, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = parse(&text);
        }

        #[test]
        fn whole_seconds(seconds in 0..100_000_u64) {
            prop_assert_eq!(parse(&format!("{seconds}s")).unwrap(), Duration::from_secs(seconds));
        }
    }
}
