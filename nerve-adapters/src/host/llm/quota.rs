//! What a provider says is left of its limits.

use reqwest::header::HeaderMap;

/// Characters of one number that are kept.
const LONGEST: usize = 20;

/// The limits that the headers tell, as people read them: `requests: 12 of 60, tokens: 900 of 1000`.
pub(super) fn read(headers: &HeaderMap) -> Option<String> {
    // Only what is made of digits: these headers come from anywhere.
    let number = |name: String| {
        let text = headers.get(name)?.to_str().ok()?.trim();
        (text.len() <= LONGEST && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.to_owned())
    };
    let mut told = Vec::new();
    for what in ["requests", "tokens", "input-tokens", "output-tokens"] {
        let remaining = number(format!("x-ratelimit-remaining-{what}")).or_else(|| number(format!("anthropic-ratelimit-{what}-remaining")));
        let limit = number(format!("x-ratelimit-limit-{what}")).or_else(|| number(format!("anthropic-ratelimit-{what}-limit")));
        told.extend(said(what, remaining, limit));
    }
    if told.is_empty() {
        told.extend(said("left", number("x-ratelimit-remaining".into()), number("x-ratelimit-limit".into())));
    }
    (!told.is_empty()).then(|| told.join(", "))
}

fn said(what: &str, remaining: Option<String>, limit: Option<String>) -> Option<String> {
    match (remaining, limit) {
        (Some(remaining), Some(limit)) => Some(format!("{what}: {remaining} of {limit}")),
        (Some(remaining), None) => Some(format!("{what}: {remaining}")),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn limits_are_told_in_one_line() {
        let told = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            read(&headers.collect())
        };
        let requests = [("x-ratelimit-limit-requests", "60"), ("x-ratelimit-remaining-requests", "12")];
        assert_eq!(told(&requests).as_deref(), Some("requests: 12 of 60"));
        let tokens = [("x-ratelimit-remaining-tokens", "900"), requests[0], requests[1]];
        assert_eq!(told(&tokens).as_deref(), Some("requests: 12 of 60, tokens: 900"));
        assert_eq!(told(&[("x-ratelimit-remaining", "3"), ("x-ratelimit-limit", "9")]).as_deref(), Some("left: 3 of 9"));
        assert_eq!(told(&[("anthropic-ratelimit-requests-remaining", "1")]).as_deref(), Some("requests: 1"));
        assert_eq!(told(&[("x-ratelimit-remaining-requests", "sk-secret")]), None);
        assert_eq!(told(&[("x-other", "3")]), None);
    }
}
