//! What a call left behind that proves how it went.

use serde::{Deserialize, Serialize};

/// What proves how a call went, for people who look into it; never a secret. What an adapter does not have is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The model, as whoever answered names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Why the model stopped, in the provider's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// The provider's name for the request, for its support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The session of an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// What the model thought before it answered, at most 4,000 characters; no meta is read from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The program and its arguments, without prompt and secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// How a program ended: `code 0`, `signal 9`, with `after its answer` when it was stopped then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// The end of what a program said on stderr, at most 2,048 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_tail: Option<String>,
    /// The last events of a program or stream, each at most 500 characters, at most 5.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_events: Vec<String>,
    /// Requests of the same call that failed before, one sentence each, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_tries: Vec<String>,
    /// What the provider says is left of its limits, as it says it: `requests: 12 of 60, tokens: …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<String>,
}

impl Evidence {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
