//! How long a provider asks us to wait.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

/// The longest wait that is obeyed; a provider that wants more is asked again after this.
const CAP: Duration = Duration::from_secs(60);

/// The wait that the headers ask for, at most 60 s: `retry-after-ms`, else `retry-after` in seconds or as a date.
pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let wait = match text("retry-after-ms").and_then(number) {
        Some(millis) => Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(CAP),
        None => after(text("retry-after")?, now)?,
    };
    Some(wait.min(CAP))
}

fn after(text: &str, now: Timestamp) -> Option<Duration> {
    if let Some(seconds) = number(text) {
        return Some(Duration::try_from_secs_f64(seconds).unwrap_or(CAP));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    // A date that has passed asks for no wait.
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn wait(name: &'static str, value: &'static str) -> Option<Duration> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
        // 21 October 2015, 07:28:00 UTC
        read(&headers, Timestamp::from_second(1_445_412_480).unwrap_or_default())
    }

    #[test]
    fn each_spelling_is_read_and_capped() {
        assert_eq!(wait("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(wait("retry-after", "0.5"), Some(Duration::from_millis(500)));
        assert_eq!(wait("retry-after", "9999"), Some(CAP));
        assert_eq!(wait("retry-after", "1e300"), Some(CAP));
        assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
        assert_eq!(wait("retry-after", "Wed, 21 Oct 2015 07:28:07 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(wait("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("retry-after", "soon"), None);
        assert_eq!(wait("retry-after", "-3"), None);
        assert_eq!(wait("x-other", "3"), None);
    }
}
