//! What came of a command: its text when the evidence says that it is one, else why not.

use nerve_core::{CallFailure, FailureKind};

use super::plain;
use crate::spool::{Ending, ExitRecord, Spool};

/// How much of stderr is told.
const TAIL: u64 = 2048;

/// The text of a command that ended by itself. `program` is how failures call it.
pub(super) fn text(spool: &Spool, exit: &ExitRecord, program: &str) -> Result<String, CallFailure> {
    let failed = |kind, what: String| Err(CallFailure::new(kind, with_last_words(what, spool)));
    match &exit.ending {
        Ending::Spawn(why) => Err(CallFailure::new(FailureKind::Config, format!("`{program}` cannot be started: {why}"))),
        Ending::Signal(signal) => failed(FailureKind::CommandFailed, format!("`{program}` was ended by signal {signal}")),
        Ending::Code(code) if *code != 0 => failed(FailureKind::CommandFailed, format!("`{program}` ended with exit code {code}")),
        Ending::Code(_) if exit.truncated => {
            Err(CallFailure::new(FailureKind::Truncated, format!("`{program}` wrote more than is kept of an answer")))
        }
        Ending::Code(_) => {
            let written = spool.read_stdout();
            let written = written
                .map_err(|error| CallFailure::new(FailureKind::CommandFailed, format!("what `{program}` wrote cannot be read: {error}")))?;
            let text = plain::text(&written);
            if text.is_empty() {
                return failed(FailureKind::FakeSuccess, format!("`{program}` ended with exit code 0 and wrote nothing"));
            }
            Ok(text)
        }
    }
}

fn with_last_words(what: String, spool: &Spool) -> String {
    // Without its last words the failure is still one.
    let tail = spool.stderr_tail(TAIL).map(|tail| plain::text(&tail)).unwrap_or_default();
    if tail.is_empty() { what } else { format!("{what}\n{tail}") }
}
