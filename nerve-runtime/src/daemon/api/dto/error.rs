//! Failures: one document, and one table from their kind to HTTP status and exit code.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema;

/// What kind of failure; decides the HTTP status and the exit code of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// What was asked for failed.
    Failed,
    /// The request or command line is malformed.
    Usage,
    /// No daemon runs.
    NotRunning,
    /// The token is missing or wrong.
    Unauthorised,
    /// Nothing, or more than one thing, goes by that name.
    NotFound,
    /// nerve.yaml or the build is not usable.
    Config,
    /// It exists already, is over already, or is in use.
    Conflict,
    /// It took longer than the caller wanted to wait.
    Timeout,
    /// It waits for a person.
    Waits,
    /// A budget is used up.
    Budget,
}

impl ErrorKind {
    /// Every kind, by exit code.
    pub const ALL: [Self; 10] = [
        Self::Failed,
        Self::Usage,
        Self::NotRunning,
        Self::Unauthorised,
        Self::NotFound,
        Self::Config,
        Self::Conflict,
        Self::Timeout,
        Self::Waits,
        Self::Budget,
    ];

    /// The word, as JSON has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::NotRunning => "not_running",
            Self::Unauthorised => "unauthorised",
            Self::NotFound => "not_found",
            Self::Config => "config",
            Self::Conflict => "conflict",
            Self::Timeout => "timeout",
            Self::Waits => "waits",
            Self::Budget => "budget",
        }
    }

    /// The exit code of a command that fails so.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::Unauthorised => 4,
            Self::NotFound => 5,
            Self::Config => 6,
            Self::Conflict => 7,
            Self::Timeout => 8,
            Self::Waits => 9,
            Self::Budget => 10,
        }
    }

    /// The HTTP status of a request that fails so, where no narrower one fits.
    pub fn http_status(self) -> u16 {
        match self {
            Self::Failed => 500,
            Self::Usage => 400,
            Self::NotRunning | Self::Waits => 503,
            Self::Unauthorised => 401,
            Self::NotFound => 404,
            Self::Config => 422,
            Self::Conflict => 409,
            Self::Timeout => 504,
            Self::Budget => 429,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The document of any failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// [`schema::ERROR`].
    pub schema: String,
    /// The failure.
    pub error: ErrorDetail,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// Its stable code, such as `NV0302`.
    pub code: String,
    /// Its kind.
    pub kind: ErrorKind,
    /// What is wrong, in a line.
    pub message: String,
    /// Where, when it has a place: `nerve.yaml:LINE:COL`, or the id of a thing.
    pub at: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl ErrorBody {
    /// A failure without a place or advice.
    pub fn new(kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        let error = ErrorDetail { code: code.into(), kind, message: message.into(), at: None, help: None };
        Self { schema: schema::ERROR.to_owned(), error }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.error.at = Some(at.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.error.help = Some(help.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_count_from_one_and_are_named_as_in_json() {
        for (kind, code) in ErrorKind::ALL.into_iter().zip(1u8..) {
            assert_eq!(kind.exit_code(), code);
            assert_eq!(serde_json::to_value(kind).expect("a word"), kind.name());
        }
    }

    #[test]
    fn a_failure_has_all_its_fields() {
        let body = serde_json::to_value(ErrorBody::new(ErrorKind::NotFound, "NV0302", "no thread `th_x`")).expect("JSON");
        let expected = serde_json::json!({
            "schema": "nerve.error/1",
            "error": { "code": "NV0302", "kind": "not_found", "message": "no thread `th_x`", "at": null, "help": null },
        });
        assert_eq!(body, expected);
    }
}
