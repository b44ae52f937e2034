//! Making a provider's words fit to be kept: short, and without secrets.

use super::Endpoint;

/// Characters of a body that are kept.
const KEPT: usize = 4000;
/// Characters of a name, such as a model's or a request's.
const KEPT_OF_NAME: usize = 200;
/// Characters of one event of a stream, or of one try that failed.
const KEPT_OF_EVENT: usize = 500;

/// The text without the endpoint's secrets, cut at 4,000 characters with a mark.
pub(super) fn shown(text: &str, endpoint: &Endpoint) -> String {
    let text = hidden(text.trim(), endpoint);
    match text.char_indices().nth(KEPT) {
        Some((at, _)) => {
            let more = text[at..].chars().count();
            format!("{}… [cut: {more} more characters]", &text[..at])
        }
        None => text,
    }
}

/// What a model thought, without secrets, cut so that it and its mark have 4,000 characters at most.
pub(super) fn reasoning(text: &str, endpoint: &Endpoint) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| cut(&hidden(text, endpoint), KEPT))
}

/// A name without secrets, cut at 200 characters; none where it is blank.
pub(super) fn name(text: &str, endpoint: &Endpoint) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| cut(&hidden(text, endpoint), KEPT_OF_NAME))
}

/// One event or sentence without secrets, cut at 500 characters.
pub(super) fn event(text: &str, endpoint: &Endpoint) -> String {
    cut(&hidden(text, endpoint), KEPT_OF_EVENT)
}

fn hidden(text: &str, endpoint: &Endpoint) -> String {
    // Before any cut, or the first half of a key could stay.
    endpoint.secrets().iter().fold(text.to_owned(), |text, secret| if text.contains(secret) { text.replace(secret, "***") } else { text })
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
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
            api_key: Some("sk-1".into()),
            headers: BTreeMap::from([("x-token".to_owned(), "Bearer long-secret".to_owned())]),
            ..Endpoint::new("http://h", "m")
        };
        assert_eq!(shown(" bad key sk-1, long-secret ", &endpoint), "bad key ***, ***");
        let long = shown(&"é".repeat(5000), &endpoint);
        assert!(long.starts_with(&"é".repeat(KEPT)) && long.ends_with("… [cut: 1000 more characters]"));
        assert_eq!(reasoning(&"é".repeat(5000), &endpoint).map(|text| text.chars().count()), Some(KEPT));
        assert_eq!(name(" ", &endpoint), None);
    }
}
