//! `nerve adapter`.

mod extract;
mod list;
mod test;

use clap::Subcommand;

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// Adapters: list, try, read a reply
#[derive(Debug, Subcommand)]
pub(crate) enum Adapter {
    /// List what roles name, who answers for it, and what of it is missing here
    List,
    Test(test::Test),
    Extract(extract::Extract),
}

pub(crate) fn run(context: &Context, command: Adapter) -> Result<Exit, CliError> {
    match command {
        Adapter::List => list::run(context),
        Adapter::Extract(args) => extract::run(context, &args),
        Adapter::Test(args) => super::wait(test::run(context, &args)),
    }
}
