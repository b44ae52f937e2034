//! What a call cost.

use serde::{Deserialize, Serialize};

/// Tokens and requests of one call or of many added up; unknown counts stay `None`, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Requests sent to a provider or turns of an agent.
    pub calls: u32,
    /// Tokens read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
}

impl Usage {
    /// One call whose cost is not told.
    pub const ONE_CALL: Self = Self { calls: 1, input_tokens: None, output_tokens: None };

    /// Adds another call's cost; a known count plus an unknown one stays the known one.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.input_tokens = sum(self.input_tokens, other.input_tokens);
        self.output_tokens = sum(self.output_tokens, other.output_tokens);
    }
}

fn sum(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (known, None) | (None, known) => known,
    }
}
