//! The verb: ask, wait and try again where that helps, and give the text.

use std::time::Duration;

use nerve_core::config::format_duration;
use nerve_core::{CallFailure, Evidence, FailureKind};
use tokio::time::Instant;

use super::exchange;
use super::learnt::Refused;
use super::ledger::Ledger;
use super::problem::{Next, Problem};
use super::{CallLimits, Endpoint, LlmClient, request};
use crate::host::{CallText, Conversation, Form};

/// The first wait between tries; each later one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// The longest that is added to a wait that a provider asks for.
const LONGEST_JITTER: Duration = Duration::from_secs(1);

/// Asks a model and gives its text.
///
/// Rate limits, broken or silent connections and cut streams are tried again within the limits, and never sooner than the provider asks for:
/// where it asks for more than is left, the call fails at once. What an endpoint refuses (a schema, a stream) is left out, and the client
/// remembers that once there is an answer without it. A stream that ends behind its finish reason but before `[DONE]` is tried again too,
/// unless its server is known never to say that; its answer is whole all the same, and is given where no better one comes. No message of a
/// failure and no evidence holds the key.
///
/// # Errors
/// See [`FailureKind`]; after several tries the last one's, with their number. Running out of the whole time is `Timeout`. Each has what all of
/// the requests cost and what proves it.
pub async fn call(
    client: &LlmClient,
    endpoint: &Endpoint,
    conversation: &Conversation,
    limits: CallLimits,
) -> Result<CallText, CallFailure> {
    let mut ledger = Ledger::default();
    let mut spare = None;
    let answered = tokio::time::timeout(limits.timeout, answer(client, endpoint, conversation, limits, &mut ledger, &mut spare)).await;
    let answered = match (answered, spare) {
        (Ok(Err(_)) | Err(_), Some(spare)) => Ok(Ok(spare)),
        (answered, _) => answered,
    };
    match answered {
        Ok(Ok(Answered { content, form, evidence })) => {
            let model = evidence.model.clone().or_else(|| Some(endpoint.model.clone()));
            let (usage, evidence) = ledger.close(Evidence { model, ..evidence });
            Ok(CallText { content, usage, form, evidence })
        }
        Ok(Err(problem)) => {
            let (usage, evidence) = ledger.close(problem.record.evidence);
            Err(if usage.calls == 0 { problem.failure } else { problem.failure.with(usage, evidence) })
        }
        Err(_) => {
            let within = format_duration(limits.timeout);
            let failure = CallFailure::new(FailureKind::Timeout, format!("{} gave no answer within {within}", endpoint.shown()));
            let (usage, evidence) = ledger.close(Evidence::default());
            Err(failure.with(usage, evidence))
        }
    }
}

struct Answered {
    content: String,
    form: Form,
    evidence: Evidence,
}

async fn answer(
    client: &LlmClient,
    endpoint: &Endpoint,
    conversation: &Conversation,
    limits: CallLimits,
    ledger: &mut Ledger,
    spare: &mut Option<Answered>,
) -> Result<Answered, Problem> {
    let never_sent = |failure: CallFailure| Problem::new(failure.kind, failure.message);
    let url = endpoint.url().map_err(never_sent)?;
    // Waiting beyond the call's own end would hide the reason behind a timeout.
    let last_start = Instant::now() + limits.within.min(limits.timeout);
    let mut learnt = client.learnt(endpoint);
    let mut found_out: Vec<Refused> = Vec::new();
    let (mut tries, mut cut) = (0, 0);
    loop {
        let asked = request::write(endpoint, conversation, learnt).map_err(never_sent)?;
        tries += 1;
        ledger.sent();
        let result = exchange::post(client, endpoint, &url, asked.body, asked.sent, limits.idle).await;
        let problem = match result {
            Ok(answer) => {
                ledger.back(&answer.record);
                // Only now is it known that this was what the endpoint did not take.
                for refused in found_out.drain(..) {
                    client.refuses(endpoint, refused);
                }
                let answered = Answered { content: answer.content, form: asked.form, evidence: answer.record.evidence };
                if client.takes(endpoint, answer.end, cut) {
                    return Ok(answered);
                }
                cut += 1;
                *spare = Some(answered);
                Problem::new(FailureKind::Transport, format!("{} ended its stream without `[DONE]`", endpoint.shown()))
            }
            Err(problem) => {
                ledger.back(&problem.record);
                problem
            }
        };
        match problem.next {
            Next::Without(refused) if learnt.add(refused) => {
                found_out.push(refused);
                tries -= 1;
            }
            Next::TryAgain(asked) => {
                let wait = asked.map_or(Duration::ZERO, jittered).max(backoff(tries));
                let in_time = Instant::now().checked_add(wait).is_some_and(|start| start < last_start);
                if tries >= limits.tries || !in_time {
                    return Err(after(problem, tries, asked.filter(|_| !in_time)));
                }
                ledger.failed(&problem.failure, endpoint);
                tokio::time::sleep(wait).await;
                continue;
            }
            Next::Without(_) | Next::GiveUp => return Err(after(problem, tries, None)),
        }
        ledger.failed(&problem.failure, endpoint);
    }
}

/// At most two fifths of the wait are random, so that threads which failed together do not come back together, and yet each wait is
/// clearly longer than the one before.
fn backoff(tries: u32) -> Duration {
    let full = FIRST_WAIT.saturating_mul(1 << (tries - 1).min(10)).min(LONGEST_WAIT);
    full.mul_f64(0.6 + 0.4 * fastrand::f64())
}

/// What a provider asks for, and up to a tenth more.
fn jittered(asked: Duration) -> Duration {
    asked + asked.mul_f64(fastrand::f64() / 10.0).min(LONGEST_JITTER)
}

fn after(mut problem: Problem, tries: u32, too_long: Option<Duration>) -> Problem {
    let failure = &mut problem.failure;
    if let Some(wait) = too_long {
        // Whole seconds: nobody comes back for the rest.
        let wait = Duration::from_secs(wait.as_secs().max(1));
        failure.message = format!("{}; it asks to wait {}, which is longer than this call may", failure.message, format_duration(wait));
    }
    if tries > 1 {
        failure.message = format!("{} (after {tries} tries)", failure.message);
    }
    problem
}
