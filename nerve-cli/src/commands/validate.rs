//! `nerve validate`.

use nerve_core::config::render;
use serde_json::json;

use crate::checks::{self, Serving};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::render::count;

pub(crate) fn run(context: &Context) -> Result<Exit, CliError> {
    let layout = context.layout()?;
    let serving = Serving::of(&layout)?;
    let (config, warnings) = checks::config(&layout, &serving)?;
    if !warnings.is_empty() {
        context.ui.warn(&render(&warnings));
    }
    if serving == Serving::Nothing {
        context.ui.say("names of senses, workflows and roles were not compared: nothing was built yet: nerve build");
    }
    let document = json!({ "schema": "nerve.validate/1", "valid": true, "warnings": warnings });
    context.ui.show(&document, |_| {
        let senses = count(config.senses.len() as u64, "sense");
        let workflows = count(config.workflows.len() as u64, "workflow");
        format!("nerve.yaml is valid: {senses}, {workflows}, {}\n", count(warnings.len() as u64, "warning"))
    })?;
    Ok(Exit::OK)
}
