//! What an agent's words of failure mean. Never asked of an answer.

use nerve_core::FailureKind;

/// Words and what they mean; the first that is found counts. Each was seen of an agent or its provider.
const WORDS: [(FailureKind, &[&str]); 12] = [
    (
        FailureKind::SessionLost,
        &["no saved session found", "no rollout found", "session not found", "no conversation found", "chat not found", "unknown session"],
    ),
    (FailureKind::TrustPrompt, &["workspace trust", "trust this folder", "trust the files", "do you trust", "not trusted"]),
    (
        FailureKind::BadFlags,
        &[
            "unknown argument",
            "unexpected argument",
            "unrecognized argument",
            "unknown option",
            "invalid option",
            "unknown flag",
            "invalid choice",
            "the following arguments are required",
        ],
    ),
    (
        FailureKind::ContextOverflow,
        &[
            "context window",
            "context length",
            "maximum context",
            "context_length_exceeded",
            "prompt is too long",
            "input is too long",
            "exceeds the available context",
            "too many tokens",
        ],
    ),
    (FailureKind::ContentFilter, &["content_filter", "content filter", "content management policy", "content policy"]),
    (
        FailureKind::Quota,
        &[
            "insufficient_quota",
            "quota exceeded",
            "exceeded your quota",
            "exceeded your current quota",
            "payment required",
            "billing",
            "out of credit",
            "usage limit",
            "402",
        ],
    ),
    (FailureKind::RateLimited, &["rate limit", "rate_limit", "too many requests", "429"]),
    (
        FailureKind::Auth,
        &[
            "unauthorized",
            "401",
            "403",
            "forbidden",
            "invalid api key",
            "incorrect api key",
            "invalid_api_key",
            "missing environment variable",
            "not logged in",
            "log in",
            "login",
            "authenticat",
            "credentials",
            "api key",
        ],
    ),
    (
        FailureKind::UnknownModel,
        &[
            "model_not_found",
            "unknown model",
            "no such model",
            "model not found",
            "invalid model",
            "cannot use this model",
            "does not exist",
            "not a valid model",
        ],
    ),
    (FailureKind::Truncated, &["remained truncated", "max_output_tokens", "maximum output"]),
    (
        FailureKind::Transport,
        &[
            "stream disconnected",
            "stream ended without",
            "disconnected before completion",
            "internal server error",
            "bad gateway",
            "service unavailable",
            "gateway timeout",
            "overloaded",
            "high demand",
            "connection",
            "econnrefused",
            "econnreset",
            "enotfound",
            "fetch failed",
            "network",
            "timed out",
            "socket hang up",
            "terminated",
            "http 5",
            "status 5",
            "error: 5",
            "500",
            "502",
            "503",
            "529",
        ],
    ),
    (FailureKind::BadRequest, &["bad request", "400", "404", "422"]),
];

/// What a failure's words say it is; `None` when they say nothing that is known.
///
/// A number counts only where it stands by itself.
pub fn classify(words: &str) -> Option<FailureKind> {
    // The straight and the typographic apostrophe are one.
    let words = words.to_lowercase().replace('’', "'");
    let says = |phrase: &str| {
        if phrase.chars().all(|c| c.is_ascii_digit()) {
            words.split(|c: char| !c.is_alphanumeric()).any(|word| word == phrase)
        } else {
            words.contains(phrase)
        }
    };
    WORDS.iter().find(|(_, phrases)| phrases.iter().any(|phrase| says(phrase))).map(|(kind, _)| *kind)
}

/// Whether an agent that fell silent had asked whether it may trust the folder.
pub fn asks_for_trust(said: &str) -> bool {
    classify(said) == Some(FailureKind::TrustPrompt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_agents_say_have_their_kind() {
        use FailureKind as Kind;
        for (said, kind) in [
            ("[API Error: 401 Unauthorized.]", Kind::Auth),
            ("HTTP 401: Unauthorized.", Kind::Auth),
            ("unexpected status 401 Unauthorized: Unauthorized., url: http://127.0.0.1:8000/v1/responses", Kind::Auth),
            ("Missing environment variable: `MOCK_KEY`.", Kind::Auth),
            ("exceeded retry limit, last status: 429 Too Many Requests", Kind::RateLimited),
            ("API call failed after 3 retries: HTTP 429: Rate limit exceeded.", Kind::RateLimited),
            ("API call failed after 3 retries: HTTP 500: Internal Server Error", Kind::Transport),
            ("We’re currently experiencing high demand, which may cause temporary errors.", Kind::Transport),
            ("stream disconnected before completion: stream closed before response.completed", Kind::Transport),
            ("Codex ran out of room in the model's context window. Start a new thread.", Kind::ContextOverflow),
            ("Quota exceeded. Check your plan and billing details.", Kind::Quota),
            ("unexpected status 402 Payment Required: x", Kind::Quota),
            ("No saved session found with ID 0000.", Kind::SessionLost),
            ("Error: thread/resume: thread/resume failed: no rollout found for thread id 0", Kind::SessionLost),
            ("Session not found: 2026", Kind::SessionLost),
            ("Unknown arguments: such-flag, suchFlag", Kind::BadFlags),
            ("error: unexpected argument '--nope' found", Kind::BadFlags),
            ("hermes: error: unrecognized arguments: --nope", Kind::BadFlags),
            ("The model `gpt-9` does not exist or you do not have access to it.", Kind::UnknownModel),
            ("Error: Response remained truncated after 4 continuation attempts", Kind::Truncated),
            ("Do you trust the files in this folder?", Kind::TrustPrompt),
        ] {
            assert_eq!(classify(said), Some(kind), "{said}");
        }
        assert_eq!(classify("It broke in line 4290 of the file."), None, "a number within another says nothing");
    }
}
