//! How long a provider asks us to wait.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

/// No wait is longer; who asks for more is not asked again by the same call anyway.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The longest wait that is read out of a limit's reset, which is a hint and no request.
const LONGEST_HINT: Duration = Duration::from_secs(60);

/// The wait that the headers ask for: `retry-after-ms`, else `retry-after` in seconds or as a date; else what the limits that are used up
/// say of their reset.
pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let millis = text("retry-after-ms").and_then(number).map(|millis| of_seconds(millis / 1000.0));
    millis.or_else(|| after(text("retry-after")?, now)).or_else(|| hint(headers, now))
}

/// A limit is told in two or three headers; where none is used up, the one that is whole again first may be what refused.
fn hint(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let mut used_up = None;
    let mut soonest: Option<Duration> = None;
    for (remaining, reset) in [
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
        ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
        ("x-ratelimit-remaining", "x-ratelimit-reset"),
        ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
        ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
    ] {
        let Some(wait) = text(reset).and_then(|text| reset_in(text, now)) else { continue };
        if text(remaining).and_then(number) == Some(0.0) {
            used_up = used_up.max(Some(wait));
        }
        soonest = Some(soonest.map_or(wait, |known| known.min(wait)));
    }
    used_up.or(soonest).map(|wait| wait.min(LONGEST_HINT))
}

fn after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Some(seconds) = number(text) {
        return Some(of_seconds(seconds));
    }
    Some(until(jiff::fmt::rfc2822::parse(text).ok()?.timestamp(), now))
}

/// A reset as a duration (`6m0s`, `20ms`), as seconds, as a time since 1970 in seconds or milliseconds, or as a date.
fn reset_in(text: &str, now: Timestamp) -> Option<Duration> {
    match number(text) {
        Some(number) if number < 1e8 => Some(of_seconds(number)),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float that is out of range becomes the nearest number, which no timestamp is"
        )]
        Some(number) => {
            let millis = if number < 1e11 { number * 1000.0 } else { number };
            Some(until(Timestamp::from_millisecond(millis as i64).ok()?, now))
        }
        None => duration(text).or_else(|| Some(until(text.parse().ok()?, now))),
    }
}

/// `6m0s`, `1h2m3.5s`, `20ms`.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let value: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        seconds += value
            * match &rest[..unit] {
                "ns" => 1e-9,
                "us" | "µs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    (!text.is_empty()).then(|| of_seconds(seconds))
}

/// A date that has passed asks for no wait.
fn until(date: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO).min(LONGEST)
}

fn of_seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        // 21 October 2015, 07:28:00 UTC
        read(&headers.collect(), Timestamp::from_second(1_445_412_480).unwrap_or_default())
    }

    #[test]
    fn each_spelling_of_a_wait_is_read() {
        let seconds = Duration::from_secs;
        for (name, value, expected) in [
            ("retry-after", "2", Some(seconds(2))),
            ("retry-after", "0.5", Some(Duration::from_millis(500))),
            ("retry-after", "9999", Some(seconds(9999))),
            ("retry-after", "1e300", Some(LONGEST)),
            ("retry-after-ms", "250", Some(Duration::from_millis(250))),
            ("retry-after", "Wed, 21 Oct 2015 07:28:07 GMT", Some(seconds(7))),
            ("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT", Some(Duration::ZERO)),
            ("retry-after", "soon", None),
            ("retry-after", "-3", None),
            ("retry-after", "NaN", None),
            ("x-other", "3", None),
        ] {
            assert_eq!(wait(&[(name, value)]), expected, "{name}: {value}");
        }
        assert_eq!(wait(&[("retry-after", "9"), ("retry-after-ms", "8500")]), Some(Duration::from_millis(8500)));
        assert_eq!(wait(&[("retry-after", "soon"), ("x-ratelimit-reset", "3")]), Some(seconds(3)));
    }

    #[test]
    fn a_limits_reset_is_a_hint_where_no_wait_is_asked_for() {
        let seconds = Duration::from_secs;
        for (value, expected) in [
            ("20ms", Some(Duration::from_millis(20))),
            ("1s", Some(seconds(1))),
            ("1.5s", Some(Duration::from_millis(1500))),
            ("6m0s", Some(LONGEST_HINT)),
            ("1m0s", Some(seconds(60))),
            ("12", Some(seconds(12))),
            ("1445412490", Some(seconds(10))),
            ("1445412490000", Some(seconds(10))),
            ("2015-10-21T07:28:09Z", Some(seconds(9))),
            ("6 parsecs", None),
            ("", None),
        ] {
            assert_eq!(wait(&[("x-ratelimit-reset-requests", value)]), expected, "{value}");
        }
        let both = [("x-ratelimit-reset-requests", "30s"), ("x-ratelimit-reset-tokens", "5s")];
        assert_eq!(wait(&both), Some(seconds(5)));
        assert_eq!(
            wait(&[both[0], both[1], ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-remaining-tokens", "9")]),
            Some(seconds(30))
        );
    }
}
