//! Why a daemon cannot run.

use std::io;
use std::path::PathBuf;

use nerve_store::StoreError;

use super::api::dto::ErrorKind;

/// Why a daemon cannot run.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Another daemon owns the workspace.
    #[error("a daemon already runs in {}", .0.display())]
    AlreadyRuns(PathBuf),
    /// nerve.yaml has errors.
    #[error("nerve.yaml is not valid\n{rendered}")]
    Config {
        /// The first one, in a line.
        brief: String,
        /// All of them, ready to print.
        rendered: String,
    },
    /// A secret that nerve.yaml names is not there.
    #[error("the API's token: {0}")]
    Token(String),
    /// `src/` was edited and nothing was built yet.
    #[error("the sources were edited, and there is no build yet")]
    NoBuild,
    /// The store cannot be opened.
    #[error("the store cannot be opened: {0}")]
    Store(#[from] StoreError),
    /// A file or folder cannot be used.
    #[error("{what} failed at {}: {error}", place.display())]
    Io {
        /// What was being done.
        what: &'static str,
        /// Where.
        place: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The API's TCP port cannot be opened.
    #[error("the API cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

impl DaemonError {
    pub(crate) fn io(what: &'static str, place: impl Into<PathBuf>, error: io::Error) -> Self {
        Self::Io { what, place: place.into(), error }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyRuns(_) => "NV0201",
            Self::Config { .. } => "NV0202",
            Self::Token(_) => "NV0207",
            Self::NoBuild => "NV0203",
            Self::Store(_) => "NV0204",
            Self::Io { .. } => "NV0205",
            Self::Listen { .. } => "NV0206",
        }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::AlreadyRuns(_) | Self::Listen { .. } => ErrorKind::Conflict,
            Self::Config { .. } | Self::Token(_) | Self::NoBuild => ErrorKind::Config,
            Self::Store(_) | Self::Io { .. } => ErrorKind::Failed,
        }
    }

    /// What to do next.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::AlreadyRuns(_) => "nerve status".to_owned(),
            Self::Token(_) => "set the variable, or take `token:` out of nerve.yaml".to_owned(),
            Self::Config { .. } => "mend nerve.yaml, then: nerve validate".to_owned(),
            Self::NoBuild => "nerve build".to_owned(),
            Self::Store(_) => "see the message; nothing was changed".to_owned(),
            Self::Io { .. } => "check that the workspace's .nerve folder can be written and the disk has room".to_owned(),
            Self::Listen { .. } => "choose another port under `api:` in nerve.yaml, or leave it out".to_owned(),
        })
    }
}
