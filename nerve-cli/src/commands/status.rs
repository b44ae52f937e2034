//! `nerve status`.

use jiff::Timestamp;

use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render;

pub(crate) async fn run(context: &Context) -> Result<Exit, CliError> {
    let status = context.client()?.status().await?;
    context.ui.show(&status, |status| render::status::status(status, Timestamp::now()))?;
    Ok(Exit::OK)
}
