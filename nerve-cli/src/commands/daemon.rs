//! The hidden `nerve daemon`: the process that `nerve start` makes.

use std::path::PathBuf;

use clap::Args;

use crate::daemon_process;
use crate::error::CliError;
use crate::exit::Exit;
use crate::find;

/// Run the daemon in this process
#[derive(Debug, Args)]
pub(crate) struct Daemon {
    /// The workspace
    #[arg(long)]
    root: PathBuf,
}

pub(crate) fn run(args: Daemon) -> Result<Exit, CliError> {
    let layout = find::workspace(Some(&args.root), &args.root)?;
    daemon_process::serve(&layout)?;
    Ok(Exit::OK)
}
