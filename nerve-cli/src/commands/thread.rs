//! `nerve thread`.

mod inspect;
mod kill;
mod list;
mod resume;
mod show;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;

/// Threads: list, read, end, let go on
///
/// `nerve thread ID` is short for `nerve thread show ID`. An id may be cut to its first characters, four or more.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Thread {
    #[command(subcommand)]
    command: Option<Verb>,
    /// Show this thread
    id: Option<String>,
    #[command(flatten)]
    window: show::WindowArgs,
}

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Show(show::Show),
    Inspect(inspect::Inspect),
    Kill(kill::Kill),
    Resume(resume::Resume),
}

pub(crate) async fn run(context: &Context, args: Thread) -> Result<Exit, CliError> {
    match (args.command, args.id) {
        (Some(Verb::List(args)), None) => list::run(context, args).await,
        (Some(Verb::Show(args)), None) => show::run(context, args).await,
        (Some(Verb::Inspect(args)), None) => inspect::run(context, args).await,
        (Some(Verb::Kill(args)), None) => kill::run(context, args).await,
        (Some(Verb::Resume(args)), None) => resume::run(context, args).await,
        (None, Some(id)) if could_be_id(&id) => show::run(context, show::Show { id, window: args.window }).await,
        (None, Some(word)) => {
            let error = CliError::new(codes::NO_ID, format!("`{word}` is neither a thread's id nor a command"));
            Err(error.help("commands: list, show, inspect, kill, resume\nids look like `th_…`: nerve thread list"))
        }
        (Some(_), Some(id)) => Err(CliError::new(codes::USAGE, format!("an id comes after the command, and `{id}` stands before it"))),
        (None, None) => Err(CliError::new(codes::USAGE, "a command or an id is missing").help("nerve thread list")),
    }
}

/// Whether it has only letters that ids have; what a misspelt command is not.
fn could_be_id(text: &str) -> bool {
    let rest = text.strip_prefix("th_").unwrap_or(text);
    text.starts_with("th_") || rest.chars().all(|c| c.is_ascii_alphanumeric() && !"ilou".contains(c.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::could_be_id;

    #[test]
    fn a_misspelt_command_is_no_id() {
        for id in ["th_7k2m", "7k2m", "th_oops"] {
            assert!(could_be_id(id), "{id}");
        }
        for word in ["lst", "kil", "resme-it"] {
            assert!(!could_be_id(word), "{word}");
        }
    }
}
