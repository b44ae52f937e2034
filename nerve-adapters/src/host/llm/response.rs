//! Reading a chat completion: plain JSON first, then what it proves.

use nerve_core::{FailureKind, Usage};
use serde_json::Value;

use super::Endpoint;
use super::problem::{self, Problem};
use super::shown::shown;
use crate::host::thinking;

/// What a good response says.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) content: String,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) finish_reason: Option<String>,
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
}

impl Answer {
    /// What the answer cost after this many requests.
    pub(super) fn usage(&self, calls: u32) -> Usage {
        Usage { calls, input_tokens: self.input_tokens, output_tokens: self.output_tokens, ..Usage::default() }
    }
}

/// How an answer ended.
enum Finish {
    Done,
    Cut,
    Withheld,
    Failed,
    Unknown,
}

/// Reads the body of a 2xx response.
pub(super) fn read(body: &str, with_schema: bool, endpoint: &Endpoint) -> Result<Answer, Problem> {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return Err(no_json(body, endpoint)) };
    if let Some(problem) = reported(&value, body, with_schema, endpoint) {
        return Err(problem);
    }
    let Some(choice) = value.pointer("/choices/0") else {
        return Err(unreadable(endpoint, "without choices", body));
    };
    if let Some(problem) = reported(choice, body, with_schema, endpoint) {
        return Err(problem);
    }
    let answer = Answer {
        content: thinking::strip(&content(choice)).trim().to_owned(),
        input_tokens: count(&value, "prompt_tokens"),
        output_tokens: count(&value, "completion_tokens"),
        finish_reason: text(choice.get("finish_reason")),
        id: text(value.get("id")),
        model: text(value.get("model")),
    };
    judge(answer, choice, endpoint)
}

fn judge(answer: Answer, choice: &Value, endpoint: &Endpoint) -> Result<Answer, Problem> {
    let at = endpoint.shown();
    let reason = answer.finish_reason.as_deref().unwrap_or("none");
    match finish(answer.finish_reason.as_deref()) {
        Finish::Cut => return Err(Problem::new(FailureKind::Truncated, format!("{at} cut the answer off (finish reason `{reason}`)"))),
        Finish::Withheld => {
            return Err(Problem::new(FailureKind::ContentFilter, format!("{at} withheld the answer (finish reason `{reason}`)")));
        }
        Finish::Failed => return Err(Problem::new(FailureKind::Transport, format!("{at} broke off (finish reason `{reason}`)"))),
        Finish::Done | Finish::Unknown => {}
    }
    if !answer.content.is_empty() {
        return Ok(answer);
    }
    if let Some(refusal) = text(choice.pointer("/message/refusal")) {
        return Err(Problem::new(FailureKind::ContentFilter, format!("the model refused: {}", shown(&refusal, endpoint))));
    }
    match answer.output_tokens {
        None | Some(0) => Err(Problem::new(FailureKind::FakeSuccess, format!("{at} answered without text and without a token used"))),
        Some(tokens) => Err(Problem::new(
            FailureKind::BadResponse,
            format!("{at} answered without text, though {tokens} tokens were written (finish reason `{reason}`)"),
        )),
    }
}

/// An error that came with a status of success.
fn reported(value: &Value, body: &str, with_schema: bool, endpoint: &Endpoint) -> Option<Problem> {
    let error = value.get("error").filter(|error| !error.is_null() && **error != Value::Bool(false));
    if error.is_none() && value.get("object").and_then(Value::as_str) != Some("error") {
        return None;
    }
    let code = error.unwrap_or(value).get("code");
    let code = code.and_then(|code| code.as_u64().or_else(|| code.as_str()?.parse().ok()));
    let status = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
    // Without a code of its own the words decide as they would for a refusal; what they do not name is unreadable.
    let mut problem = problem::read(status.unwrap_or(400), body, None, with_schema, endpoint);
    if status.is_none() {
        problem.failure.message = problem.failure.message.replacen(" answered 400 ", " answered 200 but reported an error ", 1);
        if problem.failure.kind == FailureKind::BadRequest {
            problem.failure.kind = FailureKind::BadResponse;
        }
    }
    Some(problem)
}

fn no_json(body: &str, endpoint: &Endpoint) -> Problem {
    let start = body.trim_start().get(..15).unwrap_or_default().to_lowercase();
    let what =
        if start.starts_with("<!doctype") || start.starts_with("<html") { "with a web page (is base_url right?)" } else { "with no JSON" };
    unreadable(endpoint, what, body)
}

fn unreadable(endpoint: &Endpoint, what: &str, body: &str) -> Problem {
    Problem::new(FailureKind::BadResponse, format!("{} answered {what}: {}", endpoint.shown(), shown(body, endpoint)))
}

/// The message's text: a string, or the text parts of a list. Reasoning fields are not read.
fn content(choice: &Value) -> String {
    match choice.pointer("/message/content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let is_text = |part: &&Value| part.get("type").is_none_or(|kind| kind == "text" || kind == "output_text");
            parts.iter().filter(is_text).filter_map(|part| part.get("text")?.as_str()).collect()
        }
        _ => String::new(),
    }
}

fn finish(reason: Option<&str>) -> Finish {
    let Some(reason) = reason else { return Finish::Unknown };
    match reason.to_ascii_lowercase().as_str() {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" | "complete" | "finished" => Finish::Done,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" | "model_context_window_exceeded" | "max_length" => Finish::Cut,
        "content_filter"
        | "content_filtered"
        | "safety"
        | "sensitive"
        | "guardrail_intervened"
        | "prohibited_content"
        | "blocklist"
        | "recitation"
        | "spii"
        | "refusal" => Finish::Withheld,
        "error" | "network_error" | "insufficient_system_resource" => Finish::Failed,
        _ => Finish::Unknown,
    }
}

fn count(value: &Value, name: &str) -> Option<u64> {
    value.get("usage")?.get(name)?.as_u64()
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn outcome(body: &Value) -> Result<String, FailureKind> {
        let endpoint =
            Endpoint { base_url: "http://h/v1".into(), api_key: None, model: "m".into(), dialect: None, headers: BTreeMap::new() };
        read(&body.to_string(), false, &endpoint).map(|answer| answer.content).map_err(|problem| problem.failure.kind)
    }

    fn chat(message: &Value, reason: &str, tokens: u64) -> Value {
        json!({ "choices": [{ "message": message, "finish_reason": reason }], "usage": { "completion_tokens": tokens } })
    }

    #[test]
    fn evidence_decides() {
        use FailureKind::{Auth, BadResponse, ContentFilter, FakeSuccess, RateLimited, Transport, Truncated};
        let yes = json!({ "content": "yes" });
        let blank = json!({ "content": " \n" });
        for (body, expected) in [
            (chat(&yes, "stop", 1), Ok("yes")),
            (chat(&yes, "STOP", 1), Ok("yes")),
            (chat(&yes, "something_new", 1), Ok("yes")),
            (chat(&blank, "something_new", 3), Err(BadResponse)),
            (chat(&yes, "length", 1), Err(Truncated)),
            (chat(&yes, "MAX_TOKENS", 1), Err(Truncated)),
            (chat(&yes, "content_filter", 1), Err(ContentFilter)),
            (chat(&yes, "error", 1), Err(Transport)),
            (chat(&blank, "stop", 0), Err(FakeSuccess)),
            (chat(&blank, "stop", 7), Err(BadResponse)),
            (chat(&json!({ "content": null, "refusal": "I cannot" }), "stop", 3), Err(ContentFilter)),
            (chat(&json!({ "content": "<think>so</think>\nyes", "reasoning_content": "so" }), "stop", 3), Ok("yes")),
            (chat(&json!({ "content": "", "reasoning_content": "{\"a\":1}" }), "stop", 3), Err(BadResponse)),
            (chat(&json!({ "content": [{ "type": "thinking", "text": "so" }, { "type": "text", "text": "yes" }] }), "stop", 3), Ok("yes")),
            (json!({ "choices": [] }), Err(BadResponse)),
            (json!({ "error": { "code": 429, "message": "busy" } }), Err(RateLimited)),
            (json!({ "error": { "code": "401", "message": "key" } }), Err(Auth)),
            (json!({ "error": "oops" }), Err(BadResponse)),
            (json!({ "object": "error", "message": "oops" }), Err(BadResponse)),
            (json!({ "choices": [{ "error": { "code": 502, "message": "upstream" }, "finish_reason": "error" }] }), Err(Transport)),
        ] {
            assert_eq!(outcome(&body), expected.map(str::to_owned), "{body}");
        }
    }
}
