//! What to run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use nerve_core::config::Supervision;

/// What to run for a key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
    /// The folder it starts in: the workspace.
    pub root: PathBuf,
    /// How long a wanted stop may take before signals are sent.
    pub drain: Duration,
    /// A process that was ready this long starts with a clean record.
    pub healthy: Duration,
    /// The other times and limits.
    pub times: Supervision,
}
