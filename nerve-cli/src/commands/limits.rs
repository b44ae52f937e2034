//! `nerve limits`.

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// The brakes on calls of models
#[derive(Debug, Subcommand)]
pub(crate) enum Limits {
    /// Let calls that wait behind a limit go on; the counts start again
    Reset,
}

pub(crate) async fn run(context: &Context, command: Limits) -> Result<Exit, CliError> {
    match command {
        Limits::Reset => {
            let done = context.client()?.reset_limits().await?;
            context.ui.show(&done, |done| done.message.clone())?;
            Ok(Exit::OK)
        }
    }
}
