//! One request and its response.

use std::time::Duration;

use jiff::Timestamp;
use nerve_core::FailureKind;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url};

use super::dialect::KeyIn;
use super::problem::{self, Next, Problem};
use super::request::Sent;
use super::response::{self, Answer};
use super::shown::{causes, name, shown};
use super::{Endpoint, LlmClient, quota, retry_after, stream};

/// A response of more bytes than this is not read on.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;
/// An error of more bytes than this is told by its beginning.
const LONGEST_ERROR: usize = 1024 * 1024;

/// Posts the body and reads what comes back. `idle` bounds each silence within the response. What the headers tell is in either record.
pub(super) async fn post(
    client: &LlmClient,
    endpoint: &Endpoint,
    url: &Url,
    body: Vec<u8>,
    sent: Sent,
    idle: Duration,
) -> Result<Answer, Problem> {
    let http = client.http(endpoint, url).map_err(|failure| Problem::new(failure.kind, failure.message).unsent())?;
    let request = http.post(url.clone()).headers(headers(endpoint)?).body(body);
    let response = request.send().await.map_err(|error| broken(error, endpoint))?;
    let limits = quota::read(response.headers());
    let told = ["x-request-id", "request-id", "x-ms-request-id"].iter().find_map(|name| response.headers().get(*name)?.to_str().ok());
    let request_id = told.and_then(|id| name(id, endpoint));
    let mut result = read(response, sent, endpoint, idle).await;
    let evidence = match &mut result {
        Ok(answer) => &mut answer.record.evidence,
        Err(problem) => &mut problem.record.evidence,
    };
    evidence.limits = limits;
    // The header is what a provider's support asks for.
    evidence.request_id = request_id.or(evidence.request_id.take());
    result
}

async fn read(response: Response, sent: Sent, endpoint: &Endpoint, idle: Duration) -> Result<Answer, Problem> {
    let status = response.status();
    if !status.is_success() {
        let wait = retry_after::read(response.headers(), Timestamp::now());
        let text = error_text(response, endpoint, idle).await;
        let answered = response::failed_generation(status.as_u16(), &text, endpoint);
        return answered.unwrap_or_else(|| Err(problem::read(status.as_u16(), &text, wait, sent, endpoint)));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    // What is a stream is told by what comes: some answer whole although they were asked for one, or the other way round.
    if kind.contains("event-stream") || (sent.stream && !kind.contains("json") && !kind.contains("html")) {
        return stream::read(response, sent, endpoint, idle).await;
    }
    let wait = retry_after::read(response.headers(), Timestamp::now());
    let text = text(response, endpoint, idle).await?;
    response::read(&text, sent, endpoint).map_err(|mut problem| {
        // An error within a success has its wait in the headers too.
        if let Next::TryAgain(after @ None) = &mut problem.next {
            *after = wait;
        }
        problem
    })
}

fn headers(endpoint: &Endpoint) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = endpoint.key() {
        match endpoint.ways().key_in {
            KeyIn::Authorization => headers.insert(AUTHORIZATION, secret(&format!("Bearer {key}"), "api_key")?),
            KeyIn::ApiKey => headers.insert(HeaderName::from_static("api-key"), secret(key, "api_key")?),
        };
    }
    for (name, value) in &endpoint.headers {
        let parsed = name.parse::<HeaderName>();
        let parsed = parsed.map_err(|_| config(format!("`{name}` cannot be the name of an HTTP header")))?;
        headers.insert(parsed, secret(value, name)?);
    }
    Ok(headers)
}

fn secret(value: &str, name: &str) -> Result<HeaderValue, Problem> {
    let problem = |_| config(format!("the value of `{name}` has characters that an HTTP header cannot hold"));
    let mut value = HeaderValue::from_str(value).map_err(problem)?;
    value.set_sensitive(true);
    Ok(value)
}

fn config(message: String) -> Problem {
    Problem::new(FailureKind::Config, message).unsent()
}

/// What comes next of a response.
pub(super) enum Piece {
    /// More of it.
    Bytes(Vec<u8>),
    /// Nothing: it is whole.
    End,
}

/// Waits for the next bytes, at most this long.
pub(super) async fn piece(response: &mut Response, limit: Option<Duration>, endpoint: &Endpoint) -> Result<Piece, Problem> {
    let chunk = match limit {
        None => response.chunk().await,
        Some(limit) => tokio::time::timeout(limit, response.chunk()).await.map_err(|_| {
            let message = format!("{} fell silent in the middle of its response", endpoint.shown());
            Problem::new(FailureKind::Idle, message)
        })?,
    };
    let chunk = chunk.map_err(|error| broken(error, endpoint))?;
    Ok(chunk.map_or(Piece::End, |bytes| Piece::Bytes(bytes.into())))
}

/// As much of an error as comes: its status is known, and says more than that its words broke off.
async fn error_text(mut response: Response, endpoint: &Endpoint, idle: Duration) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < LONGEST_ERROR
        && let Ok(Piece::Bytes(more)) = piece(&mut response, Some(idle), endpoint).await
    {
        bytes.extend(more);
    }
    // They are told even where some letters are lost.
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn text(mut response: Response, endpoint: &Endpoint, idle: Duration) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Piece::Bytes(more) = piece(&mut response, Some(idle), endpoint).await? {
        if bytes.len() + more.len() > LONGEST {
            return Err(Problem::new(FailureKind::BadResponse, format!("{} answered with more than 16 MiB", endpoint.shown())));
        }
        bytes.extend(more);
    }
    String::from_utf8(bytes).map_err(|bad| {
        let text = String::from_utf8_lossy(bad.as_bytes());
        Problem::new(
            FailureKind::BadResponse,
            format!("{} answered with text that is not UTF-8: {}", endpoint.shown(), shown(&text, endpoint)),
        )
    })
}

fn broken(error: reqwest::Error, endpoint: &Endpoint) -> Problem {
    let kind = if error.is_builder() { FailureKind::Config } else { FailureKind::Transport };
    let (unsent, free) = (error.is_builder(), error.is_connect());
    // The URL may hold a secret; `shown` is the URL without it.
    let error = error.without_url();
    let problem = Problem::new(kind, format!("{}: {}", endpoint.shown(), shown(&causes(&error), endpoint)));
    match (unsent, free) {
        (true, _) => problem.unsent(),
        (_, true) => problem.free(),
        _ => problem,
    }
}
