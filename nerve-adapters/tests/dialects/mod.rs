//! A server for each dialect: it answers in that vendor's own shape, and refuses what that vendor refuses.
//!
//! The model behind it is obedient: it gives one and the same meta in whatever form it is asked for. Other packages' tests may use this
//! file by `#[path]`; it needs axum, tokio with `net` and `rt`, serde_json and nerve-core with `config`.
#![allow(
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test may stop where it fails, and each uses a part of this"
)]

mod refuse;
mod say;

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, Uri};
use nerve_core::config::Dialect;
use serde_json::{Value, json};
use tokio::sync::oneshot;

/// What each server counts: the same everywhere, under the vendor's own names.
pub const INPUT_TOKENS: u64 = 40;
pub const OUTPUT_TOKENS: u64 = 12;
/// The key that each server wants.
pub const KEY: &str = "sk-the-key-of-the-dialects";

/// A vendor on this machine. It has a thread of its own, and ends when this is dropped.
pub struct Vendor {
    /// What goes into `base_url`.
    pub base_url: String,
    seen: Arc<Mutex<Vec<Value>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Clone)]
struct Behind {
    dialect: Dialect,
    meta: Value,
    seen: Arc<Mutex<Vec<Value>>>,
}

impl Vendor {
    /// Starts a vendor whose model always gives this meta.
    pub fn start(dialect: Dialect, meta: Value) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let path = if dialect == Dialect::Azure { "/openai/deployments/judge?api-version=2024-10-21" } else { "/v1" };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let behind = Behind { dialect, meta, seen: Arc::clone(&seen) };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let served = axum::serve(listener, Router::new().fallback(answer).with_state(behind)).into_future();
                tokio::select! {
                    _ = served => {}
                    _ = stopped => {}
                }
            });
        });
        Self { base_url: format!("http://{address}{path}"), seen, stop: Some(stop), thread: Some(thread) }
    }

    /// The bodies of all requests, refused ones too.
    pub fn seen(&self) -> Vec<Value> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn answer(State(behind): State<Behind>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let Behind { dialect, meta, seen } = behind;
    let request: Value = serde_json::from_slice(&body).unwrap();
    seen.lock().unwrap().push(request.clone());
    if let Some((status, error)) = refuse::refuse(dialect, &uri, &headers, &request) {
        return respond(status, "application/json", error.to_string());
    }
    let text = obey(&meta, &request, dialect);
    if request["stream"] == json!(true) {
        return respond(200, "text/event-stream", say::stream(dialect, &text, &request));
    }
    respond(200, "application/json", say::whole(dialect, &text, &request).to_string())
}

fn respond(status: u16, kind: &str, body: String) -> Response<Body> {
    let response = Response::builder().status(StatusCode::from_u16(status).unwrap()).header("content-type", kind);
    response.header("x-ratelimit-limit-requests", "60").header("x-ratelimit-remaining-requests", "59").body(Body::from(body)).unwrap()
}

/// The model's text: JSON alone where the endpoint holds it to that, else prose and the block that its instructions ask for.
fn obey(meta: &Value, request: &Value, dialect: Dialect) -> String {
    let wants_json = request.get("response_format").is_some();
    // A route that does not know schemas ignores them, unless only others were asked for.
    let ignored = dialect == Dialect::OpenRouter && request.pointer("/provider/require_parameters") != Some(&json!(true));
    if wants_json && !ignored {
        return meta.to_string();
    }
    let instructions = request["messages"][0]["content"].as_str().unwrap();
    let tag = instructions.split("```").nth(1).and_then(|rest| rest.lines().next());
    match tag {
        Some(tag) => format!("I have thought about it.\n```{tag}\n{meta}\n```"),
        None => "I have thought about it.".to_owned(),
    }
}
