//! `nerve adapter extract`.

use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use nerve_adapters::host::extract::{self, Outcome, Report};
use nerve_core::RawJson;
use nerve_core::config::ExtractPolicy;
use nerve_runtime::daemon::api::dto::{ErrorKind, schema};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;

/// Read the meta out of a reply, as the daemon would, and say how
///
/// The reply comes on stdin. Nothing is asked of any model. Exit 1 when the reply is refused; the reasons say why.
#[derive(Debug, Args)]
pub(crate) struct Extract {
    /// The meta's JSON schema
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    /// The tag of the block that the reply was to end with; without it the whole reply is read
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// What may be changed so that the meta can be read: nothing, what changes no meaning, or also types
    #[arg(long, value_name = "POLICY", default_value = "lossless", value_parser = policy)]
    policy: ExtractPolicy,
}

fn policy(text: &str) -> Result<ExtractPolicy, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| "it is strict, lossless or lossy".to_owned())
}

/// What `adapter extract` says.
#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    #[serde(flatten)]
    report: Report,
}

pub(super) fn run(context: &Context, args: &Extract) -> Result<Exit, CliError> {
    let shown = args.schema.display().to_string();
    let unreadable = |why: String| CliError::new(codes::FILE, "cannot read the schema").at(shown.clone()).because(why);
    let text = std::fs::read_to_string(&args.schema).map_err(|error| unreadable(error.to_string()))?;
    let role_schema = RawJson::parse(text).map_err(|error| unreadable(error.to_string()))?;
    let mut reply = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut reply)
        .map_err(|error| CliError::new(codes::FILE, "cannot read the reply from stdin").because(error))?;
    let reply = String::from_utf8_lossy(&reply);
    let report = extract::offline(&reply, args.tag.as_deref(), &role_schema, args.policy);
    let exit = if report.outcome == Outcome::Value { Exit::OK } else { Exit::of(ErrorKind::Failed) };
    // A document in either form: what reads a reply is a program or a person with one in hand.
    context.ui.document(&Document { schema: schema::ADAPTER_EXTRACT, report })?;
    Ok(exit)
}
