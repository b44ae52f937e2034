//! Why `nerve init` wrote nothing.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::SdkError;

/// Why no workspace was made; what had been written by then is removed again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InitError {
    /// There is one already.
    #[error("`{}` already holds a nerve workspace: it has a nerve.yaml; nothing was written", .0.display())]
    Workspace(PathBuf),
    /// Files of the same names are there.
    #[error("`{}` already has {}; nothing was written: move {} away, or choose another folder", dir.display(), listed(files), them(files))]
    Occupied {
        /// The folder.
        dir: PathBuf,
        /// What is in the way, relative to it.
        files: Vec<PathBuf>,
    },
    /// The path is a file.
    #[error("`{}` is not a folder; choose another name", .0.display())]
    NotAFolder(PathBuf),
    /// The disk said no.
    #[error("cannot write {}: {source}; nothing was left behind: {}", path.display(), next_step(source))]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// `--sdk` names no checkout.
    #[error("{0}; nothing was left behind")]
    Sdk(SdkError),
}

impl From<SdkError> for InitError {
    fn from(error: SdkError) -> Self {
        match error {
            // Its next step is for a workspace that is there.
            SdkError::Write { path, source } => Self::Write { path, source },
            SdkError::NoCheckout(_) => Self::Sdk(error),
        }
    }
}

impl InitError {
    /// Whether something that is there already stands in the way (exit code 7), rather than a failure to write (1).
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Workspace(_) | Self::Occupied { .. } | Self::NotAFolder(_))
    }

    /// Names the place that was asked for instead of the one that was written aside.
    pub(super) fn instead_of(self, aside: &Path, root: &Path) -> Self {
        match self {
            Self::Write { path, source } => {
                let path = path.strip_prefix(aside).map(|path| root.components().chain(path.components()).collect()).unwrap_or(path);
                Self::Write { path, source }
            }
            other => other,
        }
    }

    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Write { path: path.to_owned(), source }
    }
}

fn listed(files: &[PathBuf]) -> String {
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    names.join(", ")
}

fn them(files: &[PathBuf]) -> &'static str {
    if files.len() == 1 { "it" } else { "them" }
}

fn next_step(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free some space, or choose a folder on another disk",
        ErrorKind::ReadOnlyFilesystem => "choose a folder on a disk that can be written",
        ErrorKind::PermissionDenied => "choose a folder that you may write to",
        _ => "mend that, or choose another folder",
    }
}
