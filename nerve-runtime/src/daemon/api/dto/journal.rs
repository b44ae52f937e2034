//! Journal entries as JSON shows them.

use std::fmt;

use jiff::Timestamp;
use nerve_core::RawJson;
use serde::{Deserialize, Serialize};

/// Who an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalSource {
    /// A sense.
    Sense,
    /// A thread of a workflow.
    Workflow,
    /// The daemon itself.
    System,
}

impl fmt::Display for JournalSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sense => "sense",
            Self::Workflow => "workflow",
            Self::System => "system",
        })
    }
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Its number; later entries have higher ones.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Who it is about.
    pub source: JournalSource,
    /// What happened, one of a closed list of words.
    #[serde(rename = "type")]
    pub kind: String,
    /// The thread's id or the sense's name.
    #[serde(rename = "ref")]
    pub about: Option<String>,
    /// The details.
    pub payload: RawJson,
}
