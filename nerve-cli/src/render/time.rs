//! Moments and spans in words.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How long, in its two largest units: `3 s`, `2 h 11 m`.
pub(crate) fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 if millis > 0 => format!("{millis} ms"),
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} m", seconds / 60),
        3600..86_400 => format!("{} h {} m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// How long ago: `3 s ago`; `-` without a moment.
pub(crate) fn ago(now: Timestamp, then: Option<Timestamp>) -> String {
    then.map_or_else(|| "-".to_owned(), |then| format!("{} ago", between(then, now)))
}

/// How soon: `in 3 s`; `now` when it is due, `-` without a moment.
pub(crate) fn until(now: Timestamp, then: Option<Timestamp>) -> String {
    match then {
        None => "-".to_owned(),
        Some(then) if then <= now => "now".to_owned(),
        Some(then) => format!("in {}", between(now, then)),
    }
}

/// From one moment to a later one.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    span(u64::try_from(to.as_millisecond() - from.as_millisecond()).unwrap_or(0))
}

/// Date and time where the reader is.
pub(crate) fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%F %T").to_string()
}

/// The time of day where the reader is.
pub(crate) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%T").to_string()
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_have_at_most_two_units() {
        let cases = [(0, "0 s"), (7, "7 ms"), (59_999, "59 s"), (60_000, "1 m"), (7_860_000, "2 h 11 m"), (180_000_000, "2 d 2 h")];
        for (millis, words) in cases {
            assert_eq!(span(millis), words);
        }
    }
}
