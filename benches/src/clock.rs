//! The clock that the daemon writes its times by.

use std::time::SystemTime;

use serde_json::Value;

use crate::failure::{Failure, Result};

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "compared with what the daemon's clock wrote")]
pub(crate) fn now_ms() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1e3
}

/// Today in UTC, as `2026-11-22`.
pub(crate) fn today() -> String {
    #[expect(clippy::cast_possible_truncation, reason = "some ten thousand days")]
    date((now_ms() / 86_400_000.0) as i64)
}

/// The date of a day, counted from 1970.
fn date(day: i64) -> String {
    let mut year = 1970 + day / 366;
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| days(year, *month, 1) <= day).unwrap_or(1);
    format!("{year:04}-{month:02}-{:02}", day - days(year, month, 1) + 1)
}

/// The milliseconds since 1970 of a time such as `2026-11-22T10:11:12.345Z`.
pub(crate) fn parse_ms(value: &Value) -> Result<f64> {
    let text = value.as_str().ok_or_else(|| Failure::new(format!("no time: {value}")))?;
    parse(text).ok_or_else(|| Failure::new(format!("no time: {text}")))
}

fn parse(text: &str) -> Option<f64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let mut next = || date.next()?.ok();
    let (year, month, day) = (next()?, next()?, next()?);
    let mut time = time.splitn(3, ':').map(str::parse::<f64>);
    let mut next = || time.next()?.ok();
    let seconds = next()? * 3600.0 + next()? * 60.0 + next()?;
    Some(days(year, month, day) as f64 * 86_400_000.0 + seconds * 1e3)
}

/// Days from 1970 to this day: years are taken to begin in March, so that the leap day is their last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_written() {
        assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0.0));
        assert_eq!(parse("2026-11-22T10:11:12.345Z"), Some(1_795_342_272_345.0));
        assert_eq!(parse("2024-02-29T00:00:00.5Z"), Some(1_709_164_800_500.0));
        assert_eq!(parse("yesterday"), None);
        assert_eq!([0, 19_782, 20_088, 20_779].map(date), ["1970-01-01", "2024-02-29", "2024-12-31", "2026-11-22"]);
    }
}
