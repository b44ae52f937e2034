//! Making a provider's words fit to be kept: short, and without secrets.

use super::Endpoint;

/// Characters of a body that are kept.
const KEPT: usize = 4000;

/// The text without the endpoint's secrets, cut at 4,000 characters with a mark.
pub(super) fn shown(text: &str, endpoint: &Endpoint) -> String {
    let mut text = text.trim().to_owned();
    // Before the cut, or the first half of a key could stay.
    for secret in endpoint.secrets() {
        if text.contains(secret) {
            text = text.replace(secret, "***");
        }
    }
    match text.char_indices().nth(KEPT) {
        Some((at, _)) => {
            let more = text[at..].chars().count();
            format!("{}… [cut: {more} more characters]", &text[..at])
        }
        None => text,
    }
}

/// An error and what caused it, one sentence.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_long_body_is_cut_with_a_mark_and_no_key_survives() {
        let endpoint = Endpoint {
            base_url: "http://h".into(),
            api_key: Some("sk-1".into()),
            model: "m".into(),
            dialect: None,
            headers: BTreeMap::from([("x-token".to_owned(), "long-secret".to_owned())]),
        };
        assert_eq!(shown(" bad key sk-1, long-secret ", &endpoint), "bad key ***, ***");
        let cut = shown(&"é".repeat(5000), &endpoint);
        assert!(cut.starts_with(&"é".repeat(KEPT)) && cut.ends_with("… [cut: 1000 more characters]"));
    }
}
