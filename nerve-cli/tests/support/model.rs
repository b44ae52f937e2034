//! A model's server on this machine: it speaks the OpenAI API as far as it is asked, and remembers what it was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use serde_json::{Value, json};

/// What was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Value,
}

impl Asked {
    /// The text of the message at this place, from 0.
    pub(crate) fn message(&self, n: usize) -> (&str, &str) {
        let message = &self.body["messages"][n];
        (message["role"].as_str().unwrap_or_default(), message["content"].as_str().unwrap_or_default())
    }

    /// The tag that the prompt wants the meta's block to open with.
    pub(crate) fn tag(&self) -> Option<String> {
        let prompt = self.body["messages"].as_array()?.iter().find_map(|message| message["content"].as_str()?.split_once("```meta-"))?.1;
        Some(format!("meta-{}", prompt.split(|c: char| !c.is_ascii_alphanumeric()).next()?))
    }
}

/// What the server says.
pub(crate) struct Answer {
    status: u16,
    body: Value,
    delay: Duration,
}

impl Answer {
    /// A text, as a model gives it.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let choice = json!({ "index": 0, "message": { "role": "assistant", "content": text.into() }, "finish_reason": "stop" });
        let usage = json!({ "prompt_tokens": 40, "completion_tokens": 7, "total_tokens": 47 });
        let body = json!({ "id": "chatcmpl-1", "object": "chat.completion", "model": "served", "choices": [choice], "usage": usage });
        Self { status: 200, body, delay: Duration::ZERO }
    }

    /// A refusal.
    pub(crate) fn error(status: u16, message: &str, code: &str) -> Self {
        Self { status, body: json!({ "error": { "message": message, "code": code } }), delay: Duration::ZERO }
    }

    /// The same, but later.
    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

type Says = Box<dyn Fn(&Asked) -> Answer + Send>;

struct Shared {
    says: Mutex<Says>,
    asked: Mutex<Vec<Asked>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// The server; it ends with this value.
pub(crate) struct Model {
    port: u16,
    shared: Arc<Shared>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Model {
    /// Serves on a free port of this machine.
    pub(crate) fn serve(says: impl Fn(&Asked) -> Answer + Send + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = Arc::new(Shared { says: Mutex::new(Box::new(says)), asked: Mutex::default(), now, most });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        #[expect(clippy::disallowed_methods, reason = "it ends with the runtime, which this value owns")]
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { port, shared, runtime: Some(runtime) }
    }

    /// What `base_url:` has to be.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    /// Says other things from now on.
    pub(crate) fn says(&self, says: impl Fn(&Asked) -> Answer + Send + 'static) {
        *held(&self.shared.says) = Box::new(says);
    }

    /// All that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        held(&self.shared.asked).clone()
    }

    /// The most requests that were under way at the same time.
    pub(crate) fn most_at_once(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let asked = Asked { path: uri.path().to_owned(), authorization, body };
    let now = shared.now.fetch_add(1, Ordering::SeqCst) + 1;
    shared.most.fetch_max(now, Ordering::SeqCst);
    let answer = held(&shared.says)(&asked);
    held(&shared.asked).push(asked);
    tokio::time::sleep(answer.delay).await;
    shared.now.fetch_sub(1, Ordering::SeqCst);
    let response = Response::builder().status(answer.status).header("content-type", "application/json");
    response.body(Body::from(answer.body.to_string())).unwrap_or_default()
}
