//! `nerve schema`.

use std::fs;

use clap::Args;
use nerve_core::config::json_schema;
use serde_json::json;

use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;

/// Print the JSON schema of nerve.yaml
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Schema {
    /// Write it to .nerve/schema/nerve.json, where editors find it
    #[arg(long)]
    install: bool,
}

pub(crate) fn run(context: &Context, args: Schema) -> Result<Exit, CliError> {
    let schema = json_schema();
    if !args.install {
        context.ui.show(&schema, |schema| format!("{schema:#}"))?;
        return Ok(Exit::OK);
    }
    let path = context.layout()?.schema();
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, format!("{schema:#}\n"))
    };
    write().map_err(|error| CliError::new(codes::FILE, "cannot write the schema").at(path.display().to_string()).because(error))?;
    context.ui.show(&json!({ "schema": "nerve.schema/1", "path": path }), |_| format!("wrote {}\n", path.display()))?;
    Ok(Exit::OK)
}
