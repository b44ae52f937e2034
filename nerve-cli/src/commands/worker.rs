//! `nerve worker`: the worker inside this program, and the way to reset any worker.

use clap::{Args, Subcommand};

use crate::checks::workspace_template;
use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;

/// Reset a worker that crashed too often
#[derive(Debug, Args)]
pub(crate) struct Worker {
    #[command(subcommand)]
    command: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Forget a worker's crashes and let it start again
    Reset {
        /// Its key, as `nerve status` shows it
        key: String,
    },
}

pub(crate) fn run(context: &Context, args: Worker) -> Result<Exit, CliError> {
    match args.command {
        Some(Verb::Reset { key }) => super::wait(reset(context, key)),
        None => serve(),
    }
}

/// Runs the worker inside this program: how the daemon starts the worker of an unedited workspace.
pub(crate) fn serve() -> Result<Exit, CliError> {
    match nerve_runtime::worker(workspace_template()) {
        Ok(()) => Ok(Exit::OK),
        Err(error) => {
            Err(CliError::new(codes::WORKER, "this worker could not run").because(error).help("the daemon starts workers: nerve start"))
        }
    }
}

async fn reset(context: &Context, key: String) -> Result<Exit, CliError> {
    let done = context.client()?.reset_worker(&key).await?;
    context.ui.show(&done, |done| done.message.clone())?;
    Ok(Exit::OK)
}
