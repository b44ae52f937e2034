//! How long a call may take and how often the transport may try.

use std::time::Duration;

/// The bounds of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallLimits {
    /// The whole call, with its retries and waits.
    pub timeout: Duration,
    /// The longest silence once an answer has begun to arrive. Until then `timeout` alone bounds it: a model that reads a long prompt or
    /// thinks before it writes is silent.
    pub idle: Duration,
    /// How often a request may be sent that fails on the way; at least 1. Asking again in a form that the endpoint takes does not count.
    pub tries: u32,
    /// The time in which the tries must begin.
    pub within: Duration,
}

impl CallLimits {
    /// These two with the default tries: 5 within 2 minutes.
    pub const fn new(timeout: Duration, idle: Duration) -> Self {
        Self { timeout, idle, tries: 5, within: Duration::from_secs(120) }
    }
}

impl Default for CallLimits {
    /// 5 minutes, 2 minutes of silence.
    fn default() -> Self {
        Self::new(Duration::from_secs(300), Duration::from_secs(120))
    }
}
