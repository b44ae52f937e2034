//! `nerve thread resume`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use nerve_runtime::daemon::api::dto::{OtherBuild, ResumeRequest};

use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;

/// Let a thread go on that waits for a person
///
/// Its step is tried again, or takes the text as its answer. Exit 7 when the thread does not wait.
#[derive(Debug, Args)]
pub(super) struct Resume {
    /// The thread, or the start of its id
    id: String,
    /// The answer of the attempt that was cut off, in this file; `-` reads it from stdin
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Go on with the current build, when its moderator makes the choices that are recorded
    #[arg(long, value_enum, value_name = "BUILD", conflicts_with = "text")]
    build: Option<Build>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Build {
    Current,
}

pub(super) async fn run(context: &Context, args: Resume) -> Result<Exit, CliError> {
    let text = args.text.as_deref().map(read).transpose()?;
    let build = args.build.map(|Build::Current| OtherBuild::Current);
    let thread = context.client()?.resume(&args.id, &ResumeRequest { text, build }).await?;
    context.ui.show(&thread, |thread| format!("{}  {}  {}\n", thread.id, thread.workflow, thread.state))?;
    Ok(Exit::OK)
}

fn read(file: &Path) -> Result<String, CliError> {
    let text = if file.as_os_str() == "-" { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(file) };
    text.map_err(|error| CliError::new(codes::FILE, "cannot read the answer").at(file.display().to_string()).because(error))
}
