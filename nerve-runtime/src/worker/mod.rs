//! The worker: a process that runs user code for the daemon.

use crate::Workspace;

/// Why a worker could not run.
#[derive(Debug, thiserror::Error)]
#[error("placeholder")]
pub struct WorkerError;

/// Runs this workspace as a worker.
pub fn worker(_workspace: Workspace) -> Result<(), WorkerError> {
    Ok(())
}
