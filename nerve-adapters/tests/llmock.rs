//! Our client before a third-party examiner: llmock (PyPI) injects each fault that it knows and grades how a client takes it.
//!
//! One thing that it would hold against us is meant, and no case here: a 429 for want of credit is not tried again.
//!
//! It wants the program's path in `NERVE_LLMOCK`, such as that of a virtual environment after `pip install llmock==0.2.2`.
#![cfg(feature = "host")]
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a test may stop where it fails, and the verdict is to be seen")]

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nerve_adapters::host::llm::{CallLimits, Endpoint, LlmClient, call};
use nerve_adapters::host::{CallText, Conversation, Form};
use nerve_core::FailureKind::{
    Auth, BadRequest, BadResponse, ContentFilter, ContextOverflow, Idle, Quota, RateLimited, Timeout, Transport, Truncated, UnknownModel,
};
use nerve_core::config::Dialect;
use nerve_core::{CallFailure, FailureKind, RawJson};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const ANSWER: &str = r#"{"pass": true, "why": "it is the backup"}"#;

/// A server that ends with its test.
struct Llmock {
    child: Child,
    url: String,
    http: reqwest::Client,
}

impl Drop for Llmock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Llmock {
    async fn start(arguments: &[&str]) -> Self {
        let program = std::env::var("NERVE_LLMOCK").expect("NERVE_LLMOCK is not set: it names the program llmock (PyPI, 0.2.2)");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let mut command = Command::new(&program);
        // Paced as a model writes: a client that stops reading in the middle is then seen to.
        command.args(["serve", "--port", &port, "--log-level", "error", "--stream-chunk-delay-ms", "20"]).args(arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("NERVE_LLMOCK={program} cannot be started: {error}"));
        // The first client of the process also readies TLS.
        let _ = LlmClient::new();
        let llmock = Self { child, url: format!("http://127.0.0.1:{port}"), http: reqwest::Client::builder().no_proxy().build().unwrap() };
        let begin = Instant::now();
        while llmock.http.get(format!("{}/health", llmock.url)).send().await.is_err() {
            assert!(begin.elapsed() < Duration::from_secs(60), "llmock does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        llmock
    }

    async fn queue(&self, behaviors: Vec<Value>) {
        let answer =
            self.http.post(format!("{}/_llmock/scenario", self.url)).json(&json!({ "behaviors": behaviors })).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Demands that nothing is held against the client.
    async fn verdict(&self, calls: usize) {
        let verdict = |form: &str| self.http.get(format!("{}/_llmock/verdict?format={form}", self.url)).send();
        let text = verdict("text").await.unwrap().text().await.unwrap();
        let json: Value = verdict("json").await.unwrap().json().await.unwrap();
        println!("{text}");
        assert_eq!((&json["passed"], &json["errors"], &json["warnings"]), (&json!(true), &json!(0), &json!(0)), "{text}");
        assert_eq!(json["calls"], json!(calls), "{text}");
    }
}

fn endpoint(llmock: &Llmock, path: &str, model: &str) -> Endpoint {
    Endpoint { api_key: Some("sk-very-secret".into()), ..Endpoint::new(format!("{}{path}", llmock.url), model) }
}

/// A question that no other case asks, so that the examiner takes no case for another one's retry.
fn conversation(name: &str) -> Conversation {
    let schema = r#"{"type":"object","properties":{"pass":{"type":"boolean"},"why":{"type":"string"}},"required":["pass","why"]}"#;
    Conversation {
        start: format!("The load is 9, and this is case {name}."),
        steps: Vec::new(),
        prompt: "Judge.".into(),
        schema: Some(RawJson::parse(schema).unwrap()),
        form: Form::NativeSchema { name: "judge".into(), tag: "meta-7".into() },
        reasks: Vec::new(),
    }
}

/// A fault, and what a call that meets it comes to: an answer after this many requests, or a failure.
struct Case {
    name: &'static str,
    behaviors: Vec<Value>,
    stream: bool,
    expected: Result<u32, FailureKind>,
}

fn case(name: &'static str, stream: bool, behaviors: impl Into<Vec<Value>>, expected: Result<u32, FailureKind>) -> Case {
    Case { name, behaviors: behaviors.into(), stream, expected }
}

fn reply() -> Value {
    json!({ "type": "reply", "text": ANSWER, "times": null })
}

fn cases() -> Vec<Case> {
    let fail = |status: u16, times: Value| json!({ "type": "fail", "status": status, "times": times });
    let limited = |after: f64, times: u8| json!({ "type": "fail", "status": 429, "retry_after": after, "times": times });
    let broken = |kind: &str, at: u8, times: u8| json!({ "type": "stream_fault", "kind": kind, "after_chunks": at, "stall_seconds": 30, "times": times });
    let saying = |message: &str, code: Value| json!({ "type": "fail", "status": 400, "message": message, "code": code, "times": null });
    let mut cases = Vec::new();
    for stream in [false, true] {
        cases.push(case("no fault", stream, [], Ok(1)));
        // What another try may mend.
        for status in [408, 409, 429, 500, 502, 503, 504, 529] {
            cases.push(case("fails twice", stream, [fail(status, json!(2))], Ok(3)));
            let kind = if status == 429 { RateLimited } else { Transport };
            cases.push(case("fails for ever", stream, [fail(status, Value::Null)], Err(kind)));
        }
        // What none would.
        for (status, kind) in
            [(400, BadRequest), (401, Auth), (402, Quota), (403, Auth), (404, BadRequest), (413, ContextOverflow), (422, BadRequest)]
        {
            cases.push(case("never mends", stream, [fail(status, Value::Null)], Err(kind)));
        }
        cases.push(case("rate limit", stream, [limited(0.3, 2)], Ok(3)));
        cases.push(case("longer rate limit", stream, [limited(2.4, 1)], Ok(2)));
        cases.push(case("rate limit, then trouble", stream, [limited(1.0, 1), fail(500, json!(1)), limited(0.2, 1)], Ok(4)));
        let overflow = saying("This model's maximum context length is 10 tokens.", json!("context_length_exceeded"));
        cases.push(case("context overflow", stream, [overflow], Err(ContextOverflow)));
        cases.push(case("content filter", stream, [saying("Filtered.", json!("content_filter"))], Err(ContentFilter)));
        let unknown = json!({ "type": "fail", "status": 404, "message": "The model `m` does not exist.", "code": "model_not_found" });
        cases.push(case("unknown model", stream, [unknown], Err(UnknownModel)));
        cases.push(case("slow", stream, [json!({ "type": "delay", "seconds": 2 })], Ok(1)));
        for (reason, kind) in [("length", Truncated), ("content_filter", ContentFilter), ("something_new", BadResponse)] {
            let reply = json!({ "type": "reply", "text": ANSWER, "finish_reason": reason });
            cases.push(case("finish reason", stream, [reply], Err(kind)));
        }
        let tool = json!({ "type": "reply", "tool_calls": [{ "name": "search", "arguments": { "q": "x" } }] });
        cases.push(case("a tool that was never offered", stream, [tool], Err(BadResponse)));
        for kind in ["malformed_arguments", "unknown_tool"] {
            let fault = json!({ "type": "tool_fault", "kind": kind, "match": {} });
            cases.push(case("a broken tool call", stream, [fault], Err(BadResponse)));
        }
    }
    // The answer has seven words: behind eight chunks its finish reason comes, then its usage, then `[DONE]`.
    for at in [0, 1, 3, 8, 9, 10] {
        // A stream that is sent to its end counts as a success, and asking again for it as another call: nobody could pass.
        let sent_anyway = |kind: &&str| *kind == "malformed" && at > 3;
        for kind in ["disconnect", "truncate", "malformed"].into_iter().filter(|kind| !sent_anyway(kind)) {
            cases.push(case("broken once", true, [broken(kind, at, 1)], Ok(2)));
            cases.push(case("broken three times", true, [broken(kind, at, 3)], Ok(4)));
        }
    }
    cases.push(case("disconnects for ever", true, [broken("disconnect", 2, 9)], Err(Transport)));
    for at in [1, 3] {
        cases.push(case("stalls once", true, [broken("stall", at, 1)], Ok(2)));
    }
    cases.push(case("stalls for ever", true, [broken("stall", 2, 9)], Err(Idle)));
    cases.push(case("never begins", true, [broken("stall", 0, 9)], Err(Timeout)));
    cases.push(case("slow first token", true, [json!({ "type": "slow_first_token", "seconds": 4 })], Ok(1)));
    cases.push(case(
        "slow first token, then cut",
        true,
        [json!({ "type": "slow_first_token", "seconds": 2 }), broken("truncate", 2, 1)],
        Ok(2),
    ));
    cases.push(case("trouble, then cut", true, [fail(503, json!(1)), broken("truncate", 2, 1), broken("malformed", 2, 1)], Ok(4)));
    cases
}

fn limits() -> CallLimits {
    CallLimits::new(Duration::from_secs(60), Duration::from_millis(1500))
}

/// Only this case's requests meet its faults.
fn only_for(model: &str, mut behavior: Value) -> Value {
    let mut matched = behavior.get("match").cloned().unwrap_or_else(|| json!({}));
    matched["model"] = json!(model);
    behavior["match"] = matched;
    behavior
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs llmock; .ci/real-components runs it"]
async fn no_fault_that_the_examiner_knows_is_taken_badly() {
    let llmock = Llmock::start(&[]).await;
    // As in a daemon, one client makes all calls. It has seen how this server ends a stream.
    let client = Arc::new(LlmClient::new());
    llmock.queue(vec![only_for("first", reply())]).await;
    call(&client, &endpoint(&llmock, "/v1", "first"), &conversation("first"), limits()).await.unwrap();
    let cases = cases();
    let count = 1 + cases.len();
    let mut running = JoinSet::new();
    for (n, Case { name, behaviors, stream, expected }) in cases.into_iter().enumerate() {
        let model = format!("case-{n}");
        let behaviors = behaviors.into_iter().chain([reply()]).map(|behavior| only_for(&model, behavior)).collect();
        llmock.queue(behaviors).await;
        let endpoint = Endpoint { stream: Some(stream), ..endpoint(&llmock, "/v1", &model) };
        let client = Arc::clone(&client);
        running.spawn(async move {
            let timeout = if expected == Err(Timeout) { Duration::from_secs(6) } else { limits().timeout };
            let result = call(&client, &endpoint, &conversation(&model), CallLimits { timeout, ..limits() }).await;
            check(&format!("{n}: {name}, stream {stream}"), &result, expected);
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    llmock.verdict(count).await;
}

fn check(name: &str, result: &Result<CallText, CallFailure>, expected: Result<u32, FailureKind>) {
    let outcome = result.as_ref().map(|text| text.usage.calls).map_err(|failure| failure.kind);
    assert_eq!(outcome, expected, "{name}: {result:?}");
    match result {
        // Nothing is repeated from a stream that broke off before.
        Ok(text) => {
            assert_eq!(text.content, ANSWER, "{name}");
            assert_eq!(text.evidence.failed_tries.len() + 1, text.usage.calls as usize, "{name}");
            assert!(text.usage.output_tokens.is_some() && text.usage.input_tokens.is_some(), "{name}: {text:?}");
        }
        Err(failure) => assert!(!format!("{failure:?}").contains("sk-very-secret"), "{name}: {failure:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs llmock; .ci/real-components runs it"]
async fn each_vendor_that_speaks_this_api_is_understood() {
    let llmock = Llmock::start(&[]).await;
    let vendors = [
        ("/v1", Dialect::OpenAi),
        ("/mistral/v1", Dialect::Mistral),
        ("/groq/openai/v1", Dialect::Groq),
        ("/together/v1", Dialect::Generic),
        ("/perplexity/v1", Dialect::Generic),
        ("/ai21/v1", Dialect::Generic),
        ("/xai/v1", Dialect::Generic),
    ];
    let mut count = 0;
    for (path, dialect) in vendors {
        for stream in [false, true] {
            let model = format!("{}-{stream}", path.trim_matches('/').replace('/', "-"));
            let rate_limit = json!({ "type": "fail", "status": 429, "retry_after": 0.4, "times": 1 });
            let cut = json!({ "type": "stream_fault", "kind": "truncate", "after_chunks": 2, "times": 1 });
            llmock.queue([rate_limit, cut, reply()].map(|behavior| only_for(&model, behavior)).into()).await;
            // Without a schema, so that Groq streams too.
            let plain = Conversation { form: Form::Plain, ..conversation(&model) };
            let endpoint = Endpoint { dialect: Some(dialect), stream: Some(stream), ..endpoint(&llmock, path, &model) };
            let text = call(&LlmClient::new(), &endpoint, &plain, limits()).await;
            let outcome = text.as_ref().map(|text| (text.content.as_str(), text.usage.calls));
            assert_eq!(outcome, Ok((ANSWER, if stream { 3 } else { 2 })), "{model}: {text:?}");
            count += 1;
        }
    }
    llmock.verdict(count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs llmock; .ci/real-components runs it"]
async fn a_real_quota_is_waited_for() {
    let llmock = Llmock::start(&["--rpm", "60", "--tpm", "90000"]).await;
    let mut running = JoinSet::new();
    let count = 64;
    for n in 0..count {
        let endpoint = Endpoint { stream: Some(n % 2 == 0), ..endpoint(&llmock, "/v1", "m") };
        running.spawn(async move { call(&LlmClient::new(), &endpoint, &conversation(&n.to_string()), limits()).await });
    }
    while let Some(done) = running.join_next().await {
        let text = done.unwrap().unwrap();
        assert!(text.evidence.limits.as_deref().is_some_and(|limits| limits.contains("of 60, tokens: ")), "{text:?}");
    }
    llmock.verdict(count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs llmock; .ci/real-components runs it"]
async fn a_prompt_past_the_models_window_is_no_reason_to_try_again() {
    let llmock = Llmock::start(&["--context-window", "50"]).await;
    for stream in [false, true] {
        let endpoint = Endpoint { stream: Some(stream), ..endpoint(&llmock, "/v1", "m") };
        let long = Conversation { start: "long ".repeat(500), ..conversation("long") };
        let failure = call(&LlmClient::new(), &endpoint, &long, limits()).await.unwrap_err();
        assert_eq!((failure.kind, failure.usage().calls), (ContextOverflow, 1), "{failure}");
    }
    llmock.verdict(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs llmock; .ci/real-components runs it"]
async fn trouble_of_every_kind_at_random_is_lived_through() {
    let mut arguments = vec!["--stream-stall-seconds", "20"];
    for rate in ["429=0.04", "500=0.04", "503=0.04"] {
        arguments.extend(["--error-rate", rate]);
    }
    for rate in ["disconnect=0.04", "truncate=0.04", "malformed=0.04", "stall=0.04"] {
        arguments.extend(["--stream-fault", rate]);
    }
    let llmock = Llmock::start(&arguments).await;
    // Longer than six chunks, behind which none of its faults at random comes: one at the very end is not seen to be handled.
    llmock.queue(vec![reply()]).await;
    let count = 60;
    let mut running = JoinSet::new();
    for n in 0..count {
        let endpoint = Endpoint { stream: Some(n % 4 != 0), ..endpoint(&llmock, "/v1", "m") };
        // Enough of them that bad luck alone ends no call.
        let limits = CallLimits { tries: 10, timeout: Duration::from_secs(200), ..limits() };
        running.spawn(async move { call(&LlmClient::new(), &endpoint, &conversation(&n.to_string()), limits).await });
    }
    while let Some(done) = running.join_next().await {
        let text = done.unwrap().unwrap();
        assert!(serde_json::from_str::<Value>(&text.content).unwrap().is_object(), "{text:?}");
    }
    llmock.verdict(count).await;
}
