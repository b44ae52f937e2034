//! One request and its response.

use std::time::Duration;

use jiff::Timestamp;
use nerve_core::FailureKind;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, Url};

use super::problem::{self, Problem};
use super::response::{self, Answer};
use super::shown::{causes, shown};
use super::{Endpoint, LlmClient, retry_after};

/// A response of more bytes than this is not read on.
const LONGEST: usize = 16 * 1024 * 1024;

/// A good response, with what its headers say.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) answer: Answer,
    pub(super) request_id: Option<String>,
}

/// Posts the body and reads what comes back. `idle` bounds each silence within the response.
pub(super) async fn post(
    client: &LlmClient,
    endpoint: &Endpoint,
    url: &Url,
    body: Vec<u8>,
    with_schema: bool,
    idle: Duration,
) -> Result<Received, Problem> {
    let http = client.http(url).map_err(|failure| Problem { failure, next: problem::Next::GiveUp })?;
    let sent = http.post(url.clone()).headers(headers(endpoint)?).body(body).send().await;
    let response = sent.map_err(|error| broken(error, endpoint))?;
    let status = response.status();
    let wait = retry_after::read(response.headers(), Timestamp::now());
    let request_id = ["x-request-id", "request-id"].iter().find_map(|name| response.headers().get(*name)?.to_str().ok().map(str::to_owned));
    let text = text(response, endpoint, idle).await?;
    if !status.is_success() {
        return Err(problem::read(status.as_u16(), &text, wait, with_schema, endpoint));
    }
    let answer = response::read(&text, with_schema, endpoint)?;
    Ok(Received { request_id: request_id.or_else(|| answer.id.clone()), answer })
}

fn headers(endpoint: &Endpoint) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(key) = endpoint.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty()) {
        headers.insert(AUTHORIZATION, secret(&format!("Bearer {key}"), "api_key")?);
    }
    for (name, value) in &endpoint.headers {
        let parsed = name.parse::<HeaderName>();
        let name_value = parsed.map_err(|_| Problem::new(FailureKind::Config, format!("`{name}` cannot be the name of an HTTP header")))?;
        headers.insert(name_value, secret(value, name)?);
    }
    Ok(headers)
}

fn secret(value: &str, name: &str) -> Result<HeaderValue, Problem> {
    let problem = |_| Problem::new(FailureKind::Config, format!("the value of `{name}` has characters that an HTTP header cannot hold"));
    let mut value = HeaderValue::from_str(value).map_err(problem)?;
    value.set_sensitive(true);
    Ok(value)
}

async fn text(mut response: Response, endpoint: &Endpoint, idle: Duration) -> Result<String, Problem> {
    let response_is_success = response.status().is_success();
    let mut bytes = Vec::new();
    loop {
        let Ok(chunk) = tokio::time::timeout(idle, response.chunk()).await else {
            let message = format!("{} fell silent in the middle of its response", endpoint.shown());
            return Err(Problem::new(FailureKind::Timeout, message));
        };
        let Some(chunk) = chunk.map_err(|error| broken(error, endpoint))? else { break };
        if bytes.len() + chunk.len() > LONGEST {
            return Err(Problem::new(FailureKind::BadResponse, format!("{} answered with more than 16 MiB", endpoint.shown())));
        }
        bytes.extend_from_slice(&chunk);
    }
    if !response_is_success {
        // An error's words are told even where some letters are lost.
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
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
    // The URL may hold a secret; `shown` is the URL without it.
    let error = error.without_url();
    Problem::new(kind, format!("{}: {}", endpoint.shown(), shown(&causes(&error), endpoint)))
}
