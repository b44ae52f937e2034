//! How a worker's `main` begins.

use std::fmt;
use std::io::{self, Write};

use nerve_core::DefinitionError;

use super::channel::Channel;
use super::{limits, panics, serve};
use crate::Workspace;

/// The environment variable that names the channel's file descriptor.
pub(super) const CHANNEL: &str = "NERVE_CHANNEL";

/// Why a worker could not run.
#[derive(thiserror::Error)]
pub enum WorkerError {
    /// The workspace registers something that cannot run.
    #[error("{0}")]
    Definition(#[from] DefinitionError),
    /// It was started by hand.
    #[error("this is a nerve worker: the daemon starts it (try `nerve start` in the workspace)")]
    NoDaemon,
    /// The channel to the daemon broke.
    #[error("the channel to the daemon: {0}")]
    Channel(#[source] io::Error),
    /// The daemon speaks another protocol.
    #[error("the daemon speaks protocol {daemon}, this worker {ours}: build the workspace anew with `nerve build`")]
    Protocol {
        /// What the daemon said.
        daemon: u32,
        /// What this worker speaks.
        ours: u32,
    },
}

impl fmt::Debug for WorkerError {
    /// As `Display`: a `main` that returns the error prints its `Debug` form, and people read that.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Runs this workspace as a worker until the daemon lets go of it: the one line of a workspace's `main`.
///
/// With the argument `--manifest` it prints what is registered, as JSON, and returns.
///
/// # Errors
/// When the workspace cannot run, or the daemon cannot be spoken to.
pub fn worker(workspace: Workspace) -> Result<(), WorkerError> {
    workspace.check()?;
    if std::env::args().any(|arg| arg == "--manifest") {
        workspace.check_first_choices()?;
        return print_manifest(&workspace).map_err(WorkerError::Channel);
    }
    limits::take_on();
    let number = std::env::var(CHANNEL).ok().and_then(|fd| fd.parse().ok()).ok_or(WorkerError::NoDaemon)?;
    let channel = Channel::inherit(number).map_err(WorkerError::Channel)?;
    panics::remember_places();
    let runtime = channel.runtime().map_err(WorkerError::Channel)?;
    let served = runtime.block_on(serve::serve(workspace, channel));
    // What user code still does on threads of its own is not waited for.
    runtime.shutdown_background();
    served
}

fn print_manifest(workspace: &Workspace) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &workspace.manifest())?;
    writeln!(out)
}
