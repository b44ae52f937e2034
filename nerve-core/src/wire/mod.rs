//! The frames between the daemon and a worker.
//!
//! A frame is four bytes of length (big endian) and that many bytes of JSON; the enums are externally tagged, so that
//! metas, states and payloads pass through as raw text. `docs/protocol.md` describes them for workers in other languages.

mod codec;
mod manifest;
mod to_daemon;
mod to_worker;

pub use codec::{FrameError, FrameReader, encode};
pub use manifest::{Manifest, RoleManifest, WorkflowManifest};
pub use to_daemon::{Choice, HostedWork, ToDaemon, Work};
pub use to_worker::{CheckMeta, ContextStep, StartFrame, ToWorker};

use serde::{Deserialize, Serialize};

/// The protocol that this version speaks.
pub const PROTOCOL: u32 = 1;

/// The longest frame, in bytes.
pub const MAX_FRAME: usize = 16 * 1024 * 1024;

/// A role run or adapter run that a worker was asked for; the daemon numbers them, never twice in one life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// A question of a running role; the worker numbers them, never twice in one life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskId(pub u64);
