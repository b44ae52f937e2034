//! Why a measurement could not be made.

use std::path::Path;
use std::process::{Command, Output};

/// What a measurement gives, or why it gives nothing.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The bare database refused something.
    #[error("sqlite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A document is not what was expected.
    #[error("a document: {0}")]
    Document(#[from] serde_json::Error),
    /// A call of the system failed.
    #[error("system: {0}")]
    System(#[from] nix::Error),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

impl From<std::io::Error> for Failure {
    fn from(source: std::io::Error) -> Self {
        Self::Io { what: "input or output".to_owned(), source }
    }
}

impl Failure {
    /// In words.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self::Other(words.into())
    }

    /// What was tried with which file.
    pub(crate) fn io(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let what = format!("cannot {what} {}", path.display());
        move |source| Self::Io { what, source }
    }
}

/// Runs a command to its end; it must succeed.
pub(crate) fn run(command: &mut Command) -> Result<Output> {
    let name = format!("{command:?}");
    let output = command.output().map_err(|source| Failure::Io { what: name.clone(), source })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Failure::new(format!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim())))
}
