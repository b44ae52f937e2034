//! `llm::call` against a real server on this machine: what is sent, what is made of each answer, and what is tried again.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may stop where it fails")]

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use nerve_adapters::host::llm::{CallLimits, Endpoint, LlmClient, call};
use nerve_adapters::host::{CallText, Conversation, Form, Reask};
use nerve_core::config::Dialect;
use nerve_core::wire::ContextStep;
use nerve_core::{CallFailure, FailureKind, RawJson, Usage};
use serde_json::{Value, json};

const KEY: &str = "sk-very-secret";

/// One answer that the server is to give.
#[derive(Clone)]
enum Say {
    Body(u16, Vec<(&'static str, String)>, String),
    Nothing,
}

#[derive(Clone, Default)]
struct Script {
    says: Arc<Mutex<VecDeque<Say>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

struct Seen {
    path: String,
    headers: HeaderMap,
    body: Value,
    at: Instant,
}

async fn answer(State(script): State<Script>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let body = serde_json::from_slice(&body).unwrap();
    script.seen.lock().unwrap().push(Seen { path: uri.path().to_owned(), headers, body, at: Instant::now() });
    let say = script.says.lock().unwrap().pop_front().unwrap();
    let Say::Body(status, headers, body) = say else {
        tokio::time::sleep(Duration::from_secs(60)).await;
        return Response::new(Body::empty());
    };
    let mut response = Response::builder().status(status);
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        response = response.header("content-type", "application/json");
    }
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

async fn serve(says: impl IntoIterator<Item = Say>) -> (SocketAddr, Script) {
    let script = Script { says: Arc::new(Mutex::new(says.into_iter().collect())), ..Script::default() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(answer).with_state(script.clone());
    #[expect(clippy::disallowed_methods, reason = "it ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, script)
}

fn say(status: u16, body: &Value) -> Say {
    Say::Body(status, Vec::new(), body.to_string())
}

fn chat(text: &str) -> Say {
    finished(text, "stop")
}

fn finished(text: &str, reason: &str) -> Say {
    let usage = json!({ "prompt_tokens": 11, "completion_tokens": 3, "total_tokens": 14 });
    let choice = json!({ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": reason });
    say(200, &json!({ "id": "chatcmpl-1", "model": "served-1", "choices": [choice], "usage": usage }))
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        api_key: Some(KEY.into()),
        headers: BTreeMap::from([("x-team".to_owned(), "team-secret".to_owned())]),
        ..Endpoint::new(format!("http://{address}/v1/"), "asked-1")
    }
}

fn conversation() -> Conversation {
    let schema = r#"{"type":"object","properties":{"pass":{"type":"boolean"},"why":{"type":["string","null"]}},"required":["pass"]}"#;
    Conversation {
        start: "The load is 9.".into(),
        steps: vec![ContextStep { n: 1, role: "analyst".into(), content: "The backup.".into(), meta: RawJson::null() }],
        prompt: "Judge.".into(),
        schema: Some(RawJson::parse(schema).unwrap()),
        form: Form::NativeSchema { name: "the judge".into(), tag: "meta-7".into() },
        reasks: Vec::new(),
    }
}

fn limits() -> CallLimits {
    CallLimits { tries: 3, ..CallLimits::new(Duration::from_secs(20), Duration::from_secs(5)) }
}

async fn ask(says: impl IntoIterator<Item = Say>) -> (Result<CallText, CallFailure>, Script) {
    let (address, script) = serve(says).await;
    let result = call(&LlmClient::new(), &endpoint(address), &conversation(), limits()).await;
    (result, script)
}

/// The failure of a call whose server gives these answers, and how many requests it took.
async fn failure(says: impl IntoIterator<Item = Say>) -> (CallFailure, usize) {
    let (result, script) = ask(says).await;
    let failure = result.unwrap_err();
    assert!(!failure.message.contains(KEY) && !failure.message.contains("team-secret"), "{failure}");
    let requests = script.seen.lock().unwrap().len();
    (failure, requests)
}

#[tokio::test]
async fn a_schema_is_sent_and_the_answer_comes_with_its_facts() {
    let (result, script) = ask([chat(r#"{"pass":true,"why":null}"#)]).await;
    let text = result.unwrap();
    assert_eq!(text.content, r#"{"pass":true,"why":null}"#);
    assert_eq!(text.usage, Usage { input_tokens: Some(11), output_tokens: Some(3), ..Usage::ONE_CALL });
    assert_eq!(
        (text.evidence.model.as_deref().unwrap_or_default(), text.evidence.finish_reason.as_deref(), text.evidence.request_id.as_deref()),
        ("served-1", Some("stop"), Some("chatcmpl-1"))
    );
    assert_eq!(text.form, conversation().form);
    let seen = script.seen.lock().unwrap();
    assert_eq!(seen[0].path, "/v1/chat/completions");
    assert_eq!(seen[0].headers["authorization"], format!("Bearer {KEY}"));
    assert_eq!(seen[0].headers["x-team"], "team-secret");
    let body = &seen[0].body;
    assert_eq!(body["model"], "asked-1");
    let format = &body["response_format"];
    assert_eq!(
        (&format["type"], &format["json_schema"]["name"], &format["json_schema"]["strict"]),
        (&json!("json_schema"), &json!("the_judge"), &json!(true))
    );
    assert_eq!(format["json_schema"]["schema"]["required"], json!(["pass", "why"]));
    let roles: Vec<&str> = body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "user"]);
    assert_eq!(body["messages"][1]["content"], "The load is 9.");
    assert_eq!(body["messages"][2]["content"], "<step n=\"1\" role=\"analyst\">\nThe backup.\n</step>");
    assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &json!({ "include_usage": true })));
    // Nothing else is sent: some servers refuse what they do not know.
    let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["messages", "model", "response_format", "stream", "stream_options"]);
}

#[tokio::test]
async fn a_reask_is_the_answer_and_its_errors() {
    let (address, script) = serve([chat("{}")]).await;
    let mut conversation = conversation();
    conversation.reasks = vec![Reask { answer: "{\"pass\":1}".into(), errors: vec!["/pass: expected boolean, got 1".into()] }];
    call(&LlmClient::new(), &endpoint(address), &conversation, limits()).await.unwrap();
    let seen = script.seen.lock().unwrap();
    assert_eq!(seen[0].body["messages"][3], json!({ "role": "assistant", "content": "{\"pass\":1}" }));
    assert!(seen[0].body["messages"][4]["content"].as_str().unwrap().contains("- /pass: expected boolean, got 1"));
}

#[tokio::test]
async fn a_refused_schema_steps_down_once_and_is_remembered() {
    let refusal =
        say(400, &json!({ "error": { "message": "This response_format type is unavailable now", "type": "invalid_request_error" } }));
    let (address, script) = serve([refusal, chat("a"), chat("b")]).await;
    let (client, endpoint) = (LlmClient::new(), endpoint(address));
    let limits = CallLimits { tries: 1, ..limits() };
    let first = call(&client, &endpoint, &conversation(), limits).await.unwrap();
    let second = call(&client, &endpoint, &conversation(), limits).await.unwrap();
    assert_eq!((first.usage.calls, second.usage.calls), (2, 1));
    assert_eq!((&first.form, &second.form), (&Form::TaggedBlock { tag: "meta-7".into() }, &first.form));
    let seen = script.seen.lock().unwrap();
    assert!(seen[0].body.get("response_format").is_some());
    for seen in &seen[1..] {
        assert!(seen.body.get("response_format").is_none());
        assert!(seen.body["messages"][0]["content"].as_str().unwrap().contains("```meta-7"));
    }
}

#[tokio::test]
async fn what_was_not_the_schemas_fault_is_not_remembered_as_its() {
    let refusal = || say(400, &json!({ "error": { "message": "messages: too many, said the schema of the request" } }));
    let (address, script) = serve([refusal(), refusal(), chat("{}")]).await;
    let (client, endpoint) = (LlmClient::new(), endpoint(address));
    let failure = call(&client, &endpoint, &conversation(), limits()).await.unwrap_err();
    assert_eq!((failure.kind, failure.usage().calls), (FailureKind::BadRequest, 2), "{failure}");
    let text = call(&client, &endpoint, &conversation(), limits()).await.unwrap();
    assert_eq!(text.form, conversation().form);
    assert!(script.seen.lock().unwrap()[2].body.get("response_format").is_some());
}

#[tokio::test]
async fn a_dialect_decides_what_is_sent() {
    for (dialect, strict) in
        [(Dialect::Ollama, Some(None)), (Dialect::Groq, Some(Some(true))), (Dialect::DeepSeek, Some(None)), (Dialect::Generic, None)]
    {
        let (address, script) = serve([chat("x")]).await;
        let endpoint = Endpoint { dialect: Some(dialect), ..endpoint(address) };
        call(&LlmClient::new(), &endpoint, &conversation(), limits()).await.unwrap();
        let seen = script.seen.lock().unwrap();
        let format = seen[0].body.get("response_format");
        assert_eq!(format.map(|format| format["json_schema"].get("strict").and_then(Value::as_bool)), strict, "{dialect:?}");
    }
}

#[tokio::test]
async fn a_plain_call_asks_for_no_json() {
    let (address, script) = serve([chat("hello")]).await;
    let plain = Conversation { form: Form::Plain, schema: None, ..conversation() };
    let text = call(&LlmClient::new(), &endpoint(address), &plain, limits()).await.unwrap();
    assert_eq!((text.content.as_str(), &text.form), ("hello", &Form::Plain));
    assert_eq!(script.seen.lock().unwrap()[0].body["messages"][0]["content"], "Judge.");
}

#[tokio::test]
async fn what_would_fail_again_is_asked_once() {
    let error = |message: &str, code: &str| json!({ "error": { "message": message, "code": code } });
    for (answer, kind) in [
        (say(401, &error(&format!("Incorrect API key provided: {KEY}"), "invalid_api_key")), FailureKind::Auth),
        (say(429, &error("You exceeded your current quota", "insufficient_quota")), FailureKind::Quota),
        (say(402, &json!({})), FailureKind::Quota),
        (say(400, &error("This model's maximum context length is 8192 tokens", "context_length_exceeded")), FailureKind::ContextOverflow),
        (say(404, &error("no such model", "model_not_found")), FailureKind::UnknownModel),
        (finished("{\"pass\":", "length"), FailureKind::Truncated),
        (finished("", "content_filter"), FailureKind::ContentFilter),
        (Say::Body(200, vec![("content-type", "text/html".into())], "<!DOCTYPE html><h1>Hello</h1>".into()), FailureKind::BadResponse),
        (Say::Body(200, Vec::new(), "{\"choices\":[{\"mess".into()), FailureKind::BadResponse),
        (Say::Body(302, vec![("location", "http://elsewhere.invalid/".into())], String::new()), FailureKind::BadResponse),
        (
            say(
                200,
                &json!({ "choices": [{ "message": { "content": "" }, "finish_reason": "stop" }], "usage": { "completion_tokens": 0 } }),
            ),
            FailureKind::FakeSuccess,
        ),
        (say(200, &json!({ "error": { "code": 401, "message": "no" } })), FailureKind::Auth),
    ] {
        let (failure, requests) = failure([answer]).await;
        assert_eq!((failure.kind, requests), (kind, 1), "{failure}");
        assert_eq!(failure.usage().calls, 1, "{failure}");
    }
}

#[tokio::test]
async fn a_rate_limit_waits_as_long_as_it_is_told() {
    let limited =
        Say::Body(429, vec![("retry-after", "1".into())], json!({ "error": { "message": "slow down", "code": 429 } }).to_string());
    let (result, script) = ask([limited, chat("ok")]).await;
    let text = result.unwrap();
    assert_eq!((text.content.as_str(), text.usage.calls), ("ok", 2));
    let seen = script.seen.lock().unwrap();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_wait_beyond_the_call_is_not_waited_for() {
    let limited = Say::Body(429, vec![("retry-after", "55".into())], String::new());
    let start = Instant::now();
    let (failure, requests) = failure([limited]).await;
    assert_eq!((failure.kind, requests), (FailureKind::RateLimited, 1));
    assert!(failure.message.ends_with("it asks to wait 55s, which is longer than this call may"), "{failure}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_servers_trouble_is_tried_again_and_then_told() {
    let (result, _) = ask([say(500, &json!({})), say(503, &json!({})), chat("ok")]).await;
    assert_eq!(result.unwrap().content, "ok");
    let (failure, requests) = failure([say(500, &json!("a")), say(502, &json!("b")), say(500, &json!({ "error": "last" }))]).await;
    assert_eq!((failure.kind, requests), (FailureKind::Transport, 3));
    assert!(failure.message.ends_with("answered 500 with: last (after 3 tries)"), "{failure}");
}

#[tokio::test]
async fn a_hung_server_is_a_timeout() {
    let (address, _) = serve([Say::Nothing]).await;
    let limits = CallLimits::new(Duration::from_millis(300), Duration::from_secs(5));
    let failure = call(&LlmClient::new(), &endpoint(address), &conversation(), limits).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Timeout);
    assert!(failure.message.ends_with("gave no answer within 300ms"), "{failure}");
}

/// A server that sends these bytes to each connection and then does nothing or hangs up.
async fn raw(bytes: &'static [u8], hold: bool) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut held = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 65536]);
            let _ = stream.write_all(bytes);
            if hold {
                held.push(stream);
            }
        }
    });
    address
}

#[tokio::test]
async fn silence_within_a_response_and_a_broken_one_are_tried_again() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\":";
    let limits = CallLimits { tries: 2, ..CallLimits::new(Duration::from_secs(20), Duration::from_millis(200)) };
    for (hold, kind) in [(true, FailureKind::Idle), (false, FailureKind::Transport)] {
        let address = raw(half, hold).await;
        let failure = call(&LlmClient::new(), &endpoint(address), &conversation(), limits).await.unwrap_err();
        assert_eq!((failure.kind, failure.usage().calls), (kind, 2), "{failure}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_transport() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let limits = CallLimits { tries: 2, ..limits() };
    let failure = call(&LlmClient::new(), &endpoint(address), &conversation(), limits).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Transport);
    assert!(failure.message.contains("onnection refused") && failure.message.ends_with("(after 2 tries)"), "{failure}");
}

#[tokio::test]
async fn too_large_a_response_is_not_read_on() {
    let (failure, _) = failure([Say::Body(200, Vec::new(), " ".repeat(17 * 1024 * 1024))]).await;
    assert_eq!(failure.kind, FailureKind::BadResponse);
    assert!(failure.message.ends_with("more than 16 MiB"), "{failure}");
}

#[tokio::test]
async fn a_key_that_cannot_be_sent_is_not_shown() {
    let (address, _) = serve([]).await;
    let endpoint = Endpoint { api_key: Some("sk-\nbroken".into()), ..endpoint(address) };
    let failure = call(&LlmClient::new(), &endpoint, &conversation(), limits()).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Config);
    assert!(!failure.message.contains("broken"), "{failure}");
}

#[tokio::test]
async fn no_key_is_in_what_is_kept_wherever_a_provider_repeats_it() {
    let chat = |message: Value, more: Value| {
        let mut body = json!({ "id": KEY, "model": format!("m-{KEY}"), "choices": [{ "message": message, "finish_reason": "stop" }] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let echo = || {
        let names =
            ["x-request-id", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "retry-after", "set-cookie", "location"];
        names.map(|name| (name, KEY.to_owned())).to_vec()
    };
    let stream = |events: &[String]| {
        let events: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        Say::Body(200, [("content-type", "text/event-stream".to_owned())].into_iter().chain(echo()).collect(), events)
    };
    let thinking = json!({ "content": "", "reasoning": format!("my key is {KEY}, and team-secret") });
    let says = [
        Say::Body(401, echo(), format!("key {KEY}, team-secret")),
        Say::Body(400, echo(), json!({ "error": { "message": KEY, "code": KEY, "type": KEY } }).to_string()),
        Say::Body(400, echo(), json!([{ "error": { "message": KEY } }]).to_string()),
        Say::Body(404, echo(), json!({ "error": { "message": format!("The model {KEY} does not exist") } }).to_string()),
        Say::Body(400, echo(), json!({ "error": { "code": "json_validate_failed", "message": KEY, "failed_generation": "" } }).to_string()),
        Say::Body(302, echo(), KEY.to_owned()),
        Say::Body(200, echo(), format!("<html>{KEY}</html>")),
        Say::Body(200, echo(), format!("{{\"cut\": \"{KEY}")),
        Say::Body(200, echo(), json!({ "error": { "message": KEY, "code": 400 } }).to_string()),
        Say::Body(200, echo(), chat(thinking.clone(), json!({})).to_string()),
        Say::Body(200, echo(), chat(json!({ "refusal": KEY }), json!({})).to_string()),
        Say::Body(
            200,
            echo(),
            chat(json!({ "content": "x" }), json!({ "choices": [{ "message": { "content": "x" }, "finish_reason": KEY }] })).to_string(),
        ),
        stream(&[
            json!({ "choices": [{ "delta": thinking }], "model": KEY }).to_string(),
            json!({ "error": { "message": KEY, "code": 400 } }).to_string(),
        ]),
        stream(&[json!({ "choices": [{ "delta": { "refusal": KEY }, "finish_reason": "stop" }] }).to_string()]),
        stream(&[KEY.to_owned()]),
        stream(&[json!({ "choices": [{ "delta": { "content": KEY } }] }).to_string()]),
    ];
    for say in says {
        let shown = match &say {
            Say::Body(status, _, body) => format!("{status}: {body}"),
            Say::Nothing => String::new(),
        };
        let (address, _) = serve([say]).await;
        let mut endpoint = endpoint(address);
        endpoint.base_url = format!("http://{address}/v1?key={KEY}");
        let limits = CallLimits { tries: 1, ..limits() };
        let failure = call(&LlmClient::new(), &endpoint, &conversation(), limits).await.unwrap_err();
        let kept = format!("{failure:?} {endpoint:?} {}", serde_json::to_string(&failure).unwrap());
        assert!(!kept.contains(KEY) && !kept.contains("very-secret") && !kept.contains("team-secret"), "{shown}\n{kept}");
    }
}

#[tokio::test]
async fn what_a_success_keeps_beside_its_text_has_no_key_either() {
    let message = json!({ "content": "yes", "reasoning_content": format!("{KEY} {}", "é".repeat(5000)) });
    let body = json!({ "id": KEY, "model": KEY, "choices": [{ "message": message, "finish_reason": "stop" }] });
    let failed = Say::Body(500, vec![], format!("upstream said {KEY}"));
    let (result, _) = ask([failed, Say::Body(200, vec![("x-request-id", format!("req-{KEY}"))], body.to_string())]).await;
    let text = result.unwrap();
    assert!(!format!("{text:?}").contains("very-secret"), "{text:?}");
    assert_eq!((text.usage.calls, text.evidence.failed_tries.len()), (2, 1));
    assert_eq!(text.evidence.request_id.as_deref(), Some("req-***"));
    assert_eq!(text.evidence.reasoning.map(|thought| thought.chars().count()), Some(4000));
}

#[tokio::test]
async fn a_refusal_costs_nothing_and_is_told_as_what_came_before() {
    let limited = Say::Body(429, vec![("retry-after-ms", "10".into()), ("x-ratelimit-remaining-requests", "0".into())], "slow".into());
    let (result, _) = ask([limited, chat("ok")]).await;
    let text = result.unwrap();
    assert_eq!((text.usage.calls, text.usage.unpriced_calls()), (2, 1));
    assert!(text.evidence.failed_tries[0].ends_with("answered 429 with: slow"), "{:?}", text.evidence);
    assert_eq!(text.evidence.limits.as_deref(), Some("requests: 0"));
}

#[tokio::test]
async fn what_groq_keeps_back_is_read_like_an_answer() {
    let body = json!({ "error": { "code": "json_validate_failed", "message": "Failed to generate JSON.", "failed_generation": "{\"pass\": maybe}" } });
    let (result, script) = ask([say(400, &body)]).await;
    let text = result.unwrap();
    assert_eq!((text.content.as_str(), text.usage.calls), ("{\"pass\": maybe}", 1));
    assert_eq!((text.evidence.finish_reason.as_deref(), &text.form), (Some("json_validate_failed"), &conversation().form));
    assert_eq!(script.seen.lock().unwrap().len(), 1);
}
