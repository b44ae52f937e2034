//! What a keeper is told.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The first line of a keeper's stdin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The call's folder; the agent's stdin lies in it already.
    pub(crate) spool: PathBuf,
    /// The agent.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Its whole environment, besides our marks.
    pub(crate) env: BTreeMap<String, String>,
    /// Where it works.
    pub(crate) workdir: PathBuf,
    /// How long it has between TERM and KILL.
    pub(crate) kill_after_ms: u64,
}

impl Job {
    pub(super) fn kill_after(&self) -> Duration {
        Duration::from_millis(self.kill_after_ms)
    }
}

/// Reads it; none when the lifeline closes before it is whole.
pub(super) fn read() -> io::Result<Option<Job>> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(&line)?))
}
