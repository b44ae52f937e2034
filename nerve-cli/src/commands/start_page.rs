//! What `nerve` alone says.

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

const PAGE: &str = "\
nerve: senses watch, workflows act, every step is kept.

Start here
  nerve demo                                  see it work, no key needed
  nerve init hello && cd hello && nerve dev   make a workspace and watch it
  nerve thread list                           what ran, what runs, what waits

Commands: init demo start stop status dev build validate logs
          workflow thread sense limits worker schema explain
`nerve <command> --help` for flags.
";

pub(crate) fn run(context: &Context) -> Result<Exit, CliError> {
    context.ui.data(PAGE)?;
    Ok(Exit::OK)
}
