//! `nerve build`.

use std::path::PathBuf;

use clap::Args;
use nerve_core::config::render;
use serde_json::json;

use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;
use crate::render::time::span;
use crate::workspace::{self, BuildError, BuildOptions, BuildReport};

/// Compile the workspace and make the result the current build
///
/// A running daemon takes it at once; open threads stay on the build they started with.
/// Exit 1 when it does not compile, 6 when nerve.yaml does not fit.
#[derive(Debug, Args)]
pub(crate) struct Build {
    /// Optimise; slower to compile
    #[arg(long)]
    release: bool,
    /// A checkout of nerve to link instead of the sources inside this program
    #[arg(long, value_name = "PATH")]
    sdk: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, args: Build) -> Result<Exit, CliError> {
    let layout = context.layout()?;
    let options = BuildOptions { release: args.release, sdk: args.sdk, ..BuildOptions::default() };
    let ui = context.ui;
    // With --json the compiler's words are only worth their bytes when it failed.
    let report = workspace::build(&layout, &options, &mut |line| ui.say(line)).map_err(failed)?;
    if !report.warnings.is_empty() {
        ui.warn(&render(&report.warnings));
    }
    let took = u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX);
    let document = json!({ "schema": "nerve.build/1", "build": report.record.build, "unchanged": report.unchanged, "took_ms": took });
    ui.show(&document, |_| built(&report))?;
    Ok(Exit::OK)
}

/// What was built, in a line.
pub(crate) fn built(report: &BuildReport) -> String {
    let took = span(u64::try_from(report.took.as_millis()).unwrap_or(u64::MAX));
    let unchanged = if report.unchanged { " (unchanged)" } else { "" };
    format!("build {}{unchanged} in {took}\n", report.record.build)
}

/// As an error of the command line.
pub(crate) fn failed(error: BuildError) -> CliError {
    match error {
        BuildError::Config(diagnostics) => CliError::config(diagnostics),
        BuildError::Busy => CliError::new(codes::RUNNING_BUILD, error.to_string()),
        BuildError::Failed { ref places, .. } => {
            let failed = CliError::new(codes::BUILD_FAILED, error.to_string());
            match places.first() {
                Some(place) => failed.at(place),
                None => failed,
            }
        }
        other => CliError::new(codes::BUILD_FAILED, other.to_string()),
    }
}
