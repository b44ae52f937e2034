//! Who started a thread, as JSON shows it.

use nerve_core::TickId;
use nerve_core::thread::Origin;
use serde::{Deserialize, Serialize};

/// Who started a thread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum OriginView {
    /// The command line.
    Cli,
    /// A call of the API.
    Api,
    /// A sense's signal.
    Sense {
        /// The sense.
        sense: String,
        /// Its tick.
        tick: TickId,
        /// The signal's payload.
        signal: serde_json::Value,
    },
}

impl From<&Origin> for OriginView {
    fn from(origin: &Origin) -> Self {
        match origin {
            Origin::Cli => Self::Cli,
            Origin::Api => Self::Api,
            Origin::Sense { sense, tick, signal } => Self::Sense {
                sense: sense.clone(),
                tick: *tick,
                signal: serde_json::from_str(signal).unwrap_or_else(|_| serde_json::Value::String(signal.clone())),
            },
        }
    }
}
