//! Stores with many ended threads, and what a daemon makes of them.
//!
//! They are filled by the daemon itself: it writes some ten thousand steps a second, and what it writes is what it would have written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rusqlite::Connection;

use crate::api::trigger_many;
use crate::failure::{Failure, Result, run};
use crate::steps::settled;
use crate::workspace::Workspace;

/// A copy of a filled store.
#[derive(Debug)]
pub(crate) struct Filled {
    file: PathBuf,
    /// Bytes of the file for each step, without those of an empty store.
    pub(crate) bytes_per_step: f64,
}

/// Fills an empty store with ended threads and keeps a copy of it in this folder.
pub(crate) fn fill(workspace: &Workspace, folder: &Path, threads: usize, steps: usize) -> Result<Filled> {
    workspace.fresh()?;
    workspace.configure(64, threads)?;
    drop(workspace.start()?);
    let empty = checkpointed(workspace)?;
    let daemon = workspace.start()?;
    trigger_many(workspace.root(), "bench", &format!("go {steps}"), threads)?;
    settled(&mut daemon.connect()?, "bench")?;
    drop(daemon);
    let bytes = checkpointed(workspace)?;
    let file = folder.join(format!("{threads}.db"));
    fs::copy(workspace.store(), &file).map_err(Failure::io("copy to", &file))?;
    Ok(Filled { file, bytes_per_step: (bytes - empty) / (threads * steps) as f64 })
}

impl Filled {
    /// Puts a copy of it in the workspace, in which no daemon runs.
    pub(crate) fn install(&self, workspace: &Workspace) -> Result<()> {
        workspace.fresh()?;
        let store = workspace.store();
        fs::copy(&self.file, &store).map_err(Failure::io("copy", &self.file))?;
        // What the disk still has to write of it would slow down what is measured next.
        let copy = fs::File::open(&store).map_err(Failure::io("open", &store))?;
        copy.sync_all().map_err(Failure::io("sync", &store))
    }
}

/// The bytes of the store once everything is in its file.
fn checkpointed(workspace: &Workspace) -> Result<f64> {
    let connection = Connection::open(workspace.store())?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(connection);
    let store = workspace.store();
    Ok(fs::metadata(&store).map_err(Failure::io("look at", &store))?.len() as f64)
}

/// `nerve start` until it says that the daemon answers, in milliseconds.
pub(crate) fn start(workspace: &Workspace, filled: &Filled) -> Result<f64> {
    filled.install(workspace)?;
    let start = Instant::now();
    let daemon = workspace.start()?;
    let took = start.elapsed();
    drop(daemon);
    Ok(took.as_secs_f64() * 1e3)
}

/// `nerve` with these arguments while a daemon serves a filled store, in milliseconds each.
pub(crate) fn lists(workspace: &Workspace, filled: &Filled, args: &[&str], times: usize) -> Result<Vec<f64>> {
    filled.install(workspace)?;
    let daemon = workspace.start()?;
    let took = commands(workspace, args, times);
    drop(daemon);
    took
}

/// `nerve` with these arguments, in milliseconds each.
pub(crate) fn commands(workspace: &Workspace, args: &[&str], times: usize) -> Result<Vec<f64>> {
    (0..times)
        .map(|_| {
            let start = Instant::now();
            run(&mut workspace.command(args))?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        })
        .collect()
}
