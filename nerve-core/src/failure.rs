//! Why a call gave no text.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Evidence, Usage};

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
    /// The model refused to answer.
    Refusal,
    /// A clean end without text and without any token used.
    FakeSuccess,
    /// The endpoint answered something that is no chat completion.
    BadResponse,
    /// The request was refused as malformed or unknown.
    BadRequest,
    /// The provider does not know the model.
    UnknownModel,
    /// No connection, or it broke; the transport tried as long as it may.
    Transport,
    /// No answer within the adapter's or role's timeout.
    Timeout,
    /// Silence for longer than the adapter allows.
    Idle,
    /// The command ended with an error.
    CommandFailed,
    /// A signal that was not ours ended the command.
    Crashed,
    /// The agent ended without the event that every answer of it ends with.
    NoTerminalEvent,
    /// The agent asked whether it may trust the folder, and nobody is there to answer.
    TrustPrompt,
    /// The agent does not know an argument that it was given.
    BadFlags,
    /// The prompt is too long to be given to the command.
    SpawnTooLong,
    /// The agent does not go on with the session that it was asked to.
    SessionLost,
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
            Self::Refusal => "refused by the model",
            Self::FakeSuccess => "empty success",
            Self::BadResponse => "unreadable response",
            Self::BadRequest => "request refused",
            Self::UnknownModel => "unknown model",
            Self::Transport => "connection failed",
            Self::Timeout => "timed out",
            Self::Idle => "fell silent",
            Self::CommandFailed => "command failed",
            Self::Crashed => "command crashed",
            Self::NoTerminalEvent => "ended without its last event",
            Self::TrustPrompt => "asked for trust",
            Self::BadFlags => "arguments refused",
            Self::SpawnTooLong => "prompt too long for a command",
            Self::SessionLost => "session lost",
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
    /// What it cost all the same, and what proves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<CallRecord>>,
}

/// What a failed call cost, and what proves how it went.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CallRecord {
    /// Who was called, as it was resolved, such as `openai/gpt-4o-mini`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adapter: Option<String>,
    /// What it cost.
    pub usage: Usage,
    /// What it left.
    #[serde(default, skip_serializing_if = "Evidence::is_empty")]
    pub evidence: Evidence,
}

impl CallFailure {
    /// Makes a failure of a call that cost nothing, such as one that was never made.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), record: None }
    }

    /// The same, of a call that cost this and left that.
    #[must_use]
    pub fn with(self, usage: Usage, evidence: Evidence) -> Self {
        Self { record: Some(Box::new(CallRecord { adapter: None, usage, evidence })), ..self }
    }

    /// The same, of this adapter's call.
    #[must_use]
    pub fn of(mut self, adapter: impl Into<String>) -> Self {
        self.record.get_or_insert_default().adapter = Some(adapter.into());
        self
    }

    /// What it cost.
    pub fn usage(&self) -> Usage {
        self.record.as_ref().map(|record| record.usage).unwrap_or_default()
    }
}
