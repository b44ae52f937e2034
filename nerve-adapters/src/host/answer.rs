//! What a call gave.

use nerve_core::{Evidence, Usage};

use super::Form;

/// A text that arrived, with all that is worth keeping about it.
#[derive(Debug, Clone, PartialEq)]
pub struct CallText {
    /// The answer, without the model's thinking.
    pub content: String,
    /// What it cost. Shape: `calls` counts every request that was sent, failed ones too.
    pub usage: Usage,
    /// How the meta was asked for in the end: not always as the conversation said, since an endpoint may refuse a schema.
    pub form: Form,
    /// What proves it: the model's own name, finish reason, request id, reasoning, a command's end.
    pub evidence: Evidence,
}
