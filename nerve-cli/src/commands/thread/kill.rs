//! `nerve thread kill`.

use clap::Args;

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// End a thread and all that runs for it
///
/// Returns when it is recorded. Exit 7 when the thread is over already.
#[derive(Debug, Args)]
pub(super) struct Kill {
    /// The thread, or the start of its id
    id: String,
}

pub(super) async fn run(context: &Context, args: Kill) -> Result<Exit, CliError> {
    let thread = context.client()?.kill(&args.id).await?;
    context.ui.show(&thread, |thread| format!("{}  {}  {}\n", thread.id, thread.workflow, thread.state))?;
    Ok(Exit::OK)
}
