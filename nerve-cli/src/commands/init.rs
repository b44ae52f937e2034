//! `nerve init`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;
use crate::workspace::{self, Git, InitError, InitOptions, InitReport};

/// Make a workspace: a Cargo package, a nerve.yaml, two senses, a workflow
///
/// Overwrites nothing and fetches nothing. Exit 7 when something is in the way.
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder; it may exist
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Make no git repository
    #[arg(long)]
    no_git: bool,
    /// A checkout of nerve to link instead of the sources inside this program
    #[arg(long, value_name = "PATH")]
    sdk: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, args: &Init) -> Result<Exit, CliError> {
    let options = InitOptions { git: !args.no_git, sdk: args.sdk.clone() };
    let made = workspace::init(&args.dir, &options).map_err(failed)?;
    let document = json!({ "schema": "nerve.init/1", "workspace": made.root, "name": made.name, "files": made.files });
    context.ui.show(&document, |_| made_text(&made))?;
    if let Git::Failed(why) = &made.git {
        context.ui.warn(&format!("no git repository was made: {why}"));
    }
    let place = if args.dir.as_os_str() == "." { String::new() } else { format!("cd {} && ", args.dir.display()) };
    context.ui.say(&format!("next:  {place}nerve dev"));
    Ok(Exit::OK)
}

/// As an error of the command line.
pub(crate) fn failed(error: InitError) -> CliError {
    let code = if error.is_conflict() { codes::OCCUPIED } else { codes::FILE };
    CliError::new(code, error.to_string())
}

fn made_text(made: &InitReport) -> String {
    let files: String = made.files.iter().map(|file| format!("  {}\n", file.display())).collect();
    let git = if made.git == Git::Created { "with a git repository\n" } else { "" };
    format!("created {}\n{files}{git}", made.root.display())
}
