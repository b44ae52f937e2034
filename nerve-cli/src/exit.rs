//! How a command ended.

use std::process::ExitCode;

use nerve_runtime::daemon::api::dto::ErrorKind;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    /// All is well.
    pub(crate) const OK: Self = Self(0);
    /// The person at the terminal interrupted it.
    pub(crate) const INTERRUPTED: Self = Self(130);

    /// The code of this kind of failure, for a command that has its result all the same.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        Self(kind.exit_code())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
