//! Times and sizes as Podman writes them.

use std::time::{SystemTime, UNIX_EPOCH};

use diag::Result;
use engine::request::Given;

/// Seconds since the epoch, now.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A moment that the user has written: nanoseconds since the epoch. UR0806.
pub fn moment(given: &Given<String>) -> Result<u64> {
    engine::logs::moment::moment(&given.value).map_err(|error| given.blame(error))
}

/// `About an hour`, `3 weeks`: a duration in seconds, as Docker's and Podman's people know it.
pub fn span(seconds: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..MINUTE => format!("{seconds} seconds"),
        MINUTE..120 => "About a minute".to_owned(),
        120..HOUR => format!("{} minutes", seconds / MINUTE),
        HOUR..7200 => "About an hour".to_owned(),
        7200..172_800 => format!("{} hours", seconds / HOUR),
        172_800..1_209_600 => format!("{} days", seconds / DAY),
        1_209_600..5_184_000 => format!("{} weeks", seconds / (7 * DAY)),
        5_184_000..63_072_000 => format!("{} months", seconds / (30 * DAY)),
        _ => format!("{} years", seconds / (365 * DAY)),
    }
}

/// `3 weeks ago`.
pub fn ago(then: u64) -> String {
    format!("{} ago", span(now().saturating_sub(then)))
}

/// `2026-01-31T12:00:00Z`.
pub fn rfc3339(seconds: u64) -> String {
    engine::Timestamp(i64::try_from(seconds).unwrap_or(i64::MAX / 2)).to_string()
}

/// `2026-01-31 12:00:00 +0000 UTC`, as Go writes it.
pub fn utc(seconds: u64) -> String {
    rfc3339(seconds).replace('T', " ").replace('Z', " +0000 UTC")
}

/// `84.2 MB`: bytes, in powers of 1000, three digits.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut unit = 0;
    // Far below 2^52, where a double still counts every byte that is shown.
    #[expect(clippy::cast_precision_loss)]
    let mut value = bytes as f64;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        _ if unit == 0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// `84.21MB`: bytes, in powers of 1000, at most four digits, no blank between, as Podman's `system df` has them.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut unit = 0;
    #[expect(clippy::cast_precision_loss)]
    let mut value = bytes as f64;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let decimals = match value {
        v if v < 10.0 => 3,
        v if v < 100.0 => 2,
        v if v < 1000.0 => 1,
        _ => 0,
    };
    let digits = format!("{value:.decimals$}");
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::{human, size, span};

    #[test]
    fn spans_read_as_dockers_do() {
        let spans = [0, 1, 59, 60, 119, 120, 3599, 3600, 7200, 172_799, 172_800, 1_209_600, 5_184_000, 63_072_000];
        let words: Vec<String> = spans.into_iter().map(span).collect();
        assert_eq!(
            words.join("; "),
            "Less than a second; 1 second; 59 seconds; About a minute; About a minute; 2 minutes; 59 minutes; \
             About an hour; 2 hours; 47 hours; 2 days; 2 weeks; 2 months; 2 years"
        );
    }

    #[test]
    fn sizes_as_go_units_has_them() {
        let words = [0, 999, 1000, 84_212_345, 7_901_000, 7_900_000_000].map(human).join("; ");
        assert_eq!(words, "0B; 999B; 1kB; 84.21MB; 7.901MB; 7.9GB");
    }

    #[test]
    fn sizes_have_three_digits() {
        assert_eq!(
            [0, 999, 1000, 84_212_345, 999_999, 7_900_000_000].map(size).join("; "),
            "0 B; 999 B; 1.00 kB; 84.2 MB; 1.00 MB; 7.90 GB"
        );
    }
}
