//! A thread's entry in words, for people who watch.

use nerve_core::thread::{End, Entry, Origin};
use nerve_runtime::daemon::api::dto::{JournalLine, JournalSource};

/// What a thread's entry says, or `None` for other lines and for entries of a newer nerve.
pub(super) fn of(line: &JournalLine) -> Option<String> {
    match line.source {
        JournalSource::Workflow => Some(words(&line.payload.read().ok()?)),
        JournalSource::Sense | JournalSource::System => None,
    }
}

fn words(entry: &Entry) -> String {
    match entry {
        Entry::Accepted(launch) => {
            let from = match &launch.origin {
                Origin::Cli => "the command line",
                Origin::Api => "the API",
                Origin::Sense { sense, .. } => sense,
            };
            format!("{} from {from}: {}", launch.workflow, one_line(&launch.prompt))
        }
        Entry::Queued | Entry::Resumed => String::new(),
        Entry::Started { build } => format!("on build {build}"),
        Entry::Intent(intent) => match &intent.reason {
            Some(reason) => format!("#{} {}: {reason}", intent.step, intent.role),
            None => format!("#{} {}", intent.step, intent.role),
        },
        Entry::Text(text) => format!("#{} by {}: {}", text.step, text.adapter, one_line(&text.content)),
        Entry::Refused { step, errors } => format!("#{step} {}", errors.join("; ")),
        Entry::Meta { step, meta, .. } => format!("#{step} {}", meta.get()),
        Entry::Session { step, session, .. } => format!("#{step} {} {}", session.agent, session.id),
        Entry::CallFailed(failed) => format!("#{} {}", failed.step, one_line(&failed.failure.to_string())),
        Entry::Done { step, content, meta, .. } => format!("#{step} {} {}", meta.get(), one_line(content)),
        Entry::Asked(ask) => format!("#{} asks {}: {}", ask.step, ask.adapter, one_line(&ask.prompt)),
        Entry::AskText(answer) => format!("#{} by {}: {}", answer.step, answer.adapter, one_line(&answer.content)),
        Entry::AttemptLost { step, attempt, cause, suspected } => {
            let doubt = if *suspected { "one of several that may have done it; " } else { "" };
            format!("#{step} attempt {attempt}: {doubt}{}", one_line(&cause.words()))
        }
        Entry::Retry { step, attempt } => format!("#{step} attempt {attempt}"),
        Entry::DecisionLost { cause, .. } => one_line(&cause.words()),
        Entry::Waiting { reason } => reason.words(),
        Entry::BuildChanged { build } => format!("on build {build}"),
        Entry::KillRequested { by, interrupt: false } => format!("by {by}"),
        Entry::KillRequested { by, interrupt: true } => format!("by {by}, for a restart of the workflow"),
        Entry::Ended(End::Completed { reason }) => reason.clone().unwrap_or_default(),
        Entry::Ended(end) => one_line(&end.reason().unwrap_or_default()),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
