//! The one line with which a new daemon tells who started it how that went.

use nerve_runtime::daemon::api::dto::ErrorBody;
use serde::{Deserialize, Serialize};

/// The line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// The API answers.
    Ready {
        /// The daemon's process.
        pid: u32,
        /// When it started.
        since: jiff::Timestamp,
    },
    /// It could not start.
    Error(ErrorBody),
}
