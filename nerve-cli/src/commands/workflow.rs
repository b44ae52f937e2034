//! `nerve workflow`.

mod trigger;
mod waiting;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render;

/// Workflows: list, trigger, restart
#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    /// List workflows with their settings and load
    List,
    Trigger(trigger::Trigger),
    /// Interrupt what runs of a workflow and give it a new process
    ///
    /// Its open threads end `interrupted`, parked ones too; queued ones start in the new process.
    Restart {
        /// The workflow
        name: String,
    },
}

pub(crate) async fn run(context: &Context, command: Workflow) -> Result<Exit, CliError> {
    match command {
        Workflow::List => {
            context.ui.show(&context.client()?.workflows().await?, render::workflow::list)?;
            Ok(Exit::OK)
        }
        Workflow::Restart { name } => {
            context.ui.show(&context.client()?.restart_workflow(&name).await?, render::workflow::restarted)?;
            Ok(Exit::OK)
        }
        Workflow::Trigger(args) => trigger::run(context, args).await,
    }
}
