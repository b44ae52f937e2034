//! Reading what a model said: plain JSON first, then what it proves.

use nerve_core::{CallRecord, Evidence, FailureKind, Usage};
use serde_json::Value;

use super::Endpoint;
use super::finish::{Finish, finish};
use super::problem::{self, Problem};
use super::request::Sent;
use super::shown::{self, shown};
use super::usage;
use crate::host::thinking;

/// Characters of reasoning that are gathered; far more than are kept, since what is kept has its secrets taken out first.
const MOST_REASONING: usize = 64 * 1024;

/// A good answer, and what it cost and proves.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) content: String,
    pub(super) record: CallRecord,
    pub(super) end: End,
}

/// By what an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The end of its body, which is no stream.
    Body,
    /// `[DONE]`, the last event of a stream.
    Done,
    /// Its finish reason, behind which the stream ended, broke or fell silent without `[DONE]`.
    FinishReason,
}

/// How what was said comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comes {
    /// In one piece.
    Whole,
    /// As one event of many.
    InParts,
}

/// What a response has said, whole or as far as a stream has come.
#[derive(Debug, Default)]
pub(super) struct Said {
    content: String,
    reasoning: String,
    refusal: String,
    pub(super) finish_reason: Option<String>,
    id: Option<String>,
    model: Option<String>,
    usage: Option<Usage>,
}

/// Reads the body of a 2xx response.
pub(super) fn read(body: &str, sent: Sent, endpoint: &Endpoint) -> Result<Answer, Problem> {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return Err(no_json(body, endpoint)) };
    if let Some(problem) = problem::reported(&value, sent, endpoint) {
        return Err(problem);
    }
    let mut said = Said::default();
    said.take(&value, Comes::Whole, endpoint);
    match value.pointer("/choices/0") {
        None => Err(said.proves(unreadable(endpoint, "without choices", body), endpoint)),
        Some(choice) => match problem::reported(choice, sent, endpoint) {
            Some(problem) => Err(said.proves(problem, endpoint)),
            None => said.judge(endpoint),
        },
    }
}

/// The answer that Groq keeps back because it does not fit the schema. It is an answer like another one: read if it can be, else asked again.
pub(super) fn failed_generation(status: u16, body: &str, endpoint: &Endpoint) -> Option<Result<Answer, Problem>> {
    let value: Value = serde_json::from_str(body).ok().filter(|_| status == 400)?;
    let error = value.get("error").filter(|error| error.get("code").and_then(Value::as_str) == Some("json_validate_failed"))?;
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    let content = error.get("failed_generation").and_then(Value::as_str).unwrap_or_default();
    let said = Said { content: content.to_owned(), finish_reason: Some("json_validate_failed".into()), ..Said::default() };
    let at = endpoint.shown();
    if message.to_lowercase().contains("max completion tokens") {
        let problem = Problem::new(FailureKind::Truncated, format!("{at} cut the answer off: {}", shown(message, endpoint)));
        return Some(Err(said.proves(problem, endpoint)));
    }
    let answer = said.text();
    if answer.is_empty() {
        let problem = Problem::new(FailureKind::BadResponse, format!("{at} wrote no JSON: {}", shown(message, endpoint)));
        return Some(Err(said.proves(problem, endpoint)));
    }
    Some(Ok(Answer { content: answer, record: said.record(endpoint), end: End::Body }))
}

impl Said {
    /// Takes what a whole response or one event of a stream says.
    pub(super) fn take(&mut self, value: &Value, comes: Comes, endpoint: &Endpoint) {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        self.id = self.id.take().or_else(|| text(value.get("id")));
        self.model = self.model.take().or_else(|| text(value.get("model")));
        // Of several the last is the whole.
        if let Some(usage) = usage::find(value) {
            self.usage = Some(usage::read(usage, endpoint.ways().tells_cost));
        }
        // Only the first of several choices is wanted, and a stream may open with none.
        let choices = value.get("choices").and_then(Value::as_array).into_iter().flatten();
        for choice in choices.filter(|choice| choice.get("index").and_then(Value::as_u64).unwrap_or_default() == 0) {
            // Perplexity sends both, with an empty one or with all that was said so far.
            let names = if comes == Comes::Whole { ["message", "delta"] } else { ["delta", "message"] };
            if let Some(part) = names.iter().find_map(|name| choice.get(*name)) {
                self.take_part(part);
            }
            if let Some(reason) = text(choice.get("finish_reason")) {
                self.finish_reason = Some(reason);
            }
        }
    }

    /// How much was said, in bytes.
    pub(super) fn len(&self) -> usize {
        self.content.len() + self.refusal.len()
    }

    /// Takes a message or a part of one. Reasoning is kept apart under each of its names; where it stands twice, it is taken once.
    fn take_part(&mut self, part: &Value) {
        match part.get("content") {
            Some(Value::String(text)) => self.content.push_str(text),
            Some(Value::Array(parts)) => {
                for part in parts {
                    match part.get("type").and_then(Value::as_str) {
                        None | Some("text" | "output_text") => self.content.push_str(&texts(part.get("text"))),
                        Some("thinking" | "reasoning") => self.think(&texts(part.get("thinking").or_else(|| part.get("text")))),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        let fields = ["reasoning_content", "reasoning", "thinking"].iter().find_map(|name| part.get(*name)?.as_str());
        match fields.filter(|text| !text.is_empty()) {
            Some(text) => self.think(text),
            None => {
                for detail in part.get("reasoning_details").and_then(Value::as_array).into_iter().flatten() {
                    let text = detail.get("text").or_else(|| detail.get("summary"));
                    self.think(text.and_then(Value::as_str).unwrap_or_default());
                }
            }
        }
        if let Some(refusal) = part.get("refusal").and_then(Value::as_str) {
            self.refusal.push_str(refusal);
        }
    }

    fn think(&mut self, text: &str) {
        if self.reasoning.len() < MOST_REASONING {
            self.reasoning.push_str(text);
        }
    }

    /// The answer, without thinking that stands in it.
    fn text(&self) -> String {
        thinking::strip(&self.content).trim().to_owned()
    }

    /// What this cost and proves.
    pub(super) fn record(&self, endpoint: &Endpoint) -> CallRecord {
        let within = &self.content[..self.content.len() - thinking::strip(&self.content).len()];
        let thought = if self.reasoning.trim().is_empty() { without_tags(within) } else { self.reasoning.clone() };
        let name = |text: &Option<String>| text.as_deref().and_then(|text| shown::name(text, endpoint));
        let evidence = Evidence {
            model: name(&self.model),
            finish_reason: name(&self.finish_reason),
            request_id: name(&self.id),
            reasoning: shown::reasoning(&thought, endpoint),
            ..Evidence::default()
        };
        CallRecord { adapter: None, usage: self.usage.unwrap_or(Usage::ONE_CALL), evidence }
    }

    /// The problem with what this cost and proves.
    pub(super) fn proves(&self, problem: Problem, endpoint: &Endpoint) -> Problem {
        Problem { record: Box::new(self.record(endpoint)), ..problem }
    }

    /// The answer, when what came proves one.
    ///
    /// A finish reason that nobody told is no reason to doubt an answer that arrived whole: several servers have none. One that we do not know
    /// is.
    pub(super) fn judge(self, endpoint: &Endpoint) -> Result<Answer, Problem> {
        let at = endpoint.shown();
        let record = self.record(endpoint);
        let reason = record.evidence.finish_reason.as_deref().unwrap_or("none");
        let failed = |kind, message: String| Err(Problem { record: Box::new(record.clone()), ..Problem::new(kind, message) });
        let end = finish(self.finish_reason.as_deref());
        match end {
            Finish::Cut => return failed(FailureKind::Truncated, format!("{at} cut the answer off (finish reason `{reason}`)")),
            Finish::Withheld => return failed(FailureKind::ContentFilter, format!("{at} withheld the answer (finish reason `{reason}`)")),
            Finish::Refused => {
                return failed(FailureKind::Refusal, format!("the model at {at} refused to answer (finish reason `{reason}`)"));
            }
            Finish::Failed => return failed(FailureKind::Transport, format!("{at} broke off (finish reason `{reason}`)")),
            Finish::Unknown => {
                let message = format!("{at} ended the answer for a reason that is none of an answer's (finish reason `{reason}`)");
                return failed(FailureKind::BadResponse, message);
            }
            Finish::Done | Finish::Untold => {}
        }
        let content = self.text();
        if !content.is_empty() {
            return Ok(Answer { content, record, end: End::Body });
        }
        if !self.refusal.trim().is_empty() {
            return failed(FailureKind::Refusal, format!("the model refused: {}", shown(&self.refusal, endpoint)));
        }
        match record.usage.output_tokens {
            None | Some(0) => failed(FailureKind::FakeSuccess, format!("{at} answered without text and without a token used")),
            Some(tokens) => failed(
                FailureKind::BadResponse,
                format!("{at} answered without text, though {tokens} tokens were written (finish reason `{reason}`)"),
            ),
        }
    }
}

/// A text, or the texts of a list of parts.
fn texts(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

/// Thinking without the tags around it.
fn without_tags(thought: &str) -> String {
    ["<think>", "</think>", "<thinking>", "</thinking>"]
        .iter()
        .fold(thought.to_owned(), |text, tag| text.replace(tag, ""))
        .trim()
        .to_owned()
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(body: &Value) -> Result<Answer, Problem> {
        read(&body.to_string(), Sent::default(), &Endpoint::new("http://h/v1", "m"))
    }

    fn chat(message: &Value, reason: &str, tokens: u64) -> Value {
        json!({ "choices": [{ "message": message, "finish_reason": reason }], "usage": { "completion_tokens": tokens } })
    }

    #[test]
    fn evidence_decides() {
        use FailureKind::{Auth, BadResponse, ContentFilter, FakeSuccess, RateLimited, Refusal, Transport, Truncated};
        let yes = json!({ "content": "yes" });
        let blank = json!({ "content": " \n" });
        for (body, expected) in [
            (chat(&yes, "stop", 1), Ok("yes")),
            (chat(&yes, "STOP", 1), Ok("yes")),
            (json!({ "choices": [{ "message": yes }] }), Ok("yes")),
            (json!({ "choices": [{ "message": yes, "delta": { "content": "" }, "finish_reason": "stop" }] }), Ok("yes")),
            (json!({ "choices": [{ "message": yes, "finish_reason": null }] }), Ok("yes")),
            (chat(&yes, "something_new", 1), Err(BadResponse)),
            (chat(&yes, "tool_calls", 1), Err(BadResponse)),
            (chat(&yes, "pause_turn", 1), Err(BadResponse)),
            (chat(&blank, "something_new", 3), Err(BadResponse)),
            (chat(&yes, "length", 1), Err(Truncated)),
            (chat(&yes, "MAX_TOKENS", 1), Err(Truncated)),
            (chat(&yes, "content_filter", 1), Err(ContentFilter)),
            (chat(&yes, "refusal", 1), Err(Refusal)),
            (chat(&yes, "error", 1), Err(Transport)),
            (chat(&blank, "stop", 0), Err(FakeSuccess)),
            (chat(&blank, "stop", 7), Err(BadResponse)),
            (chat(&json!({ "content": null, "refusal": "I cannot" }), "stop", 3), Err(Refusal)),
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
            let outcome = answer(&body).map(|answer| answer.content).map_err(|problem| problem.failure.kind);
            assert_eq!(outcome, expected.map(str::to_owned), "{body}");
        }
    }

    #[test]
    fn reasoning_is_kept_apart_under_each_of_its_names() {
        for message in [
            json!({ "content": "yes", "reasoning_content": "so" }),
            json!({ "content": "yes", "reasoning": "so", "reasoning_details": [{ "type": "reasoning.text", "text": "so" }] }),
            json!({ "content": "yes", "reasoning_details": [{ "type": "reasoning.summary", "summary": "so" }] }),
            json!({ "content": "<think>so</think>\nyes" }),
            json!({ "content": "so\n</think>\nyes" }),
            json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "so" }] }, { "type": "text", "text": "yes" }] }),
        ] {
            let answer = answer(&chat(&message, "stop", 3)).unwrap();
            assert_eq!((answer.content.as_str(), answer.record.evidence.reasoning.as_deref()), ("yes", Some("so")), "{message}");
        }
    }

    #[test]
    fn a_failed_answer_keeps_what_it_cost() {
        let problem = answer(&chat(&json!({ "content": "y" }), "length", 7)).unwrap_err();
        assert_eq!(problem.record.usage.output_tokens, Some(7));
        assert_eq!(problem.record.evidence.finish_reason.as_deref(), Some("length"));
    }

    #[test]
    fn what_groq_keeps_back_is_an_answer_unless_it_is_cut_or_blank() {
        let endpoint = Endpoint::new("http://h/v1", "m");
        let body = |message: &str, text: &str| {
            json!({ "error": { "code": "json_validate_failed", "message": message, "failed_generation": text } }).to_string()
        };
        let outcome = |status, body: &str| {
            let answer = failed_generation(status, body, &endpoint)?;
            Some(answer.map(|answer| answer.content).map_err(|problem| problem.failure.kind))
        };
        assert_eq!(outcome(400, &body("Failed to generate JSON", "{\"a\":}")), Some(Ok("{\"a\":}".to_owned())));
        assert_eq!(outcome(400, &body("Failed to generate JSON", " ")), Some(Err(FailureKind::BadResponse)));
        let cut = "max completion tokens reached before generating a valid document";
        assert_eq!(outcome(400, &body(cut, "{\"a\":")), Some(Err(FailureKind::Truncated)));
        assert_eq!(outcome(500, &body("", "x")), None);
        assert_eq!(outcome(400, "{\"error\":{\"code\":\"other\"}}"), None);
    }
}
