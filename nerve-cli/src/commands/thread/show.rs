//! `nerve thread show`.

use clap::Args;

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::thread_show::{Window, show};

/// Show a thread as a conversation
///
/// The first message, then as many of the latest as fit into the budget; --before leads back. With --json all of it.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// The thread, or the start of its id
    pub(super) id: String,
    #[command(flatten)]
    pub(super) window: WindowArgs,
}

/// How much of the conversation.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct WindowArgs {
    /// At most this many characters
    #[arg(long, value_name = "N", default_value_t = 8000)]
    budget: usize,
    /// Only messages before this round, without the first
    #[arg(long, value_name = "ROUND")]
    before: Option<u32>,
}

pub(super) async fn run(context: &Context, args: Show) -> Result<Exit, CliError> {
    let thread = context.client()?.thread(&args.id).await?;
    let window = Window { budget: args.window.budget, before: args.window.before };
    context.ui.show(&thread, |thread| show(thread, window))?;
    Ok(Exit::OK)
}
