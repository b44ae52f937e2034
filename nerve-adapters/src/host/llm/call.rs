//! The verb: ask, wait and try again where that helps, and give the text.

use std::time::Duration;

use nerve_core::config::format_duration;
use nerve_core::{CallFailure, Evidence, FailureKind};
use tokio::time::Instant;

use super::exchange::{self, Received};
use super::problem::{Next, Problem};
use super::{CallLimits, Endpoint, LlmClient, request};
use crate::host::{CallText, Conversation, Form};

/// The first wait between tries; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Asks a model and gives its text.
///
/// Rate limits and broken connections are tried again within the limits, obeying `Retry-After` up to 60 s. A schema that the endpoint
/// refuses is asked for as a tagged block instead, and the client remembers that. No message of a failure holds the key.
///
/// # Errors
/// See [`FailureKind`]; after several tries the last one's, with their number. Running out of the whole time is `Timeout`.
pub async fn call(
    client: &LlmClient,
    endpoint: &Endpoint,
    conversation: &Conversation,
    limits: CallLimits,
) -> Result<CallText, CallFailure> {
    let answered = tokio::time::timeout(limits.timeout, answer(client, endpoint, conversation, limits)).await;
    answered.unwrap_or_else(|_| {
        let within = format_duration(limits.timeout);
        Err(CallFailure::new(FailureKind::Timeout, format!("{} gave no answer within {within}", endpoint.shown())))
    })
}

async fn answer(client: &LlmClient, endpoint: &Endpoint, conversation: &Conversation, limits: CallLimits) -> Result<CallText, CallFailure> {
    let url = endpoint.url()?;
    // Waiting beyond the call's own end would hide the reason behind a timeout.
    let last_start = Instant::now() + limits.within.min(limits.timeout);
    let mut form = client.form(endpoint, &conversation.form);
    let mut calls = 0;
    let mut tries = 0;
    loop {
        let body = request::body(endpoint, conversation, &form)?;
        let with_schema = matches!(form, Form::NativeSchema { .. });
        calls += 1;
        tries += 1;
        match exchange::post(client, endpoint, &url, body, with_schema, limits.idle).await {
            Ok(received) => return Ok(text(received, form, calls, endpoint)),
            Err(Problem { next: Next::WithoutSchema, .. }) => {
                client.refuses_schema(endpoint);
                form = form.without_schema();
                tries -= 1;
            }
            Err(Problem { next: Next::TryAgain(asked), failure }) => {
                let wait = asked.unwrap_or_default().max(backoff(tries));
                if tries >= limits.tries || Instant::now() + wait >= last_start {
                    return Err(after(failure, tries));
                }
                tokio::time::sleep(wait).await;
            }
            Err(Problem { next: Next::GiveUp, failure }) => return Err(failure),
        }
    }
}

fn text(received: Received, form: Form, calls: u32, endpoint: &Endpoint) -> CallText {
    let Received { answer, request_id } = received;
    let usage = answer.usage(calls);
    let evidence = Evidence {
        finish_reason: answer.finish_reason,
        request_id,
        model: Some(answer.model.unwrap_or_else(|| endpoint.model.clone())),
        ..Evidence::default()
    };
    CallText { content: answer.content, usage, form, evidence }
}

/// Half of the wait is random, so that threads which failed together do not come back together.
fn backoff(tries: u32) -> Duration {
    let full = FIRST_WAIT.saturating_mul(1 << (tries - 1).min(10)).min(LONGEST_WAIT);
    full.mul_f64(0.5 + fastrand::f64() / 2.0)
}

fn after(mut failure: CallFailure, tries: u32) -> CallFailure {
    if tries > 1 {
        failure.message = format!("{} (after {tries} tries)", failure.message);
    }
    failure
}
