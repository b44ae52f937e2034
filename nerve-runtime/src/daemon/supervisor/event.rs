//! What is told of children.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nerve_core::wire::Manifest;
use nix::sys::signal::Signal;

use super::{Frames, Session};

/// Tells a child from an earlier one of the same key; a later one has a higher number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Generation(pub(super) u64);

/// What a child's task tells the one who started it.
#[derive(Debug)]
pub(crate) enum Event {
    /// It can take questions.
    Ready { pid: u32, manifest: Manifest },
    /// It said something.
    Frames(Frames),
    /// It was clogged, and has read so much that it may be asked again.
    Drained,
    /// It is gone, and so is all that it started; every frame it had written was told before.
    Exited(Exit),
    /// It crashed too often; nothing is started before a reset, and what is sent until then is dropped.
    Blocked { reason: String },
}

/// The end of one process.
#[derive(Debug, Clone)]
pub(crate) struct Exit {
    pub pid: u32,
    /// The session that begins with its end.
    pub session: Session,
    /// Whether it had said `ready`; what was sent before that was never delivered and still waits.
    pub was_ready: bool,
    /// Whether it was told to stop.
    pub expected: bool,
    /// How it ended and its last words, for people.
    pub summary: String,
    /// How many crashes count at the moment.
    pub crashes: usize,
}

/// How a process ended, for what fault, and its last words.
pub(super) fn summary(status: Option<ExitStatus>, fault: Option<String>, tail: &str) -> String {
    let mut text = match status {
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) if signal == Signal::SIGXCPU as i32 => {
                format!("signal {signal}: its processor time (workers.cpu_time) is used up")
            }
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "unknown exit".to_owned(),
        },
        None => "unknown exit".to_owned(),
    };
    if let Some(fault) = fault {
        text = format!("{fault} ({text})");
    }
    if !tail.is_empty() {
        text = format!("{text}\n{tail}");
    }
    text
}
