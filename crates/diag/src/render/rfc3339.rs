//! Time stamps: RFC 3339 in UTC, to the second, as runc's logs have them.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;

/// Formats a time, such as `2026-11-21T20:20:37Z`. What lies before 1970 is shown as its beginning.
pub fn format(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / DAY);
    let (hour, minute, second) = (seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The Gregorian date of a day, counted from 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last of its year and months follow one formula.
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097; // days of 400 years
    let since_march_0000 = days + 719_468;
    let (era, day_of_era) = (since_march_0000 / ERA, since_march_0000 % ERA);
    let leap_free = day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096;
    let year_of_era = leap_free / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> String {
        format(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn known_times() {
        assert_eq!(at(0), "1970-01-01T00:00:00Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(at(1_795_292_437), "2026-11-21T20:20:37Z");
        assert_eq!(format(UNIX_EPOCH - Duration::from_secs(9)), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn days_follow_each_other() {
        let mut date = (1970, 1, 1);
        for day in 1..200_000 {
            let (year, month, of_month) = date;
            let next = civil(day);
            let follows = next == (year, month, of_month + 1)
                || (of_month >= 28 && (next == (year, month + 1, 1) || (month == 12 && next == (year + 1, 1, 1))));
            assert!(follows, "{date:?} {next:?}");
            date = next;
        }
    }
}
