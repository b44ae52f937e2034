//! Adapters as JSON shows them.

use nerve_core::{FailureKind, Usage};
use serde::{Deserialize, Serialize};

/// What one cheap call to an adapter showed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterTest {
    /// [`schema::ADAPTER_TEST`](super::schema::ADAPTER_TEST).
    pub schema: String,
    /// The adapter's name in nerve.yaml.
    pub name: String,
    /// Whether it answered, and its meta could be read.
    pub ok: bool,
    /// Who was called, as it was resolved, such as `openai/gpt-4o-mini`; absent where that did not come about.
    pub adapter: Option<String>,
    /// The model, as whoever answered names it.
    pub model: Option<String>,
    /// How the meta was asked for in the end: `native`, `tagged block`; absent where nothing was asked.
    pub schema_mode: Option<String>,
    /// How long the call took.
    pub took_ms: u64,
    /// What it cost in tokens.
    pub usage: Usage,
    /// What it cost in money, in words; `?` when that is not known.
    pub cost: String,
    /// What is wrong, when something is.
    pub problem: Option<AdapterProblem>,
}

/// What is wrong with an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AdapterProblem {
    /// What to look at.
    pub which: Culprit,
    /// The kind of failure, where the call failed.
    pub kind: Option<FailureKind>,
    /// What happened.
    pub message: String,
    /// What to do next.
    pub help: String,
}

/// What is wrong when an adapter does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Culprit {
    /// The key, or a login.
    Auth,
    /// Credit or a rate limit of the provider's.
    Quota,
    /// The way to the provider, or its server.
    Network,
    /// The model's name.
    Model,
    /// nerve.yaml, or a program that is not there.
    Config,
    /// A limit of this workspace's own.
    Limits,
    /// What came back.
    Answer,
}

impl Culprit {
    /// The word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Quota => "quota",
            Self::Network => "network",
            Self::Model => "model",
            Self::Config => "config",
            Self::Limits => "limits",
            Self::Answer => "answer",
        }
    }

    /// What a failure points to.
    pub fn of(kind: FailureKind) -> Self {
        use FailureKind as Kind;
        match kind {
            Kind::Auth | Kind::TrustPrompt => Self::Auth,
            Kind::Quota | Kind::RateLimited => Self::Quota,
            Kind::Transport | Kind::Timeout | Kind::Idle => Self::Network,
            Kind::UnknownModel => Self::Model,
            Kind::Config | Kind::BadFlags | Kind::BadRequest | Kind::SpawnTooLong => Self::Config,
            Kind::ContextOverflow
            | Kind::Truncated
            | Kind::ContentFilter
            | Kind::Refusal
            | Kind::FakeSuccess
            | Kind::BadResponse
            | Kind::CommandFailed
            | Kind::Crashed
            | Kind::NoTerminalEvent
            | Kind::SessionLost
            | Kind::Lost
            | Kind::Cancelled => Self::Answer,
        }
    }

    /// What to do next.
    pub fn help(self) -> &'static str {
        match self {
            Self::Auth => {
                "look at the provider's api_key in nerve.yaml and at the variable it names; an agent of its own has to be logged in"
            }
            Self::Quota => "look at the account's credit and limits with the provider",
            Self::Network => "look at the provider's base_url, and whether its server runs and can be reached from here",
            Self::Model => "look at the model's name, in the adapter or its provider",
            Self::Config => "look at the adapter in nerve.yaml: nerve validate",
            Self::Limits => "nerve limits reset, when the cause is mended",
            Self::Answer => "look at the answer: nerve logs; another model or dialect may do better",
        }
    }
}
