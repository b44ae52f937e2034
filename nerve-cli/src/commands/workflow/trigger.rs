//! `nerve workflow trigger`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use nerve_core::config::parse_duration;
use nerve_core::thread::StateName;
use nerve_runtime::daemon::api::dto::{Caller, ErrorKind, ThreadView, TriggerRequest, Triggered};

use super::waiting::{is_over, wait};
use crate::context::Context;
use crate::error::{CliError, codes};
use crate::exit::Exit;

/// Start a thread of a workflow
///
/// Without --wait: exit 0 once it is accepted, 1 when it was dropped at once.
/// With --wait: exit 0 completed, 1 any other end, 8 the time is over, 9 it waits for a person.
#[derive(Debug, Args)]
pub(crate) struct Trigger {
    /// The workflow
    name: String,
    /// What the thread is about; `-` reads it from stdin
    #[arg(long, value_name = "TEXT")]
    prompt: String,
    /// The same key gives the same thread, however often it is triggered
    #[arg(long)]
    key: Option<String>,
    /// Where its agents work
    #[arg(long, value_name = "DIR")]
    workdir: Option<PathBuf>,
    /// The most rounds it may take
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_rounds: Option<u32>,
    /// Touch nothing outside
    #[arg(long)]
    dry_run: bool,
    /// Wait for its end and print what its last role said
    #[arg(long)]
    wait: bool,
    /// How long to wait, such as 30s or 5m
    #[arg(long, value_name = "D", requires = "wait", value_parser = parse_duration)]
    timeout: Option<Duration>,
}

pub(super) async fn run(context: &Context, args: Trigger) -> Result<Exit, CliError> {
    let deadline = args.timeout.map(|timeout| Instant::now() + timeout);
    let prompt = if args.prompt == "-" { std::io::read_to_string(std::io::stdin()) } else { Ok(args.prompt) };
    let prompt = prompt.map_err(|error| CliError::new(codes::FILE, "cannot read the prompt from stdin").because(error))?;
    // The daemon has a current folder of its own.
    let workdir = args.workdir.map(std::path::absolute).transpose();
    let workdir = workdir.map_err(|error| CliError::new(codes::FILE, "cannot name the folder").because(error))?;
    let request = TriggerRequest {
        prompt,
        key: args.key,
        workdir: workdir.map(|folder| folder.to_string_lossy().into_owned()),
        max_rounds: args.max_rounds,
        dry_run: args.dry_run,
        origin: Some(Caller::Cli),
    };
    let accepted = context.client()?.trigger(&args.name, &request).await?;
    if !args.wait {
        context.ui.show(&accepted, |thread| format!("{}  {}  {}\n", thread.id, thread.workflow, thread.state))?;
        context.ui.say(&format!("next:  {} thread show {}", context.nerve(), accepted.id));
        return Ok(if accepted.state == StateName::Dropped { Exit::of(ErrorKind::Failed) } else { Exit::OK });
    }
    context.ui.say(&format!("thread {}", accepted.id));
    let thread = wait(context, &accepted.id.to_string(), deadline).await?;
    report(context, accepted, &thread)
}

fn report(context: &Context, accepted: Triggered, thread: &ThreadView) -> Result<Exit, CliError> {
    let result = Triggered { state: thread.state, exit_code: thread.exit_code, ..accepted };
    let said = thread.steps.iter().rev().find_map(|step| step.content.clone());
    context.ui.show(&result, |_| said.unwrap_or_default())?;
    let reason = thread.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let id = thread.id;
    match outcome(thread.state) {
        None => Ok(Exit::OK),
        Some(kind) => {
            context.ui.warn(&match kind {
                ErrorKind::Timeout => format!("the time is over; {id} is {} and goes on", thread.state),
                ErrorKind::Waits => format!("{id} waits{reason}\nhelp: nerve thread resume {id}   or   nerve thread kill {id}"),
                _ => format!("{id} {}{reason}", thread.state),
            });
            Ok(Exit::of(kind))
        }
    }
}

/// What a wait for a thread in this state failed by, if it did.
fn outcome(state: StateName) -> Option<ErrorKind> {
    match state {
        StateName::Completed => None,
        StateName::Waiting => Some(ErrorKind::Waits),
        state if is_over(state) => Some(ErrorKind::Failed),
        _ => Some(ErrorKind::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use nerve_core::thread::StateName;

    use super::outcome;

    #[test]
    fn a_wait_ends_with_the_code_of_the_state() {
        let codes = StateName::ALL.map(|state| outcome(state).map_or(0, |kind| kind.exit_code()));
        // queued, started, waiting, completed, failed, killed, dropped, interrupted, crashed
        assert_eq!(codes, [8, 8, 9, 0, 1, 1, 1, 1, 1]);
    }
}
