//! Why a call gave no text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of failure ended a call; decides whether anything may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The provider refused the key, or a variable that holds it is missing.
    Auth,
    /// The account has no credit left.
    Quota,
    /// Too many requests; the transport tried as long as it may.
    RateLimited,
    /// The prompt is longer than the model reads.
    ContextOverflow,
    /// The answer was cut off by a length limit.
    Truncated,
    /// The provider withheld the answer.
    ContentFilter,
    /// A clean end without text and without any token used.
    FakeSuccess,
    /// The endpoint answered something that is no chat completion.
    BadResponse,
    /// The request was refused as malformed or unknown.
    BadRequest,
    /// No connection, or it broke; the transport tried as long as it may.
    Transport,
    /// No answer within the adapter's or role's timeout.
    Timeout,
    /// The command ended with an error, or was ended.
    CommandFailed,
    /// The adapter is not configured, or its files cannot be read.
    Config,
    /// What watched over an agent died, and how the agent ended is not known.
    Lost,
    /// Stopped because the thread is being killed.
    Cancelled,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auth => "not authorised",
            Self::Quota => "out of credit",
            Self::RateLimited => "rate limited",
            Self::ContextOverflow => "prompt too long for the model",
            Self::Truncated => "answer cut off",
            Self::ContentFilter => "answer withheld",
            Self::FakeSuccess => "empty success",
            Self::BadResponse => "unreadable response",
            Self::BadRequest => "request refused",
            Self::Transport => "connection failed",
            Self::Timeout => "timed out",
            Self::CommandFailed => "command failed",
            Self::Config => "not configured",
            Self::Lost => "lost",
            Self::Cancelled => "cancelled",
        })
    }
}

/// A call that gave no usable text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct CallFailure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened, with the provider's own words where there are some; no secrets, at most 4,000 characters of a body.
    pub message: String,
}

impl CallFailure {
    /// Makes a failure.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}
