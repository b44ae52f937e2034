//! Reading an answer that comes as a stream of events.
//!
//! What proves that it came whole is its finish reason, or `[DONE]` where a server tells none. A stream that ends before is cut, and is a
//! fault of the way like a broken connection: the same request may be sent again. An answer with a finish reason and no
//! `[DONE]` is told apart: it is whole, but where the server says `[DONE]` otherwise it was cut off behind it.

use std::collections::VecDeque;
use std::time::Duration;

use nerve_core::FailureKind;
use reqwest::Response;
use serde_json::{Value, json};

use super::exchange::{LONGEST, Piece, piece};
use super::problem::{self, Problem};
use super::request::Sent;
use super::response::{self, Answer, Comes, End, Said};
use super::sse::{BadStream, Event, Reader};
use super::{Endpoint, shown};

/// A stream of more bytes than this is not read on; each token comes in some hundred bytes of its own.
const LONGEST_STREAM: usize = 256 * 1024 * 1024;
/// How long a stream that has told its finish reason may take for what is left, such as the usage.
const AFTER_THE_END: Duration = Duration::from_secs(5);
/// Events that are kept of a stream that failed.
const LAST_EVENTS: usize = 5;

/// Reads the stream. `idle` bounds each silence after its first byte; until then the call's own end does.
pub(super) async fn read(mut response: Response, sent: Sent, endpoint: &Endpoint, idle: Duration) -> Result<Answer, Problem> {
    let mut reader = Reader::default();
    let mut gathered = Gathered::new(sent, endpoint);
    let mut length = 0;
    loop {
        let limit = match (length, gathered.end.is_some()) {
            (0, _) => None,
            (_, false) => Some(idle),
            (_, true) => Some(idle.min(AFTER_THE_END)),
        };
        let bytes = match piece(&mut response, limit, endpoint).await {
            Ok(Piece::Bytes(bytes)) => bytes,
            Ok(Piece::End) => break,
            // The answer is whole; what did not come is its price, and the word that this is all.
            Err(_) if gathered.end.is_some() => break,
            Err(problem) => return Err(gathered.failed(problem)),
        };
        length += bytes.len();
        if length > LONGEST_STREAM || gathered.said.len() > LONGEST {
            let problem = Problem::new(FailureKind::BadResponse, format!("{} answered with a stream without end", endpoint.shown()));
            return Err(gathered.failed(problem));
        }
        gathered.keep_raw(&bytes);
        let events = reader.push(&bytes).map_err(|bad| gathered.no_stream(bad))?;
        for event in events {
            if gathered.take(event)? == Progress::Done {
                return gathered.end();
            }
        }
    }
    if let Some(event) = reader.finish().map_err(|bad| gathered.no_stream(bad))? {
        gathered.take_last(event)?;
    }
    gathered.end()
}

/// Whether anything may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

/// What came so far.
struct Gathered<'e> {
    endpoint: &'e Endpoint,
    sent: Sent,
    said: Said,
    /// By what the answer is known to be whole.
    end: Option<End>,
    events: usize,
    last: VecDeque<String>,
    /// The bytes, as long as there is no event in them.
    raw: Vec<u8>,
}

impl<'e> Gathered<'e> {
    fn new(sent: Sent, endpoint: &'e Endpoint) -> Self {
        Self { endpoint, sent, said: Said::default(), end: None, events: 0, last: VecDeque::new(), raw: Vec::new() }
    }

    fn keep_raw(&mut self, bytes: &[u8]) {
        if self.events == 0 && self.raw.len() + bytes.len() <= LONGEST {
            self.raw.extend_from_slice(bytes);
        }
    }

    fn take(&mut self, event: Event) -> Result<Progress, Problem> {
        let Event { name, data } = event;
        if data.trim().is_empty() {
            return Ok(Progress::More);
        }
        self.events += 1;
        self.raw = Vec::new();
        if data.trim() == "[DONE]" {
            self.end = Some(End::Done);
            return Ok(Progress::Done);
        }
        self.last.truncate(LAST_EVENTS - 1);
        self.last.push_front(data);
        let data = self.last.front().map(String::as_str).unwrap_or_default();
        let Some(value) = serde_json::from_str::<Value>(data).ok().filter(|value| value.is_object() || value.is_array()) else {
            if self.end.is_some() {
                // Whole all the same, and nothing behind this can be trusted to be all.
                return Ok(Progress::Done);
            }
            let message = format!("{} sent an event that is no JSON: {}", self.endpoint.shown(), shown::event(data, self.endpoint));
            return Err(self.failed(Problem::new(FailureKind::BadResponse, message).again()));
        };
        let as_error = if name == "error" && value.get("error").is_none() { Some(json!({ "error": value })) } else { None };
        if let Some(problem) = problem::reported(as_error.as_ref().unwrap_or(&value), self.sent, self.endpoint) {
            return Err(self.failed(problem));
        }
        if let Some(choice) = value.pointer("/choices/0")
            && let Some(problem) = problem::reported(choice, self.sent, self.endpoint)
        {
            return Err(self.failed(problem));
        }
        self.said.take(&value, Comes::InParts, self.endpoint);
        self.end = self.end.or(self.said.finish_reason.as_ref().map(|_| End::FinishReason));
        Ok(Progress::More)
    }

    /// Takes what stands at the very end without the line that ends an event: half of one is no more than a cut.
    fn take_last(&mut self, event: Event) -> Result<(), Problem> {
        let whole = event.data.trim() == "[DONE]" || serde_json::from_str::<Value>(&event.data).is_ok();
        if whole { self.take(event).map(|_| ()) } else { Ok(()) }
    }

    /// The answer, when it is whole.
    fn end(self) -> Result<Answer, Problem> {
        if let Some(end) = self.end {
            return self.said.judge(self.endpoint).map(|answer| Answer { end, ..answer });
        }
        let at = self.endpoint.shown();
        if self.events == 0 {
            let text = String::from_utf8_lossy(&self.raw);
            let text = text.trim();
            return if text.is_empty() || [":", "data:", "event:", "id:", "retry:"].iter().any(|field| text.starts_with(field)) {
                Err(Problem::new(FailureKind::Transport, format!("{at} answered with an empty stream")))
            } else {
                // A whole answer under the name of a stream, or an error.
                response::read(text, self.sent, self.endpoint)
            };
        }
        let problem =
            Problem::new(FailureKind::Transport, format!("{at} ended its stream before the answer was whole: it told no finish reason"));
        Err(self.failed(problem))
    }

    fn no_stream(&self, bad: BadStream) -> Problem {
        let problem = |why| Problem::new(FailureKind::BadResponse, format!("{} sent {why}", self.endpoint.shown()));
        self.failed(match bad {
            BadStream::NotUtf8 => problem("text that is not UTF-8").again(),
            BadStream::TooLong => problem("an event of more than 16 MiB"),
        })
    }

    /// The problem with what came before it.
    fn failed(&self, problem: Problem) -> Problem {
        let mut problem = self.said.proves(problem, self.endpoint);
        problem.record.evidence.last_events = self.last.iter().rev().map(|event| shown::event(event, self.endpoint)).collect();
        problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(text: &str) -> Result<String, FailureKind> {
        let endpoint = Endpoint::new("http://h/v1", "m");
        let mut gathered = Gathered::new(Sent::default(), &endpoint);
        let mut reader = Reader::default();
        let read = |problem: Problem| problem.failure.kind;
        gathered.keep_raw(text.as_bytes());
        for event in reader.push(text.as_bytes()).unwrap() {
            if gathered.take(event).map_err(read)? == Progress::Done {
                return gathered.end().map(|answer| answer.content).map_err(read);
            }
        }
        if let Some(event) = reader.finish().unwrap() {
            gathered.take_last(event).map_err(read)?;
        }
        gathered.end().map(|answer| answer.content).map_err(read)
    }

    #[test]
    fn a_stream_is_whole_or_no_answer() {
        use FailureKind::{BadResponse, ContentFilter, FakeSuccess, RateLimited, Refusal, Transport, Truncated};
        let open = r#"data: {"choices":[]}"#;
        let yes = r#"data: {"choices":[{"delta":{"content":"yes"}}]}"#;
        let end = |reason: &str| format!(r#"data: {{"choices":[{{"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        let usage = r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#;
        let [stop, length, filter, new] = ["stop", "length", "content_filter", "something_new"].map(end);
        let cases: [(Vec<&str>, Result<&str, FailureKind>); 21] = [
            (vec![open, yes, &stop, usage, "data: [DONE]"], Ok("yes")),
            (vec![yes, &stop], Ok("yes")),
            (vec![yes, "data: [DONE]"], Ok("yes")),
            (vec![r#"data: {"choices":[{"delta":{"content":"yes"},"message":{"content":"yes"}}]}"#, &stop], Ok("yes")),
            (vec![": comment", "data:", yes, &stop], Ok("yes")),
            (vec![yes], Err(Transport)),
            (vec![open], Err(Transport)),
            (vec![], Err(Transport)),
            (vec![": only a comment"], Err(Transport)),
            (vec![yes, "data: {\"choices\":[{\"del"], Err(BadResponse)),
            (vec![yes, "data: ping"], Err(BadResponse)),
            (vec![yes, &length], Err(Truncated)),
            (vec![yes, &filter], Err(ContentFilter)),
            (vec![yes, &new], Err(BadResponse)),
            (vec![&stop, "data: [DONE]"], Err(FakeSuccess)),
            (
                vec![
                    r#"data: {"choices":[{"delta":{"refusal":"I can"}}]}"#,
                    r#"data: {"choices":[{"delta":{"refusal":"not"},"finish_reason":"stop"}]}"#,
                ],
                Err(Refusal),
            ),
            (vec![yes, r#"data: {"error":{"code":429,"message":"busy"}}"#], Err(RateLimited)),
            (vec![yes, r#"data: {"object":"error","message":"engine died","code":500}"#], Err(Transport)),
            (vec![yes, "event: error\ndata: {\"type\":\"overloaded_error\"}"], Err(Transport)),
            (vec![r#"data: {"choices":[{"index":1,"delta":{"content":"no"}}]}"#, yes, &stop], Ok("yes")),
            (vec![r#"data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, yes, &stop], Ok("yes")),
        ];
        for (events, expected) in cases {
            let text: String = events.iter().map(|event| format!("{event}\n\n")).collect();
            assert_eq!(outcome(&text), expected.map(str::to_owned), "{text}");
        }
        // Half an event at the end is a cut, and a whole answer under the name of a stream is one.
        assert_eq!(outcome(&format!("{yes}\n\ndata: {{\"choi")), Err(Transport));
        assert_eq!(outcome(&format!("{yes}\n\n{stop}")), Ok("yes".into()));
        assert_eq!(outcome(r#"{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}]}"#), Ok("yes".into()));
        assert_eq!(outcome(r#"{"error":{"code":429}}"#), Err(RateLimited));
    }
}
