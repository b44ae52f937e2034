//! What a refusal means, read from its status and words.

use std::time::Duration;

use nerve_core::{CallFailure, FailureKind};
use serde_json::Value;

use super::Endpoint;
use super::shown::shown;

/// A request that gave no answer.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) failure: CallFailure,
    pub(super) next: Next,
}

/// What may follow a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: the same request would fail again.
    GiveUp,
    /// The same request, after the wait that the provider asks for or our own.
    TryAgain(Option<Duration>),
    /// The same question without a schema.
    WithoutSchema,
}

impl Problem {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let next = match kind {
            FailureKind::RateLimited | FailureKind::Transport => Next::TryAgain(None),
            _ => Next::GiveUp,
        };
        Self { failure: CallFailure::new(kind, message), next }
    }
}

/// Words by which providers say that a prompt is too long; there is no common code.
const TOO_LONG: [&str; 13] = [
    "context_length_exceeded",
    "exceed_context_size_error",
    "maximum context length is",
    "exceed context limit",
    "exceeds the context window",
    "is longer than the model's context length",
    "input tokens exceed the configured limit",
    "exceeds the available context size",
    "exceeds the maximum number of tokens allowed",
    "maximum input length is",
    "input is too long",
    "input too long",
    "prompt is too long",
];

/// What an answer with this status and body means. `wait` is what its headers ask for, `with_schema` whether the request had a schema.
pub(super) fn read(status: u16, body: &str, wait: Option<Duration>, with_schema: bool, endpoint: &Endpoint) -> Problem {
    let words = body.to_lowercase();
    let kind = kind(status, &words);
    let told = told(body);
    let told = if told.is_empty() { "with an empty body".to_owned() } else { format!("with: {}", shown(&told, endpoint)) };
    let mut problem = Problem::new(kind, format!("{} answered {status} {told}", endpoint.shown()));
    match &mut problem.next {
        Next::TryAgain(after) => *after = wait,
        next if with_schema && is_about_schema(status, &words) => *next = Next::WithoutSchema,
        _ => {}
    }
    problem
}

fn kind(status: u16, words: &str) -> FailureKind {
    let too_long = TOO_LONG.iter().any(|phrase| words.contains(phrase)) && !words.contains("string_above_max_length");
    match status {
        // What has no credit is often reported as a rate limit; waiting does not help.
        402 => FailureKind::Quota,
        _ if words.contains("insufficient_quota") => FailureKind::Quota,
        401 | 403 => FailureKind::Auth,
        429 => FailureKind::RateLimited,
        // llama.cpp's older servers answer 500 to a long prompt.
        400..=599 if too_long => FailureKind::ContextOverflow,
        408 | 500..=599 => FailureKind::Transport,
        413 => FailureKind::ContextOverflow,
        400..=499 if ["content_filter", "content management policy", "content_policy_violation"].iter().any(|at| words.contains(at)) => {
            FailureKind::ContentFilter
        }
        400..=499 => FailureKind::BadRequest,
        _ => FailureKind::BadResponse,
    }
}

fn is_about_schema(status: u16, words: &str) -> bool {
    matches!(status, 400 | 422)
        && ["response_format", "json_schema", "response format", "structured output"].iter().any(|at| words.contains(at))
}

/// The provider's own sentence, where the body has one; else the body.
fn told(body: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    let error = value.get("error").unwrap_or(&value);
    let message = error.as_str().or_else(|| error.get("message").and_then(Value::as_str));
    match (message, error.get("code").filter(|code| !code.is_null()).or_else(|| error.get("type"))) {
        (Some(message), Some(Value::String(code))) => format!("{message} ({code})"),
        (Some(message), Some(code)) if code.is_number() => format!("{message} ({code})"),
        (Some(message), _) if !message.trim().is_empty() => message.to_owned(),
        _ => body.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn problem(status: u16, body: &str) -> Problem {
        let endpoint = Endpoint {
            base_url: "http://h/v1".into(),
            api_key: Some("sk-key".into()),
            model: "m".into(),
            dialect: None,
            headers: BTreeMap::new(),
        };
        read(status, body, Some(Duration::from_secs(3)), true, &endpoint)
    }

    #[test]
    fn a_status_and_its_words_give_the_kind() {
        use FailureKind::{Auth, BadRequest, BadResponse, ContentFilter, ContextOverflow, Quota, RateLimited, Transport};
        for (status, body, kind) in [
            (401, "", Auth),
            (403, "<html>", Auth),
            (402, "{}", Quota),
            (429, r#"{"error":{"message":"You exceeded your quota","type":"insufficient_quota","code":"insufficient_quota"}}"#, Quota),
            (429, r#"{"error":{"message":"slow down","code":429}}"#, RateLimited),
            (500, "oops", Transport),
            (503, "<html>busy</html>", Transport),
            (408, "", Transport),
            (400, r#"{"error":{"code":400,"type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":4}}"#, ContextOverflow),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
                ContextOverflow,
            ),
            (500, "the request exceeds the available context size", ContextOverflow),
            (400, r#"{"error":{"message":"maximum context length is","code":"string_above_max_length"}}"#, BadRequest),
            (400, r#"{"error":{"code":"content_filter","message":"filtered"}}"#, ContentFilter),
            (404, r#"{"error":{"message":"no such model"}}"#, BadRequest),
            (302, "", BadResponse),
        ] {
            assert_eq!(problem(status, body).failure.kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn the_providers_sentence_is_kept_and_no_key() {
        let failure = problem(401, r#"{"error":{"message":"bad key sk-key","code":"invalid_api_key"}}"#).failure;
        assert_eq!(failure.message, "http://h/v1/chat/completions answered 401 with: bad key *** (invalid_api_key)");
        assert!(problem(400, r#"{"object":"error","message":"no"}"#).failure.message.ends_with("400 with: no"));
        assert!(problem(400, "{}").failure.message.ends_with("400 with: {}"));
    }

    #[test]
    fn what_may_follow() {
        assert_eq!(problem(429, "").next, Next::TryAgain(Some(Duration::from_secs(3))));
        assert_eq!(problem(401, "response_format").next, Next::GiveUp);
        assert_eq!(problem(400, "This response_format type is unavailable now").next, Next::WithoutSchema);
        assert_eq!(problem(422, r#"{"detail":[{"loc":["body","response_format"]}]}"#).next, Next::WithoutSchema);
        assert_eq!(problem(400, "no such model").next, Next::GiveUp);
    }
}
