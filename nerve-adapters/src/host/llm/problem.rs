//! What a refusal means, read from its status and words.

use std::time::Duration;

use nerve_core::{CallFailure, CallRecord, FailureKind, Usage};
use serde_json::Value;

use super::Endpoint;
use super::learnt::Refused;
use super::request::Sent;
use super::shown::shown;

/// A request that gave no answer.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) failure: CallFailure,
    pub(super) next: Next,
    /// What the request cost all the same, and what proves it.
    pub(super) record: Box<CallRecord>,
}

/// What may follow a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: the same request would fail again.
    GiveUp,
    /// The same request, after the wait that the provider asks for or our own.
    TryAgain(Option<Duration>),
    /// The same question without what was refused.
    Without(Refused),
}

impl Problem {
    /// A problem of a request that may have cost something.
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let next = match kind {
            FailureKind::RateLimited | FailureKind::Transport | FailureKind::Idle => Next::TryAgain(None),
            _ => Next::GiveUp,
        };
        let record = Box::new(CallRecord { usage: Usage::ONE_CALL, ..CallRecord::default() });
        Self { failure: CallFailure::new(kind, message), next, record }
    }

    /// The same, of a request that was never made.
    pub(super) fn unsent(mut self) -> Self {
        self.record.usage = Usage::default();
        self
    }

    /// The same, of a request that nobody is paid for: it met no server, or was refused.
    pub(super) fn free(mut self) -> Self {
        self.record.usage = Usage::FREE_CALL;
        self
    }

    /// The same, which may go better the next time.
    pub(super) fn again(mut self) -> Self {
        self.next = Next::TryAgain(None);
        self
    }
}

/// Words by which providers say that a prompt is too long; there is no common code (source of most: litellm).
const TOO_LONG: [&str; 15] = [
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
    "range of input length should be",
    "input is too long",
    "input too long",
    "prompt is too long",
    "prompt contains too many tokens",
];

/// Words by which providers say that there is no credit; many of them come with the status of a rate limit, but waiting does not help.
const NO_CREDIT: [&str; 7] = [
    "insufficient_quota",
    "exceeded_current_quota_error",
    "insufficient balance",
    "insufficient_balance",
    "credit balance is too low",
    "billing_hard_limit_reached",
    "arrearage",
];

/// Words by which providers say that they will not show a prompt to the model.
const FILTERED: [&str; 7] = [
    "content_filter",
    "content management policy",
    "content_policy_violation",
    "requires moderation",
    "data_inspection_failed",
    "datainspectionfailed",
    "content exists risk",
];

/// What an answer with this status and body means. `wait` is what its headers ask for, `sent` what the request had.
pub(super) fn read(status: u16, body: &str, wait: Option<Duration>, sent: Sent, endpoint: &Endpoint) -> Problem {
    let words = body.to_lowercase();
    let kind = kind(status, &words);
    let told = told(body);
    let told = if told.is_empty() { "with an empty body".to_owned() } else { format!("with: {}", shown(&told, endpoint)) };
    let hint = if kind == FailureKind::BadRequest && status == 404 { " (is base_url right?)" } else { "" };
    let mut problem = Problem::new(kind, format!("{} answered {status} {told}{hint}", endpoint.shown()));
    if (400..500).contains(&status) {
        problem = problem.free();
    }
    match &mut problem.next {
        Next::TryAgain(after) => *after = wait,
        next => {
            if let Some(refused) = refused(status, kind, &words, sent) {
                *next = Next::Without(refused);
            }
        }
    }
    problem
}

fn kind(status: u16, words: &str) -> FailureKind {
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let too_long = says(&TOO_LONG)
        || (words.contains("current length is") && words.contains("while limit is"))
        || (words.contains("input length") && words.contains("exceeds the maximum"));
    let too_long = too_long && !words.contains("string_above_max_length");
    match status {
        402 => FailureKind::Quota,
        _ if says(&NO_CREDIT) => FailureKind::Quota,
        400..=499 if status != 429 && says(&FILTERED) => FailureKind::ContentFilter,
        401 | 403 => FailureKind::Auth,
        // Groq's word for a capacity that is spent, and Mistral's under other statuses.
        429 | 498 => FailureKind::RateLimited,
        400..=499 if words.contains("service tier capacity exceeded") => FailureKind::RateLimited,
        // llama.cpp's older servers answer 500 to a long prompt.
        400..=599 if too_long => FailureKind::ContextOverflow,
        408 | 409 | 425 | 500..=599 => FailureKind::Transport,
        413 => FailureKind::ContextOverflow,
        400..=499 if is_about_model(status, words) => FailureKind::UnknownModel,
        400..=499 => FailureKind::BadRequest,
        _ => FailureKind::BadResponse,
    }
}

/// Whether a model is missing. A 404 alone may as well be a wrong URL.
fn is_about_model(status: u16, words: &str) -> bool {
    let named =
        ["model_not_found", "model not exist", "invalid_model", "invalid model", "not a valid model", "unknown model", "no such model"];
    let missing = ["does not exist", "not found", "notfound", "no endpoints found for"].iter().any(|phrase| words.contains(phrase));
    // A route that does not know a schema is no missing model.
    let is_route = words.contains("requested parameters");
    !is_route
        && (named.iter().any(|phrase| words.contains(phrase))
            || ((words.contains("model") || words.contains("deployment")) && (missing || status == 404)))
}

/// What of the request an endpoint does not take, when its words are about that.
fn refused(status: u16, kind: FailureKind, words: &str, sent: Sent) -> Option<Refused> {
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    if kind != FailureKind::BadRequest {
        return None;
    }
    if status == 404 {
        // OpenRouter has no route that knows schemas.
        return (sent.schema && words.contains("requested parameters")).then_some(Refused::Schema);
    }
    if !matches!(status, 400 | 422) {
        return None;
    }
    if sent.stream_usage && says(&["stream_options", "include_usage"]) {
        return Some(Refused::StreamUsage);
    }
    if sent.stream && has_word(words, "stream") {
        return Some(Refused::Stream);
    }
    if sent.max_tokens && says(&["max_tokens", "max_completion_tokens"]) {
        return Some(Refused::MaxTokens);
    }
    let of_schemas = ["response_format", "response format", "schema", "structured output", "json_object", "json mode", "grammar", "$ref"];
    (sent.schema && says(&of_schemas)).then_some(Refused::Schema)
}

/// Whether a word begins like that; `upstream` is none that begins with `stream`.
fn has_word(words: &str, start: &str) -> bool {
    words.match_indices(start).any(|(at, _)| !words[..at].ends_with(|c: char| c.is_alphanumeric()))
}

/// The provider's own sentence, where the body has one; else the body.
fn told(body: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    // Gemini puts its error into a list.
    let value = value.get(0).cloned().unwrap_or(value);
    let error = value.get("error").unwrap_or(&value);
    let message = error.as_str().or_else(|| error.get("message").and_then(Value::as_str));
    match (message, error.get("code").filter(|code| !code.is_null()).or_else(|| error.get("type"))) {
        (Some(message), Some(Value::String(code))) => format!("{message} ({code})"),
        (Some(message), Some(code)) if code.is_number() => format!("{message} ({code})"),
        (Some(message), _) if !message.trim().is_empty() => message.to_owned(),
        _ => body.to_owned(),
    }
}

/// An error that came with a status of success, in a body or as an event of a stream.
pub(super) fn reported(value: &Value, sent: Sent, endpoint: &Endpoint) -> Option<Problem> {
    let value = value.get(0).unwrap_or(value);
    let error = value.get("error").filter(|error| !error.is_null() && **error != Value::Bool(false));
    if error.is_none() && value.get("object").and_then(Value::as_str) != Some("error") {
        return None;
    }
    let body = value.to_string();
    let error = error.unwrap_or(value);
    let code = error.get("code");
    let code = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    let status = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
    // Without a code of its own the words decide as they would for a refusal; what they do not name is unreadable.
    let status_or_word = status.or_else(|| of_words(error));
    let mut problem = read(status_or_word.unwrap_or(400), &body, None, sent, endpoint);
    // It had begun to answer, so it may have cost something.
    problem.record.usage = Usage::ONE_CALL;
    if status.is_none() {
        let word = format!(" answered {} ", status_or_word.unwrap_or(400));
        problem.failure.message = problem.failure.message.replacen(&word, " answered 200 but reported an error ", 1);
        if problem.failure.kind == FailureKind::BadRequest {
            problem.failure.kind = FailureKind::BadResponse;
        }
    }
    Some(problem)
}

/// The status that the error's own word stands for.
fn of_words(error: &Value) -> Option<u16> {
    let word = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let words = format!("{} {}", word("code"), word("type"));
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    if says(&["rate_limit", "too_many_requests", "throttl", "resource_exhausted"]) {
        Some(429)
    } else if says(&["overloaded", "server_error", "internal_error", "internalservererror", "service_unavailable", "timeout", "api_error"])
    {
        Some(503)
    } else if says(&["authentication_error", "invalid_api_key", "permission_error"]) {
        Some(401)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Sent = Sent { schema: true, stream: true, stream_usage: true, max_tokens: true };

    fn problem(status: u16, body: &str) -> Problem {
        let endpoint = Endpoint { api_key: Some("sk-key".into()), ..Endpoint::new("http://h/v1", "m") };
        read(status, body, Some(Duration::from_secs(3)), ALL, &endpoint)
    }

    #[test]
    fn a_status_and_its_words_give_the_kind() {
        use FailureKind::{Auth, BadRequest, BadResponse, ContentFilter, ContextOverflow, Quota, RateLimited, Transport, UnknownModel};
        for (status, body, kind) in [
            (401, "", Auth),
            (403, "<html>", Auth),
            (402, "{}", Quota),
            (429, r#"{"error":{"message":"You exceeded your quota","type":"insufficient_quota","code":"insufficient_quota"}}"#, Quota),
            (429, r#"{"error":{"message":"check your account","type":"exceeded_current_quota_error"}}"#, Quota),
            (400, r#"{"error":{"message":"Your credit balance is too low to access the API"}}"#, Quota),
            (429, r#"{"error":{"message":"slow down","code":429}}"#, RateLimited),
            (429, r#"[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED"}}]"#, RateLimited),
            (400, r#"{"object":"error","message":"Service tier capacity exceeded for this model."}"#, RateLimited),
            (500, "oops", Transport),
            (503, "<html>busy</html>", Transport),
            (529, r#"{"error":{"type":"overloaded_error"}}"#, Transport),
            (408, "", Transport),
            (409, "", Transport),
            (400, r#"{"error":{"code":400,"type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":4}}"#, ContextOverflow),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
                ContextOverflow,
            ),
            (
                400,
                r#"{"error":{"message":"The input token count (9) exceeds the maximum number of tokens allowed (4)."}}"#,
                ContextOverflow,
            ),
            (400, "`inputs` current length is 9 while limit is 4", ContextOverflow),
            (400, "maximum input length is 4 tokens", ContextOverflow),
            (400, "Input too long: 9, limit is 4", ContextOverflow),
            (500, "the request exceeds the available context size", ContextOverflow),
            (400, r#"{"error":{"message":"maximum context length is","code":"string_above_max_length"}}"#, BadRequest),
            (400, r#"{"error":{"code":"content_filter","message":"filtered"}}"#, ContentFilter),
            (403, r#"{"error":{"code":403,"message":"this model requires moderation and your input was flagged"}}"#, ContentFilter),
            (404, r#"{"error":{"message":"no such model"}}"#, UnknownModel),
            (404, r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#, UnknownModel),
            (404, r#"{"error":{"message":"model \"x\" not found, try pulling it first"}}"#, UnknownModel),
            (400, r#"{"error":{"message":"Model Not Exist"}}"#, UnknownModel),
            (400, r#"{"error":{"message":"x/y is not a valid model ID","code":400}}"#, UnknownModel),
            (400, r#"{"message":"Invalid model: x","type":"invalid_model","code":"1500"}"#, UnknownModel),
            (
                404,
                r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
                UnknownModel,
            ),
            (404, r#"{"detail":"Not Found"}"#, BadRequest),
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
        assert!(problem(404, "404 page not found").failure.message.ends_with("(is base_url right?)"));
    }

    #[test]
    fn what_may_follow() {
        for (status, body, next) in [
            (429, "", Next::TryAgain(Some(Duration::from_secs(3)))),
            (401, "response_format", Next::GiveUp),
            (400, "This response_format type is unavailable now", Next::Without(Refused::Schema)),
            (422, r#"{"detail":[{"loc":["body","response_format"]}]}"#, Next::Without(Refused::Schema)),
            (400, r#"Unknown name "$ref" at 'generation_config.response_schema'"#, Next::Without(Refused::Schema)),
            (404, "No endpoints found that can handle the requested parameters.", Next::Without(Refused::Schema)),
            (422, "Extra inputs are not permitted: stream_options", Next::Without(Refused::StreamUsage)),
            (400, "Your organization must be verified to stream this model.", Next::Without(Refused::Stream)),
            (400, "response_format json_schema is not supported with streaming", Next::Without(Refused::Stream)),
            (400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", Next::Without(Refused::MaxTokens)),
            (400, "upstream is unhappy", Next::GiveUp),
            (404, "no such model", Next::GiveUp),
        ] {
            assert_eq!(problem(status, body).next, next, "{status} {body}");
        }
    }

    #[test]
    fn an_error_within_a_success_is_an_error() {
        use FailureKind::{Auth, BadResponse, RateLimited, Transport};
        let endpoint = Endpoint::new("http://h/v1", "m");
        for (value, kind) in [
            (r#"{"error":{"code":429,"message":"busy"}}"#, Some(RateLimited)),
            (r#"{"error":{"code":"401","message":"key"}}"#, Some(Auth)),
            (r#"{"error":{"type":"overloaded_error","message":"busy"}}"#, Some(Transport)),
            (r#"{"error":{"code":"server_error","message":"Provider disconnected"},"choices":[]}"#, Some(Transport)),
            (r#"{"error":{"code":"rate_limit_exceeded"}}"#, Some(RateLimited)),
            (r#"[{"error":{"code":503,"message":"busy"}}]"#, Some(Transport)),
            (r#"{"error":"oops"}"#, Some(BadResponse)),
            (r#"{"object":"error","message":"oops"}"#, Some(BadResponse)),
            (r#"{"error":null,"choices":[]}"#, None),
            (r#"{"choices":[]}"#, None),
        ] {
            let value: Value = serde_json::from_str(value).unwrap();
            assert_eq!(reported(&value, ALL, &endpoint).map(|problem| problem.failure.kind), kind, "{value}");
        }
    }
}
