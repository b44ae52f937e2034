//! `nerve sense`.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render;

/// Senses: list, wake
#[derive(Debug, Subcommand)]
pub(crate) enum Sense {
    /// List senses with their settings and what they are at
    List,
    Trigger(Trigger),
}

/// Let a sense tick now, whatever its interval
///
/// Prints what the tick gave. Exit 1 when it failed.
#[derive(Debug, Args)]
pub(crate) struct Trigger {
    /// The sense
    name: String,
}

pub(crate) async fn run(context: &Context, command: Sense) -> Result<Exit, CliError> {
    let client = context.client()?;
    match command {
        Sense::List => context.ui.show(&client.senses().await?, |page| render::sense::list(page, Timestamp::now()))?,
        Sense::Trigger(args) => context.ui.show(&client.trigger_sense(&args.name).await?, render::sense::triggered)?,
    }
    Ok(Exit::OK)
}
