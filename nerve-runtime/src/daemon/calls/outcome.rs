//! What came of a command: read from its folder, so that it is the same while the daemon lives and after it was killed.

use nerve_adapters::host::agent::{AgentAnswer, Ended, Exit, Reader, asks_for_trust};
use nerve_core::{CallFailure, FailureKind};

use super::agent::AgentEnd;
use crate::spool::{Called, Ending, Spool};

/// What a command answered that has ended.
pub(super) fn answer(end: &AgentEnd, called: &Called, spool: &Spool) -> Result<AgentAnswer, CallFailure> {
    let exit = match &end.exit.ending {
        Ending::Spawn(why) => return Err(not_started(&called.program, why)),
        Ending::Signal(signal) => Exit::Signal(*signal),
        Ending::Code(code) => Exit::Code(*code),
    };
    let usage_file = called.usage_file().then(|| spool.usage_file());
    let ended = Ended {
        exit,
        stopped: end.exit.stopped,
        truncated: end.exit.truncated,
        usage_file: usage_file.as_deref(),
        before: called.resumed.as_ref().map(|resumed| resumed.before).unwrap_or_default(),
    };
    let read = reader(&end.stdout, &end.stderr_tail, called).end(ended);
    read.map_err(|failure| CallFailure { message: format!("`{}`: {}", called.program, failure.message), ..failure })
}

/// Why a program did not even start.
pub(super) fn not_started(program: &str, why: &str) -> CallFailure {
    // Linux says so of an argument over 128 KiB, and of all of them together.
    let kind = if why.contains("Argument list too long") { FailureKind::SpawnTooLong } else { FailureKind::Config };
    // The keeper says itself what it could not start.
    let message = if why.contains(program) { why.to_owned() } else { format!("`{program}` cannot be started: {why}") };
    CallFailure::new(kind, message)
}

/// A failure that came while the command ran, with what it had said until then.
pub(super) fn with_evidence(failure: CallFailure, called: &Called, spool: &Spool) -> CallFailure {
    if failure.record.is_some() || spool.agent().is_none() {
        return failure;
    }
    let stdout = spool.read_stdout().unwrap_or_default();
    let stderr = spool.stderr_tail(2048).unwrap_or_default();
    let ended = Ended { exit: Exit::Code(0), stopped: true, truncated: false, usage_file: None, before: Default::default() };
    let record = reader(&stdout, &stderr, called)
        .end(ended)
        .map_or_else(|failure| failure.record, |answer| CallFailure::new(failure.kind, "").with(answer.usage, answer.evidence).record);
    let silent = matches!(failure.kind, FailureKind::Idle | FailureKind::Timeout);
    let kind = if silent && (asks_for_trust(&stdout) || asks_for_trust(&stderr)) { FailureKind::TrustPrompt } else { failure.kind };
    CallFailure { kind, record, ..failure }
}

fn reader(stdout: &str, stderr: &str, called: &Called) -> Reader {
    let mut reader = Reader::new(called.profile.clone(), called.resumed.as_ref().map(|resumed| resumed.id.clone()));
    reader.stdout(stdout.as_bytes());
    reader.stderr(stderr.as_bytes());
    reader
}
