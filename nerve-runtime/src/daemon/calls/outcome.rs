//! What came of a command: its text when the evidence says that it is one, else why not.

use nerve_core::{CallFailure, FailureKind};

use super::agent::AgentEnd;
use super::plain;
use crate::spool::Ending;

/// The text of a command that ended by itself. `program` is how failures call it.
pub(super) fn text(end: &AgentEnd, program: &str) -> Result<String, CallFailure> {
    let tail = plain::text(&end.stderr_tail);
    let failed = |kind, what: String| {
        let message = if tail.is_empty() { what } else { format!("{what}\n{tail}") };
        Err(CallFailure::new(kind, message))
    };
    match &end.exit.ending {
        Ending::Spawn(why) => Err(CallFailure::new(FailureKind::Config, format!("`{program}` cannot be started: {why}"))),
        Ending::Signal(signal) => failed(FailureKind::CommandFailed, format!("`{program}` was ended by signal {signal}")),
        Ending::Code(code) if *code != 0 => failed(FailureKind::CommandFailed, format!("`{program}` ended with exit code {code}")),
        Ending::Code(_) if end.exit.truncated => {
            failed(FailureKind::Truncated, format!("`{program}` wrote more than is kept of an answer"))
        }
        Ending::Code(_) => {
            let text = plain::text(&end.stdout);
            if text.is_empty() {
                return failed(FailureKind::FakeSuccess, format!("`{program}` ended with exit code 0 and wrote nothing"));
            }
            Ok(text)
        }
    }
}
