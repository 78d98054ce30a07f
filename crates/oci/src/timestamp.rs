//! Times as OCI documents write them.

use std::{fmt, str::FromStr, time::SystemTime};

/// A time in whole seconds since 1970-01-01 00:00 UTC; documents write it as RFC 3339 has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// The text is not a time by RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotATime;

impl Timestamp {
    /// What the clock says.
    pub fn now() -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }
}

/// Reads `2026-09-04T10:20:30.123456789+02:00`; fractions of a second are dropped.
impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Timestamp, NotATime> {
        read(text.as_bytes()).ok_or(NotATime)
    }
}

fn read(text: &[u8]) -> Option<Timestamp> {
    let number = |from: usize, length: usize| -> Option<i64> {
        text.get(from..from + length)?.iter().try_fold(0, |number, byte| match byte {
            b'0'..=b'9' => Some(number * 10 + i64::from(byte - b'0')),
            _ => None,
        })
    };
    let is = |at: usize, allowed: &[u8]| text.get(at).filter(|byte| allowed.contains(byte)).map(|_| ());
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    [(4, &b"-"[..]), (7, b"-"), (10, b"Tt "), (13, b":"), (16, b":")]
        .iter()
        .try_for_each(|(at, allowed)| is(*at, allowed))?;
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    let fraction = match text.get(19) {
        Some(b'.') => 1 + text[20..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
        _ => 0,
    };
    let zone = 19 + fraction;
    let offset = match text.get(zone)? {
        b'Z' | b'z' if text.len() == zone + 1 => 0,
        sign @ (b'+' | b'-') if text.len() == zone + 6 => {
            is(zone + 3, b":")?;
            let offset = number(zone + 1, 2)? * 3600 + number(zone + 4, 2)? * 60;
            if *sign == b'+' { offset } else { -offset }
        }
        _ => return None,
    };
    in_range.then(|| Timestamp(days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset))
}

/// Days since 1970-01-01 of a date of the Gregorian calendar. Years are counted from March, so that the day that may be
/// missing is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01: the inverse of [`days`].
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let year = year + era * 400 + i64::from(month >= 10);
    (year, (month + 2) % 12 + 1, day_of_year - (153 * month + 2) / 5 + 1)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0.div_euclid(86400));
        let second = self.0.rem_euclid(86400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_others_write() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-09-04T10:20:30.123456789Z", 1_788_517_230),
            ("2026-09-04T12:20:30+02:00", 1_788_517_230),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
        ] {
            assert_eq!(text.parse(), Ok(Timestamp(seconds)), "{text}");
        }
        for bad in
            ["", "yesterday", "2026-09-04", "2026-13-04T10:20:30Z", "2026-09-04T10:20:30", "2026-09-04T10:20:30+2"]
        {
            assert_eq!(bad.parse::<Timestamp>(), Err(NotATime), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(seconds in -62_167_219_200i64..253_402_300_800) {
            let time = Timestamp(seconds);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn never_panics(text in "[0-9TZ:.+-]{0,30}|\\PC{0,30}") {
            let _ = text.parse::<Timestamp>();
        }
    }
}
