//! Frames as they cross a worker's channel.

use nerve_core::wire::{CallId, Choice, FrameReader, ToDaemon, ToWorker, Work, encode as put};
use nerve_core::{RawJson, ThreadId, Timestamp};

/// What a worker said, as bytes, and how many frames that is.
#[derive(Debug, Clone)]
pub struct Inbound {
    bytes: Vec<u8>,
    frames: usize,
}

/// A hand-written step as the daemon hears of it: the result and the next choice.
pub fn inbound_small() -> Inbound {
    inbound("A build runs.".to_owned())
}

/// The same with a text of 64 KiB.
pub fn inbound_large() -> Inbound {
    inbound("A build runs.\n".repeat(64 * 1024 / 14))
}

fn inbound(content: String) -> Inbound {
    let meta = RawJson::parse(r#"{"actionable":false,"culprit":"rustc"}"#).unwrap_or_default();
    let choice = Choice::Role { role: "analyst".to_owned(), reason: None, work: Work::Written, timeout_ms: None, effects: None };
    let frames = [ToDaemon::RoleDone { call: CallId(7), content, meta }, ToDaemon::Decision { thread: thread(), upto: 7, choice }];
    let mut bytes = Vec::new();
    for frame in &frames {
        put(frame, &mut bytes).unwrap_or_else(|error| panic!("a usual frame: {error}"));
    }
    Inbound { bytes, frames: frames.len() }
}

/// Reads them; gives how many there were.
pub fn decode(inbound: Inbound) -> usize {
    let mut reader = FrameReader::default();
    reader.push(&inbound.bytes);
    let mut seen = 0;
    while let Ok(Some(Ok(_))) = reader.next_frame::<ToDaemon>() {
        seen += 1;
    }
    assert_eq!(seen, inbound.frames, "a frame was not read");
    seen
}

/// Writes the frame that starts a hand-written role.
pub fn encode() -> Vec<u8> {
    let frame = ToWorker::RunRole {
        call: CallId(7),
        thread: thread(),
        role: "analyst".to_owned(),
        step: 7,
        attempt: 1,
        idempotency_key: "th_6vr17ww96gdnr0d20r3a7c3z26-7".to_owned(),
        urgent: false,
    };
    let mut bytes = Vec::with_capacity(256);
    put(&frame, &mut bytes).unwrap_or_else(|error| panic!("a usual frame: {error}"));
    bytes
}

fn thread() -> ThreadId {
    ThreadId::new(Timestamp::default(), [7; 10])
}
